"""What is wrong with a table of files: told from the table alone, each time with the file's name."""

from __future__ import annotations

import pytest

from recovery.models.checkpoint import Chunk, Content, Entry, FileTable, Pack
from recovery.policy.file_links import problems_of_links
from recovery.policy.file_names import problem_of_path, told
from recovery.policy.file_table import MOST_PROBLEMS, Limits, problems_of_content, problems_of_table

DIGEST = bytes(32)
PACK = Pack(digest="a" * 64, size=50, raw_size=100)


def content_of(table: FileTable, **changes: object) -> Content:
    """What an honest writer declares of a table, with changes."""
    fields = {
        "files": len(table.entries),
        "bytes": sum(entry.size for entry in table.entries),
        "table_digest": "b" * 64,
        "table_size": 10,
        "tree_digest": "c" * 64,
        "packs": (PACK,),
    }
    return Content.model_validate(fields | changes)


def table_of(*entries: Entry, chunks: tuple[Chunk, ...] = (Chunk(0, 0, 100, DIGEST),)) -> FileTable:
    """A table of entries over one chunk of 100 bytes."""
    return FileTable(entries, chunks)


def problems(*entries: Entry, limits: Limits | None = None, windows: bool = False) -> list[str]:
    """What is wrong with these entries."""
    table = table_of(*entries)
    return problems_of_table(table, content_of(table), limits or Limits(), windows=windows)


def test_honest_table_has_no_problems() -> None:
    """Files, links and folders, all over."""
    assert [] == problems(
        Entry("a/file", "f", size=100, chunks=(0,)),
        Entry("a/link", "l", target="file"),
        Entry("b", "d", mode=0o700),
        Entry("c", "f", modified=-1),
    )


def test_folder_may_be_listed_with_what_is_in_it() -> None:
    """Its mode is kept then."""
    assert [] == problems(Entry("a", "d", mode=0o500), Entry("a/b", "f"))


@pytest.mark.parametrize(
    "entry",
    [
        Entry("a", "f", mode=-1),
        Entry("a", "f", modified=2**63),
        Entry("a", "f", modified=-(2**70)),
        Entry("a", "f", size=100, chunks=(-1,)),
        Entry("a", "f", size=100, chunks=(1,)),
        Entry("a", "d", size=1),
        Entry("a", "l", target=""),
        Entry("a", "l", target="b\ud800"),
        Entry("a\ud800", "f"),
    ],
)
def test_impossible_entry_is_told_once(entry: Entry) -> None:
    """Numbers that no reader of tables lets through are looked at all the same."""
    (problem,) = problems(entry)

    assert problem.startswith(told(entry.path))


def test_sizes_do_not_make_up_for_each_other() -> None:
    """Their sum may be right."""
    found = problems(Entry("a", "f", size=-100, chunks=(0,)), Entry("b", "f", size=200, chunks=(0,)))

    assert ["'a' is declared with -100 bytes", "'b' is declared with 200 bytes"] == [
        each.split(",")[0] for each in found
    ]


@pytest.mark.parametrize("chunk", [Chunk(0, -1, 5, DIGEST), Chunk(0, 0, -5, DIGEST), Chunk(-1, 0, 5, DIGEST)])
def test_negative_chunk_is_no_chunk(chunk: Chunk) -> None:
    """Counting from the end of something is for programs."""
    table = table_of(Entry("a", "f", size=5, chunks=(0,)), chunks=(chunk,))

    assert "chunk 0" in problems_of_table(table, content_of(table), Limits())[0]


