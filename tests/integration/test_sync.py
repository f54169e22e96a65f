"""State that survives a lost cache: what is folded, whom it is believed from, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from recovery.errors import ForgeUnavailable
from recovery.models.events import Event
from recovery.models.github import Artifact
from recovery.models.records import RecoveryStatus
from recovery.sync import (
    RecoveryWorkflow,
    journal_artifact_name,
    plan_artifact_name,
    sync_attempt,
    sync_recent,
)
from tests import builders as make
from tests.fakes.forge import FakeForge
from tests.fakes.store import MemoryStore

WORKFLOW = RecoveryWorkflow(path=".github/workflows/recovery.yml", default_branch="main")
OWN_RUN = 7001
SINCE = make.later(-86400)


def lines(*events: Event) -> bytes:
    """Events as a plan's or journal's file."""
    return b"".join(event.model_dump_json().encode() + b"\n" for event in events)


PLAN = lines(make.failure_observed(), make.recovery_decided())


class Site:
    """A forge with a run of the recovery workflow, and artifacts."""

    def __init__(self, **run: Any) -> None:
        self.forge = FakeForge()
        self.store = MemoryStore()
        fields = {"id": OWN_RUN, "path": WORKFLOW.path, "event": "workflow_run", "head_branch": "main"}
        self.forge.add_run(make.make_run(**fields | run))

    def artifact(self, name: str, content: bytes | None = PLAN, **over: Any) -> int:
        """An artifact of the recovery run; None leaves the file out of it."""
        number = len(self.forge.artifacts) + 1
        fields = {
            "id": number,
            "name": name,
            "size_in_bytes": 100,
            "created_at": make.later(number),
            "run_id": OWN_RUN,
            "repository_id": 1,
            "head_repository_id": 1,
        }
        file = "plan.jsonl" if name.startswith("recovery-plan") else "journal.jsonl"
        self.forge.artifacts[number] = (Artifact(**fields | over), {} if content is None else {file: content})
        return number

    def sync_attempt(self) -> int:
        """Look for the plan of the default attempt."""
        return sync_attempt(self.store, self.forge, WORKFLOW, 1001, 1)

    def sync_recent(self) -> int:
        """Fold everything of the last day."""
        return sync_recent(self.store, self.forge, WORKFLOW, SINCE)


def test_names_are_never_reused() -> None:
    """Each attempt of a recovery run has names of its own."""
    assert ("recovery-plan.1001.2.3", "recovery-journal-3") == (
        plan_artifact_name(1001, 2, 3),
        journal_artifact_name(3),
    )


def test_plan_is_found_by_its_exact_name() -> None:
    """Look-up, the run that made it, the download: three requests, and the store knows the recovery."""
    site = Site()
    site.artifact("recovery-plan.1001.1.1")

    assert 2 == site.sync_attempt()
    assert ["artifacts_named", "run", "artifact_file"] == [call[0] for call in site.forge.calls]
    state = site.store.recovery("rec-1001-1-1")
    assert state is not None
    assert RecoveryStatus.PENDING == state.status


def test_plan_of_a_third_try_costs_five_requests() -> None:
    """The dearest way to a plan is within the budget of `sync`."""
    site = Site()
    site.artifact("recovery-plan.1001.1.3")

    assert 2 == site.sync_attempt()
    assert 5 == len(site.forge.calls)


def test_no_plan_costs_three_requests() -> None:
    """Three names are tried, no more."""
    site = Site()
    site.artifact("recovery-plan.1001.1.4")

    assert 0 == site.sync_attempt()
    assert 3 == len(site.forge.calls)


def test_plan_that_is_folded_already_is_not_downloaded_again() -> None:
    """The second look costs one request and changes nothing."""
    site = Site()
    site.artifact("recovery-plan.1001.1.1")
    site.sync_attempt()
    before = len(site.forge.calls)

    assert 0 == site.sync_attempt()
    assert before + 1 == len(site.forge.calls)


@pytest.mark.parametrize(
    ("run", "artifact"),
    [
        ({"path": ".github/workflows/ci.yml"}, {}),
        ({"head_branch": "feature"}, {}),
        ({"head_repository": "stranger/widgets"}, {}),
        ({"event": "pull_request"}, {}),
        ({"event": "push"}, {}),
        ({}, {"head_repository_id": 2}),
        ({}, {"expired": True}),
    ],
)
def test_strangers_artifacts_are_not_believed(run: dict[str, Any], artifact: dict[str, Any]) -> None:
    """Neither by name nor by the sweep, whatever they hold."""
    for name, sync in (
        ("recovery-plan.1001.1.1", Site.sync_attempt),
        ("recovery-plan.1001.1.1", Site.sync_recent),
        ("recovery-journal-1", Site.sync_recent),
    ):
        site = Site(**run)
        site.artifact(name, **artifact)

        assert 0 == sync(site)
        assert {} == site.store.events
        assert 0 == site.forge.called("artifact_file")


def test_strangers_plan_does_not_hide_ours() -> None:
    """A plan of the same name that somebody else uploaded later is passed over."""
    site = Site()
    site.artifact("recovery-plan.1001.1.1")
    site.forge.add_run(make.make_run(id=8001, path=".github/workflows/ci.yml"))
    site.artifact("recovery-plan.1001.1.1", lines(make.recovery_settled()), run_id=8001)

    assert 2 == site.sync_attempt()


def test_sweep_folds_plans_and_journals_and_nothing_else() -> None:
    """Other artifacts are not looked into; one listing of the workflow's runs serves all."""
    site = Site()
    site.artifact("recovery-plan.1001.1.1")
    site.artifact("recovery-journal-1", lines(make.effect_answered()))
    site.artifact("recovery-checkpoint.1.1.1.a.b")
    site.artifact("dist")

    assert 3 == site.sync_recent()
    assert 1 == site.forge.called("runs_of_workflow")
    assert 2 == site.forge.called("artifact_file")
    state = site.store.recovery("rec-1001-1-1")
    assert state is not None
    assert RecoveryStatus.IN_PROGRESS == state.status


