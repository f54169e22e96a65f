"""Failed workflow runs that recover by themselves, once, for a proven reason, and know when not to.

Everything public is in `__all__`; names are loaded when they are first used, so that `recovery --help` and
checkpoints inside a job start fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recovery.manager import RecoveryManager
    from recovery.models.records import RecoveryState, RecoveryStatus, WorkflowCheckpoint
    from recovery.monitor import PipelineMonitor

__all__ = ["PipelineMonitor", "RecoveryManager", "RecoveryState", "RecoveryStatus", "WorkflowCheckpoint"]

_HOME = {
    "PipelineMonitor": "recovery.monitor",
    "RecoveryManager": "recovery.manager",
    "RecoveryState": "recovery.models.records",
    "RecoveryStatus": "recovery.models.records",
    "WorkflowCheckpoint": "recovery.models.records",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
