"""Concurrency groups, with a thread per run as a runner has."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from recovery.rehearsal.concurrency import Concurrency, Group, groups_of
from recovery.rehearsal.workflow import parse
from recovery.rehearsal.world import World


class Worker:
    """A run that wants to work in a group, in a thread of its own."""

    def __init__(self, concurrency: Concurrency, run_id: int, group: Group) -> None:
        self.may_end = threading.Event()
        self.began: bool | None = None
        self._concurrency, self._run_id, self._groups = concurrency, run_id, (group,)
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()
        time.sleep(0.02)

    def _work(self) -> None:
        with self._concurrency.turn(self._run_id, self._groups) as has_turn:
            self.began = has_turn
            if has_turn:
                self.may_end.wait(5)

    def end(self) -> None:
        self.may_end.set()
        self.thread.join(5)
        time.sleep(0.02)


def test_one_runs_one_waits_and_the_newer_one_displaces_it() -> None:
    """The third run takes the second one's place; whatever the case of the group's name."""
    concurrency = Concurrency(lambda _: None)
    one, two = (Worker(concurrency, number, Group("Deploy")) for number in (1, 2))
    assert (one.began, two.began) == (True, None)
    three, other = Worker(concurrency, 3, Group("deploy")), Worker(concurrency, 4, Group("other"))
    assert (two.began, three.began, other.began) == (False, None, True)
    one.end()
    assert three.began is True
    three.end()
    other.end()


def test_what_is_in_progress_can_be_cancelled_and_lines_can_be_long() -> None:
    """`cancel-in-progress` cancels the one at work; `queue: max` lets all wait; who gives up leaves the line."""
    cancelled: list[int] = []
    concurrency = Concurrency(cancelled.append)
    first = Worker(concurrency, 1, Group("g", cancel_in_progress=True))
    second = Worker(concurrency, 2, Group("g", cancel_in_progress=True))
    assert (cancelled, second.began) == ([1], None)
    first.end()
    assert second.began is True
    waiting = [Worker(concurrency, number, Group("g", queue_all=True)) for number in (3, 4)]
    concurrency.give_up(3)
    second.end()
    assert [worker.began for worker in waiting] == [False, True]
    waiting[1].end()
    assert replace(Group("A"), name="a").key == Group("A").key


DECLARED = """
name: Deploy
on: {workflow_dispatch: {inputs: {place: {type: string}}}}
concurrency: {group: "deploy-${{ inputs.place }}", queue: max}
jobs:
  one: {concurrency: DEPLOY-north, runs-on: x, steps: []}
  two: {concurrency: {group: other, cancel-in-progress: true}, runs-on: x, steps: []}
"""


def test_groups_are_read_from_the_workflow() -> None:
    """Expressions are filled in, and a group that is named twice counts once."""
    world = World()
    workflow = world.repository.add_workflow("deploy.yml", DECLARED)
    run = world.runs.create(
        workflow, event="workflow_dispatch", head_sha="a", head_branch="main", payload={"inputs": {"place": "north"}}
    )
    assert groups_of(run, parse(DECLARED)) == (
        Group("deploy-north", queue_all=True),
        Group("other", cancel_in_progress=True),
    )
    assert groups_of(run, parse("on: push\njobs: {}")) == ()
