"""The action's front door: environment in; outputs, job summary, annotations and exit code out."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import sys
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.adapters.runner import RunnerCommands, RunnerContext, inputs_of, make_folder, runner_context, token_of
from recovery.app.admitting import admit
from recovery.errors import RecoveryError, StateError, StrategyUnavailable
from recovery.settings import Mode, Settings

if TYPE_CHECKING:
    from recovery.app.handover import Handover
    from recovery.app.recovering import Result
    from recovery.app.wiring import Workplace
    from recovery.models.document import DecisionDocument
    from recovery.ports import Delivery, Forge

INTERRUPTED = 130
"""128 + SIGINT, as shells count."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of a disk that takes no more."""

DECISION_OUTPUTS = (
    "recovery-id",
    "strategy",
    "failure-class",
    "decision",
    "reason",
    "reran",
    "attempt",
    "json",
    "target-checkpoint-id",
    "target-sha",
    "rollback-reference",
)


def main(environment: Mapping[str, str] | None = None) -> int:
    """Run the mode that the inputs ask for; return the exit code."""
    environment = os.environ if environment is None else environment
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    if isinstance(sys.stdout, io.TextIOWrapper):  # the runner reads UTF-8; Windows would write a code page
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    commands = RunnerCommands(environment)
    try:
        return _run(environment, commands)
    except RecoveryError as error:
        commands.error(f"{error.message}. {_sentence(error.hint)}".strip())
        return error.exit_code
    except KeyboardInterrupt:
        commands.warning("interrupted; the next use settles what was begun")
        return INTERRUPTED
    except OSError as error:
        if error.errno not in NO_ROOM:
            return _own_fault(commands)
        commands.error(
            f"{error.filename or 'a file'} cannot be written: {error.strerror}. Free disk space on the runner."
        )
        return StateError.exit_code
    except Exception:  # the door: whatever else escapes is our own bug, and says so
        return _own_fault(commands)


def _own_fault(commands: RunnerCommands) -> int:
    traceback.print_exc()
    commands.error("storyteller/recovery failed by a fault of its own; nothing further was done. Please report it.")
    return 1


def _run(environment: Mapping[str, str], commands: RunnerCommands) -> int:
    commands.mask(token_of(environment))
    context = runner_context(environment)
    settings = _settings(environment, context)
    admit(context, settings)
    match settings.mode:
        case Mode.CHECKPOINT:
            return _checkpoint(environment, context, settings, commands)
        case Mode.RESTORE:
            return _restore(environment, context, settings, commands)
        case Mode.GUARD:
            return _guard(environment, context, settings, commands)
        case Mode.RECOVER | Mode.SWEEP | Mode.ROLLBACK:
            return _recover(environment, context, settings, commands)
        case Mode.RUN | Mode.FIX:
            raise StrategyUnavailable(
                f"`mode: {settings.mode}` is not available in this version",
                hint="available: `checkpoint`, `restore`, `recover`, `sweep`, `rollback`, `guard`",
            )


def _settings(environment: Mapping[str, str], context: RunnerContext) -> Settings:
    from recovery.app.configuration import settings_for

    inputs = inputs_of(environment)
    if inputs.get("mode", "").strip() == Mode.GUARD and _is_missing(context.workspace / _config_in(inputs)):
        inputs |= {"config": ""}  # a guard stands before the checkout, and asks GitHub for the file
    return settings_for(context.workspace, inputs)


def _is_missing(file: Path) -> bool:
    try:
        return not file.is_file()
    except OSError:  # no file can have this name: whoever reads it says so
        return False


def _config_in(inputs: Mapping[str, str]) -> str:
    from recovery.app.configuration import CONFIG_FILE

    return inputs.get("config", "").strip() or CONFIG_FILE


def _checkpoint(
    environment: Mapping[str, str], context: RunnerContext, settings: Settings, commands: RunnerCommands
) -> int:
    from recovery.app.checkpointing import place_of, save_checkpoint
    from recovery.app.job import running_job

    saved = save_checkpoint(running_job(context, environment), settings, place_of(context, environment))
    for warning in saved.warnings:
        commands.warning(warning)
    commands.set_outputs(
        {
            "checkpoint-id": saved.checkpoint.id,
            "checkpoint-digest": saved.digest,
            "checkpoint-artifact": saved.artifact_name,
            "checkpoint-directory": str(saved.directory),
        }
    )
    print(f"checkpoint {saved.checkpoint.id} recorded as {saved.artifact_name}: {saved.measure}")
    return 0


