"""What somebody who can write artifacts might try, one builder an attack, and what must be said of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import zstandard
from blake3 import blake3

from recovery.models.checkpoint import PACKS, TABLE, Content
from tests.adapters.content.forging import NO_DIGEST, Forgery

GIB = 1024**3


class Attack(NamedTuple):
    """A builder, and words that the refusal must contain."""

    build: Callable[[Forgery], object]
    reason: str


ATTACKS: dict[str, Attack] = {}


def attack(reason: str) -> Callable[[Callable[[Forgery], object]], Callable[[Forgery], object]]:
    """Add a builder to the corpus under its own name."""

    def add(build: Callable[[Forgery], object]) -> Callable[[Forgery], object]:
        ATTACKS[build.__name__] = Attack(build, reason)
        return build

    return add


def _named(name: str, path: str, reason: str) -> None:
    ATTACKS[name] = Attack(lambda forgery: forgery.file(path), reason)


_named("absolute_path", "/etc/cron.d/evil", "is an absolute path")
_named("climbing_path", "../outside.txt", "climbs with `..`")
_named("climbing_inside_a_path", "a/b/../../../outside.txt", "climbs with `..`")
_named("climbing_at_the_end", "a/..", "climbs with `..`")
_named("dot_part", "a/./b", "has the part `.`")
_named("empty_part", "a//b", "has an empty part")
_named("empty_path", "", "has an empty part")
_named("trailing_slash", "a/", "has an empty part")
_named("drive_letter", "C:/Windows/evil.dll", "begins with a drive letter")
_named("drive_relative", "c:evil", "begins with a drive letter")
_named("unc_path", "\\\\server\\share\\evil", "has a backslash")
_named("double_slash_share", "//server/share", "is an absolute path")
_named("backslash_climb", "a\\..\\..\\evil", "has a backslash")
_named("nul_in_path", "a.txt\0.jpg", "has a control character")
_named("newline_in_path", "a\nb", "has a control character")
_named("escape_sequence_in_path", "a\x1b[2Jb", "has a control character")
_named("c1_control_in_path", "a\x9bb", "has a control character")
_named("git_hook", ".git/hooks/post-checkout", "belongs to a git repository")
_named("git_of_a_submodule", "vendor/lib/.git/config", "belongs to a git repository")
_named("git_file", "vendor/.git", "belongs to a git repository")
_named("git_in_capitals", ".GIT/config", "belongs to a git repository")
_named("git_by_its_short_name", "GIT~1/config", "belongs to a git repository")
_named("git_with_a_dot_behind", ".git./config", "belongs to a git repository")
_named("git_with_an_unseen_character", ".g\u200cit/config", "belongs to a git repository")
_named("git_by_a_stream", ".git::$INDEX_ALLOCATION/config", "belongs to a git repository")
_named("staging_folder", ".recovery-restore-x/commit.json", "named like the folder in which a restore is prepared")
_named("staging_folder_in_capitals", ".Recovery-Restore-x", "named like the folder in which a restore is prepared")
_named("path_too_long", "/".join(["a" * 200] * 11), "is too long")
_named("name_too_long", "a" * 256, "is too long")
_named("name_too_long_in_bytes", "ü" * 128, "is too long")
_named("too_deep", "/".join("a" * 300), "folders deep")


def _kind(name: str, kind: str, reason: str) -> None:
    ATTACKS[name] = Attack(lambda forgery: forgery.file("evil", b"", kind=kind), reason)


_kind("hard_link", "h", "is a hard link")
_kind("character_device", "c", "is a character device")
_kind("block_device", "b", "is a block device")
_kind("fifo", "p", "is a FIFO")
_kind("socket", "s", "is a socket")
_kind("unknown_kind", "x", "of the unknown kind 'x'")
_kind("no_kind", "", "of the unknown kind ''")


def _link(name: str, target: str, reason: str = "leads out of the root", path: str = "evil") -> None:
    ATTACKS[name] = Attack(lambda forgery: forgery.link(path, target), reason)


_link("absolute_link", "/etc/passwd", "which is no path below the root")
_link("drive_link", "C:/Windows", "which is no path below the root")
_link("backslash_link", "..\\..\\outside", "which is no path below the root")
_link("climbing_link", "../outside")
_link("deep_climbing_link", "../../../outside", path="a/b/evil")
_link("link_that_climbs_and_returns", "../destination/innocent.txt")
_link("link_to_what_lies_above", "..")
_link("link_that_climbs_from_a_folder_that_is_none", "nowhere/../../outside")
_link("link_with_a_control_character", "a\0b", "has a target that is no path")
_link("link_without_a_target", "", "is a link without a target")
_link("link_with_an_endless_target", "a/" * 3000, "has a target that is no path")


@attack("leads out of the root")
def link_through_another_link(forgery: Forgery) -> None:
    """`deep` leads to a place near the root, from which `evil` climbs."""
    forgery.file("a/b/c/file").link("a/b/deep", "../..").link("evil", "a/b/deep/../outside")


@attack("leads out of the root")
def link_through_a_link_in_capitals(forgery: Forgery) -> None:
    """The same, where case is not told apart."""
    forgery.file("a/b/c/file").link("a/b/Deep", "../..").link("evil", "a/b/deep/../outside")


@attack("leads out of the root")
def link_through_many_links(forgery: Forgery) -> None:
    """Thirty links, each through the one before."""
    forgery.link("link00", "a/b/..")
    for number in range(1, 30):
        forgery.link(f"link{number:02}", f"link{number - 1:02}/./b/..")
    forgery.link("zz/evil", "../link29/../..")


@attack("lead through each other without end")
def links_that_multiply(forgery: Forgery) -> None:
    """Each link wanders about before it leads to the next one."""
    for number in range(250):
        forgery.link(f"n{number:03}", "x/../" * 800 + f"n{number + 1:03}")


@attack("is a link")
def file_below_a_link(forgery: Forgery) -> None:
    """Link, then write: harmless by itself, deadly where the link leads elsewhere."""
    forgery.link("way", "innocent").file("way/evil")


@attack("is a link")
def file_deep_below_a_link(forgery: Forgery) -> None:
    """The same, further down."""
    forgery.link("way", ".").file("way/a/b/evil")


@attack("is a link")
def folder_below_a_link(forgery: Forgery) -> None:
    """The same with a folder."""
    forgery.link("way", "innocent").folder("way/evil")


@attack("is a link")
def link_below_a_link(forgery: Forgery) -> None:
    """The same with a link."""
    forgery.link("way", "innocent").link("way/evil", "x")


@attack("is a file")
def file_below_a_file(forgery: Forgery) -> None:
    """No file is a folder."""
    forgery.file("a").file("a/evil")


@attack("is listed twice")
def duplicate_file(forgery: Forgery) -> None:
    """The second one would win, whoever looked at the first."""
    forgery.file("evil", b"harmless").file("evil", b"harmful")


@attack("is listed twice")
def link_and_file_of_one_name(forgery: Forgery) -> None:
    """Link, then write through it."""
    forgery.link("evil", "innocent.txt").file("evil")


@attack("are one file")
def case_collision(forgery: Forgery) -> None:
    """One file on two of three systems."""
    forgery.file("README").file("readme")


@attack("are one file")
def case_collision_of_folders(forgery: Forgery) -> None:
    """Two folders become one."""
    forgery.file("Lib/a").file("lib/b")


@attack("are one file")
def case_collision_of_link_and_folder(forgery: Forgery) -> None:
    """Link, then write, where case is not told apart."""
    forgery.link("A", "innocent").file("a/evil")


@attack("are one file")
def unicode_collision(forgery: Forgery) -> None:
    """Composed and decomposed, which one system makes the same."""
    forgery.file("caf\u00e9").file("cafe\u0301")


@attack("are one file")
def unicode_case_collision(forgery: Forgery) -> None:
    """Case beyond ASCII."""
    forgery.file("Stra\u00dfe").file("STRASSE")


def _mode(name: str, mode: int, reason: str = "with a setuid, setgid or sticky bit") -> None:
    ATTACKS[name] = Attack(lambda forgery: forgery.file("evil", mode=mode), reason)


_mode("setuid", 0o4755)
_mode("setgid", 0o2755)
_mode("sticky", 0o1755)
_mode("mode_of_another_kind", 0o120777, "impossible mode")


@attack("its chunks have 8")
def file_that_claims_less(forgery: Forgery) -> None:
    """An entry's size is another than its chunks'."""
    forgery.file("evil", size=1)


@attack("declares 1 bytes of files, its table sums up to 16")
def content_that_claims_less(forgery: Forgery) -> None:
    """The sum is another than declared."""
    forgery.file("evil").declared["bytes"] = 1


@attack("declares 1 files, its table lists 2")
def count_that_lies(forgery: Forgery) -> None:
    """More files than declared."""
    forgery.file("evil").declared["files"] = 1


@attack("is no file and has content")
def link_with_content(forgery: Forgery) -> None:
    """A link that is a file, too."""
    forgery.file("evil", kind="l", target="innocent.txt")


@attack("has one and is none")
def file_with_a_target(forgery: Forgery) -> None:
    """A file that is a link, too."""
    forgery.file("evil", target="innocent.txt")


@attack("refers to a chunk that the table does not list")
def chunk_that_is_none(forgery: Forgery) -> None:
    """A number beyond the chunks."""
    forgery.file("evil", chunks=[99])


@attack("does not lie in its pack")
def chunk_beyond_its_pack(forgery: Forgery) -> None:
    """Whatever lies in memory behind it."""
    forgery.file("evil")
    forgery.chunks[-1][1] = 1_000_000


@attack("does not lie in its pack")
def empty_chunk(forgery: Forgery) -> None:
    """A chunk of nothing, which could be there any number of times."""
    forgery.file("evil")
    forgery.chunks.append([0, 0, 0, blake3(b"").hexdigest()])


@attack("lies in pack 7 of 1")
def chunk_in_no_pack(forgery: Forgery) -> None:
    """A pack that is not declared."""
    forgery.file("evil")
    forgery.chunks[-1][0] = 7


@attack("two chunks overlap")
def overlapping_chunks(forgery: Forgery) -> None:
    """The same bytes counted many times over."""
    data = b"0123456789"
    forgery.file("evil", data)
    for start in range(5):
        forgery.chunks.append([0, forgery.chunks[-1][1] + 1, 9 - start, NO_DIGEST])


@attack("like a bomb")
def ratio_bomb(forgery: Forgery) -> None:
    """A few stored bytes that become gigabytes, one chunk used again and again."""
    number = forgery.chunk(bytes(1_000_000))
    forgery.file("bomb", b"", size=50_000 * 1_000_000, chunks=[number] * 50_000)


@attack("bytes of files, at most")
def size_bomb(forgery: Forgery) -> None:
    """More than any workspace has."""
    forgery.declared["bytes"] = 300 * GIB


@attack("files, at most")
def count_bomb(forgery: Forgery) -> None:
    """More entries than any workspace has."""
    forgery.declared["files"] = 50_000_000


@attack("bytes long when decompressed, at most")
def table_bomb(forgery: Forgery) -> None:
    """A table of nothing but blanks."""
    forgery.edit_table = lambda table: table + b" " * 50_000_000


@attack("bytes long when decompressed, at most 1048576 are read")
def table_that_grows_too_much(forgery: Forgery) -> None:
    """As much as so many files may need, from next to nothing."""
    forgery.edit_table = lambda table: table + b" " * 5_000_000


@attack("'[' is in it")
def table_of_empty_lists(forgery: Forgery) -> None:
    """Few bytes, each of which takes fifty in memory."""
    forgery.edit_table = lambda table: table.replace(b'"chunks": [', b'"chunks": [' + b"[]," * 300_000, 1)


@attack("'{' is in it")
def table_of_empty_objects(forgery: Forgery) -> None:
    """The same with what takes even longer."""
    forgery.edit_table = lambda table: table.replace(b'"chunks": [', b'"chunks": [' + b"{}," * 300_000, 1)


@attack("',' is in it")
def table_of_numbers(forgery: Forgery) -> None:
    """The same with numbers."""
    forgery.edit_table = lambda table: table.replace(b'"chunks": [', b'"chunks": [' + b"1.5," * 200_000, 1)


@attack("declares a table of")
def endless_table(forgery: Forgery) -> None:
    """A table for which there is no memory."""
    forgery.declared["table_size"] = 2**62


@attack("at most 67108864 are read")
def stored_pack_bomb(forgery: Forgery) -> None:
    """A stored pack for which there is no memory."""
    forgery.afterwards.append(lambda _, content: _with_pack(content, size=2**62))


@attack("more than any needs")
def pack_of_empty_blocks(forgery: Forgery) -> None:
    """A byte behind so many blocks of nothing that walking over them takes minutes."""
    forgery.compress = lambda raw: _with_empty_blocks(raw, 1_000_000)


@attack("it has more than 2017 blocks")
def large_pack_of_empty_blocks(forgery: Forgery) -> None:
    """The same in a pack that may be as long."""
    forgery.next_pack().chunk(bytes(500_000))
    forgery.compress = lambda raw: _with_empty_blocks(raw, len(raw) // 100)


@attack("decompressed, at most")
def pack_bomb(forgery: Forgery) -> None:
    """A pack for which there is no memory."""

    forgery.afterwards.append(lambda _, content: _with_pack(content, raw_size=8 * GIB))


@attack("of its size when decompressed, 15 bytes are declared")
def pack_that_is_longer_than_declared(forgery: Forgery) -> None:
    """The frame tells another size."""
    forgery.file("evil").afterwards.append(lambda _, content: _with_pack(content, raw_size=15))
    forgery.chunks[-1][2] = 7
    forgery.entries[-1][3] = 7


@attack("says nothing of its size when decompressed")
def pack_that_hides_its_size(forgery: Forgery) -> None:
    """A frame without a size could be of any."""
    forgery.compress = zstandard.ZstdCompressor(write_content_size=False).compress


@attack("its digest is")
def changed_pack(forgery: Forgery) -> None:
    """One bit of a pack, flipped."""
    forgery.file("evil", os.urandom(500)).afterwards.append(lambda directory, content: _flip(_pack(directory, content)))


@attack("have another digest")
def changed_chunk(forgery: Forgery) -> None:
    """A sound pack, in which other bytes lie than the table says."""
    forgery.file("evil", chunks=[forgery.chunk(b"harmful\n", digest=blake3(b"harmless").digest())])


@attack("the table of files is damaged: its digest is")
def changed_table(forgery: Forgery) -> None:
    """One bit of the table, flipped."""
    forgery.afterwards.append(lambda directory, _: _flip(directory / TABLE))


@attack("the tree of files has the digest")
def another_tree(forgery: Forgery) -> None:
    """A table that is sound in itself, and another one's."""
    forgery.declared["tree_digest"] = NO_DIGEST


