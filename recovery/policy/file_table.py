"""What is wrong with a checkpoint's table of files, before a byte of it is restored: nothing in it is believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from recovery.models.checkpoint import Chunk, Content, Entry, FileTable, Pack
from recovery.models.record import Number, Record
from recovery.policy.file_links import problems_of_links
from recovery.policy.file_names import folding_of, is_text, problem_of_path, told

MOST_PROBLEMS = 20
"""Problems that are told of one table: the first ones say enough."""

_PERMISSIONS = 0o777
_SPECIAL_BITS = 0o7000
LAST_MOMENT = 2**63
"""Nanoseconds that a time must be less away from 1970."""

_LEAST_GAIN = 100
"""What cannot be compressed grows, by less than a hundredth."""

_FRAMING = 1024
"""Bytes that the frame of even the shortest pack may add."""

_KINDS_REFUSED = {
    "h": "a hard link",
    "c": "a character device",
    "b": "a block device",
    "p": "a FIFO",
    "s": "a socket",
}


class Limits(Record):
    """How much a checkpoint may hold: far more than honest ones do, far less than fills a machine."""

    most_files: Number = 1_000_000
    most_chunks: Number = 4_000_000
    most_packs: Number = 100_000
    most_bytes: Number = 200 * 1024**3
    most_table_bytes: Number = 256 * 1024**2
    """Bytes of the table when decompressed."""
    most_pack_bytes: Number = 64 * 1024**2
    """Bytes of one pack when decompressed, for which there must be memory."""
    most_ratio: Number = 1_000
    """Bytes restored for each byte stored."""
    ratio_matters_from: Number = 1024**3
    """Bytes restored below which the ratio does not matter: they fit everywhere."""
    most_levels: Number = 256
    """Folders in each other."""
    longest_path: Number = 2_048
    """Bytes of a path in UTF-8."""
    longest_name: Number = 255
    """Bytes of one part of a path in UTF-8."""
    longest_target: Number = 4_095
    """Bytes of a link's target in UTF-8."""


def problems_of_content(content: Content, limits: Limits) -> list[str]:
    """What is wrong with a checkpoint's declarations alone, before anything they declare is opened."""
    return list(islice(_in_declarations(content, limits), MOST_PROBLEMS))


def problems_of_table(table: FileTable, content: Content, limits: Limits, *, windows: bool = False) -> list[str]:
    """What is wrong with a table, and with what is declared of it; empty when it may be restored.

    `windows` adds what only Windows cannot hold. Each problem names the file it is about.
    """
    found = problems_of_content(content, limits)
    found += islice(_in_sums(table, content, limits), MOST_PROBLEMS - len(found))
    if not found:
        found += islice(_in_chunks(table, content), MOST_PROBLEMS)
    if not found:
        found += islice(_in_entries(table, limits, windows=windows), MOST_PROBLEMS)
    return found


def _in_declarations(content: Content, limits: Limits) -> Iterator[str]:
    packs = (*content.packs, *content.base_packs)
    stored = content.table_size + sum(pack.size for pack in packs)
    if content.files > limits.most_files:
        yield f"it declares {content.files} files, at most {limits.most_files} are restored"
    if content.bytes > limits.most_bytes:
        yield f"it declares {content.bytes} bytes of files, at most {limits.most_bytes} are restored"
    if content.bytes > max(limits.ratio_matters_from, stored * limits.most_ratio):
        yield (f"it grows from {stored} to {content.bytes} bytes, more than {limits.most_ratio} times, like a bomb")
    if content.table_size > limits.most_table_bytes:
        yield f"it declares a table of {content.table_size} bytes, at most {limits.most_table_bytes} are read"
    if len(packs) > limits.most_packs:
        yield f"it declares {len(packs)} packs, at most {limits.most_packs} are read"
    if content.base is None and content.base_packs:
        yield "it refers to packs of a base and names no base"
    for digest, times in Counter(pack.digest for pack in packs).items():
        if times > 1:
            yield f"it declares the pack {digest} {times} times"
    for pack in packs:
        yield from _in_pack(pack, limits)


