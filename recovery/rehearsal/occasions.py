"""Requests as occasions: what a scenario or a test lets happen when one arrives or was carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from recovery.rehearsal.deeds import Asking
from recovery.rehearsal.faults.happenings import Killed
from recovery.rehearsal.faults.parts import Moment, Role
from recovery.rehearsal.records import Arrival
from recovery.rehearsal.routing import Request
from recovery.rehearsal.workflow import is_recovery
from recovery.rehearsal.world import World


def moment_of(world: World, request: Request) -> Moment:
    """A request as scenarios recognise it."""
    run = world.runs.find(request.run_id) if request.run_id is not None else None
    prefix = f"/repos/{world.repository.name}"
    shortened = request.path.removeprefix(prefix) if request.path.startswith(f"{prefix}/") else request.path
    return Moment(
        method=request.method,
        path=shortened,
        phase=world.stages.of(request.run_id),
        role=Role.RECOVERY if run is None or is_recovery(run) else Role.PIPELINE,
    )


def interrupted(world: World, request: Request, moment: Moment) -> bool:
    """Let happen what is due before a request is looked at; whether it never arrives."""
    asking = _asking(request)
    closing = [world.happen(deed, asking) for deed in world.trouble.happenings_before(moment)]
    return any([*closing, *_called_back(world, request, moment, after=False)])


@dataclass(frozen=True)
class Ended:
    """What became of a request that was carried out: whether its answer gets lost, and what is left to do."""

    closing: bool
    finish: Callable[[], None]


def interrupted_after(world: World, request: Request, moment: Moment) -> Ended:
    """Let happen what is due once a request was carried out; a process is killed only by `finish`."""
    asking = _asking(request)
    due = world.trouble.happenings_after(moment)
    for deed in due:
        if not isinstance(deed, Killed):
            world.happen(deed, asking)
    killed = [deed for deed in due if isinstance(deed, Killed)]

    def finish() -> None:
        for deed in killed:
            world.happen(deed, asking)

    return Ended(any([*killed, *_called_back(world, request, moment, after=True)]), finish)


def _called_back(world: World, request: Request, moment: Moment, *, after: bool) -> list[bool]:
    arrival = Arrival(
        number=len(world.requests) + 1,
        method=request.method,
        path=request.path,
        phase=str(moment.phase),
        run_id=request.run_id,
        process=request.process,
    )
    return [bool(callback(arrival)) for wanted, callback in tuple(world.callbacks) if wanted is after]


def _asking(request: Request) -> Asking:
    _, found, rest = request.path.partition("/actions/runs/")
    number = rest.split("/", maxsplit=1)[0]
    return Asking(run_id=int(number) if found and number.isdigit() else None, process=request.process)
