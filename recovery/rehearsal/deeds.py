"""Making things happen: what people do, what GitHub forgets, what befalls the asking process."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, assert_never

from recovery.rehearsal.clockwork import Clockwork, Refused
from recovery.rehearsal.faults.artifacts import (
    ArtifactPlanted,
    ArtifactsDeleted,
    ArtifactsExpired,
    ArtifactsRewritten,
    ArtifactsTampered,
    ArtifactsTruncated,
)
from recovery.rehearsal.faults.happenings import (
    CacheEvicted,
    ClockShifted,
    Deed,
    DiskFull,
    HumanCancel,
    HumanRerun,
    Killed,
    LimitsChanged,
    NewPush,
    PermissionsCapped,
    PullRequestMoved,
)
from recovery.rehearsal.pulls import Pulls
from recovery.rehearsal.ratelimits import RateLimits
from recovery.rehearsal.records import OCTOCAT, PullRequest, Run, User
from recovery.rehearsal.repository import Repository
from recovery.rehearsal.requester import fill_disk, kill
from recovery.rehearsal.runner import Runner
from recovery.rehearsal.runs import Runs
from recovery.rehearsal.sabotage import befall, plant, stranger
from recovery.rehearsal.vault import Vault
from recovery.rehearsal.workflow import is_recovery


class Scene(Protocol):
    """The parts of a world in which things happen."""

    clockwork: Clockwork
    repository: Repository
    runs: Runs
    pulls: Pulls
    vault: Vault
    limits: RateLimits
    caps: dict[str, str]
    runner: Runner

    def rerun(self, run_id: int, *, only_failed: bool, job_id: int | None = None, actor: User = ...) -> None:
        """Record a new attempt and let it be executed."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Who asks when something happens: about which run, and how to find the process."""

    run_id: int | None = None
    process: Callable[[], int | None] = lambda: None


def perform(scene: Scene, deed: Deed, asking: Asking) -> bool:
    """Let it happen; whether the request that was the occasion never arrives (its process is dead)."""
    scene.clockwork.tell("happening", told(deed), run_id=asking.run_id)
    match deed:
        case HumanRerun() | HumanCancel() | NewPush() | PullRequestMoved():
            _by_a_person(scene, deed, subject(scene, asking.run_id))
        case PermissionsCapped():
            scene.caps.update(deed.permissions)
        case CacheEvicted(evict=pattern):
            for entry in scene.vault.caches():
                if fnmatch.fnmatchcase(entry.key, pattern):
                    scene.vault.delete_cache(entry.id)
        case ArtifactPlanted():
            name = deed.plant.replace("{run}", str(subject(scene, asking.run_id).id))
            plant(scene.vault, name, stranger(scene.repository, scene.runs, deed.workflow), deed)
        case (
            ArtifactsExpired() | ArtifactsDeleted() | ArtifactsTampered() | ArtifactsTruncated() | ArtifactsRewritten()
        ):
            befall(scene.vault, deed)
        case ClockShifted():
            scene.clockwork.skew = timedelta(seconds=deed.clock)
        case LimitsChanged():
            scene.limits.change(deed.limits)
        case Killed():
            kill(asking.process())
        case DiskFull():
            fill_disk(asking.process(), deed.disk_full)
        case _:
            assert_never(deed)
    return isinstance(deed, Killed)


_TOLD: Mapping[type[Deed], str] = {
    HumanRerun: "a person re-runs the run ({rerun} jobs)",
    HumanCancel: "a person cancels the run",
    NewPush: "a person pushes a new commit",
    PullRequestMoved: "the pull request is {pull_request}",
    PermissionsCapped: "permissions are taken away: {permissions}",
    CacheEvicted: "caches are evicted: {evict}",
    ArtifactsExpired: "artifacts expire: {expire}",
    ArtifactsDeleted: "artifacts are deleted: {delete}",
    ArtifactsTampered: "artifacts are tampered with: {tamper}",
    ArtifactsTruncated: "artifacts are cut off: {truncate}",
    ArtifactsRewritten: "{member} is another one in artifacts: {rewrite}",
    ArtifactPlanted: "the workflow {workflow} uploads {plant}",
    ClockShifted: "GitHub's clock is {clock:+g} seconds off",
    LimitsChanged: "the rate limits change",
    Killed: "the asking process is killed",
    DiskFull: "the asking process's disk is full",
}


def told(deed: Deed) -> str:
    """What happens, for the timeline."""
    return _TOLD[type(deed)].format(**deed.model_dump())


def subject(scene: Scene, run_id: int | None) -> Run:
    """The run that happenings are about: the one asked about, unless it is recovery's own; else the newest other."""
    runs = [run for run in scene.runs.all() if not is_recovery(run)]
    named = [run for run in runs if run.id == run_id]
    if not runs:
        raise Refused(500, "nothing can happen to a run: there is none")
    return (named or runs)[0]


def _by_a_person(scene: Scene, deed: HumanRerun | HumanCancel | NewPush | PullRequestMoved, run: Run) -> None:
    match deed:
        case HumanRerun():
            scene.rerun(run.id, only_failed=deed.rerun == "failed", actor=OCTOCAT)
        case HumanCancel():
            if not run.is_completed:
                scene.runner.cancel(run.id)
        case NewPush():
            sha = hashlib.sha1(f"{run.head_sha} superseded".encode(), usedforsecurity=False).hexdigest()
            if run.head_repository == scene.repository.name:
                scene.repository.set_branch(run.head_branch, sha)
            for pull in _pulls_of(scene, run):
                scene.pulls.move(pull.number, head_sha=sha)
        case PullRequestMoved():
            for pull in _pulls_of(scene, run):
                state = "open" if deed.pull_request == "reopened" else "closed"
                scene.pulls.move(pull.number, state=state, merged=deed.pull_request == "merged")
        case _:
            assert_never(deed)


def _pulls_of(scene: Scene, run: Run) -> list[PullRequest]:
    owner = run.head_repository.split("/", maxsplit=1)[0]
    return scene.pulls.all(state="all", head=f"{owner}:{run.head_branch}")