def _in_pack(pack: Pack, limits: Limits) -> Iterator[str]:
    if max(pack.raw_size, pack.size - pack.size // _LEAST_GAIN) > limits.most_pack_bytes:
        yield (
            f"the pack {pack.digest} has {pack.size} bytes and {pack.raw_size} decompressed, "
            f"at most {limits.most_pack_bytes} are read"
        )
    elif pack.size > pack.raw_size + pack.raw_size // _LEAST_GAIN + _FRAMING:
        yield f"the pack {pack.digest} has {pack.size} bytes for {pack.raw_size} decompressed, more than any needs"
    if pack.size == 0 or pack.raw_size == 0:
        yield f"the pack {pack.digest} is declared to be empty"


def _in_sums(table: FileTable, content: Content, limits: Limits) -> Iterator[str]:
    if len(table.entries) != content.files:
        yield f"it declares {content.files} files, its table lists {len(table.entries)}"
    if len(table.chunks) > limits.most_chunks:
        yield f"its table lists {len(table.chunks)} chunks, at most {limits.most_chunks} are read"
    times = sum(len(entry.chunks) for entry in table.entries)
    if times > limits.most_chunks:
        yield f"its table refers to chunks {times} times, at most {limits.most_chunks} are followed"
    total = sum(entry.size for entry in table.entries)
    if total != content.bytes:
        yield f"it declares {content.bytes} bytes of files, its table sums up to {total}"


def _in_chunks(table: FileTable, content: Content) -> Iterator[str]:
    packs = (*content.packs, *content.base_packs)
    placed: list[list[Chunk]] = [[] for _ in packs]
    for number, chunk in enumerate(table.chunks):
        if not 0 <= chunk.pack < len(packs):
            yield f"chunk {number} lies in pack {chunk.pack} of {len(packs)}"
        elif chunk.length <= 0 or chunk.offset < 0 or chunk.offset + chunk.length > packs[chunk.pack].raw_size:
            yield (
                f"chunk {number} with {chunk.length} bytes at {chunk.offset} does not lie in its pack "
                f"of {packs[chunk.pack].raw_size} bytes"
            )
        else:
            placed[chunk.pack].append(chunk)
    for pack, chunks in zip(packs, placed, strict=True):
        yield from _in_order(pack, chunks)
    for number, pack in enumerate(content.packs):
        if not placed[number]:
            yield f"no chunk lies in the pack {pack.digest}"


def _in_order(pack: Pack, chunks: list[Chunk]) -> Iterator[str]:
    end = 0
    for chunk in sorted(chunks, key=lambda chunk: chunk.offset):
        if chunk.offset < end:
            yield f"two chunks overlap at {chunk.offset} of the pack {pack.digest}"
        end = chunk.offset + chunk.length


def _in_entries(table: FileTable, limits: Limits, *, windows: bool) -> Iterator[str]:
    places = _Places()
    lengths = [chunk.length for chunk in table.chunks]
    paths_are_sound = True
    for entry in table.entries:
        problem = problem_of_place(entry.path, limits, windows=windows) or places.take(entry)
        if problem is not None:
            paths_are_sound = False
            yield f"{told(entry.path)} {problem}"
        if not _is_plain_file(entry):
            yield from _in_kind(entry, limits)
        problem = _of_size(entry, lengths)
        if problem is not None:
            yield f"{told(entry.path)} {problem}"
    yield from places.below_no_folder()
    if paths_are_sound:
        yield from problems_of_links({entry.path: entry.target for entry in table.entries if entry.kind == "l"})


def problem_of_place(path: str, limits: Limits, *, windows: bool = False) -> str | None:
    """Why nothing may be restored under a path, as the end of a sentence about it; None when it may."""
    problem = problem_of_path(path, windows=windows)
    if problem is not None:
        return problem
    if path.count("/") >= limits.most_levels:
        return f"lies {limits.most_levels} folders deep or more"
    if len(path) * 4 > min(limits.longest_name, limits.longest_path) and _is_too_long(path.encode(), limits):
        return "is too long to be restored"
    return None


def _is_too_long(path: bytes, limits: Limits) -> bool:
    return len(path) > limits.longest_path or max(map(len, path.split(b"/"))) > limits.longest_name


def _is_plain_file(entry: Entry) -> bool:
    return entry.kind == "f" and not entry.target and 0 <= entry.mode <= _PERMISSIONS and _is_moment(entry.modified)


def _in_kind(entry: Entry, limits: Limits) -> Iterator[str]:
    if entry.kind not in {"f", "l", "d"}:
        kind = _KINDS_REFUSED.get(entry.kind, f"of the unknown kind {entry.kind[:20]!r}")
        yield f"{told(entry.path)} is {kind}; only files, links and folders are restored"
    if entry.mode & _SPECIAL_BITS:
        yield f"{told(entry.path)} has the mode {entry.mode:o} with a setuid, setgid or sticky bit"
    elif not 0 <= entry.mode <= _PERMISSIONS:
        yield f"{told(entry.path)} has the impossible mode {entry.mode}"
    if not _is_moment(entry.modified):
        yield f"{told(entry.path)} was changed at an impossible time"
    if (entry.kind == "l") != bool(entry.target):
        yield f"{told(entry.path)} is a link without a target, or has one and is none"
    elif not is_target(entry.target, limits):
        yield f"{told(entry.path)} has a target that is no path"


def is_target(target: str, limits: Limits) -> bool:
    """Whether a link may be restored that points there, as far as the text alone tells."""
    return is_text(target) and len(target.encode()) <= limits.longest_target


def _is_moment(nanoseconds: int) -> bool:
    return -LAST_MOMENT < nanoseconds < LAST_MOMENT


def _of_size(entry: Entry, lengths: list[int]) -> str | None:
    if entry.kind != "f" and (entry.size or entry.chunks):
        return "is no file and has content"
    if entry.chunks and not 0 <= min(entry.chunks) <= max(entry.chunks) < len(lengths):
        return "refers to a chunk that the table does not list"
    length = sum([lengths[number] for number in entry.chunks])
    return None if length == entry.size else f"is declared with {entry.size} bytes, its chunks have {length}"


class _Places:
    """The places that entries take, and the folders above them, as a file system without case sees them."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        """Each folder above an entry, with the first entry below it."""
        self._spellings: dict[str, str] = {}

    def take(self, entry: Entry) -> str | None:
        """Note an entry's place; tell who has it already, as the end of a sentence about the entry."""
        if entry.path in self._kinds:
            return "is listed twice"
        self._kinds[entry.path] = entry.kind
        alike = self._spell(entry.path)
        folder = entry.path.rpartition("/")[0]
        while folder and folder not in self._folders:
            self._folders[folder] = entry.path
            alike = self._spell(folder) or alike
            folder = folder.rpartition("/")[0]
        return alike

    def below_no_folder(self) -> Iterator[str]:
        """Entries that lie below a file or a link."""
        for folder, below in self._folders.items():
            kind = self._kinds.get(folder, "d")
            if kind != "d":
                yield f"{told(below)} lies below {told(folder)}, which is a {'link' if kind == 'l' else 'file'}"

    def _spell(self, path: str) -> str | None:
        first = self._spellings.setdefault(folding_of(path), path)
        if first == path:
            return None
        return f"and {told(first)} are one file where case or Unicode forms are not told apart"
