"""What commands of the command line have in common: how one is added, and the options that several take."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from typing import NoReturn, TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"

_LONGEST_ERROR = 400
_KEPT_OF_ITS_END = 250
"""Characters of an error's end that are shown in any case: there the words stand that are allowed."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors repeat what was typed in short, and on one line."""

    def error(self, message: str) -> NoReturn:
        """Say what cannot be understood, and end with 2."""
        told = " ".join(message.split())
        if len(told) > _LONGEST_ERROR:
            told = f"{told[: _LONGEST_ERROR - _KEPT_OF_ITS_END - 1]}…{told[-_KEPT_OF_ITS_END:]}"
        super().error("".join(letter if letter.isprintable() else "\ufffd" for letter in told))


_JSON_HELP = "one JSON document on standard output, nothing else"


def add(
    commands: Commands, name: str, handler: str, summary: str, example: str, *, json_help: str = _JSON_HELP
) -> argparse.ArgumentParser:
    """A command with its help, an example, `--json`, and its handler, which is imported when it runs."""
    command = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.epilog = f"example:\n  {command.prog} {example}".rstrip()
    command.add_argument("--json", action="store_true", help=json_help)
    command.set_defaults(run=_late(handler))
    return command


def _late(handler: str) -> Callable[[argparse.Namespace], int]:
    """A handler that is imported only when its command runs."""

    def run(options: argparse.Namespace) -> int:
        module, _, function = handler.partition(":")
        code: int = getattr(importlib.import_module(f"recovery.cli.{module}"), function)(options)
        return code

    return run


def watching(command: argparse.ArgumentParser) -> None:
    """The recovery workflow that is believed."""
    command.add_argument(
        "--workflow",
        metavar="PATH",
        help="the recovery workflow whose plans and journals are believed (default: `recovery-workflow` of"
        " .github/recovery.yml, else .github/workflows/recovery.yml)",
    )


def database(command: argparse.ArgumentParser) -> None:
    """The database that a command works on."""
    command.add_argument("--db", metavar="URL", help="database (default: RECOVERY_DATABASE_URL, or ./recovery.db)")


def github(command: argparse.ArgumentParser) -> None:
    """What a command needs that asks GitHub."""
    command.add_argument("--repository", help="`owner/name` (default: GITHUB_REPOSITORY)")
    logging(command)
    database(command)


def logging(command: argparse.ArgumentParser) -> None:
    """Where requests are written down."""
    command.add_argument("--request-log", metavar="FILE", help="write every request to GitHub here, a JSON line each")


def comparing(command: argparse.ArgumentParser) -> None:
    """Whether the logs of failed jobs are compared with green ones."""
    command.add_argument(
        "--no-baseline",
        action="store_true",
        help="name causes from the failed run alone; do not compare its logs with those of the last successful run",
    )


def acting(command: argparse.ArgumentParser) -> None:
    """What a command needs that may change something on GitHub."""
    github(command)
    command.add_argument("--dry-run", action="store_true", help="only say what would be done")
