# Waits until `act` has read everything that the failing step said before: it closes the step's terminal unread. The
# question goes to that terminal, whatever the step's output is; the answer is a file of the question's name.
question="last-words-$$-$(date +%s)"
if { printf '\n%s\n' "$question" > /dev/tty; } 2>/dev/null; then
  waited=0
  until [ -e "$REHEARSAL_HEARD/$question" ] || [ "$waited" = 500 ]; do
    sleep 0.02
    waited=$((waited + 1))
  done
fi
