"""The time limits of an attempt's jobs, wired to its transcript, its processes and the world."""

from __future__ import annotations

from recovery.rehearsal.processes import Processes
from recovery.rehearsal.records import Job
from recovery.rehearsal.staging import Stage
from recovery.rehearsal.timekeeper import USUAL_MINUTES, Limit, Timekeeper
from recovery.rehearsal.transcript import Transcript
from recovery.rehearsal.workflow import jobs_of
from recovery.rehearsal.world import World

# A job that is made to hang is given up after this time, whatever its limit.
_HANGING_SECONDS = 0.5


def timekeeper(
    stage: Stage, transcript: Transcript, world: World, processes: Processes, minute_seconds: float
) -> Timekeeper:
    """A timekeeper for the attempt; a job whose time is up gets GitHub's annotation."""

    def expire(job: Job, limit: Limit) -> None:
        transcript.expire(job.id, limit.message)
        world.annotations.setdefault(job.id, []).append(
            {
                "path": ".github",
                "blob_href": "",
                "start_line": 1,
                "start_column": None,
                "end_line": 1,
                "end_column": None,
                "annotation_level": "failure",
                "title": "",
                "message": limit.message,
                "raw_details": "",
            }
        )

    return Timekeeper(
        _limits(stage, minute_seconds),
        expire=expire,
        stop=lambda job: processes.end_marked(f"RECOVERY_CHECK_RUN_ID={job.id}"),
        is_failing=transcript.has_failed_step,
        minute_seconds=minute_seconds,
    )


def _limits(stage: Stage, minute_seconds: float) -> dict[str, Limit]:
    """The limit of each job; an expression that cannot be read counts as GitHub's own limit."""
    hanging = stage.doomed("hang")
    found = {}
    for key, job in jobs_of(stage.document).items():
        written = job.get("timeout-minutes")
        minutes = float(written) if isinstance(written, (int, float)) else USUAL_MINUTES
        found[key] = Limit(minutes=minutes, seconds=_HANGING_SECONDS if key in hanging else minutes * minute_seconds)
    return found
