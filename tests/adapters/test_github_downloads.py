"""Logs and artifacts: redirects without the token, broken transfers, and archives that mean harm."""

from __future__ import annotations

import gzip
import hashlib
import io
import warnings
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from recovery.adapters.github import GitHubForge
from recovery.adapters.github.archive import MOST_MEMBERS, BadArchive, member, members
from recovery.adapters.github.artifacts import DOWNLOAD_LIMIT, SLACK, ZIP_LIMIT
from recovery.errors import ArtifactDamaged, ForgeError, ForgeRefused, ForgeUnavailable
from recovery.models.github import Artifact
from tests.adapters.scripted_server import HANG_UP, Reply, ScriptedServer
from tests.builders import NOW
from tests.fakes.clock import FakeClock

TOKEN = "ghs_secretsecretsecret"  # noqa: S105
SIGNATURE = "sig=s3cr3t"


def zipped(**files: str) -> bytes:
    """A zip of files whose names' underscores stand for dots."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_", "."), text)
    return buffer.getvalue()


def artifact_of(content: bytes, **over: Any) -> Artifact:
    """The record of an artifact with this content."""
    fields: dict[str, Any] = {
        "id": 7,
        "name": "plan",
        "size_in_bytes": len(content),
        "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "created_at": NOW,
        "run_id": 5,
        "repository_id": 1,
        "head_repository_id": 1,
    }
    return Artifact(**fields | over)


class Site:
    """An API that redirects to a storage, both scripted."""

    def __init__(self, api: ScriptedServer, storage: ScriptedServer, clock: FakeClock) -> None:
        self.api, self.storage, self.clock = api, storage, clock
        self.forge = GitHubForge("o/r", TOKEN, api_url=api.url, clock=clock, log_limit=100, timeouts=(1.0, 0.25))
        self.redirect_to(f"{storage.url}/blob?{SIGNATURE}")

    def redirect_to(self, target: str) -> None:
        """Let the API answer with a redirect."""
        self.api.reply(Reply(status=302, headers={"Location": target}))


@pytest.fixture
def site() -> Iterator[Site]:
    """An API and a storage; the storage never sees the token."""
    with ScriptedServer() as api, ScriptedServer() as storage:
        yield Site(api, storage, FakeClock())
    assert [] == [request for request in storage.received if "authorization" in request.headers]


def failing(call: Callable[[], object]) -> ForgeError:
    """The error a download ends in, which shows neither token nor signature, not even in what it was raised from."""
    with pytest.raises(ForgeError) as caught:
        call()
    shown = f"{caught.value} {caught.value.hint}"
    assert TOKEN not in shown
    assert SIGNATURE not in shown
    return caught.value


def test_log_is_fetched_without_the_token(site: Site) -> None:
    """The API gets the token, the storage does not: it would refuse it, and it is not theirs to know."""
    site.storage.reply(Reply(body="one\ntwo\n"))

    assert b"one\ntwo\n" == site.forge.job_log(1).content
    assert f"token {TOKEN}" == site.api.received[0].headers["authorization"]
    assert [f"/blob?{SIGNATURE}"] == [request.path for request in site.storage.received]


def test_token_does_not_travel_to_the_same_host_either(site: Site) -> None:
    """Even a redirect within the API's own host is followed without the token."""
    site.api.reply(Reply(status=302, headers={"Location": "/blob"}), Reply(body="log"))

    assert b"log" == site.forge.job_log(1).content
    assert [True, False] == ["authorization" in request.headers for request in site.api.received]


def test_compressed_transfer(site: Site) -> None:
    """A log that travels compressed is unpacked."""
    site.storage.reply(Reply(body=gzip.compress(b"one\ntwo\n"), headers={"Content-Encoding": "gzip"}))

    assert b"one\ntwo\n" == site.forge.job_log(1).content


def test_long_log_keeps_its_end(site: Site) -> None:
    """Of a log beyond the limit the end is kept, with its true line numbers."""
    site.storage.reply(Reply(body="".join(f"line {number}\n" for number in range(1, 101))))

    log = site.forge.job_log(1)

    assert (True, 89) == (log.truncated, log.first_line)
    assert log.content.startswith(b"line 89\n")
    assert log.content.endswith(b"line 100\n")


