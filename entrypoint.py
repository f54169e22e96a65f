"""The container's entry: arguments are a command line; without any, the environment says what to do."""

import os
import signal
import sys

from recovery import action, cli


def main() -> int:
    """Run what is asked for, and end at once when the container is stopped."""
    # A container's first process never sees a signal that it has no handler for, and Python has none for this one.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    return cli.main(sys.argv[1:]) if sys.argv[1:] else action.main(os.environ)


raise SystemExit(main())
