"""The container's entry: arguments are a command line; without any, the environment says what to do."""

import os
import sys

from recovery import action, cli

raise SystemExit(cli.main(sys.argv[1:]) if sys.argv[1:] else action.main(os.environ))
