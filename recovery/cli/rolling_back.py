"""The command `rollback`: show what would be gone back to and what not, or go back to it."""

from __future__ import annotations

import argparse
import os

from recovery.adapters.database.engine import open_store
from recovery.app.configuration import settings_for
from recovery.app.recovering import Result
from recovery.app.rolling_back import asked_in, execute_rolling_back, plan_rolling_back, why_declined
from recovery.app.wiring import Workplace, open_workplace
from recovery.cli.console import progress, show, show_json
from recovery.cli.context import database_url, local_context, shown_database
from recovery.cli.texts import clipped
from recovery.errors import InputError, NotFoundError
from recovery.models.decision import DecisionKind
from recovery.models.rollback import LAST_KNOWN_GOOD, OVERRIDABLE, RejectionId
from recovery.render.rollback_plan import plan_lines
from recovery.render.timeline import timeline, timeline_of


def rollback(options: argparse.Namespace) -> int:
    """Return to a checkpoint, or, with `--plan` or `--dry-run`, say to which one and change nothing."""
    only_shown = options.plan or options.dry_run
    if not only_shown and not options.reason.strip():
        raise InputError("it is not said why", hint="pass `--reason`, or `--plan` to see what would be done")
    options.checkpoint_id = _checkpoint_id(options.checkpoint_id)
    _check_force(options.force)
    options.repository = _repository(options)
    place = _workplace(options, only_shown=only_shown)
    asked = asked_in(place.settings)
    progress(f"looking into checkpoints of {options.repository}")
    result = execute_rolling_back(place, plan_rolling_back(place, asked))
    for warning in result.warnings:
        progress(f"warning: {warning}")
    _show(options, result)
    if only_shown and result.main is not None and result.main.decision is not DecisionKind.ACT:
        raise why_declined(result.main.reasons)
    if result.problem is not None:
        raise result.problem
    if not only_shown:
        _tell_what_is_left(result)
    return 0


def _checkpoint_id(given: str) -> str:
    """The checkpoint that was named.

    Raises:
        InputError: the name is empty, as of a variable that is not set: that is no word for the newest one.
    """
    if not given.strip():
        raise InputError("`--checkpoint-id` is empty", hint=f"leave it out, or say `{LAST_KNOWN_GOOD}`")
    return given.strip()


def _check_force(given: str) -> None:
    """Check that everything that is to be set aside may be.

    Raises:
        InputError: something may not.
    """
    allowed = [name.value for name in RejectionId if name in OVERRIDABLE]
    firm = next((name for name in map(str.strip, given.split(",")) if name and name not in allowed), None)
    if firm is not None:
        raise InputError(
            f"`{firm[:80]}` cannot be set aside", hint=f"`--force` takes {', '.join(allowed[:-1])} and {allowed[-1]}"
        )


def _workplace(options: argparse.Namespace, *, only_shown: bool) -> Workplace:
    context = local_context(options)
    settings = settings_for(
        context.workspace,
        {
            "mode": "rollback",
            "checkpoint-id": options.checkpoint_id,
            "workflow": options.workflow or "",
            "run-id": "" if options.run_id is None else str(options.run_id),
            "reason": options.reason,
            "force": options.force,
            "dry-run": str(only_shown),
        },
    )
    return open_workplace(context.model_copy(update={"workflow_path": settings.recovery_workflow}), settings)


def _repository(options: argparse.Namespace) -> str:
    """The repository that is named, or else the one of the checkpoint on record."""
    named = str(options.repository or os.environ.get("GITHUB_REPOSITORY", ""))
    if options.checkpoint_id == LAST_KNOWN_GOOD:
        return named
    known = open_store(database_url(options)).checkpoint(options.checkpoint_id)
    if known is None and not named:
        raise NotFoundError(
            f"there is no checkpoint {clipped(options.checkpoint_id)} in {shown_database(options)}",
            hint="`recovery checkpoints list` shows those on record; `--repository owner/name` looks at GitHub, too;"
            f" `--checkpoint-id {LAST_KNOWN_GOOD}` takes the newest that passes every check",
        )
    if known is not None and options.repository and known.repository.casefold() != named.casefold():
        raise InputError(f"checkpoint {known.id} is of {known.repository}, not of {named}", hint="name that one")
    return known.repository if known is not None else named


def _show(options: argparse.Namespace, result: Result) -> None:
    if options.json:
        show_json([document.model_dump(mode="json", by_alias=True) for document in result.documents])
    elif options.plan and result.main is not None:
        show(plan_lines(result.main))
    else:
        show(timeline(timeline_of(result.documents, [])))


def _tell_what_is_left(result: Result) -> None:
    """What a shell cannot do, and a workflow run would: keep the commit on hold, and watch to the end."""
    document = result.main
    if document is None:
        return
    if result.hold_artifact and document.rollback is not None:
        progress(
            f"commit {document.rollback.bad_sha[:7]} is on hold: a shell cannot upload what `mode: guard` looks for,"
            " but the next sweep of the recovery workflow does; until then the guard lets it pass"
        )
    progress(
        f"`recovery sweep` learns how it ends, and `recovery status --recovery-id {document.recovery_id}` shows it;"
        " until then nothing else is rolled back there"
    )