def _restore(
    environment: Mapping[str, str], context: RunnerContext, settings: Settings, commands: RunnerCommands
) -> int:
    """Continue where an earlier attempt stopped; that it cannot is an error only where it is asked to be one."""
    from recovery.adapters.clock import SystemClock
    from recovery.app.checkpointing import place_of
    from recovery.app.connecting import open_github
    from recovery.app.continuing import Ordered
    from recovery.app.job import running_job
    from recovery.app.restoring import restore_checkpoint
    from recovery.policy.restore_order import order_among
    from recovery.render import plain

    @cache
    def github() -> tuple[Forge, Delivery]:
        make_folder(context.directory)  # requests are written down in it
        return open_github(context, SystemClock())

    order = order_among(context.event.get("inputs"))
    outcome = restore_checkpoint(
        running_job(context, environment),
        settings,
        place_of(context, environment),
        lambda: github()[0],
        context.default_branch,
        ordered=Ordered(order, lambda: github()[1], context.workflow_path or "") if order else None,
    )
    for warning in outcome.warnings:
        commands.warning(warning)
    commands.set_outputs(
        {
            "restored": str(outcome.restored).lower(),
            "checkpoint-id": outcome.checkpoint_id,
            "state": json.dumps(outcome.state),
            "done": json.dumps(outcome.done),
        }
    )
    if outcome.restored:
        found = f"continuing from {outcome.checkpoint_id}: {outcome.reason}"
        print(plain.line(f"{found}; {outcome.files:,} files restored"))
        return 0
    if outcome.problem is not None and settings.fail_on_miss:
        raise outcome.problem
    told = f"nothing was restored, the job runs from the start: {outcome.reason}. {_sentence(outcome.hint)}".strip()
    if outcome.was_expected:
        print(told)
    else:
        commands.warning(told)
    return 0


def _guard(environment: Mapping[str, str], context: RunnerContext, settings: Settings, commands: RunnerCommands) -> int:
    """Stop a job whose commit is on hold; what cannot be told stops nobody."""
    from recovery.app.guarding import guard_deployment

    make_folder(context.directory)  # requests are written down in it
    warning = guard_deployment(
        context,
        settings,
        environment.get("GITHUB_WORKFLOW", ""),
        ref=environment.get("GITHUB_REF", ""),
        config=_config_in(inputs_of(environment)),
    )
    if warning:
        commands.warning(warning)
    else:
        print(f"commit {context.sha[:7]} is not on hold")
    return 0


def _recover(
    environment: Mapping[str, str], context: RunnerContext, settings: Settings, commands: RunnerCommands
) -> int:
    """Plan, execute, or (in the container, which cannot upload between the two) both."""
    from recovery.app.handover import read_handover, write_handover
    from recovery.app.recovering import execute_recovery
    from recovery.app.rolling_back import execute_rolling_back
    from recovery.app.wiring import open_workplace

    phase = environment.get("RECOVERY_PHASE", "")
    commands.set_outputs({"directory": str(context.directory)})
    place = open_workplace(context, settings)
    if phase != "execute":
        handover = _plan(place)
        write_handover(context.directory, handover)
        commands.set_outputs({"plan-artifact": handover.plan_artifact or ""})
    if phase == "plan":
        return 0
    uploaded = not context.on_runner or environment.get("RECOVERY_PLAN_UPLOADED") in {"success", "skipped"}
    execute = execute_rolling_back if settings.mode is Mode.ROLLBACK else execute_recovery
    result = execute(place, read_handover(context.directory), plan_uploaded=uploaded)
    return _report(result, context.directory, commands)


def _plan(place: Workplace) -> Handover:
    from recovery.app.recovering import plan_recovery, target_of
    from recovery.app.rolling_back import asked_in, plan_rolling_back
    from recovery.app.sweeping import plan_sweep

    match place.settings.mode:
        case Mode.SWEEP:
            return plan_sweep(place)
        case Mode.ROLLBACK:
            return plan_rolling_back(place, asked_in(place.settings))
        case _:
            return plan_recovery(place, target_of(place.context, place.settings))


def _report(result: Result, directory: Path, commands: RunnerCommands) -> int:
    from recovery.render.decision import decision_json
    from recovery.render.summary import summary_body

    for warning in result.warnings:
        commands.warning(warning)
    for document in result.documents:
        commands.add_summary(summary_body(document))
    commands.set_outputs(outputs_of(result.main))
    commands.set_outputs({"hold-artifact": result.hold_artifact})
    if result.main is not None:
        (directory / "decision.json").write_text(decision_json(result.main), encoding="utf-8")
    if result.problem is not None:
        raise result.problem
    return 0


def outputs_of(document: DecisionDocument | None) -> dict[str, str]:
    """The outputs of `recover`, `sweep` and `rollback`; all of them, also when there was nothing to decide."""
    from recovery.render.decision import decision_json

    if document is None:
        return dict.fromkeys(DECISION_OUTPUTS, "") | {"decision": "decline", "reran": "false"}
    lead = document.failures[0] if document.failures else None
    rollback = document.rollback
    return {
        "recovery-id": document.recovery_id,
        "strategy": document.strategy,
        "failure-class": lead.failure_class if lead else "",
        "decision": document.decision,
        "reason": document.reasons[0].id,
        "reran": str(document.reran).lower(),
        "attempt": str(document.attempt),
        "json": decision_json(document).strip(),
        "target-checkpoint-id": (rollback.target_checkpoint_id if rollback else None) or "",
        "target-sha": (rollback.target_sha if rollback else None) or "",
        "rollback-reference": (rollback.reference if rollback else None) or "",
    }


def _sentence(hint: str | None) -> str:
    return f"{hint[0].upper()}{hint[1:]}." if hint else ""


if __name__ == "__main__":
    raise SystemExit(main())
