"""What the planning step hands to the executing step, which is another process: two files in one folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from recovery.app.wiring import Workplace
from recovery.errors import StateError
from recovery.models.decision import DecisionKind, RecoveryPlan
from recovery.models.document import DecisionDocument
from recovery.models.record import Record
from recovery.models.records import PipelineFailure, RecoveryState
from recovery.models.rollback import Hold
from recovery.render.decision import decision_document
from recovery.sync import PLAN_FILE, plan_artifact_name

HANDOVER_FILE = "handover.json"


class Handover(Record):
    """Which recoveries to execute and to report."""

    execute: tuple[str, ...] = ()
    report: tuple[str, ...] = ()
    retell: tuple[str, ...] = ()
    """Recoveries whose comment is looked after once more: who changed them may not have lived to tell it."""
    main: str | None = None
    """The recovery whose document becomes `decision.json` and the action's outputs."""
    decided: str | None = None
    """The one to execute that was decided about just now; about every other one it is decided again first."""
    plan_artifact: str | None = None
    """Name under which the plan's file is to be uploaded before anything is executed."""
    hold: Hold | None = None
    """The hold of an earlier rollback that was not uploaded: a shell cannot, or whoever was to did not live to."""
    previews: tuple[DecisionDocument, ...] = ()
    """Documents of a dry run, which are not on record."""


def hand_over(
    place: Workplace,
    *,
    plan: RecoveryPlan | None = None,
    failures: Sequence[PipelineFailure] = (),
    settled: Sequence[RecoveryState] = (),
    due: Sequence[str] = (),
) -> Handover:
    """Put together what is to be executed and reported, and write the plan's file for the upload."""
    report = [state.id for state in settled] + list(due)
    if plan is None:
        return Handover(execute=tuple(due), report=tuple(report), main=report[-1] if report else None)
    acting = plan.decision.kind is DecisionKind.ACT and not place.settings.dry_run
    if acting and place.context.on_runner:
        events = place.recorder.written_ahead(plan, failures)
        lines = b"".join(event.model_dump_json().encode() + b"\n" for event in events)
        write_whole(place.context.directory / PLAN_FILE, lines)
    preview = decision_document(plan, failures, place.manager.state_of(plan))
    header = plan.header
    return Handover(
        execute=(*due, header.id) if acting else tuple(due),
        report=(*report, header.id),
        main=header.id,
        decided=header.id if acting and place.manager.has_confirmed(plan) else None,
        plan_artifact=plan_artifact_name(header.run_id, header.attempt, place.context.attempt) if acting else None,
        previews=(preview,) if place.settings.dry_run else (),
    )


def write_handover(directory: Path, handover: Handover) -> None:
    """Write a handover for the next step."""
    write_whole(directory / HANDOVER_FILE, handover.model_dump_json(by_alias=True).encode())


def read_handover(directory: Path) -> Handover:
    """Read the planning step's handover.

    Raises:
        StateError: there is none, or it cannot be read.
    """
    try:
        return Handover.model_validate_json((directory / HANDOVER_FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise StateError("the planning step left no handover", hint="look at the log of the planning step") from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
