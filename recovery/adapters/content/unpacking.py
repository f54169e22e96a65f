"""The artifact of a checkpoint unpacked: three kinds of files are taken, each as long as declared, and nothing else."""

from __future__ import annotations

import re
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

from recovery.adapters.foreign_zip import BROKEN, METHODS
from recovery.errors import CheckpointRejected, StateError
from recovery.models.checkpoint import PACKS, TABLE, particulars_of
from recovery.models.manifest import MANIFEST, MANIFEST_LIMIT, read_manifest
from recovery.policy.file_table import Limits, problems_of_content

MOST_RATIO = 100
"""How many times smaller than its content a large member may be: what we upload is compressed already."""

RATIO_MATTERS_FROM = 1024 * 1024

SUM_MATTERS_FROM = 1024**3
"""Bytes of all members together below which it does not matter how much smaller the artifact is."""

_PACK = re.compile(rf"{PACKS}/([0-9a-f]{{64}})\.zst")
_PIECE = 1024 * 1024


def unpack_artifact(zip_path: Path, directory: Path) -> None:
    """Unpack a checkpoint's artifact into `directory`, which is there in the end with all of it, or not at all.

    The manifest says what else must be in it, and how long that is; no digest is compared here.

    Raises:
        CheckpointRejected: the zip is broken, or holds anything else than a checkpoint's files.
        StateError: `directory` has something in it already, or cannot be written.
    """
    try:
        if directory.exists():
            directory.rmdir()
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}.") as temporary:
            unpacked = Path(temporary) / "checkpoint"
            (unpacked / PACKS).mkdir(parents=True)
            _unpack(zip_path, unpacked)
            unpacked.replace(directory)
    except OSError as error:
        raise StateError(
            f"the artifact cannot be unpacked into {directory}: {error.strerror or error}",
            hint="name a folder that this user may write, on a disk with enough space",
        ) from error


def _unpack(zip_path: Path, directory: Path) -> None:
    with _opened(zip_path) as archive:
        members = _members(archive, zip_path.stat().st_size)
        if MANIFEST not in members:
            raise CheckpointRejected(f"the artifact is no checkpoint: there is no {MANIFEST} in it")
        manifest = members.pop(MANIFEST)
        if manifest.file_size > MANIFEST_LIMIT:
            raise CheckpointRejected(f"the artifact's manifest is larger than {MANIFEST_LIMIT} bytes")
        _extract(archive, manifest, directory / MANIFEST)
        declared = _declared((directory / MANIFEST).read_bytes())
        _compare(members, declared)
        for name, info in members.items():
            _extract(archive, info, directory / name)


def _opened(zip_path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(zip_path)
    except FileNotFoundError:
        raise
    except BROKEN as error:
        raise CheckpointRejected(f"the artifact is no sound zip: {error}") from error


def _declared(manifest: bytes) -> dict[str, int]:
    """The size of each file that the manifest speaks of, by its name, if what it declares may be restored."""
    content = particulars_of(read_manifest(manifest, source="in the artifact")).content
    if content is None:
        return {}
    problems = problems_of_content(content, Limits())
    if problems:
        raise CheckpointRejected(f"the artifact is not unpacked: {problems[0]}")
    return {TABLE: content.table_size} | {f"{PACKS}/{pack.digest}.zst": pack.size for pack in content.packs}


def _compare(members: Mapping[str, zipfile.ZipInfo], declared: Mapping[str, int]) -> None:
    for name in declared:
        if name not in members:
            raise CheckpointRejected(f"the artifact lacks {name}, which its manifest declares")
    for name, info in members.items():
        if name not in declared:
            raise CheckpointRejected(f"the artifact holds {name}, which its manifest does not declare")
        if info.file_size != declared[name]:
            raise CheckpointRejected(
                f"{name} has {info.file_size} bytes in the artifact, its manifest declares {declared[name]}"
            )


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The files of a zip by name, each of which may be taken by what the zip's list says of it."""
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        if info.filename == f"{PACKS}/" and info.file_size == 0:
            continue
        _check_name(info)
        if info.filename in members:
            raise CheckpointRejected(f"the artifact holds {info.filename} twice")
        _check_packing(info)
        if not 0 <= info.header_offset < size:
            raise CheckpointRejected(f"{info.filename} is damaged in the artifact: it would lie outside of it")
        members[info.filename] = info
    _check_sums(members.values(), size)
    return members


def _check_sums(members: Collection[zipfile.ZipInfo], size: int) -> None:
    if sum(info.compress_size for info in members) > size:
        raise CheckpointRejected("the artifact's files lie in each other: together they are longer than the artifact")
    unpacked = sum(info.file_size for info in members)
    if unpacked > max(SUM_MATTERS_FROM, size * MOST_RATIO):
        raise CheckpointRejected(
            f"the artifact grows from {size} to {unpacked} bytes, more than {MOST_RATIO} times, like a bomb"
        )


def _check_name(info: zipfile.ZipInfo) -> None:
    name = info.filename
    if info.orig_filename != name or not (name in {MANIFEST, TABLE} or _PACK.fullmatch(name)):
        raise CheckpointRejected(f"the artifact holds {info.orig_filename[:120]!r}, which is no part of a checkpoint")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        raise CheckpointRejected(f"{name} is {'a link' if kind == stat.S_IFLNK else 'no plain file'} in the artifact")


def _check_packing(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & 0x1:
        raise CheckpointRejected(f"{info.filename} is encrypted in the artifact")
    if info.compress_type not in METHODS:
        raise CheckpointRejected(f"{info.filename} is packed in an unknown way in the artifact")
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        raise CheckpointRejected(
            f"{info.filename} has two sizes in the artifact: {info.file_size}, {info.compress_size}"
        )
    if info.file_size > max(RATIO_MATTERS_FROM, info.compress_size * MOST_RATIO):
        raise CheckpointRejected(
            f"{info.filename} grows from {info.compress_size} to {info.file_size} bytes, more than {MOST_RATIO} times, "
            "like a bomb"
        )


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, place: Path) -> None:
    """Write one file; its checksum is compared, and what is longer than the zip's list says is not written."""
    with place.open("xb") as target:
        try:
            with archive.open(info) as source:
                shutil.copyfileobj(source, target, _PIECE)
        except BROKEN as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise CheckpointRejected(f"{info.filename} is damaged in the artifact: {error}") from error
        if target.tell() != info.file_size:
            raise CheckpointRejected(
                f"{info.filename} has {target.tell()} bytes in the artifact, {info.file_size} by its list"
            )
