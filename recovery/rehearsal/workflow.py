"""Workflow files read as data: what triggers them, how their jobs hang together, what a re-run leaves of them."""

from __future__ import annotations

import fnmatch
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from recovery.rehearsal.records import RECOVERY_EVENTS, Job, Run

Document = dict[str, Any]
OBSERVER = "rehearsal-observer"
# `act` puts a calling job's name in front of those it calls; this one cannot be mistaken for a workflow's name.
CALLER_PREFIX = "rehearsal-caller-"
_PIPELINE_EVENTS = frozenset({"push", "pull_request"})
_PULL_REQUEST_TYPES = ("opened", "synchronize", "reopened")


@dataclass(frozen=True, kw_only=True)
class JobPlan:
    """One job as the workflow file has it."""

    key: str
    name: str
    needs: tuple[str, ...]
    labels: tuple[str, ...]


def parse(text: str) -> Document:
    """A workflow file as a mapping; `on:` is a word, although YAML 1.1 reads it as true."""
    parsed = yaml.safe_load(text)
    if not isinstance(parsed, dict):
        return {}
    return {("on" if key is True else str(key)): value for key, value in parsed.items()}


def triggers(document: Document) -> dict[str, Document]:
    """The events of a workflow and their filters."""
    on = document.get("on")
    if isinstance(on, str):
        return {on: {}}
    if isinstance(on, list):
        return {str(event): {} for event in on}
    if isinstance(on, dict):
        return {
            str(event): filters if isinstance(filters, dict) else {"entries": filters} for event, filters in on.items()
        }
    return {}


def is_recovery(run: Run) -> bool:
    """Whether a run is one in which recovery works, rather than one it looks after.

    A workflow that pushes and pull requests start, too, is looked after, even where a rollback dispatches it.
    """
    return run.event in RECOVERY_EVENTS and not _is_pipeline(run.workflow.text)


@lru_cache
def _is_pipeline(text: str) -> bool:
    return not _PIPELINE_EVENTS.isdisjoint(triggers(parse(text)))


def dispatchable(text: str) -> bool:
    """Whether the workflow can be started by hand."""
    return "workflow_dispatch" in triggers(parse(text))


def listens(document: Document, event: str, *, branch: str = "", action: str = "", source: str = "") -> bool:
    """Whether an event starts the workflow.

    `branch` is what the event's branch filters look at (pushed, base, or triggering branch), `source` the triggering
    workflow's name. Path and tag filters are not imitated.
    """
    filters = triggers(document).get(event)
    if filters is None:
        return False
    if branch and not _branch_fits(filters, branch):
        return False
    types = _words(filters.get("types"))
    if event == "workflow_run":
        return source in _words(filters.get("workflows")) and (not types or "completed" in types)
    if event == "pull_request":
        return action in (types or _PULL_REQUEST_TYPES)
    return True


def _branch_fits(filters: Document, branch: str) -> bool:
    wanted, unwanted = _words(filters.get("branches")), _words(filters.get("branches-ignore"))
    if any(fnmatch.fnmatchcase(branch, pattern) for pattern in unwanted):
        return False
    if wanted:
        return any(fnmatch.fnmatchcase(branch, pattern) for pattern in wanted)
    return "tags" not in filters


def _words(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(word) for word in value) if isinstance(value, list) else (str(value),)


def job_plans(document: Document) -> list[JobPlan]:
    """The workflow's jobs; a matrix counts as one until its legs are seen."""
    return [
        JobPlan(
            key=key,
            name=str(job.get("name") or key),
            needs=_words(job.get("needs")),
            labels=_labels(job),
        )
        for key, job in jobs_of(document).items()
    ]


def jobs_of(document: Document) -> dict[str, Document]:
    """The workflow's jobs by key."""
    jobs = document.get("jobs")
    if not isinstance(jobs, dict):
        return {}
    return {str(key): job for key, job in jobs.items() if isinstance(job, dict)}


def _labels(job: Document) -> tuple[str, ...]:
    wanted = job.get("runs-on")
    if isinstance(wanted, dict):
        wanted = wanted.get("labels")
    return _words(wanted)


def permissions_of(document: Document) -> Mapping[str, str] | None:
    """What the run's one token may do: the union over its jobs, or everything when nothing is declared.

    GitHub gives each job its own token; `act` has one for all.
    """
    granted: dict[str, str] = {}
    for job in jobs_of(document).values():
        declared = job.get("permissions", document.get("permissions"))
        if declared is None or declared == "write-all":
            return None
        if isinstance(declared, dict):
            for scope, level in declared.items():
                if granted.get(str(scope)) != "write":
                    granted[str(scope)] = str(level)
    return granted


