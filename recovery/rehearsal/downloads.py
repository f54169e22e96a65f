"""The download host: another host name, links that live a minute and need no token, and refuse one."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import timedelta

from recovery.rehearsal.routing import Answer, Request
from recovery.rehearsal.world import Link, World

DOWNLOAD_PREFIX = "/_download/"
_LINK_SECONDS = 60
REDIRECTS = (302,)
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


# What a link that was made useless answers, as GitHub's blob storage does.
_USELESS = {
    "expired": (403, b"AuthenticationFailed"),
    "missing": (404, b"BlobNotFound"),
    "failing": (500, b"InternalError"),
}


def redirect(world: World, request: Request, content: bytes, content_type: str) -> Answer:
    """Answer 302 to a link on the download host."""
    with world.clockwork.lock:
        number = world.clockwork.next_id("download")
        name = hashlib.sha256(f"{id(world)}/{number}".encode()).hexdigest()[:24]
        until = world.clockwork.now() + timedelta(seconds=_LINK_SECONDS)
        world.links[name] = Link(content=content, content_type=content_type, until=until, run_id=request.run_id)
    return Answer(status=302, headers={"Location": f"{request.download_base}{DOWNLOAD_PREFIX}{name}"})


def download(world: World, request: Request) -> tuple[Answer, int | None]:
    """What a link gives, and the run that was given the link.

    A request that carries a token is refused with 400, as GitHub's blob storage does, and noted as an offence.
    """
    link = world.links.get(request.path.removeprefix(DOWNLOAD_PREFIX))
    run_id = link.run_id if link else None
    if "authorization" in request.headers:
        world.offences.append(f"a token was sent to the download host: {request.method} {request.path}")
        return Answer(status=400, content=b"InvalidAuthenticationInfo", content_type="application/xml"), run_id
    if link is not None and link.trouble in _USELESS:
        status, content = _USELESS[link.trouble]
        return Answer(status=status, content=content, content_type="application/xml"), run_id
    if link is None or link.until < world.clockwork.now():
        return Answer(status=403, content=b"AuthenticationFailed", content_type="application/xml"), run_id
    return _stretch(link, request.headers.get("range", "")), run_id


def _stretch(link: Link, wanted: str) -> Answer:
    """What a `Range` asks for: 206, or 416 behind the end; 200 and everything for what Azure's blob storage documents
    no meaning of, like "the last so many bytes".
    """
    size = len(link.content)
    found = _RANGE.fullmatch(wanted)
    if found is None or (found[2] and int(found[2]) < int(found[1])):
        return Answer(content=link.content, content_type=link.content_type, headers={"Accept-Ranges": "bytes"})
    start = int(found[1])
    if start >= size:
        beyond = {"Content-Range": f"bytes */{size}"}
        return Answer(status=416, content=b"InvalidRange", content_type="application/xml", headers=beyond)
    end = min(int(found[2] or size), size - 1)
    headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {start}-{end}/{size}"}
    return Answer(status=206, content=link.content[start : end + 1], content_type=link.content_type, headers=headers)


def relink(world: World, location: str, trouble: str) -> None:
    """Make a link useless that was just given: `expired`, `missing` or `failing`."""
    name = location.rsplit("/", 1)[-1]
    with world.clockwork.lock:
        world.links[name] = replace(world.links[name], trouble=trouble)
