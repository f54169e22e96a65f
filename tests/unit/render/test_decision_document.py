"""`decision.json` and its schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from recovery.models.decision import DecisionKind
from recovery.models.document import DecisionDocument
from recovery.models.events import RecoveryEvent
from recovery.models.records import Outcome, RecoveryStatus
from recovery.policy.lifecycle import project
from recovery.render.decision import decision_document, decision_json, decision_schema
from tests.builders import (
    effect_answered,
    effect_requested,
    make_decision,
    make_failure,
    make_plan,
    recovery_decided,
    recovery_settled,
)
from tests.unit.render.samples import cleared, hostile_text, left_red, make_failed

VALIDATOR = jsonschema.Draft202012Validator(decision_schema())


def document_after(*events: RecoveryEvent, **over: Any) -> DecisionDocument:
    """The document of the default plan once these events have followed it."""
    plan = make_plan(**over)
    return decision_document(plan, [make_failure()], project([recovery_decided(plan=plan), *events]))


def test_a_plan_that_waits() -> None:
    """Before anything was done, nothing is said to have been done."""
    document = document_after()
    actual = (document.status, document.reran, document.outcome, document.settled_attempt, document.detail)
    assert (RecoveryStatus.PENDING, False, None, None, "") == actual


def test_an_accepted_rerun() -> None:
    """An accepted effect makes the document say that the attempt was re-run."""
    document = document_after(effect_requested(), effect_answered())
    assert (RecoveryStatus.IN_PROGRESS, True) == (document.status, document.reran)


def test_a_requested_rerun_is_not_an_accepted_one() -> None:
    """Without an answer the re-run is not said to have happened."""
    document = document_after(effect_requested())
    assert (RecoveryStatus.IN_PROGRESS, False) == (document.status, document.reran)


def test_a_refused_rerun_tells_why() -> None:
    """A refusal's reason is in the document."""
    document = document_after(effect_answered(accepted=False, detail="403"))
    assert (RecoveryStatus.FAILED, False, "403") == (document.status, document.reran, document.detail)


def test_an_acceptance_outweighs_a_later_refusal() -> None:
    """When two runs asked, the accepted re-run is the fact."""
    document = document_after(effect_answered(detail="yes"), effect_answered(accepted=False, detail="403"))
    assert (True, "yes") == (document.reran, document.detail)


def test_a_settled_rerun() -> None:
    """The outcome and the attempt that it was measured on are in the document, and the re-run is still known."""
    document = document_after(effect_answered(), recovery_settled())
    actual = (document.status, document.reran, document.outcome, document.settled_attempt)
    assert (RecoveryStatus.COMPLETED, True, Outcome.CLEARED, 2) == actual


def test_a_declined_plan() -> None:
    """A decision to leave the run keeps its reasons."""
    document = document_after(decision=make_decision(kind=DecisionKind.DECLINE))
    assert (RecoveryStatus.DECLINED, DecisionKind.DECLINE) == (document.status, document.decision)
    assert make_decision(kind=DecisionKind.DECLINE).reasons == document.reasons


def test_causes_come_before_consequences_and_the_lead_first() -> None:
    """The lead failure is the first one, jobs that failed because of others are last."""
    gate = make_failure(job_id=1, job_name="gate", consequence_of="test")
    other = make_failure(job_id=2, job_name="other")
    plan = make_plan()
    document = decision_document(plan, [gate, other, make_failure()], project([recovery_decided(plan=plan)]))
    assert ["test", "other", "gate"] == [failure.job for failure in document.failures]


def test_json_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    """The JSON of a decision is its golden text, field for field."""
    golden("decision/left-red.json", decision_json(left_red()))


def test_json_has_the_promised_fields() -> None:
    """The fields that the design promises are there under their names."""
    written = json.loads(decision_json(cleared()))
    promised = {"run_id", "attempt", "recovery_id", "failures", "decision", "strategy", "reasons", "plan", "outcome"}
    assert promised <= set(written)
    assert {"job", "class", "retryable", "confidence", "evidence"} <= set(written["failures"][0])
    assert "failure_class" not in written["failures"][0]


@given(hostile_text)
def test_json_is_ascii_and_can_be_read_back(value: str) -> None:
    """Whatever a document holds, its JSON is ASCII, follows the schema and reads back as the same document."""
    document = cleared(workflow=value, failures=(make_failed(job=value),))
    written = decision_json(document)
    assert written.isascii()
    assert written.endswith("}\n")
    VALIDATOR.validate(json.loads(written))
    assert document == DecisionDocument.model_validate_json(written)


def test_schema_is_a_valid_schema_with_everything_described() -> None:
    """The schema is sound, has an id and a title, and describes every property."""
    schema = decision_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "https://json-schema.org/draft/2020-12/schema" == schema["$schema"]
    assert schema["$id"].startswith("https://")
    assert "Storyteller Recovery decision" == schema["title"]
    for definition in (schema, *schema["$defs"].values()):
        assert all(described["description"] for described in definition.get("properties", {}).values())


def test_schema_counts_lines_from_one() -> None:
    """A line that no log has does not follow the schema."""
    written = json.loads(decision_json(cleared()))
    written["failures"][0]["evidence"] = [{"line": 0, "text": "boom", "rule": "a-rule"}]
    with pytest.raises(jsonschema.ValidationError, match="less than the minimum of 1"):
        VALIDATOR.validate(written)


def test_schema_refuses_other_decisions() -> None:
    """A document with an unknown decision does not follow the schema."""
    written = json.loads(decision_json(cleared())) | {"decision": "perhaps"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, decision_schema())