@attack("is missing")
def missing_pack(forgery: Forgery) -> None:
    """A pack that is not there."""
    forgery.afterwards.append(lambda directory, content: _pack(directory, content).unlink())


@attack("the table of files is missing")
def missing_table(forgery: Forgery) -> None:
    """A table that is not there."""
    forgery.afterwards.append(lambda directory, _: (directory / TABLE).unlink())


@attack("undeclared pack")
def extra_pack(forgery: Forgery) -> None:
    """A file among the packs that nobody declared."""

    def add(directory: Path, _: Content) -> None:
        (directory / PACKS / f"{NO_DIGEST}.zst").write_bytes(b"?")

    forgery.afterwards.append(add)


@attack("no chunk lies in the pack")
def unused_pack(forgery: Forgery) -> None:
    """A declared pack that no file needs."""
    forgery.next_pack().raw[-1].extend(b"hidden")


@attack("declares the pack")
def pack_declared_twice(forgery: Forgery) -> None:
    """The same pack under two numbers."""

    def declare(_: Path, content: Content) -> Content:
        return content.model_copy(update={"packs": content.packs * 2})

    forgery.afterwards.append(declare)


@attack("bytes, ")
def truncated_pack(forgery: Forgery) -> None:
    """A pack that ends early."""

    def cut(directory: Path, content: Content) -> None:
        pack = _pack(directory, content)
        pack.write_bytes(pack.read_bytes()[:-3])

    forgery.file("evil", os.urandom(500)).afterwards.append(cut)


