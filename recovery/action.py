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
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.adapters.runner import RunnerCommands, RunnerContext, composite_inputs, runner_context, token_of
from recovery.errors import InputError, RecoveryError, StateError, StrategyUnavailable
from recovery.settings import Mode, Settings, Strategy

if TYPE_CHECKING:
    from recovery.app.recovering import Result
    from recovery.models.document import DecisionDocument
    from recovery.ports import Forge

INPUT_PREFIX = "INPUT_"
INTERRUPTED = 130
"""128 + SIGINT, as shells count."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of a disk that takes no more."""
PERSONAL = frozenset({Strategy.RETRY, Strategy.RESUME, Strategy.ROLLBACK})
"""Strategies that set aside what only a person may judge."""

DECISION_OUTPUTS = (
    "recovery-id",
    "strategy",
    "failure-class",
    "decision",
    "reason",
    "reran",
    "attempt",
    "json",
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
    if context.on_enterprise_server:
        raise StrategyUnavailable(
            "GitHub Enterprise Server has no artifacts v4, in which plans, journals and checkpoints are kept",
            hint="use the command line there: `recovery recover RUN_ID`",
        )
    if context.on_runner and settings.strategy in PERSONAL and context.event_name != "workflow_dispatch":
        raise InputError(
            f"`strategy: {settings.strategy}` is a person's word, and `{context.event_name}` is no person",
            hint="leave `strategy` at `auto`, and let people ask for more by `workflow_dispatch`",
        )
    match settings.mode:
        case Mode.CHECKPOINT:
            return _checkpoint(environment, context, settings, commands)
        case Mode.RESTORE:
            return _restore(environment, context, settings, commands)
        case Mode.RECOVER | Mode.SWEEP:
            return _recover(environment, context, settings, commands)
        case Mode.ROLLBACK | Mode.GUARD | Mode.RUN | Mode.FIX:
            raise StrategyUnavailable(
                f"`mode: {settings.mode}` is not available in this version",
                hint="available: `checkpoint`, `restore`, `recover`, `sweep`",
            )


def _settings(environment: Mapping[str, str], context: RunnerContext) -> Settings:
    from recovery.app.configuration import settings_for

    given = {
        name.removeprefix(INPUT_PREFIX).lower().replace("_", "-"): value
        for name, value in environment.items()
        if name.startswith(INPUT_PREFIX)
    }
    inputs = given | composite_inputs(environment)
    return settings_for(context.workspace, inputs)


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
    from recovery.app.connecting import open_forge
    from recovery.app.job import running_job
    from recovery.app.restoring import restore_checkpoint

    def connect() -> Forge:
        context.directory.mkdir(parents=True, exist_ok=True)  # requests are written down in it
        return open_forge(context, SystemClock())

    outcome = restore_checkpoint(
        running_job(context, environment),
        settings,
        place_of(context, environment),
        connect,
        context.default_branch,
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
        print(f"continuing from {outcome.checkpoint_id}: {outcome.reason}; {outcome.files:,} files restored")
        return 0
    if outcome.problem is not None and settings.fail_on_miss:
        raise outcome.problem
    told = f"nothing was restored, the job runs from the start: {outcome.reason}. {_sentence(outcome.hint)}".strip()
    if outcome.was_expected:
        print(told)
    else:
        commands.warning(told)
    return 0


def _recover(
    environment: Mapping[str, str], context: RunnerContext, settings: Settings, commands: RunnerCommands
) -> int:
    """Plan, execute, or (in the container, which cannot upload between the two) both."""
    from recovery.app.handover import read_handover, write_handover
    from recovery.app.recovering import execute_recovery, plan_recovery, target_of
    from recovery.app.sweeping import plan_sweep
    from recovery.app.wiring import open_workplace

    phase = environment.get("RECOVERY_PHASE", "")
    commands.set_outputs({"directory": str(context.directory)})
    place = open_workplace(context, settings)
    if phase != "execute":
        sweeping = settings.mode is Mode.SWEEP
        handover = plan_sweep(place) if sweeping else plan_recovery(place, target_of(context, settings))
        write_handover(context.directory, handover)
        commands.set_outputs({"plan-artifact": handover.plan_artifact or ""})
    if phase == "plan":
        return 0
    uploaded = not context.on_runner or environment.get("RECOVERY_PLAN_UPLOADED") in {"success", "skipped"}
    result = execute_recovery(place, read_handover(context.directory), plan_uploaded=uploaded)
    return _report(result, context.directory, commands)


def _report(result: Result, directory: Path, commands: RunnerCommands) -> int:
    from recovery.render.decision import decision_json
    from recovery.render.summary import summary_body

    for warning in result.warnings:
        commands.warning(warning)
    for document in result.documents:
        commands.add_summary(summary_body(document))
    commands.set_outputs(outputs_of(result.main))
    if result.main is not None:
        (directory / "decision.json").write_text(decision_json(result.main), encoding="utf-8")
    if result.problem is not None:
        raise result.problem
    return 0


def outputs_of(document: DecisionDocument | None) -> dict[str, str]:
    """The outputs of `recover` and `sweep`; all of them, also when there was nothing to decide."""
    from recovery.render.decision import decision_json

    if document is None:
        return dict.fromkeys(DECISION_OUTPUTS, "") | {"decision": "decline", "reran": "false"}
    lead = document.failures[0] if document.failures else None
    return {
        "recovery-id": document.recovery_id,
        "strategy": document.strategy,
        "failure-class": lead.failure_class if lead else "",
        "decision": document.decision,
        "reason": document.reasons[0].id,
        "reran": str(document.reran).lower(),
        "attempt": str(document.attempt),
        "json": decision_json(document).strip(),
    }


def _sentence(hint: str | None) -> str:
    return f"{hint[0].upper()}{hint[1:]}." if hint else ""


if __name__ == "__main__":
    raise SystemExit(main())
