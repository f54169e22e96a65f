"""Incremental saves: what the base holds is referred to, and never what the base's own base held."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from recovery.models.checkpoint import PACKS
from tests.adapters.content.trees import Workspace, described, some_bytes, write_tree

FILES = {f"file-{number}": some_bytes(10_000, seed=number) for number in range(50)}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A folder with files that were saved as `base`."""
    workspace = Workspace(tmp_path)
    write_tree(workspace.root, FILES)
    return workspace


def packs_in(workspace: Workspace, name: str) -> int:
    """How many packs lie in a checkpoint's folder."""
    return len(list((workspace.checkpoints / name / PACKS).iterdir()))


def test_only_what_is_new_is_packed(workspace: Workspace) -> None:
    """The checkpoint names its base, holds the new pack only, and comes back whole with the base at hand."""
    base = workspace.save("base")
    write_tree(workspace.root, {"file-7": b"changed", "new": b"new"})
    saved = workspace.save("next", base=("ckpt-1", base.content))
    assert ("ckpt-1", base.content.packs, 1) == (
        saved.content.base,
        saved.content.base_packs,
        packs_in(workspace, "next"),
    )
    assert len(b"changednew") == saved.content.packs[0].raw_size
    assert described(workspace.root) == described(workspace.restored("next", saved, base="base"))


def test_unchanged_tree_is_a_table_only(workspace: Workspace) -> None:
    """Nothing new makes no pack at all, time after time."""
    base = workspace.save("base")
    workspace.grow_old()
    for name in ("second", "third"):
        saved = workspace.save(name, base=("ckpt-1", base.content))
        assert (0, (), 0) == (saved.new_bytes, saved.content.packs, packs_in(workspace, name))
        assert described(workspace.root) == described(workspace.restored(name, saved, base="base"))


def test_base_of_the_base_is_not_referred_to(workspace: Workspace) -> None:
    """With an incremental checkpoint as base, only the packs that lie in it count as there."""
    first = workspace.save("first")
    write_tree(workspace.root, {"new": some_bytes(5_000, seed=99)})
    second = workspace.save("second", base=("ckpt-1", first.content))
    third = workspace.save("third", base=("ckpt-2", second.content))
    assert ("ckpt-2", second.content.packs) == (third.content.base, third.content.base_packs)
    assert first.content.packs == third.content.packs
    assert described(workspace.root) == described(workspace.restored("third", third, base="second"))


def test_save_without_base_is_self_contained_again(workspace: Workspace) -> None:
    """What was only referred to before lies in the checkpoint itself, taken from the store."""
    base = workspace.save("base")
    write_tree(workspace.root, {"new": b"new"})
    workspace.save("next", base=("ckpt-1", base.content))
    saved = workspace.save("whole")
    assert (None, (), 0) == (saved.content.base, saved.content.base_packs, saved.new_bytes)
    assert described(workspace.root) == described(workspace.restored("whole", saved))


def test_base_that_the_store_does_not_know_is_not_used(workspace: Workspace) -> None:
    """On another machine nothing tells what lies in the base's packs: the checkpoint is self-contained, and right."""
    base = workspace.save("base")
    shutil.rmtree(workspace.store)
    saved = workspace.save("next", base=("ckpt-1", base.content))
    assert None is saved.content.base
    assert described(workspace.root) == described(workspace.restored("next", saved))


def test_packs_of_the_base_need_not_be_in_the_store(workspace: Workspace) -> None:
    """What they hold is remembered; they themselves are where the base is."""
    base = workspace.save("base")
    workspace.grow_old()
    workspace.save("again")
    shutil.rmtree(workspace.store / PACKS)
    saved = workspace.save("next", base=("ckpt-1", base.content))
    assert (0, "ckpt-1") == (saved.reread, saved.content.base)
    assert described(workspace.root) == described(workspace.restored("next", saved, base="base"))
