"""Where large files are cut: by their bytes alone, however they are read."""

from __future__ import annotations

import io

import pytest

from recovery.adapters.content.chunking import BUFFER, LARGEST_CHUNK, SMALLEST_CHUNK, chunks_of
from tests.adapters.content.trees import some_bytes


def cut(content: bytes, *, buffer: int = BUFFER) -> list[bytes]:
    """The chunks of some bytes."""
    return [bytes(chunk) for chunk in chunks_of(io.BytesIO(content).readinto, bytearray(buffer))]


@pytest.mark.parametrize("length", [1, SMALLEST_CHUNK, LARGEST_CHUNK, LARGEST_CHUNK + 1, BUFFER, 3 * BUFFER + 17])
def test_chunks_are_the_content(length: int) -> None:
    """Nothing is lost or doubled, and no chunk but the last is too short or too long."""
    content = some_bytes(length)
    chunks = cut(content)
    assert content == b"".join(chunks)
    assert all(SMALLEST_CHUNK <= len(chunk) <= LARGEST_CHUNK for chunk in chunks[:-1])
    assert 0 < len(chunks[-1]) <= LARGEST_CHUNK


def test_nothing_has_no_chunks() -> None:
    """An empty file is cut nowhere."""
    assert [] == cut(b"")


@pytest.mark.parametrize("buffer", [LARGEST_CHUNK + 1, 2 * LARGEST_CHUNK, 1_000_003])
def test_cuts_do_not_depend_on_how_much_is_read_at_a_time(buffer: int) -> None:
    """Another buffer gives the same chunks."""
    content = some_bytes(5_000_000)
    assert cut(content) == cut(content, buffer=buffer)


def test_short_reads_do_not_matter() -> None:
    """What reads a little at a time is asked again."""
    content = some_bytes(1_000_000)
    source = io.BytesIO(content)
    chunks = [bytes(chunk) for chunk in chunks_of(lambda room: source.readinto(room[:7_001]), bytearray(BUFFER))]
    assert cut(content) == chunks


@pytest.mark.parametrize("place", [0, 1_500_000, 3_999_999])
def test_insertion_leaves_chunks_elsewhere_alone(place: int) -> None:
    """A few chunks around what was inserted differ, and no other."""
    content = some_bytes(4_000_000)
    before = set(cut(content))
    after = cut(content[:place] + b"inserted here" + content[place:])
    assert sum(len(chunk) for chunk in after if chunk not in before) <= 3 * LARGEST_CHUNK


def test_same_bytes_throughout_are_cut_at_the_longest() -> None:
    """A run of zeros is no worst case."""
    assert {LARGEST_CHUNK} == {len(chunk) for chunk in cut(bytes(8 * LARGEST_CHUNK))}
