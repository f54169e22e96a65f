"""The index: what was written is read back, and anything else is nothing."""

from __future__ import annotations

from array import array

import pytest

from recovery.adapters.content.index import Index, decode_index, encode_index
from recovery.models.checkpoint import Content, Pack

PACK = Pack(digest="a" * 64, size=10, raw_size=20)
INDEX = Index(
    packs=(PACK, Pack(digest="b" * 64, size=1, raw_size=2)),
    last_used=(3, 4),
    saves=4,
    chunks=[(0, 0, 12, b"1" * 32), (0, 12, 8, b"2" * 32), (1, 0, 2, b"3" * 32)],
    paths=["a", "link", "ünïcödé/☃"],
    signatures=[
        (12, 1_700_000_000_000_000_000, 1_700_000_000_000_000_001, 2**63 + 5, 0o100644),
        (1, 2, 3, 4, 0o120777),
        (22, -5, 7, 9, 0o100755),
    ],
    counts=array("I", [1, 0, 3]),
    references=array("I", [0, 0, 1, 2]),
    targets={"link": "ünïcödé/☃"},
    content=Content(files=3, bytes=34, table_digest="c" * 64, table_size=9, tree_digest="d" * 64, packs=(PACK,)),
)


@pytest.mark.parametrize("index", [INDEX, Index()], ids=["full", "empty"])
def test_index_comes_back_as_it_was(index: Index) -> None:
    """Nothing is lost on the way to the disk."""
    assert index == decode_index(encode_index(index))


def test_chunks_of_a_file_are_found() -> None:
    """One chunk, several and none."""
    assert [(0,), (), (0, 1, 2)] == INDEX.numbers()


def test_no_other_bytes_are_an_index() -> None:
    """Cut anywhere, or with any byte changed, it is nothing; so is anything else."""
    data = encode_index(INDEX)
    others = [data[:length] for length in range(len(data))]
    others += [data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :] for at in range(len(data))]
    others += [data + b"\0", b"{}", b"DIRC\0\0\0\2"]
    assert {None} == {decode_index(other) for other in others}
