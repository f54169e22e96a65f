"""Who sees which cache, who may write one, and how long it lasts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.records import Run, ScriptedJob
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.world import World

from .conftest import Call, Moving


def test_caches_are_seen_from_few_places(world: World) -> None:
    """A pull request sees its own, its base's and the default branch's caches; another one sees none of its own."""
    event = {"number": 1, "pull_request": {"base": {"ref": "release"}}}
    mine = world.add_run([ScriptedJob(name="job")], payload=event)
    other = world.add_run([ScriptedJob(name="job")], payload={"number": 2})
    for ref in ("refs/heads/main", "refs/heads/release", "refs/heads/elsewhere"):
        world.vault.add_cache(f"k-{ref}", ref=ref)
    world.vault.save_cache(mine, "k-mine", "v1", b"")
    world.vault.save_cache(mine, "k-mine-newer", "v1", b"")

    def found(run: Run, key: str) -> str | None:
        entry = world.vault.find_cache(run, [key], "v1")
        return entry.key if entry else None

    assert [found(mine, "k-"), found(mine, "k-mine"), found(other, "k-")] == [
        "k-mine-newer",
        "k-mine",
        "k-refs/heads/main",
    ]
    assert found(mine, "k-refs/heads/r") == "k-refs/heads/release"
    assert [found(other, key) for key in ("k-mine", "k-refs/heads/e", "k-refs/heads/r")] == [None, None, None]
    assert world.vault.find_cache(mine, ["k-"], "v2") is None
    with pytest.raises(Refused, match="Unable to reserve"):
        world.vault.save_cache(mine, "k-mine", "v1", b"")


@pytest.mark.parametrize(("event", "mode", "writes"), [
    ("push", "", True), ("schedule", "", True), ("workflow_dispatch", "", True), ("workflow_run", "", False),
    ("pull_request_target", "", False), ("issue_comment", "", False), ("workflow_run", "cache-mode: write", True),
    ("push", "cache-mode: read", False), ("pull_request", "", True),
])  # fmt: skip
def test_some_events_only_read_caches(world: World, event: str, mode: str, *, writes: bool) -> None:
    """The default branch's caches are written by trusted events only, unless the workflow says otherwise."""
    world.repository.add_workflow("ci.yml", f"name: CI\non: push\n{mode}\njobs: {{}}\n")
    run = world.add_run([ScriptedJob(name="job")], event=event, head_branch="main", payload={"number": 1})
    if writes:
        assert world.vault.save_cache(run, "key", "v1", b"").key == "key"
    else:
        with pytest.raises(Refused, match="cache write denied"):
            world.vault.save_cache(run, "key", "v1", b"")


def test_caches_are_evicted(aging: tuple[World, LocalGitHub], clock: Moving) -> None:
    """What nobody used for a week goes, and what was used longest ago when there is no room."""
    world, _ = aging
    run = world.add_run([ScriptedJob(name="job")], event="push", head_branch="main")
    for key in ("used", "unused"):
        world.vault.add_cache(key)
    clock.at += timedelta(days=6)
    world.vault.find_cache(run, ["used"], "v1")
    clock.at += timedelta(days=2)
    assert [entry.key for entry in world.vault.caches()] == ["used"]
    world.vault.cache_storage_bytes = 10
    world.vault.add_cache("large", b"x" * 9)
    clock.at += timedelta(seconds=1)
    world.vault.add_cache("larger", b"x" * 10)
    assert [entry.key for entry in world.vault.caches()] == ["larger"]


def test_caches_are_deleted_by_key(call: Call, world: World) -> None:
    """All entries of exactly this key, or 404."""
    for key, ref in (("a", None), ("a", "refs/heads/x"), ("ab", None)):
        world.vault.add_cache(key, ref=ref)
    assert call("DELETE", "/actions/caches?key=a&ref=refs/heads/x").json()["total_count"] == 1
    assert call("DELETE", "/actions/caches?key=a").json()["total_count"] == 1
    assert call("DELETE", "/actions/caches?key=a").status_code == 404
    assert [entry.key for entry in world.vault.caches()] == ["ab"]