@attack("is no single zstd frame")
def truncated_frame(forgery: Forgery) -> None:
    """A frame that ends early, digest and size declared accordingly."""
    forgery.file("evil", os.urandom(500)).compress = lambda raw: zstandard.compress(raw)[:-3]


@attack("is no single zstd frame")
def two_frames(forgery: Forgery) -> None:
    """Another frame behind the first."""
    forgery.compress = lambda raw: zstandard.compress(raw) + zstandard.compress(b"hidden")


@attack("is no single zstd frame")
def bytes_behind_the_frame(forgery: Forgery) -> None:
    """Something hidden behind the frame."""
    forgery.compress = lambda raw: zstandard.compress(raw) + b"hidden"


@attack("is no single zstd frame")
def pack_that_is_none(forgery: Forgery) -> None:
    """Anything but zstd."""
    forgery.compress = lambda raw: b"PK\x03\x04" + raw


@attack("needs a window of")
def endless_window(forgery: Forgery) -> None:
    """A frame for which two gigabytes of memory are needed."""
    forgery.compress = _with_window_of_2_gib


@attack("is no plain file")
def folder_instead_of_a_pack(forgery: Forgery) -> None:
    """Something else where a pack should be."""

    def replace(directory: Path, content: Content) -> None:
        _pack(directory, content).unlink()
        _pack(directory, content).mkdir()

    forgery.afterwards.append(replace)


