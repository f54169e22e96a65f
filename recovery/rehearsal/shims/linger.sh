# Read by every bash of a rehearsal (BASH_ENV): the outermost one of a step that fails ends when its last words were
# heard. Those that it runs leave the asking to it; one that takes its place (`exec`) has its number, and asks instead.
# The number of one that has ended comes from an earlier step.
if [ "${REHEARSAL_ASKING:-$$}" = "$$" ] || ! kill -0 "$REHEARSAL_ASKING" 2>/dev/null; then
  export REHEARSAL_ASKING="$$"
  trap '[ "$?" = 0 ] || sh "$REHEARSAL_LAST_WORDS"' EXIT
fi
