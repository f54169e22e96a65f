"""A true record of every HTTP request made, one JSON object a line."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import requests

from recovery.errors import InputError

logger = logging.getLogger(__name__)

_SHOWN = 200
"""Characters of a file's name that an error repeats."""

Phase = Literal["plan", "baseline", "test-reports", "checkpoints", "execute", "settle", "sync"]


def appendable(name: str) -> Path:
    """The file that requests are to be written down in, made where it is not there yet.

    Raises:
        InputError: nothing can be written there.
    """
    try:
        os.close(_opened(Path(name)))
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"requests cannot be written down in {name[:_SHOWN]!r}: {problem}",
            hint="name a file in a folder that is there and that this user may write",
        ) from error
    return Path(name)


class RequestLog:
    """Appends to `path` a line for each request, as soon as its answer is known; without a path, to nowhere.

    Only methods, paths, JSON bodies and statuses are written: headers, and with them the token, never are. Of a
    download from a redirect target the query is left out too, because its signature is as good as a key.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._phase: Phase | None = None

    @property
    def current_phase(self) -> Phase | None:
        """The phase that requests are now recorded under; None outside of any."""
        return self._phase

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Record the requests made inside under this phase; may be nested, the innermost counts."""
        outer, self._phase = self._phase, name
        try:
            yield
        finally:
            self._phase = outer

    def record(self, request: requests.PreparedRequest, status: int | None, *, redirect: bool) -> None:
        """Write one line about a request that was sent, and the status that came back, if any."""
        path = request.path_url
        line = {
            "method": request.method,
            "path": path.partition("?")[0] if redirect else path,
            "body": _parsed(request.body),
            "status": status,
            "phase": self._phase,
            "redirect": redirect,
        }
        self._append(json.dumps(line))

    def _append(self, line: str) -> None:
        if self._path is None:
            return
        try:
            # One write to a file opened for appending, so that two processes never mix their lines.
            handle = _opened(self._path)
            try:
                os.write(handle, line.encode() + b"\n")
            finally:
                os.close(handle)
        except OSError as error:
            # The log is a report: losing it must not turn an effect that has happened into a failure.
            logger.warning("request log not written path=%s error=%s", self._path, error)


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def _parsed(body: Any) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except (TypeError, ValueError):
        return None