def test_empty_log(site: Site) -> None:
    """A log of no bytes is a log."""
    site.storage.reply(Reply())

    assert b"" == site.forge.job_log(1).content


TROUBLE = {
    "cut off": Reply(body="x" * 1000, cut=500),
    "hang up": HANG_UP,
    "silent": Reply(silent=True),
    "broken gzip": Reply(body=b"plain", headers={"Content-Encoding": "gzip"}),
    "server error": Reply(status=500),
    "busy": Reply(status=429),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_broken_transfer_is_tried_once_more(site: Site, name: str) -> None:
    """A transfer that breaks off is begun again, and nothing of the first part is kept."""
    site.storage.reply(TROUBLE[name], Reply(body="whole"))

    assert b"whole" == site.forge.job_log(1).content
    assert [0.75] == site.clock.sleeps


@pytest.mark.parametrize("name", TROUBLE)
def test_broken_twice_is_unavailable(site: Site, name: str) -> None:
    """A transfer that breaks off twice is given up."""
    site.storage.reply(TROUBLE[name])

    raised = failing(lambda: site.forge.job_log(1))

    assert (ForgeUnavailable, 2) == (type(raised), len(site.storage.received))
    assert "the log of job 1 could not be downloaded" in raised.message


@pytest.mark.parametrize("status", [403, 404, 410])
def test_storage_that_no_longer_has_it(site: Site, status: int) -> None:
    """A link that is no longer good is a refusal, told once."""
    site.storage.reply(Reply(status=status, body="<Error/>"))

    raised = failing(lambda: site.forge.job_log(1))

    assert (ForgeRefused, 1) == (type(raised), len(site.storage.received))


@pytest.mark.parametrize("status", [404, 410])
def test_expired_log(site: Site, status: int) -> None:
    """A log that GitHub has no more is told in a helpful sentence."""
    site.api.reply(Reply(status=status, body={"message": "Gone"}))

    raised = failing(lambda: site.forge.job_log(1))

    assert isinstance(raised, ForgeRefused)
    assert "the log has expired" in raised.message
    assert "`permissions: actions: read`" in (raised.hint or "")


def test_storage_may_redirect_again(site: Site) -> None:
    """A second redirect is followed, an endless one is not."""
    site.storage.reply(Reply(status=307, headers={"Location": "/further"}), Reply(body="log"))
    assert b"log" == site.forge.job_log(1).content

    site.storage.reply(Reply(status=302, headers={"Location": "/again"}))
    assert ForgeUnavailable is type(failing(lambda: site.forge.job_log(1)))


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://host/blob", "http://[::1", "http://", "gopher:x"])
def test_redirect_to_nowhere(site: Site, target: str) -> None:
    """Only web addresses are followed."""
    site.redirect_to(target)

    assert ForgeUnavailable is type(failing(lambda: site.forge.job_log(1)))


@pytest.mark.parametrize("reply", [Reply(body="log"), Reply(status=302), Reply(status=204)])
def test_no_redirect(site: Site, reply: Reply) -> None:
    """An answer that is not the promised redirect is no log."""
    site.api.reply(reply)

    assert isinstance(failing(lambda: site.forge.job_log(1)), ForgeUnavailable)


def test_artifact_file(site: Site) -> None:
    """A file is read out of the zip, whose digest is checked."""
    content = zipped(plan_json="{}")
    site.storage.reply(Reply(body=content))

    assert b"{}" == site.forge.artifact_file(artifact_of(content), "plan.json")


def test_artifact_without_digest(site: Site) -> None:
    """An artifact of an older GitHub has no digest to check."""
    content = zipped(plan_json="{}")
    site.storage.reply(Reply(body=content))

    assert None is site.forge.artifact_file(artifact_of(content, digest=None), "other.json")


def test_wrong_digest(site: Site) -> None:
    """Content that is not what was uploaded is refused."""
    site.storage.reply(Reply(body=zipped(plan_json="evil")))

    raised = failing(lambda: site.forge.artifact_file(artifact_of(zipped(plan_json="{}")), "plan.json"))

    assert ArtifactDamaged is type(raised)
    assert "is not what was uploaded" in raised.message


def test_expired_artifact_is_not_asked_for(site: Site) -> None:
    """Nothing is requested for an artifact that is known to have expired."""
    expired = artifact_of(b"", expired=True)

    for call in (
        lambda: site.forge.artifact_file(expired, "plan.json"),
        lambda: site.forge.download_artifact(expired, io.BytesIO()),
    ):
        raised = failing(call)
        assert (ForgeRefused, 410) == (type(raised), getattr(raised, "status", None))
        assert "`retention-days`" in (raised.hint or "")
    assert [] == site.api.received


def test_artifact_larger_than_it_says(site: Site) -> None:
    """A download that outgrows the bound is cut short, whatever the record says."""
    site.storage.reply(Reply(body=b"\0" * (ZIP_LIMIT + 1)))

    raised = failing(lambda: site.forge.artifact_file(artifact_of(b"", size_in_bytes=10), "plan.json"))

    assert ForgeRefused is type(raised)
    assert "larger than the 32 MB" in raised.message


@pytest.mark.parametrize(
    "content", [b"", b"not a zip", zipped(plan_json="{}" * 500)[:-30]], ids=["empty", "no zip", "cut"]
)
def test_broken_zip(site: Site, content: bytes) -> None:
    """A zip that is none is refused with its name."""
    site.storage.reply(Reply(body=content))

    raised = failing(lambda: site.forge.artifact_file(artifact_of(content), "plan.json"))

    assert ArtifactDamaged is type(raised)
    assert raised.message.startswith("artifact 'plan' (id 7) was not read: it is not a sound zip")


def _twice() -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("plan.json", "one")
        archive.writestr("plan.json", "two")
    return buffer.getvalue()


def _changed(old: bytes, new: bytes, **files: str) -> bytes:
    content = zipped(**files)
    assert old in content
    return content.replace(old, new)


def _encrypted() -> bytes:
    content = bytearray(zipped(plan_json="{}"))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def _lying(size: int, *, packed_as: int | None = None) -> bytes:
    content = bytearray(zipped(plan_json="x" * 1000))
    listed = content.index(b"PK\x01\x02")
    for place in (22, listed + 24):
        content[place : place + 4] = size.to_bytes(4, "little")
    if packed_as is not None:
        for place in (8, listed + 10):
            content[place : place + 2] = packed_as.to_bytes(2, "little")
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (_twice(), "is in it 2 times"),
        (_encrypted(), "is encrypted"),
        (_lying(10), "not a sound zip"),
        (_lying(5000), "another size than the zip says"),
        (_lying(4_000_000_000), "more than the"),
        (_lying(1000, packed_as=99), "packed in an unknown way"),
        (_lying(1000, packed_as=12), "packed in an unknown way"),
        (_changed(b"plan.json", b"plan.js\x00n", plan_json="{}"), None),
    ],
)
def test_hostile_archives(content: bytes, words: str | None) -> None:
    """Doubled, encrypted, lying and oddly packed members are refused in words; other names are not found."""
    if words is None:
        assert None is member(io.BytesIO(content), "plan.json")
        return
    with pytest.raises(BadArchive, match=words):
        member(io.BytesIO(content), "plan.json")


