"""The command line's front door: `recovery COMMAND`."""

from __future__ import annotations

import io
import logging
import os
import sys
import traceback
from collections.abc import Sequence

from recovery.cli.console import progress
from recovery.cli.hints import hint_of
from recovery.cli.parser import parse
from recovery.cli.texts import check_texts
from recovery.errors import RecoveryError

INTERRUPTED = 130
"""128 + SIGINT, as shells count."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. `arguments` default to the process's own."""
    options = parse(list(sys.argv[1:] if arguments is None else arguments))
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    if isinstance(sys.stdout, io.TextIOWrapper):  # a console may lack a character that a log holds
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        check_texts(options)
        code: int = options.run(options)
        sys.stdout.flush()
    except RecoveryError as error:
        progress(f"error: {error.message}")
        if hint := hint_of(error):
            progress(f"hint: {hint}")
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader has gone, as `head` does: nothing more is written, not at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:  # the door: whatever else escapes is our own bug, and says so
        traceback.print_exc()
        print("error: this is a bug of recovery itself; please report it with the lines above", file=sys.stderr)
        return 1
    return code
