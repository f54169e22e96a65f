"""Which artifacts are believed."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.models.github import Artifact
from recovery.policy.trust import is_own_artifact, is_recovery_run
from tests import builders as make

PATH = ".github/workflows/recovery.yml"


@pytest.mark.parametrize(
    ("over", "own"),
    [({}, True), ({"expired": True}, False), ({"head_repository_id": 2}, False), ({"repository_id": 2}, False)],
)
def test_artifact_of_this_repository(over: dict[str, Any], *, own: bool) -> None:
    """Made from this repository's own commit, and still there."""
    fields = {
        "id": 1,
        "name": "recovery-plan.1.1.1",
        "size_in_bytes": 1,
        "created_at": make.NOW,
        "run_id": 1,
        "repository_id": 1,
        "head_repository_id": 1,
    }
    assert own == is_own_artifact(Artifact(**fields | over))


@pytest.mark.parametrize(
    ("over", "trusted"),
    [
        ({}, True),
        ({"event": "schedule"}, True),
        ({"event": "workflow_dispatch"}, True),
        ({"event": "pull_request"}, False),
        ({"event": "pull_request_target"}, False),
        ({"event": "push"}, False),
        ({"event": "issue_comment"}, False),
        ({"event": ""}, False),
        ({"path": ".github/workflows/recovery.yaml"}, False),
        ({"path": "recovery.yml"}, False),
        ({"path": f"{PATH}@main"}, False),
        ({"head_branch": "feature"}, False),
        ({"head_branch": None}, False),
        ({"head_repository": "stranger/widgets"}, False),
        ({"head_repository": None}, False),
    ],
)
def test_run_of_the_recovery_workflow(over: dict[str, Any], *, trusted: bool) -> None:
    """The recovery workflow as it stands on the default branch, started by what takes the file from there."""
    fields = {"path": PATH, "event": "workflow_run", "head_branch": "main"}
    assert trusted == is_recovery_run(make.make_run(**fields | over), PATH, "main")