def test_bomb_is_not_unpacked() -> None:
    """A member larger than the limit is refused by its listed size."""
    with pytest.raises(BadArchive, match="has 5000 bytes, more than the 4096 that are read"):
        member(io.BytesIO(zipped(plan_json="x" * 5000)), "plan.json", limit=4096)


def test_download_of_a_whole_artifact(site: Site) -> None:
    """The zip is written as it is, and the token stays at home."""
    content = zipped(plan_json="{}" * 100_000)
    site.storage.reply(Reply(body=content))
    file = io.BytesIO(b"what was in it before" * 10_000)

    site.forge.download_artifact(artifact_of(content), file)

    assert content == file.getvalue()


@pytest.mark.parametrize("name", TROUBLE)
def test_broken_download_begins_again(site: Site, name: str) -> None:
    """Of a transfer that broke off nothing stays in the file, even if the next one is shorter."""
    content = zipped(plan_json="{}")
    site.storage.reply(TROUBLE[name], Reply(body=content))
    file = io.BytesIO()

    site.forge.download_artifact(artifact_of(content), file)

    assert content == file.getvalue()


def test_download_of_another_digest(site: Site) -> None:
    """What is not what was uploaded is damaged, whichever case the digest is written in."""
    content = zipped(plan_json="{}")
    site.storage.reply(Reply(body=content))
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"

    site.forge.download_artifact(artifact_of(content, digest=digest.upper()), io.BytesIO())
    raised = failing(lambda: site.forge.download_artifact(artifact_of(b"x" * len(content)), io.BytesIO()))

    assert ArtifactDamaged is type(raised)
    assert digest in raised.message


