"""`decision.json`: what was decided about one attempt, for machines, and the schema that describes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from recovery.models.decision import RecoveryPlan
from recovery.models.document import (
    CheckpointDocument,
    DecisionDocument,
    FailureDocument,
    RejectedDocument,
    RollbackDocument,
)
from recovery.models.records import Outcome, PipelineFailure, RecoveryState
from recovery.models.rollback import RollbackOrder

SCHEMA_ID = "https://raw.githubusercontent.com/storyteller/recovery/v1/docs/decision.schema.json"

_DESCRIPTIONS = {
    "version": "Version of this format.",
    "repository": "owner/name of the repository whose run failed.",
    "workflow": "Display name of the workflow.",
    "run_id": "Id of the workflow run.",
    "attempt": "The attempt that this decision is about, counted from 1.",
    "url": "Address of the run; empty when it is not known.",
    "head_sha": "The commit that the run was for.",
    "pull_request": "Number of the run's pull request, or of the merged one whose commit is rolled back.",
    "recovery_id": "Id of the recovery: rec-{run_id}-{attempt}-{n}.",
    "status": "Where the recovery stands. A re-run stays in_progress until its outcome is known.",
    "failures": "The failed jobs of the attempt: causes first, then the jobs that failed only because others did.",
    "decision": "act: it is done. suggest: it is proposed to people. decline: the run stays red.",
    "strategy": "What is done, or proposed.",
    "reasons": "Every reason for the decision, the first one the most telling.",
    "overridden": "Reasons against acting that a person's explicit strategy set aside.",
    "plan": "The ordered steps that follow from the decision.",
    "checkpoints": "What each failed job may continue from, and why one is refused; the job starts over then.",
    "checkpoint_id": "Id of the checkpoint; empty when it is not even known.",
    "name": "Name that the checkpoint was given in the workflow.",
    "errors": "Why work may not continue from it; none when it may.",
    "rollback": "What is gone back to; null where that is not the question.",
    "kind": "How the workflow is rolled back.",
    "environment": "The environment that is deployed to.",
    "bad_sha": "The commit that is rolled back.",
    "target_sha": "The commit that is gone back to; null when none is fit.",
    "target_checkpoint_id": "The checkpoint that is gone back to.",
    "target_run_id": "The run that made it.",
    "rollback_checkpoint_id": "The checkpoint of what stood before.",
    "returns_from": "The rollback that failed half-way, when this one goes back to what stood before it; else null.",
    "reference": "The id or number of what GitHub made of it: a run, a deployment, a pull request.",
    "waits_for": "What it waits for; null when for nothing.",
    "hold_until": "Until when the commit that is rolled back may not be deployed again; null for no hold.",
    "hold_released": "Whether a person has released it.",
    "automatic": "Whether the configuration, not a person, asked for it.",
    "forced": "What spoke against the target, and was set aside by a person.",
    "rejected": "The checkpoints that were looked into and are not gone back to.",
    "commit_sha": "The commit of the checkpoint.",
    "rejections": "Every reason against it.",
    "due_at": "When the plan is to be carried out; null means at once.",
    "decided_at": "When the decision was made.",
    "reran": "Whether GitHub accepted a re-run of this attempt.",
    "outcome": "What the recovery achieved, measured on a later attempt; null while it is not known.",
    "settled_attempt": "The attempt on which the outcome was measured.",
    "detail": "One sentence more on the outcome or on a refusal.",
    "job": "Display name of the failed job.",
    "class": "The cause's class.",
    "retryable": "Whether the same commit may pass on a second try.",
    "confidence": "How sure the verdict is, from 0 to 1.",
    "evidence": "The lines of the log that prove the cause, the best one first.",
    "step": "The step that failed; null when none did, as when a runner is lost.",
    "reason": "Why this class, in one sentence.",
    "fingerprint": "Signature by which the same failure is recognised in other runs.",
    "consequence_of": "The job whose failure made this one fail; null for a cause.",
    "failed_tests": "Ids of the tests that failed, the first 20; none where nothing names any.",
    "line": "Number of the line in the log as GitHub serves it, counted from 1.",
    "text": "The line, or the sentence.",
    "rule": "Id of the rule that recognised the line.",
    "id": "Stable id of the reason.",
}


def decision_document(
    plan: RecoveryPlan, failures: Sequence[PipelineFailure], state: RecoveryState
) -> DecisionDocument:
    """The document of a plan, of the failures it is about, and of what has become of it so far."""
    header, decision, measured = plan.header, plan.decision, state.metadata
    outcome = measured.get("outcome")
    return DecisionDocument(
        repository=header.repository,
        workflow=header.workflow_name,
        run_id=header.run_id,
        attempt=header.attempt,
        url=plan.run_url,
        head_sha=plan.head_sha,
        pull_request=plan.pull_request,
        recovery_id=header.id,
        status=state.status,
        failures=_failures(failures, lead=header.failure_id),
        decision=decision.kind,
        strategy=decision.strategy,
        reasons=decision.reasons,
        overridden=decision.overridden,
        plan=plan.steps,
        checkpoints=tuple(
            CheckpointDocument(
                job=found.job_name, checkpoint_id=found.checkpoint_id, name=found.name, errors=found.errors
            )
            for found in plan.checkpoints
        ),
        rollback=_rollback(plan.rollback, state),
        due_at=plan.due_at,
        decided_at=header.started_at,
        reran=measured.get("accepted") is True or outcome in {Outcome.CLEARED, Outcome.STILL_FAILING},
        outcome=None if outcome is None else Outcome(outcome),
        settled_attempt=measured.get("settled_attempt"),
        detail=str(measured.get("detail") or ""),
    )


def decision_json(document: DecisionDocument) -> str:
    """The document as JSON in plain ASCII, its fields always in the same order; ends with a newline."""
    return json.dumps(document.model_dump(mode="json", by_alias=True), indent=2) + "\n"


def decision_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `decision.json`."""
    generated = DecisionDocument.model_json_schema(by_alias=True, mode="serialization")
    for definition in (generated, *generated.get("$defs", {}).values()):
        for name, described in definition.get("properties", {}).items():
            described["description"] = _DESCRIPTIONS[name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **generated,
        "title": "Storyteller Recovery decision",
    }


