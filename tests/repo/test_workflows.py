"""Workflows: pinned, least permissions, clean to every linter, and the same wherever users copy them from."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.repo.sources import (
    DOCUMENTS,
    EXAMPLE_RECOVERY,
    OUR_ACTION,
    OWN_RECOVERY,
    README,
    ROOT,
    WORKFLOWS,
    action,
    fences,
    load,
    mapping,
    must_succeed,
    steps_of,
)

_USES = re.compile(r"^\s*(?:- )?uses: (\S+)(?:[ ]+# (.*))?$", re.MULTILINE)
_PINNED = re.compile(r"([\w-]+/[\w-]+)(?:/[\w/-]+)?@([0-9a-f]{40})")
_VERSION = re.compile(r"v\d+\.\d+\.\d+")


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _quick_start() -> dict[str, Any]:
    """The workflow that README shows."""
    return next(mapping(fence.text) for fence in fences(README, "yaml") if "\njobs:" in fence.text)


def _recovery_workflows() -> list[dict[str, Any]]:
    return [load(OWN_RECOVERY), load(EXAMPLE_RECOVERY), _quick_start()]


def _job(workflow: dict[str, Any]) -> dict[str, Any]:
    job: dict[str, Any] = workflow["jobs"]["recover"]
    return job


def test_every_action_is_pinned_the_same_everywhere() -> None:
    """Each `uses:` is a full commit with its version beside it, and one action has one pin."""
    pins: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for path in (ROOT / "action.yml", *WORKFLOWS, *DOCUMENTS):
        for used, comment in _USES.findall(path.read_text(encoding="utf-8")):
            if used.startswith(OUR_ACTION):
                continue
            pinned = _PINNED.fullmatch(used)
            assert pinned is not None, f"{_name(path)}: {used}"
            assert _VERSION.fullmatch(comment), f"{_name(path)}: {used} # {comment}"
            pins[pinned.group(1)].add((pinned.group(2), comment))
    assert {} == {name: found for name, found in pins.items() if len(found) > 1}
    assert "actions/checkout" in pins


def test_linters_are_content() -> None:
    """zizmor, actionlint and the schemas of GitHub find nothing in the action, the workflows and the examples."""
    files = [_name(path) for path in WORKFLOWS]
    must_succeed("zizmor", "--offline", "--strict-collection", "--quiet", "action.yml", ".github", "examples")
    must_succeed("actionlint", *files)
    must_succeed("check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml")
    must_succeed("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
    must_succeed("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml")


@pytest.mark.parametrize("path", WORKFLOWS, ids=_name)
def test_silenced_findings_say_why(path: Path) -> None:
    """An exception from a linter's rule is followed by its reason."""
    text = path.read_text(encoding="utf-8")
    assert text.count("zizmor: ignore") == len(re.findall(r"# zizmor: ignore\[[a-z-]+\] \w+,? \w+", text))


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=_name)
def test_own_workflows_grant_nothing_by_default(path: Path) -> None:
    """Permissions are empty at the top, named per job, and a checkout leaves no token behind."""
    workflow = load(path)
    assert {} == workflow["permissions"]
    for job in workflow["jobs"].values():
        assert job["permissions"]
        assert int(job["timeout-minutes"]) <= 60
    checkouts = [step for step in steps_of(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert {"false"} == {step["with"]["persist-credentials"] for step in checkouts}


def test_ci_is_what_everybody_can_run() -> None:
    """The CI workflow runs `.ci/run`, which runs `make check` and `make test`, and hides nothing."""
    scripts = [step["run"] for step in steps_of(load(ROOT / ".github" / "workflows" / "ci.yml")) if "run" in step]
    assert ["bash .ci/run"] == scripts
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert "set -euo pipefail" in lines
    assert ["make check", "make test"] == lines[-2:]


def test_recovery_workflows_agree() -> None:
    """The one we use, the one of the example and the one README shows are the same where it matters."""
    jobs = [_job(workflow) for workflow in _recovery_workflows()]
    assert 1 == len({" ".join(job["if"].split()) for job in jobs})
    assert {"actions": "write", "contents": "read", "pull-requests": "write"} == jobs[0]["permissions"]
    assert [jobs[0]["permissions"]] * 3 == [job["permissions"] for job in jobs]
    for job in jobs:
        assert job["concurrency"]["group"].startswith("recovery-${{ github.event.workflow_run.id || ")
        assert "true" != job["concurrency"].get("cancel-in-progress")
        uses = next(step for step in job["steps"] if step["uses"].startswith(OUR_ACTION))
        assert "${{ github.event_name == 'schedule' && 'sweep' || 'recover' }}" == uses["with"]["mode"]
    for workflow in _recovery_workflows():
        assert {} == workflow["permissions"]
        assert {"workflow_run", "schedule"} <= set(workflow["on"])
        assert ["completed"] == workflow["on"]["workflow_run"]["types"]


def test_recovery_workflows_run_nothing() -> None:
    """In a privileged workflow there is no script, and what is checked out is the default branch."""
    for workflow in _recovery_workflows():
        for step in steps_of(workflow):
            assert "run" not in step
            assert "ref" not in step.get("with", {})


def test_the_action_is_used_with_inputs_it_has() -> None:
    """Wherever we show or use the action, its inputs exist."""
    shown = [mapping(fence.text) for fence in fences(README, "yaml") if "\njobs:" in fence.text]
    uses = [step for workflow in [load(path) for path in WORKFLOWS] + shown for step in steps_of(workflow)]
    fragments = [fence.text for path in DOCUMENTS for fence in fences(path, "yaml") if fence.text.startswith("- ")]
    uses += [step for text in fragments for step in mapping(f"steps:\n{text}")["steps"]]
    ours = [step for step in uses if step.get("uses", "").startswith(OUR_ACTION)]
    assert len(ours) >= 4
    assert set() == {name for step in ours for name in step.get("with", {})} - set(action()["inputs"])


def test_watched_workflows_exist() -> None:
    """`workflow_run` names workflows by name: those that our own recovery workflow and the examples watch are there."""
    watching = [path for path in WORKFLOWS if path.name == "recovery.yml"]
    assert {OWN_RECOVERY, EXAMPLE_RECOVERY} < set(watching)
    for path in watching:
        names = {load(sibling)["name"] for sibling in path.parent.glob("*.yml")}
        assert set(load(path)["on"]["workflow_run"]["workflows"]) <= names