def test_second_sweep_downloads_nothing() -> None:
    """What is folded is remembered, and then the workflow's runs need not be listed either."""
    site = Site()
    site.artifact("recovery-journal-1")
    site.sync_recent()
    site.forge.calls.clear()

    assert 0 == site.sync_recent()
    assert ["artifacts_named"] * 3 + ["artifacts_since"] == [call[0] for call in site.forge.calls]


def test_same_facts_from_plan_and_journal_count_once() -> None:
    """An event that two files hold is one fact."""
    site = Site()
    site.artifact("recovery-plan.1001.1.1")
    site.artifact("recovery-journal-1")

    assert 2 == site.sync_recent()


def test_download_that_fails_is_left_for_another_time() -> None:
    """Trouble with one artifact does not keep the others from being folded, and is not remembered as done."""
    site = Site()
    broken = site.artifact("recovery-journal-1")
    site.artifact("recovery-journal-2", lines(make.effect_answered()))
    site.forge.fail("artifact_file", ForgeUnavailable("down"))

    assert 1 == site.sync_recent()
    assert broken not in site.store.folded([1, 2])
    assert 2 == site.sync_recent()


@pytest.mark.parametrize("content", [None, b"", b"\xff\n", b"{}\n", b"[" * 50_000 + b"\n", PLAN[:-40]])
def test_file_that_cannot_be_read_is_passed_over(content: bytes | None) -> None:
    """Missing, empty, binary, foreign, endless or torn: what can be read is, and it is not tried again."""
    site = Site()
    site.artifact("recovery-journal-1", content)

    readable = 1 if content == PLAN[:-40] else 0
    assert [readable, 0] == [site.sync_recent(), site.sync_recent()]


