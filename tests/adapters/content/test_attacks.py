"""Every attack of the corpus is refused for its own reason, and what lies on the disk is as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from recovery.adapters.content.checking import check_content
from recovery.adapters.content.restoring import restore_content
from recovery.errors import CheckpointRejected
from recovery.models.checkpoint import Content
from tests.adapters.content.attacks import ATTACKS
from tests.adapters.content.benign import BENIGN
from tests.adapters.content.forging import Forgery, restored_tree, tree_of


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A folder in which there is more than the destination."""
    world = tmp_path / "world"
    (world / "destination" / "way").mkdir(parents=True)
    (world / "destination" / "innocent.txt").write_text("old")
    (world / "destination" / "leads-out").symlink_to("../outside")
    (world / "outside").mkdir()
    (world / "outside" / "precious").write_text("precious")
    return world


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_refused_and_leaves_no_trace(name: str, world: Path, tmp_path: Path) -> None:
    """Neither in the destination nor beside it is anything written, replaced or removed."""
    content, before = _prepare(name, tmp_path / "checkpoint"), tree_of(world)

    with pytest.raises(CheckpointRejected) as refusal:
        restore_content(tmp_path / "checkpoint", content, world / "destination")

    assert ATTACKS[name].reason in refusal.value.message
    assert before == tree_of(world)


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_does_not_pass_verification_either(name: str, tmp_path: Path) -> None:
    """What `recovery checkpoints verify` calls sound can be restored."""
    content = _prepare(name, tmp_path / "checkpoint")

    with pytest.raises(CheckpointRejected) as refusal:
        check_content(tmp_path / "checkpoint", content)

    assert ATTACKS[name].reason in refusal.value.message


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_makes_no_destination(name: str, tmp_path: Path) -> None:
    """A folder that was not there before is not there afterwards."""
    content = _prepare(name, tmp_path / "checkpoint")

    with pytest.raises(CheckpointRejected):
        restore_content(tmp_path / "checkpoint", content, tmp_path / "new" / "destination")

    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", BENIGN)
def test_benign_twin_is_restored_as_it_is(name: str, tmp_path: Path) -> None:
    """What only looks like an attack is put back whole, beside what was there."""
    forgery = Forgery().file("innocent.txt")
    BENIGN[name](forgery)
    content = forgery.write(tmp_path / "checkpoint")

    restore_content(tmp_path / "checkpoint", content, tmp_path / "destination")

    assert forgery.tree == restored_tree(tmp_path / "destination")


def test_corpus_is_as_large_as_it_should_be() -> None:
    """Forty attacks, fifty twins."""
    assert (len(ATTACKS) >= 40, len(BENIGN) >= 50) == (True, True)


def test_reasons_show_nothing_that_a_terminal_obeys(tmp_path: Path) -> None:
    """A name can hold anything; what is printed of it cannot."""
    content = Forgery().file("\x1b[2J\u202e::error::x\n").write(tmp_path)

    with pytest.raises(CheckpointRejected) as refusal:
        check_content(tmp_path, content)

    assert refusal.value.message.isprintable()


def _prepare(name: str, directory: Path) -> Content:
    forgery = Forgery().file("innocent.txt")
    ATTACKS[name].build(forgery)
    return forgery.write(directory)
