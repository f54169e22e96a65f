"""A bad deployment of a merged pull request: its comment tells of the proposed rollback and of what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recovery.app.recovering import Result, Target, execute_recovery, plan_recovery
from recovery.errors import ForgeError, ForgeRefused, ForgeUnavailable
from recovery.manager import RecoveryManager
from recovery.models.decision import DecisionKind
from recovery.models.records import RecoveryType
from recovery.settings import RollbackRule, Settings
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.store import MemoryStore
from tests.integration.rollback_bench import RollbackBench

NUMBER = 31
COMMAND = "gh workflow run rollback.yml -f workflow=Deploy -f reason='…'"


@pytest.fixture
def merged(tmp_path: Path) -> RollbackBench:
    """A bad deployment, whose commit came by a pull request of a fork."""
    bench = RollbackBench(MemoryStore(), tmp_path)
    bench.forge.branches["main"] = rolled.BAD_SHA
    pull = make.make_pull_request(number=NUMBER, head_sha="e" * 40, head_repository="stranger/widgets")
    bench.forge.add_pull_request(pull, "topic")
    bench.delivery.close(NUMBER, merged=True, by=rolled.BAD_SHA)
    return bench


def recover(bench: RollbackBench, **settings: Any) -> Result:
    """What the recovery workflow does when the bad deployment has failed."""
    place = bench.place(**settings)
    return execute_recovery(place, plan_recovery(place, Target(run_id=rolled.BAD_RUN)))


def told(bench: RollbackBench) -> list[str]:
    """The headlines of the pull request's comments."""
    headings = [comment.body.partition("### ")[2] for comment in bench.forge.threads[NUMBER]]
    return [heading.partition("\n")[0] for heading in headings]


def test_one_comment_tells_it_from_the_proposal_to_the_outcome(merged: RollbackBench) -> None:
    """With the command at first; then it says that a person asked, and what became of it."""
    recover(merged)
    assert ["💡 Deploy can be rolled back: a test failure in `deploy`"] == told(merged)
    assert COMMAND in merged.forge.threads[NUMBER][0].body

    merged.roll_back()
    assert ["🔁 Deploy is being rolled back to commit aaaaaaa"] == told(merged)
    assert COMMAND not in merged.forge.threads[NUMBER][0].body

    merged.end_rollback()
    merged.sweep()
    assert ["✅ Deploy was rolled back to commit aaaaaaa"] == told(merged)


def test_return_is_told_there_while_it_goes_on(merged: RollbackBench) -> None:
    """What failed half-way comes with the way back; who takes it is told in its place."""
    merged.roll_back()
    merged.end_rollback("failure")
    merged.sweep()
    (failed,) = merged.store.recoveries_of(rolled.BAD_RUN, 1)
    assert ["🛑 Deploy: the rollback to commit aaaaaaa failed half-way"] == told(merged)
    kept = failed.rollback_checkpoint_id or ""
    assert f"-f checkpoint={kept}" in merged.forge.threads[NUMBER][0].body

    merged.clock.advance(60)
    merged.roll_back(checkpoint_id=kept)

    assert ["🔁 Deploy is being returned to commit bbbbbbb, which stood before the failed rollback"] == told(merged)


def test_automatic_rollback_is_told_whatever_comes_of_it(merged: RollbackBench) -> None:
    """Nobody asked, so that nobody else would hear that there is nothing to go back to."""
    merged.rule = RollbackRule(kind="redispatch", automatic=True)
    merged.forge.artifacts.clear()

    recover(merged)

    assert ["🛑 Deploy is not rolled back: there is nothing fit to go back to"] == told(merged)


def test_proposal_stays_where_a_rollback_is_declined(merged: RollbackBench) -> None:
    """Whoever asked is told so; the command is still what others need, and nothing is asked for."""
    recover(merged)
    asked = merged.delivery.called("merged_pull_request")
    merged.forge.artifacts.clear()

    merged.roll_back()

    assert ["💡 Deploy can be rolled back: a test failure in `deploy`"] == told(merged)
    assert asked == merged.delivery.called("merged_pull_request")


def test_same_proposal_costs_nothing_more(merged: RollbackBench) -> None:
    """It is on record with its pull request."""
    recover(merged)
    recover(merged)

    assert (1, 1) == (merged.delivery.called("merged_pull_request"), len(told(merged)))


def test_commit_that_was_pushed_has_no_comment(tmp_path: Path) -> None:
    """There is nowhere to tell it but the job's summary."""
    bench = RollbackBench(MemoryStore(), tmp_path)

    assert bench.go()

    assert (None, {}) == (bench.plan().pull_request, bench.forge.threads)


@pytest.mark.parametrize(
    "error",
    [*(ForgeRefused("no", status=status) for status in (403, 404, 422)), ForgeUnavailable("no answer")],
    ids=["403", "404", "422", "no answer"],
)
def test_pull_request_that_cannot_be_found_stops_nothing(
    merged: RollbackBench, caplog: pytest.LogCaptureFixture, error: ForgeError
) -> None:
    """The rollback is proposed and done; the log says why nobody is told."""
    for call in (1, 2):
        merged.delivery.fail("merged_pull_request", error, call=call)

    recover(merged)
    result = merged.roll_back()

    assert (1, None, []) == (merged.effects, result.problem, told(merged))
    assert 2 == caplog.text.count(f"pull request not found recovery_id=rec-{rolled.BAD_RUN}-1-")


@pytest.mark.parametrize("settings", [{"rollback": {}}, {"side_effects": {"deploy": "none"}}])
def test_what_is_not_rolled_back_asks_for_nothing(merged: RollbackBench, settings: dict[str, Any]) -> None:
    """A workflow that is not configured, and a job that deploys nothing, cost what they did, and tell nobody."""
    recover(merged, **settings)

    assert (0, []) == (merged.delivery.called("merged_pull_request"), told(merged))


def test_manager_without_a_delivery_proposes_all_the_same(merged: RollbackBench) -> None:
    """It cannot look for the pull request."""
    settings = Settings(rollback={"Deploy": merged.rule})
    manager = RecoveryManager(merged.store, merged.forge, merged.vault, merged.clock, settings=settings)
    failed = make.make_failure(run_id=rolled.BAD_RUN, workflow_name="Deploy", job_name="deploy")

    plan = manager.plan(failed)

    assert (DecisionKind.SUGGEST, RecoveryType.ROLLBACK) == (plan.decision.kind, plan.decision.strategy)
    assert None is plan.pull_request