def test_events_about_another_repository_are_not_folded() -> None:
    """A journal speaks for its own repository only."""
    site = Site()
    foreign = make.failure_observed(failure=make.make_failure(repository="other/repo"))
    site.artifact("recovery-journal-1", lines(foreign, make.failure_observed()))

    assert 1 == site.sync_recent()


def test_other_spelling_of_the_repository_is_the_same_repository() -> None:
    """GitHub's names ignore case, and people write them as they like."""
    site = Site()
    upper = make.failure_observed(failure=make.make_failure(repository=make.REPOSITORY.upper()))
    site.artifact("recovery-journal-1", lines(upper))

    assert 1 == site.sync_recent()


def test_artifact_with_an_unknown_kind_of_event_is_not_ticked_off() -> None:
    """What this version can read is folded; the artifact stays to be read again by a version that knows more."""
    site = Site()
    number = site.artifact("recovery-journal-1", PLAN + b'{"kind": "of-a-later-version", "id": "x"}\n')

    assert [2, 0] == [site.sync_recent(), site.sync_recent()]
    assert frozenset() == site.store.folded([number])
    assert 2 == site.forge.called("artifact_file")


REASONS = make.make_decision().model_dump_json(include={"reasons"}).strip("{}")
REFUSED = [
    (make.failure_observed(), '"job_id":4201', f'"job_id":{2**63}'),
    (make.failure_observed(), '"run_id":1001', f'"run_id":{2**63}'),
    (make.recovery_decided(), '"run_id":1001', f'"run_id":{2**70}'),
    (make.effect_answered(), '"attempt":1', f'"attempt":{2**63}'),
    (make.recovery_decided(), '"run_id":1001', '"run_id":-1'),
    (make.recovery_decided(), REASONS, '"reasons":[]'),
]


@pytest.mark.parametrize("sync", [Site.sync_attempt, Site.sync_recent])
@pytest.mark.parametrize(("event", "before", "after"), REFUSED)
def test_event_that_no_version_writes_costs_its_own_line_only(
    sync: Callable[[Site], int], event: Event, before: str, after: str
) -> None:
    """An id beyond 63 bits or a decision without a reason is refused where events are read; the rest is folded."""
    site = Site()
    text = event.model_dump_json()
    assert before in text
    site.artifact("recovery-plan.1001.1.1", text.replace(before, after).encode() + b"\n" + PLAN)

    assert 2 == sync(site)
    assert site.store.plan("rec-1001-1-1") is not None


def test_journals_are_found_however_many_other_artifacts_there_are() -> None:
    """A listing that never gets to our artifacts hides no journal: those are asked for by their exact names."""
    site = Site()
    for own_attempt in (1, 2, 3):
        event = make.failure_observed(failure=make.make_failure(job_id=own_attempt))
        site.artifact(f"recovery-journal-{own_attempt}", lines(event))
    site.forge.artifacts_since = lambda *_: ()

    assert 3 == site.sync_recent()


def test_named_journal_of_before_the_look_back_is_left() -> None:
    """What is older than the sweep looks back is not folded, although the look-up by name shows it."""
    site = Site()
    site.artifact("recovery-journal-1", created_at=make.later(-86401))

    assert 0 == site.sync_recent()
    assert 0 == site.forge.called("artifact_file")


def test_artifact_of_a_run_older_than_the_listing_is_judged_by_itself() -> None:
    """A busy repository has more recovery runs than one listing shows; an older one is asked for alone."""
    site = Site(created_at=make.later(-7200))
    for number in range(100):
        site.forge.add_run(
            make.make_run(
                id=7100 + number,
                path=WORKFLOW.path,
                event="schedule",
                head_branch="main",
                created_at=make.later(number),
            )
        )
    site.artifact("recovery-journal-1", created_at=make.later(-7100))

    assert 2 == site.sync_recent()
