"""Fold the plans and journals of earlier recovery runs into the store: the way state survives a lost cache."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from recovery.errors import ForgeError, ForgeRefused
from recovery.models.event_lines import read_events
from recovery.models.events import Event, repository_of
from recovery.models.github import Artifact, Run
from recovery.models.record import Record
from recovery.policy.trust import is_own_artifact, is_recovery_run
from recovery.ports import Forge, Store

log = logging.getLogger(__name__)

PLAN_FILE = "plan.jsonl"
JOURNAL_FILE = "journal.jsonl"
OWN_ATTEMPTS = range(1, 4)
"""Attempts of a recovery run under which a plan is looked for by its exact name."""

SAME_NAMED = 2
"""Artifacts of one name that are looked into: the name is free for everybody in the repository."""

LISTED_RUNS = 100
UNLISTED_RUNS = 20
"""Runs asked for one by one in a pass, where a busy repository has more recovery runs than one listing shows."""


def plan_artifact_name(run_id: int, attempt: int, own_attempt: int) -> str:
    """Name of the artifact with the plan for an attempt; never reused, even when the recovery run is re-run."""
    return f"recovery-plan.{run_id}.{attempt}.{own_attempt}"


def journal_artifact_name(own_attempt: int) -> str:
    """Name of a recovery run's journal artifact."""
    return f"recovery-journal-{own_attempt}"


class RecoveryWorkflow(Record):
    """The workflow whose artifacts are believed."""

    path: str
    """`.github/workflows/recovery.yml`"""
    default_branch: str
    others: tuple[str, ...] = ()
    """Further workflows whose artifacts are believed in the same way."""

    def made(self, run: Run) -> bool:
        """Whether a run is one of these workflows, as it stands on the default branch."""
        return any(is_recovery_run(run, path, self.default_branch) for path in (self.path, *self.others))


def sync_attempt(
    store: Store,
    forge: Forge,
    workflow: RecoveryWorkflow,
    run_id: int,
    attempt: int,
    *,
    own_attempts: Iterable[int] = OWN_ATTEMPTS,
) -> int:
    """Fold the plan for one attempt, if an earlier recovery run uploaded one; return how many events were new.

    One look-up by name for each of `own_attempts`, until the plan is found; then the run that made it, and the
    download. Where others use the name too, one more for each that is looked into.
    """
    for own_attempt in own_attempts:
        named = forge.artifacts_named(plan_artifact_name(run_id, attempt, own_attempt))
        for artifact in [artifact for artifact in named if is_own_artifact(artifact)][:SAME_NAMED]:
            if artifact.id in store.folded([artifact.id]):
                return 0
            if workflow.made(forge.run(artifact.run_id)):
                return _fold(store, forge, artifact)
    return 0


def sync_recent(
    store: Store,
    forge: Forge,
    workflow: RecoveryWorkflow,
    since: datetime,
    recent: Sequence[Artifact] | None = None,
) -> int:
    """Fold every plan and journal made since then that is not folded yet; return how many events were new.

    `recent` are the repository's artifacts made since then, if they were listed already.
    """
    candidates = _plans_and_journals(forge, since, recent)
    folded = store.folded([artifact.id for artifact in candidates])
    fresh = [artifact for artifact in candidates if artifact.id not in folded and is_own_artifact(artifact)]
    if not fresh:
        return 0
    trusted = _trusted_runs(forge, workflow, fresh)
    return sum(_fold(store, forge, artifact) for artifact in reversed(fresh) if artifact.run_id in trusted)


def _plans_and_journals(forge: Forge, since: datetime, recent: Sequence[Artifact] | None) -> list[Artifact]:
    """Newest first. Journals are asked for by name, so that no number of other artifacts can crowd them out."""
    named = [
        artifact
        for own_attempt in OWN_ATTEMPTS
        for artifact in forge.artifacts_named(journal_artifact_name(own_attempt), since)
    ]
    listed = forge.artifacts_since(since) if recent is None else recent
    found = {artifact.id: artifact for artifact in (*named, *listed) if _file_in(artifact.name)}
    return sorted(found.values(), key=lambda artifact: (artifact.created_at, artifact.id), reverse=True)


def _trusted_runs(forge: Forge, workflow: RecoveryWorkflow, artifacts: Sequence[Artifact]) -> set[int]:
    """Ids of the recovery runs among those that made the artifacts.

    One listing for each workflow, until every run is found; then the others one by one.
    """
    wanted = {artifact.run_id for artifact in artifacts}
    known: dict[int, Run] = {}
    is_long = False
    for path in (workflow.path, *workflow.others):
        if known.keys() >= wanted:
            break
        listed = _runs_of(forge, path, workflow.default_branch, must_exist=path == workflow.path)
        known |= {run.id: run for run in listed}
        is_long = is_long or len(listed) == LISTED_RUNS
    unlisted = wanted - known.keys() if is_long else set()
    others = [forge.run(run_id) for run_id in sorted(unlisted, reverse=True)[:UNLISTED_RUNS]]
    return {run.id for run in (*known.values(), *others) if workflow.made(run)}


def _runs_of(forge: Forge, path: str, branch: str, *, must_exist: bool) -> tuple[Run, ...]:
    """The newest runs of a workflow; none where a repository has no such workflow."""
    try:
        return forge.runs_of_workflow(path.rpartition("/")[2], branch=branch, limit=LISTED_RUNS)
    except ForgeRefused as error:
        if error.status == 404 and not must_exist:
            return ()
        raise


def _file_in(artifact_name: str) -> str | None:
    if artifact_name.startswith("recovery-plan."):
        return PLAN_FILE
    return JOURNAL_FILE if artifact_name.startswith("recovery-journal-") else None


def _fold(store: Store, forge: Forge, artifact: Artifact) -> int:
    """Fold one artifact. One that cannot be read is left for another time: its facts may exist elsewhere."""
    name = _file_in(artifact.name)
    if name is None:
        return 0
    try:
        data = forge.artifact_file(artifact, name)
    except ForgeError:
        return 0
    events, problems = read_events(data or b"", artifact.name)
    for problem in problems:
        log.warning("line skipped artifact_id=%s problem=%s", artifact.id, problem)
    added = store.record(_of_repository(events, forge.repository))
    if not problems:  # a newer version may read what this one could not
        store.mark_folded([artifact.id])
    return added


def _of_repository(events: Iterable[Event], repository: str) -> Iterator[Event]:
    return (event for event in events if repository_of(event).casefold() == repository.casefold())
