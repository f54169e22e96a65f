"""One file out of a large artifact: only the parts that hold it travel, and whatever they say is checked."""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recovery.adapters.github import GitHubForge
from recovery.adapters.github.archive import BadArchive
from recovery.adapters.github.artifacts import IN_PARTS_FROM, ZIP_LIMIT
from recovery.adapters.github.downloads import Part
from recovery.adapters.github.ranged import AHEAD, RangedFile
from recovery.adapters.github.request_log import RequestLog
from recovery.errors import ArtifactDamaged, ForgeError, ForgeRefused, ForgeUnavailable
from recovery.models.github import Artifact
from recovery.rehearsal.records import ScriptedJob
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.world import World
from tests.adapters.scripted_server import HANG_UP, Received, Reply, ScriptedServer
from tests.builders import NOW
from tests.fakes.clock import FakeClock

TOKEN = "ghs_secretsecretsecret"  # noqa: S105
MANIFEST = b'{"schema_version": 1}'
NOISE = random.Random(7).randbytes(3 * IN_PARTS_FROM)  # noqa: S311 - content that does not shrink


def zipped(files: dict[str, bytes], *, method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    """A zip of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.comment = comment
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def zip64(files: dict[str, bytes]) -> bytes:
    """The same with the records that archives beyond 4 GiB need."""
    buffer = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in files.items():
                with archive.open(name, "w", force_zip64=True) as file:
                    file.write(content)
    assert b"PK\x06\x06" in buffer.getvalue()
    return buffer.getvalue()


def artifact_of(size: int) -> Artifact:
    """The record of an artifact of this size."""
    fields = {"created_at": NOW, "run_id": 5, "repository_id": 1, "head_repository_id": 1}
    return Artifact(id=7, name="checkpoint", size_in_bytes=size, digest=f"sha256:{'0' * 64}", **fields)


def storage_of(content: bytes) -> Callable[[Received], Reply]:
    """A storage that gives out what a range asks for."""

    def answer(received: Received) -> Reply:
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", received.headers["range"])
        assert found is not None
        start, end = int(found[1]), min(int(found[2]), len(content) - 1)
        if start > end:
            return Reply(status=416, body="<Error/>", headers={"Content-Range": f"bytes */{len(content)}"})
        stretch = {"Content-Range": f"bytes {start}-{end}/{len(content)}"}
        return Reply(status=206, body=content[start : end + 1], headers=stretch)

    return answer


class Site:
    """An API that redirects to a storage, both scripted."""

    def __init__(self, api: ScriptedServer, storage: ScriptedServer, log: Path) -> None:
        self.api, self.storage, self.log = api, storage, log
        self.forge = GitHubForge(
            "o/r", TOKEN, api_url=api.url, clock=FakeClock(), request_log=RequestLog(log), timeouts=(1.0, 0.25)
        )
        api.reply(Reply(status=302, headers={"Location": f"{storage.url}/blob?sig=s3cr3t"}))

    def read(self, content: bytes, name: str = "manifest.json", size: int | None = None) -> bytes | None:
        """A file of an artifact with this content."""
        self.storage.reply(storage_of(content))
        return self.again(len(content) if size is None else size, name)

    def again(self, size: int, name: str = "manifest.json") -> bytes | None:
        """A file of an artifact of which the storage says what it was told to."""
        return self.forge.artifact_file(artifact_of(size), name)

    @property
    def carried(self) -> int:
        """Bytes that were asked for at most."""
        asked = [re.findall(r"\d+", request.headers["range"]) for request in self.storage.received]
        return sum(int(last) - int(first) + 1 for first, last in asked)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An API and a storage; the storage never sees the token."""
    with ScriptedServer() as api, ScriptedServer() as storage:
        yield Site(api, storage, tmp_path / "requests.jsonl")
    assert [] == [request for request in storage.received if "authorization" in request.headers]


def failing(call: Callable[[], object]) -> ForgeError:
    """The error that reading ends in, which does not show the signature."""
    with pytest.raises(ForgeError) as caught:
        call()
    assert "s3cr3t" not in f"{caught.value} {caught.value.hint}"
    return caught.value


FRONT = {"manifest.json": MANIFEST, "packs/a.zst": NOISE}
BACK = {"packs/a.zst": NOISE, "manifest.json": MANIFEST}


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (zipped(FRONT), 2),
        (zipped(BACK), 1),
        (zipped(FRONT, method=zipfile.ZIP_DEFLATED), 2),
        (zipped(FRONT, comment=b"c" * 65_535), 2),
        (zip64(FRONT), 2),
        (zipped({"manifest.json": MANIFEST, **{f"packs/{number:064}.zst": NOISE[:2000] for number in range(2000)}}), 3),
        (b"prepended" + zipped(FRONT), 2),
    ],
    ids=["in front", "at the end", "deflated", "long comment", "zip64", "many files", "prepended"],
)
def test_only_what_is_needed_travels(site: Site, content: bytes, parts: int) -> None:
    """The end with the list of files, and the file: one signed address for all, and each part in the request log."""
    assert MANIFEST == site.read(content)

    assert (1, parts) == (len(site.api.received), len(site.storage.received))
    assert site.carried <= 4 * AHEAD
    logged = [json.loads(line) for line in site.log.read_text().splitlines()]
    assert [False] + [True] * parts == [line["redirect"] for line in logged]
    assert "s3cr3t" not in site.log.read_text()


