"""`python main.py recovery COMMAND`: the same as `recovery COMMAND`."""

from recovery.cli import main

raise SystemExit(main())