def _rollback(order: RollbackOrder | None, state: RecoveryState) -> RollbackDocument | None:
    if order is None:
        return None
    found = order.target_checkpoint_id is not None
    measured = state.metadata
    return RollbackDocument(
        kind=order.kind,
        environment=order.environment,
        bad_sha=order.bad_sha,
        target_sha=order.target_sha if found else None,
        target_checkpoint_id=order.target_checkpoint_id,
        target_run_id=order.target_run_id if found else None,
        rollback_checkpoint_id=order.rollback_checkpoint_id,
        returns_from=order.returns_from,
        reference=measured.get("reference"),
        waits_for=measured.get("waits_for"),
        hold_until=order.hold_until if found else None,
        hold_released=bool(measured.get("hold_released_at")),
        automatic=order.automatic,
        forced=order.forced,
        rejected=tuple(
            RejectedDocument(
                checkpoint_id=rejected.checkpoint_id,
                run_id=rejected.run_id,
                commit_sha=rejected.commit_sha,
                rejections=rejected.reasons,
            )
            for rejected in order.rejected
        ),
    )


def _failures(failures: Sequence[PipelineFailure], lead: str) -> tuple[FailureDocument, ...]:
    """Causes before consequences, the lead first; otherwise in the order given."""
    ordered = sorted(failures, key=lambda failure: (failure.consequence_of is not None, failure.id != lead))
    return tuple(_failure(failure) for failure in ordered)


def _failure(failure: PipelineFailure) -> FailureDocument:
    return FailureDocument.model_validate(
        {
            "job": failure.job_name,
            "class": failure.failure_class,
            "retryable": failure.retryable,
            "confidence": failure.confidence,
            "evidence": failure.evidence,
            "step": failure.step,
            "reason": failure.reason,
            "fingerprint": failure.fingerprint,
            "url": failure.html_url,
            "consequence_of": failure.consequence_of,
            "failed_tests": failure.failed_tests,
        }
    )