@attack("cannot be read")
def link_instead_of_a_pack(forgery: Forgery) -> None:
    """A file of the runner, read as if it were a pack."""

    def replace(directory: Path, content: Content) -> None:
        _pack(directory, content).unlink()
        _pack(directory, content).symlink_to("/etc/passwd")

    forgery.afterwards.append(replace)


@attack("needs the packs of its base 'ckpt-base'")
def missing_base(forgery: Forgery) -> None:
    """Half of it lies in a checkpoint that is not given."""
    forgery.next_pack().file("evil", b"evil").in_base = 1


@attack("names no base")
def base_packs_without_a_base(forgery: Forgery) -> None:
    """Packs of a base that has no name."""
    forgery.next_pack().file("evil", b"evil").in_base = 1
    forgery.declared["base"] = None


def _table(name: str, old: bytes, new: bytes, reason: str) -> None:
    def build(forgery: Forgery) -> None:
        forgery.edit_table = lambda table: table.replace(old, new, 1)

    ATTACKS[name] = Attack(build, reason)


_table("table_with_nan", b'"f", 420', b'"f", NaN', "NaN is no number")
_table("table_with_infinity", b'"f", 420', b'"f", -Infinity', "-Infinity is no number")
_table("table_with_a_huge_number", b'"f", 420', b'"f", 4' + b"2" * 10_000, "a number has 10001 digits")
_table("table_with_a_huge_exponent", b'"f", 420', b'"f", 1e999', "is too large")
_table("table_with_a_fraction", b'"f", 420', b'"f", 420.0', "the mode of")
_table("table_with_a_negative_size", b"420, 8", b"420, -8", "the size of")
_table("table_with_a_truth_for_a_number", b'"f", 420', b'"f", true', "the mode of")
_table("table_nested_deeply", b'"format": 1', b'"format": ' + b"[" * 50_000 + b"]" * 50_000, "is damaged")
_table("table_nested_a_little_too_deeply", b'"format": 1', b'"format": ' + b"[" * 80 + b"]" * 80, "levels deep")
_table("table_with_a_key_twice", b'"format": 1', b'"format": 1, "entries": []', "in one object twice")
_table("table_with_more_parts", b'"format": 1', b'"format": 1, "run": "rm"', "other parts")
_table("table_of_another_format", b'"format": 1', b'"format": 2', "has format")
_table("table_with_a_mark_in_front", b"{", b"\xef\xbb\xbf{", "byte order mark")
_table("table_that_is_no_utf8", b"innocent", b"inn\xffcent", "is not UTF-8")
_table("table_with_half_a_character", b"innocent", b"inn\\ud800cent", "only half there")
_table("table_that_is_a_list", b"{", b"[{", "is damaged")


def _pack(directory: Path, content: Content) -> Path:
    return directory / PACKS / f"{content.packs[0].digest}.zst"


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _with_pack(content: Content, **changes: int) -> Content:
    return content.model_copy(update={"packs": (content.packs[0].model_copy(update=changes), *content.packs[1:])})


def _with_empty_blocks(raw: bytes, count: int) -> bytes:
    """A frame with so many blocks of nothing in front of its own."""
    frame = zstandard.compress(raw)
    first = zstandard.frame_header_size(frame)
    return frame[:first] + bytes(3 * count) + frame[first:]


def _with_window_of_2_gib(raw: bytes) -> bytes:
    """A frame by hand: magic, 8 bytes of content size, window log 31, one raw block."""
    descriptor = 0b1100_0000
    window = (31 - 10) << 3
    block = (len(raw) << 3 | 1).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd" + bytes([descriptor, window]) + len(raw).to_bytes(8, "little") + block + raw
