"""What a recovery workflow's own file says about the workflows it looks after."""

from __future__ import annotations

import pytest

from recovery.policy.watched import watched_workflows


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("on:\n  workflow_run:\n    workflows: [CI, 'Nightly build']\n", ("CI", "Nightly build")),
        ("'on':\n  workflow_run:\n    workflows:\n      - CI\n", ("CI",)),
        ("on:\n  workflow_run: {workflows: [1, true]}\n", ("1", "true")),
        ("on:\n  workflow_run:\n    workflows: CI\n", ()),
        ("on:\n  workflow_run:\n", ()),
        ("on: workflow_run\n", ()),
        ("on: [workflow_run]\n", ()),
        ("on:\n  schedule: []\n", ()),
        ("jobs: {}\n", ()),
        ("", ()),
        ("text", ()),
        ("- list", ()),
        ("on: {", ()),
        ("on: 2026-13-45", ()),
        ("[" * 1500, ()),
        ("\x00", ()),
    ],
)
def test_names_of_the_workflows_that_trigger_it(text: str, names: tuple[str, ...]) -> None:
    """The names under `on.workflow_run.workflows`; a file that is no such workflow watches nothing."""
    assert names == watched_workflows(text)
