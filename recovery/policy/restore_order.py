"""What a run that brings a good commit back was told to restore, read from the inputs that it was dispatched with."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from recovery.errors import InputError
from recovery.models.checkpoint import ArtifactName, parse_artifact_name
from recovery.models.github import Artifact, Job, Run, Tag
from recovery.models.record import Record
from recovery.models.rollback import Claim, RestoreOrder, RollbackKind
from recovery.policy.bad_run import is_of_branch_itself
from recovery.policy.claims import lasting_tags, read_claim
from recovery.policy.continuation import OwnJob
from recovery.policy.namesakes import names_of_key
from recovery.policy.naming import RETURN_TAGS, ROLLBACK_TAGS
from recovery.policy.trust import is_own_artifact

_MARKS = frozenset({"recovery_id", "checkpoint_id", "nonce"})
"""Keys by which an order is known, whatever its version."""

_LITERAL_MARK = '"recovery_id"'
"""`action.yml` looks for this key in the text of the inputs, and installs what following an order needs if it is there.

So whoever writes it otherwise orders nothing, there and here.
"""

LONGEST_ORDER = 65_535
"""Characters of an input that are read: GitHub takes no more."""

_STARTED_BY = "workflow_dispatch"
_TAGS = tuple(f"refs/tags/{tags}" for tags in (ROLLBACK_TAGS, RETURN_TAGS))
"""What the reference begins with of every run that a rollback starts."""

_TO_GO_BACK = (
    "leave the input empty to deploy this commit; to go back to another one, use `mode: rollback` or"
    " `recovery rollback`, which start the run themselves"
)
_SHOWN = 100
"""Characters that are shown of a text that anybody may have written."""


class Expected(Record):
    """What a rollback ordered to be restored, and what the run that made it has to be."""

    order: RestoreOrder
    commit_sha: str
    workflow_path: str
    """The file of the workflow that runs; empty where the runner does not tell, and then nothing may be restored."""
    returns: bool = False
    """Whether this is a return from a rollback that failed half-way, to what stood before, however that had ended."""


def order_among(inputs: object) -> RestoreOrder | None:
    """The order among the inputs of an event; None when there is none.

    Raises:
        InputError: there is one that cannot be understood, or more than one. Nothing else may be done then.
    """
    given = inputs if isinstance(inputs, Mapping) else {}
    found = {str(name): fields for name, value in given.items() if (fields := _fields(value)) is not None}
    if not found:
        return None
    if len(found) > 1:
        raise InputError(f"the inputs {', '.join(f'`{name}`' for name in found)} both say what to restore")
    ((name, fields),) = found.items()
    try:
        return RestoreOrder.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part)[:60] for part in first["loc"])
        raise InputError(
            f"the input `{name}` does not say what to restore: {where}: {first['msg']}",
            hint="it is written by `mode: rollback`; use the same version of the action in both workflows",
        ) from error


def check_started_by_rollback(event: str, ref: str) -> None:
    """Check that a run is one that a rollback starts: in any other one an order is a copy, and nobody gave it.

    Raises:
        InputError: it is not. To go on without what was to be restored would deploy what nobody asked for.
    """
    if event == _STARTED_BY and ref.startswith(_TAGS):
        return
    raise InputError(
        "an input says what to restore, as a rollback writes it, but no rollback started this run: expected"
        f" `{_STARTED_BY}` at a tag below `{ROLLBACK_TAGS}`, found `{event}` at `{ref[:_SHOWN]}`",
        hint=_TO_GO_BACK,
    )


def expected_by(order: RestoreOrder, tag: Tag, workflow_name: str, workflow_path: str, commit_sha: str) -> Expected:
    """What may be restored in a run of this workflow at this commit, which is at this tag.

    Raises:
        InputError: the tag is not of the rollback that the order is of, or not for this run: somebody copied the
            order or made it up. To go on without what was to be restored would deploy what nobody asked for.
    """
    why = _why_not_claimed(order, tag, workflow_name, commit_sha)
    if why is None:
        returns = tag.name.startswith(RETURN_TAGS)
        return Expected(order=order, commit_sha=commit_sha, workflow_path=workflow_path, returns=returns)
    raise InputError(
        "an input says what to restore, as a rollback writes it, but the tag at which this run is does not bear that"
        f" out: `{tag.name[:_SHOWN]}` {why}",
        hint=_TO_GO_BACK,
    )


def why_not_ordered(expected: Expected, artifact: Artifact | None, maker: Run | None) -> str | None:
    """Why an artifact is not what was ordered; None when it may be restored."""
    order = expected.order
    if artifact is None or artifact.expired:
        return f"artifact {order.artifact_id}, which holds {order.checkpoint_id}, is gone or has expired"
    name = parse_artifact_name(artifact.name)
    if name is None or not name.names(order.checkpoint_id):
        return f"artifact {artifact.id} is not named like one that holds {order.checkpoint_id}"
    return why_not_of_target(expected, artifact, maker)


def why_not_of_target(expected: Expected, artifact: Artifact, maker: Run | None) -> str | None:
    """Why an artifact is not one that the run which is gone back to made; None when it is."""
    run_id = expected.order.run_id
    if artifact.expired:
        return f"artifact {artifact.id} has expired"
    if not is_own_artifact(artifact):
        return f"artifact {artifact.id} is not of a commit of this repository"
    name = parse_artifact_name(artifact.name)
    if name is None or maker is None or not (artifact.run_id == name.run_id == maker.id == run_id):
        return f"artifact {artifact.id} is of another run: expected {run_id}, found {artifact.run_id}"
    return _why_no_target(expected, maker)


def left_by_others(ordered: ArtifactName, of_run: Iterable[Artifact]) -> tuple[Artifact, ...]:
    """What other jobs than that of the ordered checkpoint left in its run, in whatever attempt, the newest first.

    Only what tells by its name which job made it. A job that was green is not run again with those that failed, so that
    what it left is of an earlier attempt than the ordered one.
    """
    named = ((artifact, parse_artifact_name(artifact.name)) for artifact in of_run)
    left = [
        artifact
        for artifact, name in named
        if name is not None and name.run_id == ordered.run_id and name.job_id not in {0, ordered.job_id}
    ]
    return tuple(sorted(left, key=lambda artifact: (artifact.created_at, artifact.id), reverse=True))


def left_by_job(job_ids: Collection[int], artifacts: Iterable[Artifact]) -> tuple[Artifact, ...]:
    """Those of them that this job, which has an id in each attempt, made in the newest attempt in which it left any."""
    named = ((artifact, parse_artifact_name(artifact.name)) for artifact in artifacts)
    own = [(artifact, name.attempt) for artifact, name in named if name is not None and name.job_id in job_ids]
    newest = max((attempt for _, attempt in own), default=0)
    return tuple(artifact for artifact, attempt in own if attempt == newest)


def namesakes_of(own: OwnJob, now: Sequence[Job], then: Sequence[Job]) -> frozenset[int]:
    """Which job of an earlier run of the same commit is the one that runs now: its ids, one for each attempt.

    None where that is unclear.

    `now` are the jobs of the own attempt, none where the runner does not tell which of them this is; then only a job
    without a matrix that is called like its key is recognised.
    """
    told = next((job.name for job in now if job.id == own.job_id), None)
    if told is None:
        fitting = [] if own.job_id or own.matrix else names_of_key(own.job, (job.name for job in then)).items()
        names = {name for name, without_leg in fitting if name == without_leg}
    else:
        names = {told} if [job.name for job in now].count(told) == 1 else set()
    found = {job.id: job.run_attempt for job in then if job.name in names}
    return frozenset(found) if len(set(found.values())) == len(found) else frozenset()


def _why_not_claimed(order: RestoreOrder, tag: Tag, workflow_name: str, commit_sha: str) -> str | None:
    claim = read_claim(tag.message)
    if claim is None:
        return "says nothing of a rollback"
    if claim.kind is not RollbackKind.REDISPATCH:
        return f"is of a rollback of the kind `{claim.kind}`, which starts no run with an input"
    if (claim.recovery_id, claim.nonce) != (order.recovery_id, order.nonce):
        return (
            f"is of another rollback: expected {order.recovery_id} with the nonce {order.nonce}, found"
            f" {claim.recovery_id} with {claim.nonce}"
        )
    if claim.workflow_name != workflow_name:
        return f"is of another workflow: expected `{workflow_name[:_SHOWN]}`, found `{claim.workflow_name[:_SHOWN]}`"
    return _why_elsewhere(tag, claim, commit_sha)


def _why_elsewhere(tag: Tag, claim: Claim, commit_sha: str) -> str | None:
    named = lasting_tags(claim)
    if tag.name not in named:
        return f"is not called what follows from its words: expected {' or '.join(f'`{name}`' for name in named)}"
    if not (tag.commit == claim.target_sha == commit_sha):
        return (
            f"is of another commit: expected {commit_sha[:7]}, which runs, found {tag.commit[:7]}, and in its words"
            f" {claim.target_sha[:7]}"
        )
    return None


def _why_no_target(expected: Expected, maker: Run) -> str | None:
    """Why a run cannot be the one that a rollback goes back to, by what holds of every one.

    Its branch is not looked at: which ones may be targets is in the configuration, which is not at hand before a
    checkout. It was proven when the rollback was planned, and the claim names the commit. So whoever has a copied order
    at the tag of a real rollback gets at most what another run of the same workflow's file made of the same commit.
    """
    if not is_of_branch_itself(maker):
        return f"run {maker.id} belongs to a pull request or a fork"
    if maker.head_sha != expected.commit_sha:
        return (
            f"run {maker.id} is of another commit than this one: expected {expected.commit_sha[:7]},"
            f" found {maker.head_sha[:7]}"
        )
    if maker.path != expected.workflow_path:
        told = f"`{expected.workflow_path}`" if expected.workflow_path else "one that GITHUB_WORKFLOW_REF names"
        return f"run {maker.id} is of another workflow: expected {told}, found `{maker.path[:_SHOWN]}`"
    if maker.conclusion != "success" and not expected.returns:
        return f"run {maker.id} did not succeed: expected `success`, found `{maker.conclusion or maker.status}`"
    return None


def _fields(value: object) -> dict[str, Any] | None:
    if not isinstance(value, str) or len(value) > LONGEST_ORDER or not value.lstrip().startswith("{"):
        return None
    if _LITERAL_MARK not in value:
        return None
    try:
        fields = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) and fields.keys() >= _MARKS else None