def concurrency_groups(document: Document) -> tuple[str, ...]:
    """The groups the workflow or one of its jobs is in, with their expressions as written."""
    declared = [document.get("concurrency"), *(job.get("concurrency") for job in jobs_of(document).values())]
    groups = [value.get("group") if isinstance(value, dict) else value for value in declared]
    return tuple(str(group) for group in groups if group)


def environments_of(document: Document) -> tuple[str, ...]:
    """The environments that jobs deploy to, as written."""
    declared = [job.get("environment") for job in jobs_of(document).values()]
    names = [value.get("name") if isinstance(value, dict) else value for value in declared]
    return tuple(dict.fromkeys(str(name) for name in names if name))


def tolerated_jobs(document: Document) -> frozenset[str]:
    """The keys of jobs whose failure does not fail the run."""
    return frozenset(key for key, job in jobs_of(document).items() if job.get("continue-on-error") is True)


def uses_of(document: Document) -> Iterator[str]:
    """Every `uses:` of a workflow or of a composite action."""
    for job in jobs_of(document).values():
        if isinstance(job.get("uses"), str):
            yield job["uses"]
        yield from _uses_of_steps(job.get("steps"))
    runs = document.get("runs")
    if isinstance(runs, dict):
        yield from _uses_of_steps(runs.get("steps"))


def _uses_of_steps(steps: Any) -> Iterator[str]:
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict) and isinstance(step.get("uses"), str):
            yield step["uses"]


def rewrite(document: Document, jobs: Sequence[Job], keys: frozenset[str], observations: Path) -> str:
    """The workflow file for one attempt.

    Jobs of `keys` run as written; all others become stubs that end as they ended before, with their outputs as
    literals. A hidden last job writes what every job gave to the file `observations`. Each job that runs learns its
    REST id, which `act` cannot tell by `job.check_run_id`; where `env` has it already (matrix legs), that one stands.
    It learns its leg, too: inside an action, `act` knows no `matrix`.
    """
    rewritten: Document = {}
    for key, written in jobs_of(document).items():
        records = [job for job in jobs if job.key == key]
        if records and key not in keys:
            rewritten[key] = _stub(records)
        elif "uses" in written:
            rewritten[key] = {**written, "name": f"{CALLER_PREFIX}{key}"}
        elif records:
            rewritten[key] = {**written, "env": _told_of_itself(written, records[0].id)}
        else:
            rewritten[key] = written
    rewritten[OBSERVER] = _observer(tuple(rewritten), observations)
    return yaml.safe_dump({**document, "jobs": rewritten}, sort_keys=False, allow_unicode=True, width=10_000)


def _told_of_itself(job: Document, job_id: int) -> Any:
    env = job.get("env")
    if env is not None and not isinstance(env, dict):
        return env
    strategy = job.get("strategy")
    leg = {"RECOVERY_MATRIX": "${{ toJSON(matrix) }}"} if isinstance(strategy, dict) and "matrix" in strategy else {}
    return {"RECOVERY_CHECK_RUN_ID": str(job_id), **leg, **(env or {})}


def _stub(jobs: Sequence[Job]) -> Document:
    """A job that ends as these (one, or all legs of a matrix) ended."""
    step = {
        "name": "Carried over",
        "run": "exit 1" if any(job.failed for job in jobs) else "exit 0",
        "shell": "bash",
        "working-directory": "/",
    }
    stub: Document = {"name": jobs[0].key, "runs-on": "ubuntu-latest", "steps": [step]}
    if all(job.conclusion == "skipped" for job in jobs):
        stub["if"] = False
    outputs = {name: _literal(value) for job in jobs for name, value in job.outputs.items()}
    if outputs:
        stub["outputs"] = outputs
    return stub


def _literal(value: str) -> str:
    """A text that expression evaluation leaves as it is."""
    return value.replace("${{", "${{ '$' }}{{")


def _observer(needs: tuple[str, ...], observations: Path) -> Document:
    script = f'printf "%s" "$NEEDS" > {shlex.quote(str(observations))}'
    return {
        "name": OBSERVER,
        "runs-on": "ubuntu-latest",
        "if": "${{ always() }}",
        "needs": list(needs),
        "steps": [{"run": script, "shell": "bash", "working-directory": "/", "env": {"NEEDS": "${{ toJSON(needs) }}"}}],
    }