def test_download_that_outgrows_its_record(site: Site) -> None:
    """A download much larger than GitHub says is cut short, with or without a digest to compare."""
    site.storage.reply(Reply(body=b"\0" * (SLACK + 11)))

    raised = failing(lambda: site.forge.download_artifact(artifact_of(b"0" * 10, digest=None), io.BytesIO()))

    assert ArtifactDamaged is type(raised)
    assert "larger than GitHub says" in raised.message


def test_download_beyond_the_limit_is_not_begun(site: Site) -> None:
    """Nobody's disk is filled by an artifact of any size."""
    huge = artifact_of(b"", size_in_bytes=DOWNLOAD_LIMIT + 1)

    raised = failing(lambda: site.forge.download_artifact(huge, io.BytesIO()))

    assert (ForgeRefused, []) == (type(raised), site.api.received)
    assert "larger than the 20 GB" in raised.message


@pytest.mark.parametrize("status", [404, 410])
def test_artifact_that_is_gone_is_deleted(site: Site, status: int) -> None:
    """Deleting is asked for once, and what is not there (any more) is deleted."""
    site.api.reply(Reply(status=status, body={"message": "Not Found"}))

    site.forge.delete_artifact(7)

    assert [("DELETE", "/repos/o/r/actions/artifacts/7")] == [(it.method, it.path) for it in site.api.received]


def test_deleting_without_an_answer(site: Site) -> None:
    """A deletion that gets no answer is not repeated, and told as trouble."""
    site.api.reply(HANG_UP)

    assert ForgeUnavailable is type(failing(lambda: site.forge.delete_artifact(7)))
    assert 1 == len(site.api.received)


def test_files_are_told_by_their_ending() -> None:
    """Whatever they are called and wherever they would lie; nothing but their content is taken."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(buffer, "w") as archive:
        for name in ("a.xml", "../../etc/B.XML", "/root/c.xml", "a.xml", "d.xml.gz", "folder.xml/"):
            archive.writestr(name, name)

    found = members(buffer, ".xml")

    assert (b"a.xml", b"../../etc/B.XML", b"/root/c.xml", b"a.xml") == found


def test_files_beyond_the_bounds_are_refused() -> None:
    """Neither very many files nor very much content is read, as the zip's own list tells before anything is."""
    many = zipped(**{f"t{number}_xml": "" for number in range(MOST_MEMBERS + 1)})
    with pytest.raises(BadArchive, match="2001 files, more than the 2000"):
        members(io.BytesIO(many), ".xml")
    with pytest.raises(BadArchive, match="1200 bytes, more than the 1000"):
        members(io.BytesIO(zipped(a_xml="x" * 600, b_xml="x" * 600)), ".xml", limit=1000)


@pytest.mark.parametrize("content", [b"", b"not a zip", zipped(a_xml="text")[:-30]])
def test_files_of_what_is_no_zip(content: bytes) -> None:
    """An archive that is none is damaged, not empty."""
    with pytest.raises(BadArchive):
        members(io.BytesIO(content), ".xml")


def test_files_of_an_artifact_that_is_not_what_was_uploaded(site: Site) -> None:
    """The digest that GitHub recorded is compared before anything is read."""
    content = zipped(a_xml="<testsuite/>")
    site.storage.reply(Reply(body=content))

    with pytest.raises(ArtifactDamaged):
        site.forge.artifact_files(artifact_of(content, digest=f"sha256:{'0' * 64}"), ".xml")
