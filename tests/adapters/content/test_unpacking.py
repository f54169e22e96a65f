"""The artifact's zip: what is no checkpoint is refused, with nothing unpacked."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from recovery.adapters.content import unpacking
from recovery.adapters.content.restoring import restore_content
from recovery.adapters.content.unpacking import unpack_artifact
from recovery.errors import CheckpointRejected, StateError, UnknownSchema
from recovery.models.checkpoint import PACKS, TABLE, particulars_of
from recovery.models.manifest import MANIFEST, MANIFEST_LIMIT, manifest_bytes, read_manifest
from tests.adapters.content.forging import Forgery, tree_of
from tests.builders import make_checkpoint


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint's folder, with its manifest."""
    folder = tmp_path / "checkpoint"
    content = Forgery().file("a", b"a" * 3000).next_pack().file("b").write(folder)
    manifest = manifest_bytes(make_checkpoint(metadata={"content": content.model_dump(mode="json")}))
    (folder / MANIFEST).write_bytes(manifest)
    return folder


def members_of(checkpoint: Path) -> dict[str, bytes]:
    """The files of a checkpoint by the names they have in the zip."""
    files = [path for path in sorted(checkpoint.rglob("*")) if path.is_file()]
    return {path.relative_to(checkpoint).as_posix(): path.read_bytes() for path in files}


