"""Adapters put behind ports, once per process."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recovery.adapters.clock import SystemClock
from recovery.adapters.journal import Journal, JournalledStore
from recovery.adapters.runner import RunnerContext, make_folder, runner_context
from recovery.adapters.vault import DirectoryVault
from recovery.app.configuration import settings_for
from recovery.app.connecting import open_github
from recovery.inquiry import inquiry_for
from recovery.manager import RecoveryManager
from recovery.monitor import PipelineMonitor
from recovery.ports import Clock, Delivery, Forge, Store
from recovery.recorder import Recorder
from recovery.settings import Settings
from recovery.sync import RecoveryWorkflow

if TYPE_CHECKING:
    from recovery.adapters.github.request_log import RequestLog

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Workplace:
    """Everything a use case works with."""

    context: RunnerContext
    settings: Settings
    store: Store
    """Where events are recorded: journalled on a runner."""
    archive: Store
    """The same store without the journal, for events that other recovery runs have journalled."""
    forge: Forge
    clock: Clock
    manager: RecoveryManager
    monitor: PipelineMonitor
    recorder: Recorder
    requests: RequestLog
    workflow: RecoveryWorkflow | None
    """The recovery workflow this runs in; None off a runner, where no artifact is believed."""
    delivery: Delivery | None = None
    """What rolling back needs of GitHub."""


def open_workplace(context: RunnerContext, settings: Settings) -> Workplace:
    """Wire everything. On a runner a broken cached database is set aside, and everything is journalled.

    Raises:
        RecoveryError: no token, a database that cannot be used, a repository name that is none, a rule that is no rule.
    """
    from recovery.adapters.database.engine import open_store
    from recovery.adapters.github.request_log import RequestLog

    requests = RequestLog(context.request_log)
    inquiry = inquiry_for(settings, default_branch=context.default_branch, counted_as=requests.phase)
    make_folder(context.directory)
    clock = SystemClock()
    archive = open_store(context.database_url, set_aside_broken=context.database_is_cached)
    damage = f"the database was set aside as {archive.set_aside}" if archive.set_aside is not None else ""
    if damage:
        log.warning("the cached database could not be used; it was set aside as %s", archive.set_aside)
    store: Store = JournalledStore(archive, Journal(context.journal)) if context.journal else archive
    forge, delivery = open_github(context, clock, requests)
    vault = DirectoryVault(context.directory / "checkpoints", workspace=context.workspace)
    manager = RecoveryManager(
        store,
        forge,
        vault,
        clock,
        settings=settings,
        own_workflow=context.workflow_path,
        recorded_by=context.author,
        delivery=delivery,
        damage=damage,
        inquiry=inquiry,
    )
    monitor = PipelineMonitor(
        manager, forge, vault, clock, settings=settings, own_workflow=context.workflow_path, inquiry=inquiry
    )
    return Workplace(
        context=context,
        settings=settings,
        store=store,
        archive=archive,
        forge=forge,
        clock=clock,
        manager=manager,
        monitor=monitor,
        recorder=Recorder(store, clock, context.author),
        requests=requests,
        workflow=_recovery_workflow(context, settings, forge, requests),
        delivery=delivery,
    )


def manager_from_environment() -> RecoveryManager:
    """A manager wired from this process's environment."""
    context = runner_context(os.environ)
    return open_workplace(context, settings_for(context.workspace, {})).manager


def _recovery_workflow(
    context: RunnerContext, settings: Settings, forge: Forge, requests: RequestLog
) -> RecoveryWorkflow | None:
    """The workflow whose artifacts are believed. Its branch is asked for only where no event tells it."""
    if context.workflow_path is None:
        return None
    with requests.phase("sync"):
        branch = context.default_branch or forge.default_branch()
    others = tuple(path for path in settings.believed_workflows if path != context.workflow_path)
    return RecoveryWorkflow(path=context.workflow_path, default_branch=branch, others=others)
