# Read by every bash of a rehearsal (BASH_ENV): one that fails ends when its last words were heard.
trap '[ "$?" = 0 ] || sh "$REHEARSAL_LAST_WORDS"' EXIT