def test_missing_file_costs_the_list_only(site: Site) -> None:
    """A file that is not in the list is None."""
    assert None is site.read(zipped(FRONT), name="plan.jsonl")
    assert 1 == len(site.storage.received)


def test_large_file_is_one_part(site: Site) -> None:
    """A file that is larger than what is read ahead is fetched in one piece."""
    large = NOISE[: 10 * AHEAD]

    assert large == site.read(zipped({"manifest.json": large, "packs/a.zst": NOISE}))
    assert len(site.storage.received) <= 3


@pytest.mark.parametrize("more", [-500_000, -1, 1, 500_000, 2_000_000])
def test_recorded_size_may_be_wrong(site: Site, more: int) -> None:
    """Where the file ends is what its storage says, whatever the record says."""
    content = zipped(FRONT)

    assert MANIFEST == site.read(content, size=len(content) + more)


def test_storage_without_parts(site: Site) -> None:
    """A storage that gives all instead of a part is taken at its word, once, within the bound."""
    content = zipped(FRONT)
    site.storage.reply(Reply(body=content))

    assert MANIFEST == site.again(len(content))
    assert 1 == len(site.storage.received)


def test_storage_without_parts_of_a_huge_artifact(site: Site) -> None:
    """What cannot be had in parts and is too large for memory is refused, and not called damaged."""
    site.storage.reply(Reply(body=b"\0" * (ZIP_LIMIT + 1)))

    raised = failing(lambda: site.again(ZIP_LIMIT + 1))

    assert ForgeRefused is type(raised)
    assert "does not give out parts" in raised.message


STRETCH = {"Content-Range": f"bytes {2 * IN_PARTS_FROM - AHEAD}-{2 * IN_PARTS_FROM - 1}/{2 * IN_PARTS_FROM}"}


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=206, body=b"\0" * AHEAD),
        Reply(status=206, body=b"\0" * AHEAD, headers={"Content-Range": "bytes 0-131071/2097152"}),
        Reply(status=206, body=b"\0" * AHEAD, headers={"Content-Range": "bytes x"}),
        Reply(status=206, body=b"\0" * (AHEAD + 1), headers=STRETCH),
        Reply(status=416, body=b"<Error/>"),
        Reply(status=204),
    ],
    ids=["unnamed", "another", "nonsense", "too much", "416 unnamed", "204"],
)
def test_parts_that_make_no_sense(site: Site, reply: Reply) -> None:
    """An answer that is not the part that was asked for is trouble of the storage, not of the artifact."""
    site.storage.reply(reply)

    assert ForgeUnavailable is type(failing(lambda: site.again(2 * IN_PARTS_FROM)))


@pytest.mark.parametrize("trouble", [HANG_UP, Reply(status=503), Reply(status=206, body=b"x" * 900, cut=10)])
def test_broken_part_is_tried_once_more(site: Site, trouble: Reply) -> None:
    """Each part has a second try of its own."""
    content = zipped(FRONT)
    storage = storage_of(content)
    site.storage.reply(trouble, storage, trouble, storage)

    assert MANIFEST == site.again(len(content))
    assert 4 == len(site.storage.received)