def test_problems_are_told_up_to_a_number() -> None:
    """A million bad names need not be told to be refused."""
    assert MOST_PROBLEMS == len(problems(*[Entry(f"../{number}", "f") for number in range(1000)]))


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(most_files=1), "declares 2 files, at most 1"),
        (Limits(most_bytes=199), "declares 200 bytes of files, at most 199"),
        (Limits(most_chunks=0), "lists 1 chunks, at most 0"),
        (Limits(most_chunks=1), "refers to chunks 2 times, at most 1"),
        (Limits(most_packs=0), "declares 1 packs, at most 0"),
        (Limits(most_pack_bytes=99), "and 100 decompressed, at most 99"),
        (Limits(most_table_bytes=9), "declares a table of 10 bytes, at most 9"),
        (Limits(most_ratio=3, ratio_matters_from=0), "grows from 60 to 200 bytes, more than 3 times"),
        (Limits(most_levels=2), "'a/b/c' lies 2 folders deep"),
        (Limits(longest_path=4), "'a/b/c' is too long"),
        (Limits(longest_name=0), "is too long"),
        (Limits(longest_target=1), "'l' has a target that is no path"),
    ],
)
def test_every_limit_limits(limits: Limits, reason: str) -> None:
    """Each by itself."""
    full = Entry("a/b/c", "f", size=100, chunks=(0,)), Entry("d", "f", size=100, chunks=(0,))
    entries = (*full, Entry("l", "l", target="a/b")) if "target" in reason else full

    found = problems(*entries, limits=limits)

    assert [] == problems(*entries)
    assert any(reason in problem for problem in found)


def test_small_tree_may_be_any_number_of_times_smaller_when_stored() -> None:
    """What fits everywhere is no bomb."""
    table = table_of(Entry("a", "f", size=100, chunks=(0,)))
    tiny = PACK.model_copy(update={"size": 1})

    assert [] == problems_of_content(content_of(table, packs=(tiny,)), Limits(most_ratio=1))


def test_incompressible_pack_may_grow_a_little() -> None:
    """What zstd adds to it is no lie."""
    table = table_of(Entry("a", "f", size=100, chunks=(0,)))
    pack = PACK.model_copy(update={"size": 101})

    assert [] == problems_of_table(table, content_of(table, packs=(pack,)), Limits(most_pack_bytes=100))


@pytest.mark.parametrize(("size", "problems_found"), [(1024 + 101, 0), (1024 + 102, 1)])
def test_pack_is_hardly_longer_than_what_is_in_it(size: int, problems_found: int) -> None:
    """What is longer holds something else than content."""
    table = table_of(Entry("a", "f", size=100, chunks=(0,)))
    pack = PACK.model_copy(update={"size": size})

    assert problems_found == len(problems_of_content(content_of(table, packs=(pack,)), Limits()))


@pytest.mark.parametrize(
    "name", ["con", "NUL.txt", "com1", "LPT9.log", "a<b", "a:b", "a|b", "a?", "a*", 'a"b', "dot.", "blank ", "com¹"]
)
def test_names_of_windows_are_refused_there_only(name: str) -> None:
    """Elsewhere they are names like any other."""
    assert "which Windows does not allow" in problems(Entry(f"x/{name}", "f"), windows=True)[0]
    assert [] == problems(Entry(f"x/{name}", "f"))


@pytest.mark.parametrize("name", ["console", "null", "com", "com10", "lpt", "aux-1", "a.con", "prnt"])
def test_names_like_those_of_windows_are_allowed_there(name: str) -> None:
    """They only look alike."""
    assert [] == problems(Entry(name, "f"), windows=True)


def test_plain_paths_and_odd_ones_are_judged_alike() -> None:
    """A short cut for the many plain paths must not be a way around the rules."""
    odd = ["..", ".git", "a/../b", "a//b", "/a", "a/", "", "a\n", "a/.", "./a", ".recovery-restore-x/y"]

    assert [] == [path for path in odd if problem_of_path(path) is None]


@pytest.mark.parametrize("links", [{"a": "b", "b": "c", "c": "a"}, {"a": "a"}, {"a": "a/../a"}, {"a/b": "../a/b/x"}])
def test_links_in_a_circle_lead_nowhere(links: dict[str, str]) -> None:
    """No system follows them, so that they lead out of nothing."""
    assert [] == list(problems_of_links(links))


def test_very_long_chain_is_followed_as_far_as_systems_follow() -> None:
    """The link that leads out is told, wherever it is in the chain."""
    links = {f"{number}": f"{number + 1}" for number in range(200)} | {"200": "../out"}

    found = list(problems_of_links(links))

    assert any(problem.startswith("'200' is a link to '../out'") for problem in found)
