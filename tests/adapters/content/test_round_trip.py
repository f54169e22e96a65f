"""What was saved comes back: for any tree, whole or on top of a base, and over whatever lay there before."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recovery.adapters.content.checking import check_content
from recovery.adapters.content.found import Found
from recovery.adapters.content.restoring import restore_content
from recovery.adapters.content.saving import save_content
from recovery.errors import StateError
from recovery.models.checkpoint import Content
from recovery.policy.file_names import folding_of, problem_of_path
from tests.adapters.content.forging import Place, restored_tree

Tree = dict[str, Place]

PROFILE = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)

NAMES = st.one_of(
    st.sampled_from(
        ["a", "b", "lib", "..x", "a b", "-rf", "ünï", "日本", "e\u0301", ".hidden", "x.tar.gz", "$(x)", "…"]
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=12),
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join).filter(lambda path: problem_of_path(path) is None)
CONTENTS = st.one_of(
    st.binary(max_size=200),
    st.tuples(st.binary(min_size=1, max_size=50), st.integers(1, 20_000)).map(lambda each: each[0] * each[1]),
    st.tuples(st.integers(0, 2**32), st.integers(1, 400_000)).map(lambda each: scrambled(*each)),
)
FILES = st.tuples(st.just("f"), st.integers(0, 0o777).map(lambda mode: mode | 0o400), CONTENTS)
FOLDERS = st.tuples(st.just("d"), st.integers(0, 0o777).map(lambda mode: mode | 0o500), st.none())


def scrambled(seed: int, length: int) -> bytes:
    """Bytes that nothing can be found again in."""
    return blake3(seed.to_bytes(8, "little")).digest(length)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Files, empty folders, and links to anywhere inside, none in the place of another."""
    tree: Tree = {}
    places = draw(st.lists(st.tuples(PATHS, st.one_of(FILES, FILES, FOLDERS)), min_size=1, max_size=12))
    for path, place in places:
        _add(tree, path, place)
    for path in draw(st.lists(PATHS, max_size=4)):
        target = draw(st.sampled_from([*sorted(tree), "not/there", "."]))
        _add(tree, path, ("l", 0o777, os.path.relpath(target, os.path.dirname(path) or ".")))  # noqa: PTH120
    return tree


def _add(tree: Tree, path: str, place: Place) -> None:
    """Add a place unless it stands, or would stand, in another one's way."""
    folded = folding_of(path)
    parents = [folding_of(path[: -len(rest)]) for rest in _ends_of(path)]
    taken = {folding_of(other) for other in tree}
    above = {folding_of(other[: -len(rest)]): other[: -len(rest)] for other in tree for rest in _ends_of(other)}
    mine = {folding_of(path[: -len(rest)]): path[: -len(rest)] for rest in _ends_of(path)}
    fits = folded not in taken | above.keys() and taken.isdisjoint(parents)
    if fits and all(above.get(parent, spelling) == spelling for parent, spelling in mine.items()):
        tree[path] = place


def _ends_of(path: str) -> Iterator[str]:
    """The ends of a path, each from a slash on."""
    for position, letter in enumerate(path):
        if letter == "/":
            yield path[position:]


def plant(tree: Tree, root: Path) -> None:
    """Put a tree on the disk."""
    root.mkdir(exist_ok=True)
    for path, (kind, _, content) in tree.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if kind == "l":
            place.symlink_to(content)
        elif kind == "d":
            place.mkdir()
        else:
            place.write_bytes(content)
    for path, (kind, mode, _) in tree.items():
        if kind != "l":
            (root / path).chmod(mode)


def save(tree: Tree, root: Path, to: Path, base: tuple[str, Content] | None = None) -> Content:
    """Save a tree that lies at `root`."""
    found = [Found(path, str(root / path), (root / path).lstat()) for path in tree]
    return save_content(found, to, store=to.parent / "store", base=base).content


@contextmanager
def workshop() -> Iterator[Path]:
    """A folder for one example."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@PROFILE
@given(trees())
def test_what_was_saved_comes_back(tree: Tree) -> None:
    """Contents, permissions, links, empty folders, names and times."""
    with workshop() as place:
        plant(tree, place / "from")
        content = save(tree, place / "from", place / "checkpoint")

        restore_content(place / "checkpoint", content, place / "to")

        assert tree == restored_tree(place / "to")
        times = [[(root / path).lstat().st_mtime_ns for path in tree] for root in (place / "from", place / "to")]
        assert times[0] == times[1]
        assert sorted(tree) == [entry.path for entry in check_content(place / "checkpoint", content).entries]


@PROFILE
@given(trees(), trees())
def test_second_checkpoint_comes_back_with_its_base(first: Tree, second: Tree) -> None:
    """Whatever of it lies in the first one's packs."""
    with workshop() as place:
        plant(first, place / "from-1")
        base = save(first, place / "from-1", place / "base")
        plant(second, place / "from-2")
        content = save(second, place / "from-2", place / "checkpoint", base=("ckpt-base", base))

        restore_content(place / "checkpoint", content, place / "to", base=place / "base")

        assert second == restored_tree(place / "to")


@PROFILE
@given(trees(), trees())
def test_restored_over_another_tree_every_place_is_one_of_the_two(old: Tree, new: Tree) -> None:
    """All of the new tree is there, and of the old one what the new one does not name; or else nothing has changed."""
    with workshop() as place:
        plant(new, place / "from")
        content = save(new, place / "from", place / "checkpoint")
        plant(old, place / "to")
        before = restored_tree(place / "to")
        try:
            restore_content(place / "checkpoint", content, place / "to")
        except StateError:
            assert before == restored_tree(place / "to")
        else:
            after = restored_tree(place / "to")
            assert new.items() <= (after | {path: new[path] for path in new if new[path][0] == "d"}).items()
            assert after.items() <= (old | new).items()