def test_address_that_expired_meanwhile(site: Site) -> None:
    """A part that is no longer given out is a refusal."""
    content = zipped(FRONT)
    site.storage.reply(storage_of(content), Reply(status=403, body="<Error/>"))

    raised = failing(lambda: site.again(len(content)))

    assert (ForgeRefused, 403) == (type(raised), getattr(raised, "status", None))


def _changed(content: bytes, place: int, value: bytes) -> bytes:
    return content[:place] + value + content[place + len(value) :]


def _with_list_of(size: int) -> bytes:
    content = zipped(FRONT)
    end = content.rindex(b"PK\x05\x06")
    return _changed(content, end + 12, size.to_bytes(4, "little"))


SOUND = zipped(FRONT)
LISTED = SOUND.rindex(b"PK\x01\x02", 0, SOUND.rindex(b"PK\x01\x02"))
"""Where the list of files begins, with the manifest."""

HOSTILE = {
    "no zip": NOISE,
    "cut": SOUND[: len(SOUND) // 2],
    "endless list": _with_list_of(0xFFFF_FFF0),
    "list of everything": _with_list_of(len(SOUND) - 100),
    "file behind the end": _changed(SOUND, LISTED + 42, b"\xf0\xff\xff\x7f"),
    "other content": _changed(SOUND, SOUND.index(MANIFEST), b"[]"),
    "twice": zipped({"a.json": MANIFEST, "packs/a.zst": NOISE, "b.json": MANIFEST}).replace(b"a.json", b"b.json"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_in_parts(site: Site, name: str) -> None:
    """Whatever an archive claims, little is fetched, and it is damaged."""
    raised = failing(lambda: site.read(HOSTILE[name], "b.json" if name == "twice" else "manifest.json"))

    assert ArtifactDamaged is type(raised)
    assert site.carried <= 5 * IN_PARTS_FROM


def test_manifest_that_is_a_bomb(site: Site) -> None:
    """A file that would unpack to more than is read is refused by its listed size."""
    content = zipped({"packs/a.zst": NOISE, "manifest.json": b"\0" * (ZIP_LIMIT + 1)}, method=zipfile.ZIP_DEFLATED)

    raised = failing(lambda: site.read(content))

    assert "more than the" in raised.message


def test_nothing_is_read_beyond_the_bound() -> None:
    """Of a file of any size no more is fetched than the bound."""
    fetched: list[int] = []

    def fetch(start: int, length: int) -> Part:
        fetched.append(length)
        return Part(start, b"\0" * length, 10**12)

    file = RangedFile(fetch, 10**12, 4 * AHEAD)
    for number in range(1, 4):
        file.seek(2 * number * AHEAD)
        assert b"\0" == file.read(1)
    with pytest.raises(BadArchive, match="too much"):
        file.read()

    assert [AHEAD] * 4 == fetched


def test_places_in_a_file() -> None:
    """Seeking, telling and reading are those of any file."""
    content = NOISE[: 3 * AHEAD]
    file = RangedFile(lambda start, length: Part(start, content[start : start + length], len(content)), 1, ZIP_LIMIT)

    assert len(content) == file.seek(0, io.SEEK_END)
    assert b"" == file.read(5)
    assert 10 == file.seek(10)
    assert content[10:20] == file.read(10)
    assert 18 == file.seek(-2, io.SEEK_CUR)
    assert content[18:] == file.read()
    assert (True, True, len(content)) == (file.seekable(), file.readable(), file.tell())
    with pytest.raises(OSError, match="before the beginning"):
        file.seek(-1)


def test_rehearsed_storage_gives_parts() -> None:
    """The local GitHub does what is relied on, and small artifacts are read whole."""
    clock = FakeClock()
    world = World("octo/repo", now=clock.now)
    run = world.add_run([ScriptedJob(name="build")])
    with LocalGitHub(world) as server:
        forge = GitHubForge("octo/repo", world.token, api_url=server.url, clock=clock)
        world.vault.upload(run, "large", zipped(FRONT))
        world.vault.upload(run, "small", zipped({"manifest.json": MANIFEST}))
        found = {artifact.name: artifact for artifact in forge.artifacts_of_run(run.id)}
        world.requests.clear()
        for name in ("large", "small"):
            assert MANIFEST == forge.artifact_file(found[name], "manifest.json")
    assert [] == world.offences
    assert [(False, 302), (True, 206), (True, 206), (False, 302), (True, 200)] == [
        (access.redirect, access.status) for access in world.requests
    ]