def zipped(
    members: dict[str, bytes],
    *more: tuple[zipfile.ZipInfo | str, bytes],
    method: int = zipfile.ZIP_STORED,
    edit: Callable[[bytearray], object] | None = None,
) -> bytes:
    """A zip of members, and of more that may have the same names."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in (*members.items(), *more):
            archive.writestr(name, content)
    changed = bytearray(data.getvalue())
    if edit is not None:
        edit(changed)
    return bytes(changed)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_artifact_becomes_the_folder_it_was(method: int, checkpoint: Path, tmp_path: Path) -> None:
    """And can be restored from."""
    (tmp_path / "zip").write_bytes(zipped(members_of(checkpoint), method=method))

    unpack_artifact(tmp_path / "zip", tmp_path / "new" / "unpacked")

    unpacked = tmp_path / "new" / "unpacked"
    assert tree_of(checkpoint) == tree_of(unpacked)
    assert [unpacked] == list((tmp_path / "new").iterdir())
    content = particulars_of(read_manifest((unpacked / MANIFEST).read_bytes(), source="")).content
    assert content is not None
    assert 2 == restore_content(unpacked, content, tmp_path / "restored").files


def test_checkpoint_of_state_only_has_only_a_manifest(tmp_path: Path) -> None:
    """It holds no files."""
    (tmp_path / "zip").write_bytes(zipped({MANIFEST: manifest_bytes(make_checkpoint())}))

    unpack_artifact(tmp_path / "zip", tmp_path / "unpacked")

    assert {MANIFEST, PACKS} == set(tree_of(tmp_path / "unpacked"))


def test_empty_folder_may_be_unpacked_into(checkpoint: Path, tmp_path: Path) -> None:
    """And the folder of packs may be a member of its own."""
    (tmp_path / "zip").write_bytes(zipped(members_of(checkpoint), (f"{PACKS}/", b"")))
    (tmp_path / "unpacked").mkdir()

    unpack_artifact(tmp_path / "zip", tmp_path / "unpacked")

    assert tree_of(checkpoint) == tree_of(tmp_path / "unpacked")


def test_full_folder_is_left_alone(checkpoint: Path, tmp_path: Path) -> None:
    """Nothing is unpacked over something else."""
    (tmp_path / "zip").write_bytes(zipped(members_of(checkpoint)))
    before = tree_of(checkpoint)

    with pytest.raises(StateError, match="cannot be unpacked into"):
        unpack_artifact(tmp_path / "zip", checkpoint)

    assert before == tree_of(checkpoint)


def _with(name: str, mode: int = 0, content: bytes = b"evil") -> Callable[[dict[str, bytes]], bytes]:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return lambda members: zipped(members, (info, content))


def _instead(name: str, mode: int) -> Callable[[dict[str, bytes]], bytes]:
    def build(members: dict[str, bytes]) -> bytes:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        content = members.pop(name)
        return zipped(members, (info, content))

    return build


def _without(name: str) -> Callable[[dict[str, bytes]], bytes]:
    return lambda members: zipped({key: content for key, content in members.items() if not key.startswith(name)})


def _listed(form: str, values: dict[int, int]) -> Callable[[dict[str, bytes]], bytes]:
    """A zip whose list says something else of the table: `values` by where they lie in its row."""

    def edit(data: bytearray) -> None:
        row = data.rindex(TABLE.encode()) - 46
        assert b"PK\x01\x02" == data[row : row + 4]
        for place, value in values.items():
            struct.pack_into(form, data, row + place, value)

    return lambda members: zipped(members, edit=edit)


def _grown(_: dict[str, bytes]) -> bytes:
    """A table that is declared as it is, and grows a thousand times."""
    table = bytes(5_000_000)
    digest = "0" * 64
    fields = {"files": 0, "bytes": 0, "tree_digest": digest, "table_digest": digest, "table_size": len(table)}
    manifest = manifest_bytes(make_checkpoint(metadata={"content": fields}))
    return zipped({MANIFEST: manifest, TABLE: table}, method=zipfile.ZIP_DEFLATED)


def _many_grown(_: dict[str, bytes]) -> bytes:
    """Packs of which each is small enough for its growth not to matter, and longer than what is in it."""
    digests = [f"{number:064x}" for number in range(3)]
    packs = [{"digest": digest, "size": 1_000_000, "raw_size": 1} for digest in digests]
    zeros = "0" * 64
    fields = {"files": 1, "bytes": 1, "tree_digest": zeros, "table_digest": zeros, "table_size": 1, "packs": packs}
    manifest = manifest_bytes(make_checkpoint(metadata={"content": fields}))
    members = {MANIFEST: manifest, TABLE: b"x"} | {f"{PACKS}/{digest}.zst": bytes(1_000_000) for digest in digests}
    return zipped(members, method=zipfile.ZIP_DEFLATED)


def _placed_at(offset: int) -> Callable[[dict[str, bytes]], bytes]:
    """A zip whose list says in 64 bits where its first member begins."""

    def edit(data: bytearray) -> None:
        row = data.index(b"PK\x01\x02")
        extra = struct.pack("<HHQ", 1, 8, offset)
        (name,) = struct.unpack_from("<H", data, row + 28)
        struct.pack_into("<H", data, row + 30, len(extra))
        struct.pack_into("<I", data, row + 42, 2**32 - 1)
        data[row + 46 + name : row + 46 + name] = extra
        end = data.rindex(b"PK\x05\x06")
        (size,) = struct.unpack_from("<I", data, end + 12)
        struct.pack_into("<I", data, end + 12, size + len(extra))

    return lambda members: zipped(members, edit=edit)


ATTACKS: dict[str, tuple[Callable[[dict[str, bytes]], bytes], str]] = {
    "another_file": (_with("evil.sh"), "'evil.sh', which is no part of a checkpoint"),
    "absolute_path": (_with("/etc/passwd"), "which is no part"),
    "climbing_path": (_with("../evil"), "which is no part"),
    "climbing_pack": (_with(f"{PACKS}/../../evil"), "which is no part"),
    "backslash": (_with(f"{PACKS}\\{'0' * 64}.zst"), "which is no part"),
    "drive": (_with("C:evil"), "which is no part"),
    "name_in_capitals": (_with("Manifest.json"), "which is no part"),
    "folder": (_with("evil/", 0o40755, b""), "which is no part"),
    "folder_of_packs_with_content": (_with(f"{PACKS}/"), "which is no part"),
    "nested_zip": (_with("more.zip", content=zipped({"evil": b""})), "which is no part"),
    "pack_with_a_long_name": (_with(f"{PACKS}/{'0' * 65}.zst"), "which is no part"),
    "pack_in_capitals": (_with(f"{PACKS}/{'A' * 64}.zst"), "which is no part"),
    "newline_behind": (_with(f"{TABLE}\n"), "which is no part"),
    "undeclared_pack": (_with(f"{PACKS}/{'0' * 64}.zst"), "which its manifest does not declare"),
    "link_for_the_table": (_instead(TABLE, stat.S_IFLNK | 0o777), "files.json.zst is a link"),
    "link_for_the_manifest": (_instead(MANIFEST, stat.S_IFLNK | 0o777), "manifest.json is a link"),
    "fifo": (_instead(TABLE, stat.S_IFIFO | 0o600), "files.json.zst is no plain file"),
    "device": (_instead(TABLE, stat.S_IFBLK | 0o600), "files.json.zst is no plain file"),
    "no_manifest": (_without(MANIFEST), "there is no manifest.json in it"),
    "no_table": (_without(TABLE), "lacks files.json.zst"),
    "no_packs": (_without(PACKS), f"lacks {PACKS}/"),
    "encrypted": (_listed("<H", {8: 1}), "is encrypted"),
    "unknown_packing": (_listed("<H", {10: 97}), "packed in an unknown way"),
    "packed_otherwise_than_listed": (_listed("<H", {10: 8}), "damaged in the artifact"),
    "smaller_by_the_list": (_listed("<I", {24: 3}), "has two sizes"),
    "endless_by_the_list": (_listed("<I", {20: 2**31, 24: 2**31}), "lie in each other"),
    "longer_by_the_list": (_listed("<I", {20: 300, 24: 300}), "its manifest declares"),
    "wrong_checksum": (_listed("<I", {16: 1}), "damaged in the artifact: Bad CRC"),
    "place_within_another_member": (_listed("<I", {42: 1}), "damaged in the artifact"),
    "place_beyond_the_end": (_listed("<I", {42: 2**31}), "would lie outside"),
    "place_behind_every_file": (_placed_at(2**63 - 1), "would lie outside"),
    "place_that_no_file_has": (_placed_at(2**64 - 1), "would lie outside"),
    "ratio": (_grown, "like a bomb"),
    "many_packs_that_grow": (_many_grown, "more than any needs"),
    "table_of_another_size": (lambda members: zipped(members | {TABLE: b"short"}), "its manifest declares"),
    "cut_off": (lambda members: zipped(members)[:-40], "is no sound zip"),
    "no_zip": (lambda members: members[TABLE], "is no sound zip"),
    "nothing": (lambda _: b"", "is no sound zip"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_artifact_that_is_no_checkpoint_is_refused(name: str, checkpoint: Path, tmp_path: Path) -> None:
    """Each for its own reason, and nothing of it is left."""
    build, reason = ATTACKS[name]
    (tmp_path / "zip").write_bytes(build(members_of(checkpoint)))
    before = tree_of(tmp_path)

    with pytest.raises(CheckpointRejected) as refusal:
        unpack_artifact(tmp_path / "zip", tmp_path / "unpacked")

    assert reason in refusal.value.message
    assert before == tree_of(tmp_path)


@pytest.mark.parametrize("name", [MANIFEST, TABLE])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_member_that_is_there_twice_is_refused(name: str, checkpoint: Path, tmp_path: Path) -> None:
    """Two readers might take two different ones."""
    (tmp_path / "zip").write_bytes(zipped(members_of(checkpoint), (name, b"other")))

    with pytest.raises(CheckpointRejected, match=f"holds {name} twice"):
        unpack_artifact(tmp_path / "zip", tmp_path / "unpacked")


def test_name_that_hides_something_behind_a_nul_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    """A reader that stops there sees another name."""
    data = zipped(members_of(checkpoint), ("manifest.jsonX.sh", b"evil")).replace(b"jsonX.sh", b"json\0.sh")
    (tmp_path / "zip").write_bytes(data)

    with pytest.raises(CheckpointRejected, match="which is no part of a checkpoint"):
        unpack_artifact(tmp_path / "zip", tmp_path / "unpacked")


def test_manifest_that_is_too_large_is_not_unpacked(tmp_path: Path) -> None:
    """Nor is anything else."""
    (tmp_path / "zip").write_bytes(zipped({MANIFEST: b" " * (MANIFEST_LIMIT + 1)}))

    with pytest.raises(CheckpointRejected, match="manifest is larger than"):
        unpack_artifact(tmp_path / "zip", tmp_path / "unpacked")


def test_sum_of_many_small_files_is_limited(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may grow a little; all together may not grow much."""
    monkeypatch.setattr(unpacking, "SUM_MATTERS_FROM", 1000)
    monkeypatch.setattr(unpacking, "MOST_RATIO", 1)
    members = members_of(checkpoint) | {TABLE: bytes(10_000)}
    (tmp_path / "zip").write_bytes(zipped(members, method=zipfile.ZIP_DEFLATED))

    with pytest.raises(CheckpointRejected, match="the artifact grows from"):
        unpack_artifact(tmp_path / "zip", tmp_path / "unpacked")


def test_newer_manifest_is_told_as_such(tmp_path: Path) -> None:
    """It may be sound."""
    (tmp_path / "zip").write_bytes(zipped({MANIFEST: b'{"schema_version": 2}'}))

    with pytest.raises(UnknownSchema):
        unpack_artifact(tmp_path / "zip", tmp_path / "unpacked")


def test_missing_zip_is_told(tmp_path: Path) -> None:
    """That is the caller's mistake, not the checkpoint's."""
    with pytest.raises(StateError, match="cannot be unpacked"):
        unpack_artifact(tmp_path / "zip", tmp_path / "unpacked")
