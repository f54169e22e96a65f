"""`python -m recovery COMMAND`."""

from recovery.cli import main

raise SystemExit(main())
