"""Whether the run that this is a step of may do what it was asked to: what only a person may ask for, and where."""

from __future__ import annotations

from recovery.adapters.runner import RunnerContext
from recovery.errors import InputError, StrategyUnavailable
from recovery.settings import Mode, Settings, Strategy

PERSONAL = frozenset({Strategy.RETRY, Strategy.RESUME, Strategy.ROLLBACK})
"""Strategies that set aside what only a person may judge."""

BY_HAND = "workflow_dispatch"


def admit(context: RunnerContext, settings: Settings) -> None:
    """Let a use of the action begin, or say why it may not.

    Raises:
        StrategyUnavailable: this is GitHub Enterprise Server.
        InputError: a person's word is used where no person speaks, or a rollback where nobody would believe it.
    """
    if context.on_enterprise_server:
        raise StrategyUnavailable(
            "GitHub Enterprise Server has no artifacts v4, in which plans, journals and checkpoints are kept",
            hint="use the command line there: `recovery recover RUN_ID`",
        )
    if not context.on_runner:
        return
    if settings.strategy in PERSONAL and context.event_name != BY_HAND:
        raise InputError(
            f"`strategy: {settings.strategy}` is a person's word, and `{context.event_name}` is no person",
            hint="leave `strategy` at `auto`, and let people ask for more by `workflow_dispatch`",
        )
    if settings.mode is Mode.ROLLBACK or settings.strategy is Strategy.ROLLBACK:
        _admit_rollback(context, settings)


def _admit_rollback(context: RunnerContext, settings: Settings) -> None:
    if context.event_name != BY_HAND:
        raise InputError(
            f"to roll back is a person's word, and `{context.event_name}` is no person",
            hint="let people ask for it by `workflow_dispatch`; to have it done without them, set `automatic: true` for"
            " the workflow in .github/recovery.yml",
        )
    if context.ref_name != context.default_branch:
        raise InputError(
            f"this run is of `{context.ref_name}`, and what is not of `{context.default_branch}` is not believed:"
            " neither the sweep nor `mode: guard` would learn of the rollback",
            hint=f"start the workflow on `{context.default_branch}`",
        )
    believed = settings.believed_workflows
    if context.workflow_path not in believed:
        raise InputError(
            f"{context.workflow_path or 'this workflow'} is not believed (but {' and '.join(believed)}): neither the"
            " sweep nor `mode: guard` would learn of the rollback",
            hint="name it in .github/recovery.yml: `rollback-workflow: …`",
        )
