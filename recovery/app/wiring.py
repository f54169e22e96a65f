"""Adapters put behind ports, once per process."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from recovery.adapters.clock import SystemClock
from recovery.adapters.journal import Journal, JournalledStore
from recovery.adapters.runner import RunnerContext, runner_context
from recovery.adapters.vault import DirectoryVault
from recovery.app.configuration import settings_for
from recovery.manager import RecoveryManager
from recovery.monitor import PipelineMonitor
from recovery.ports import Clock, Forge, Store
from recovery.recorder import Recorder
from recovery.settings import Settings
from recovery.sync import RecoveryWorkflow

if TYPE_CHECKING:
    from recovery.adapters.github.request_log import RequestLog

ManagerT = TypeVar("ManagerT")


@dataclass(frozen=True)
class Workplace:
    """Everything a use case works with."""

    context: RunnerContext
    settings: Settings
    store: Store
    forge: Forge
    clock: Clock
    manager: RecoveryManager
    monitor: PipelineMonitor
    recorder: Recorder
    requests: RequestLog
    workflow: RecoveryWorkflow | None
    """The recovery workflow this runs in; None off a runner, where no artifact is believed."""


def open_database(context: RunnerContext, *, set_aside_broken: bool = False) -> Store:
    """The store alone, for use cases that need no GitHub."""
    from recovery.adapters.database.engine import open_store

    return open_store(context.database_url, set_aside_broken=set_aside_broken)


def open_workplace(context: RunnerContext, settings: Settings) -> Workplace:
    """Wire everything. On a runner a broken cached database is set aside, and everything is journalled.

    Raises:
        RecoveryError: no token, a database that cannot be used, a repository name that is none.
    """
    from recovery.adapters.github.forge import GitHubForge
    from recovery.adapters.github.request_log import RequestLog

    context.directory.mkdir(parents=True, exist_ok=True)
    clock = SystemClock()
    requests = RequestLog(context.request_log)
    store = open_database(context, set_aside_broken=context.on_runner)
    if context.journal is not None:
        store = JournalledStore(store, Journal(context.journal))
    forge = GitHubForge(
        context.repository,
        context.token.get_secret_value(),
        api_url=context.api_url,
        request_log=requests,
        clock=clock,
    )
    vault = DirectoryVault(context.directory / "checkpoints", workspace=context.workspace)
    manager = RecoveryManager(
        store,
        forge,
        vault,
        clock,
        settings=settings,
        own_workflow=context.workflow_path,
        recorded_by=context.author,
    )
    return Workplace(
        context=context,
        settings=settings,
        store=store,
        forge=forge,
        clock=clock,
        manager=manager,
        monitor=PipelineMonitor(manager, forge, vault, clock, settings=settings),
        recorder=Recorder(store, clock, context.author),
        requests=requests,
        workflow=_recovery_workflow(context),
    )


def manager_from_environment(factory: Callable[..., ManagerT]) -> ManagerT:
    """A manager made by `factory` from this process's environment."""
    context = runner_context(os.environ)
    workplace = open_workplace(context, settings_for(context.workspace, {}))
    return factory(
        workplace.store,
        workplace.forge,
        DirectoryVault(context.directory / "checkpoints", workspace=context.workspace),
        workplace.clock,
        settings=workplace.settings,
        own_workflow=context.workflow_path,
        recorded_by=context.author,
    )


def _recovery_workflow(context: RunnerContext) -> RecoveryWorkflow | None:
    if context.workflow_path is None or not context.default_branch:
        return None
    return RecoveryWorkflow(path=context.workflow_path, default_branch=context.default_branch)
