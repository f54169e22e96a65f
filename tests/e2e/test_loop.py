"""The loop through a real runner: what the issue of this tool is, scenario by scenario."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable

import pytest

from recovery.rehearsal.scenario import SCENARIOS
from tests.e2e.conftest import Played

Play = Callable[[str], Played]
# Where GitHub misbehaves, what was sent and what arrived are not the same.
UNDISTURBED = [name for name, scenario in SCENARIOS.items() if scenario.is_undisturbed]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_ends_as_it_says(played: Play, name: str) -> None:
    """Each shipped scenario comes to its own ending."""
    assert [] == played(name).problems


@pytest.mark.parametrize("name", UNDISTURBED)
def test_our_request_log_is_the_server_s_access_log(played: Play, name: str) -> None:
    """Every API request a run of recovery made, and no other, is in requests.jsonl, truly told."""
    ended = played(name)

    served = Counter(
        (access.method, access.path, access.status, access.redirect) for access in ended.accesses_of_recovery
    )
    logged = Counter((line["method"], line["path"], line["status"], line["redirect"]) for line in ended.requests)

    assert served == logged
    assert [] == ended.offences


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_request_before_every_rerun_reads_the_run(played: Play, name: str) -> None:
    """Directly before the effect the run is read again."""
    for folder in _by_recovery_run(played(name)):
        for before, request in itertools.pairwise(folder):
            if request.method == "POST" and "rerun" in request.path:
                run = request.path.removesuffix("/rerun-failed-jobs")
                assert ("GET", run) == (before.method, before.path)


def test_network_failure_is_cleared_on_the_second_attempt(played: Play) -> None:
    """Only the failed job and its dependent run again, and the comment ends green."""
    ended = played("network")

    assert [1, 2] == [attempt.number for attempt in ended.pipeline.attempts]
    assert {"integration", "deploy"} == {job.name for job in ended.pipeline.latest.jobs if not job.carried_over}
    assert "success" == ended.pipeline.latest.conclusion
    assert ("act", "retry", "cleared") == _last_word(ended)
    assert ["✅"] == [comment.split("### ")[1][0] for comment in ended.comments]


def test_real_test_failure_is_left_red(played: Play) -> None:
    """A failing test is named and never re-run."""
    ended = played("test-failure")

    assert ("decline", "none", None) == _last_word(ended)
    assert ["test_failure"] == [failure["class"] for failure in ended.decisions[-1]["failures"]]
    assert "real-failure" == ended.decisions[-1]["reasons"][0]["id"]
    assert 0 == ended.accepted_reruns


def test_mixed_failure_is_left_red(played: Play) -> None:
    """One real failure is enough to leave a network failure beside it alone."""
    ended = played("mixed")

    assert {"test_failure", "network"} == {failure["class"] for failure in ended.decisions[-1]["failures"]}
    assert ["real-failure"] == [reason["id"] for reason in ended.decisions[-1]["reasons"]]
    assert 0 == ended.accepted_reruns


def test_second_failure_ends_still_failing(played: Play) -> None:
    """A network failure on both attempts is retried once, settled as still failing, and left to people."""
    ended = played("still-failing")

    assert 1 == ended.accepted_reruns
    assert 2 == len(ended.pipeline.attempts)
    assert "attempt-cap" == ended.decisions[-1]["reasons"][0]["id"]
    assert "attempt 2 failed" in ended.comments[0]


def test_an_event_delivered_twice_at_once_makes_one_rerun(played: Play) -> None:
    """Of two recovery runs for one event, one re-runs and the other records why it did not."""
    ended = played("duplicate-events")

    assert 1 == ended.accepted_reruns
    twins = [decision for decision in ended.decisions if decision["attempt"] == 1 and decision["outcome"] is None]
    assert [False, True] == sorted(decision["reran"] for decision in twins)
    assert all(decision["detail"] or decision["reasons"] for decision in twins if not decision["reran"])


def test_a_lost_event_is_settled_by_the_sweep(played: Play) -> None:
    """When the second event never arrives, the scheduled sweep learns the outcome and mends the comment."""
    ended = played("lost-event")

    assert ("act", "retry", "cleared") == _last_word(ended)
    assert 1 == len(ended.comments)
    assert ended.comments[0].startswith("<!-- storyteller-recovery -->\n### ✅")


def test_requests_stay_within_the_budget(played: Play) -> None:
    """One failed job of a pull request's run costs at most 8 requests, 2 of them writes; settling at most 6.

    What is counted apart: looking for checkpoints, one request where none are; and for a green run to compare with,
    two where neither the branch nor the default branch has one.
    """
    ended = played("network")
    decided, _settled = _by_recovery_run(ended)
    phases = Counter(line["phase"] for line in ended.requests[len(decided) :] if not line["redirect"])

    apart = Counter(line["phase"] for line in ended.requests[: len(decided)] if not line["redirect"])
    asked = [access for access in decided if not access.redirect]
    assert (1, 2) == (apart["checkpoints"], apart["baseline"])
    assert len(asked) <= 8 + 1 + 2
    assert sum(1 for access in asked if access.method != "GET") <= 2
    assert phases["plan"] + phases["settle"] <= 6
    assert phases["sync"] <= 5


def _by_recovery_run(ended: Played) -> list[list]:
    ids = dict.fromkeys(access.run_id for access in ended.accesses)
    return [[access for access in ended.accesses if access.run_id == run_id] for run_id in ids]


def _last_word(ended: Played) -> tuple[str, str, str | None]:
    last = ended.decisions[-1]
    return last["decision"], last["strategy"], last["outcome"]
