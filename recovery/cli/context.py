"""Where a command works: repository, token, database, from options first and the environment second."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from pydantic import SecretStr

from recovery.adapters.runner import LOCAL_DATABASE, RunnerContext, token_of
from recovery.cli.texts import SHOWN
from recovery.errors import InputError


def database_url(options: argparse.Namespace) -> str:
    """The database a command works on."""
    return options.db or os.environ.get("RECOVERY_DATABASE_URL") or LOCAL_DATABASE


def shown_database(options: argparse.Namespace) -> str:
    """The database as messages name it: a file, or an address without its password."""
    from recovery.adapters.database.connection import database_name, make_engine, make_url

    return database_name(make_engine(make_url(database_url(options))))


def local_context(options: argparse.Namespace) -> RunnerContext:
    """The context of a command off a runner.

    Raises:
        InputError: no repository is named, or requests cannot be written down where it is said.
    """
    name = options.repository or os.environ.get("GITHUB_REPOSITORY", "")
    if name.count("/") != 1:
        raise InputError(
            f"{name[:SHOWN]!r} does not name a repository" if name else "no repository is named",
            hint="pass `--repository owner/name`, or set GITHUB_REPOSITORY",
        )
    return RunnerContext(
        repository=name,
        api_url=os.environ.get("GITHUB_API_URL") or "https://api.github.com",
        token=SecretStr(token_of(os.environ)),
        workspace=Path(),
        directory=Path(tempfile.gettempdir()) / "storyteller-recovery",
        database_url=database_url(options),
        request_log=_request_log(options),
    )


def _request_log(options: argparse.Namespace) -> Path | None:
    from recovery.adapters.github.request_log import appendable

    named = getattr(options, "request_log", None)
    return appendable(named) if named else None
