# Read by every bash of a rehearsal (BASH_ENV). When a step fails, `act` goes on without waiting for what it said last.
trap 'status=$?; [ "$status" = 0 ] || sleep 0.15' EXIT
