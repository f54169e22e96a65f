"""Failures put into a workflow: the step prints a log and fails, hangs, or takes its runner down."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recovery.errors import InputError
from recovery.rehearsal.workflow import Document, jobs_of

_STAMP = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z ")
_EXIT_CODE = re.compile(r"^##\[error\]Process completed with exit code (\d+)\.?$")
# What the runner would obey when a step prints it, and what only marks a line.
_COMMAND = re.compile(r"^\s*::(?!(?:error|warning|notice|group|endgroup|debug)\b)")
_KEPT = ("id", "if", "continue-on-error", "timeout-minutes")
_LARGEST_LOG = 20_000_000


@dataclass(frozen=True, kw_only=True)
class Injection:
    """One failure: where it strikes and what it looks like. `leg` is the name of the only matrix leg it strikes."""

    path: str
    key: str
    position: int
    leg: str | None
    kind: Literal["fail", "lose", "hang"]
    always: bool
    log: str
    exit_code: int


def read_log(path: Path) -> tuple[str, int]:
    """A log as a step would print it, and the exit code it tells of; GitHub's stamps and last words are left out.

    Raises:
        InputError: the file cannot be read, or is no log.
    """
    try:
        if path.stat().st_size > _LARGEST_LOG:
            raise InputError(f"the log {path} is larger than {_LARGEST_LOG // 1_000_000} MB", hint="cut it")
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"the log {path} cannot be read: {error.strerror}") from error
    lines = [_STAMP.sub("", line) for line in text.splitlines()]
    codes = [int(found[1]) for line in lines if (found := _EXIT_CODE.match(line))]
    kept = [_COMMAND.sub(" ::", line) for line in lines if not _EXIT_CODE.match(line)]
    return "".join(f"{line}\n" for line in kept), (codes[-1] % 256 if codes else 1) or 1


def struck(injections: Sequence[Injection], path: str, attempt: int) -> list[Injection]:
    """The failures that strike in an attempt of a workflow."""
    return [entry for entry in injections if entry.path == path and (attempt == 1 or entry.always)]


def inject(
    document: Document, injections: Sequence[Injection], leg_ids: Mapping[tuple[str, str], int], folder: Path
) -> Document:
    """The workflow with the failures in it; their logs are written to `folder`.

    `leg_ids` are the REST ids of matrix legs by job key and leg name, by which a leg knows that it is meant.
    """
    jobs = jobs_of(document)
    for number, injection in enumerate(injections):
        job = jobs.get(injection.key)
        if job is None:
            continue
        log = folder / f"injected-{number}.log"
        log.write_text(injection.log, encoding="utf-8")
        script = _script(injection, log)
        steps = list(job.get("steps") or [])
        written = steps[injection.position]
        if injection.leg is None:
            steps[injection.position] = _replaced(written, script)
        else:
            leg_id = leg_ids.get((injection.key, injection.leg), 0)
            steps[injection.position] = _guarded(written, script, leg_id)
        if injection.kind == "lose":
            del steps[injection.position + 1 :]
        jobs[injection.key] = {**job, "steps": steps}
    return {**document, "jobs": jobs}


def _script(injection: Injection, log: Path) -> str:
    if injection.kind == "hang":
        return "sleep 86400\n"
    if injection.kind == "lose":
        return "exit 1\n"
    return f"cat {shlex.quote(str(log))}\nexit {injection.exit_code}\n"


def _replaced(step: Document, script: str) -> Document:
    shown = step.get("name") or step.get("uses") or step.get("run")
    kept = {name: step[name] for name in _KEPT if name in step}
    return {**kept, "name": str(shown), "run": script, "shell": "bash", "working-directory": "/"}


def _guarded(step: Document, script: str, leg_id: int) -> Document:
    shown = step.get("name") or step.get("run")
    guard = f'if [ "${{RECOVERY_CHECK_RUN_ID:-}}" = "{leg_id}" ]; then\n{script}fi\n'
    return {**step, "name": str(shown), "run": f"{guard}{step.get('run', '')}"}
