"""`recovery classify`: name the cause in log files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from recovery.cli.console import show
from recovery.errors import InputError
from recovery.models.log import JobLog
from recovery.models.verdict import Verdict
from recovery.policy.classify import classify
from recovery.render.verdict import verdict_lines

CHUNK = 1024 * 1024


def classify_files(options: argparse.Namespace) -> int:
    """Classify each file in the order given; a file that cannot be read is told, and fails the command at the end."""
    code = 0
    for file in options.files:
        try:
            verdict = classify(_read(file))
        except OSError as error:
            code = InputError.exit_code
            _tell_unreadable(file, error, as_json=options.json)
            continue
        if options.json:
            print(json.dumps(_document(file, verdict)), flush=True)
        else:
            show(verdict_lines(file, verdict))
    return code


def _read(file: str) -> JobLog:
    if file == "-":
        return JobLog.from_chunks(_chunks(sys.stdin.buffer))
    with Path(file).open("rb") as stream:
        return JobLog.from_chunks(_chunks(stream))


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


def _tell_unreadable(file: str, error: OSError, *, as_json: bool) -> None:
    problem = error.strerror or str(error)
    if as_json:
        print(json.dumps({"file": file, "error": problem}), flush=True)
    else:
        print(f"error: {file}: {problem}", file=sys.stderr)


def _document(file: str, verdict: Verdict) -> dict[str, Any]:
    fields = verdict.model_dump(mode="json")
    return {
        "file": file,
        "class": fields["failure_class"],
        "retryable": fields["retryable"],
        "confidence": fields["confidence"],
        "evidence": fields["evidence"],
        "excerpt": fields["excerpt"],
        "strategy": fields["strategy"],
        "fingerprint": fields["fingerprint"],
    }
