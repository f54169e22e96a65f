"""Downloads from where GitHub redirects to: another host, which must never see the token."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import requests

from recovery.adapters.github.request_log import RequestLog
from recovery.adapters.github.translate import reason
from recovery.adapters.github.transport import PASSING_TROUBLE, Timeouts, backoff, new_session
from recovery.errors import ForgeRefused, ForgeUnavailable
from recovery.ports import Clock

T = TypeVar("T")
Chunks = Iterator[bytes]

_CHUNK = 64 * 1024
_MOST_HOPS = 3
_MOST_TRIES = 2
_OK, _PARTIAL, _BEYOND_THE_END = 200, 206, 416
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({403, 404, 410})
_STRETCH = re.compile(r"bytes (?:(\d{1,19})-\d{1,19}|\*)/(\d{1,19})")


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a file: shorter than asked for at the file's end, all of it where its storage gives no parts."""

    start: int
    content: bytes
    total: int
    """Bytes of the whole file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wanted:
    """What is asked for: its address, its name in errors, and the answers that are good."""

    url: str
    what: str
    headers: Mapping[str, str] = field(default_factory=dict)
    good: tuple[int, ...] = (_OK,)


class _Again(Exception):
    """Trouble that may pass."""


class Downloads:
    """Streams what a redirect points at. A second session, so that nothing of the first can travel along."""

    def __init__(self, log: RequestLog, clock: Clock, timeouts: Timeouts) -> None:
        self._session = new_session(log, redirect=True)
        self._clock = clock
        self._timeouts = timeouts

    def fetch(self, url: str, what: str, consume: Callable[[Chunks], T]) -> T:
        """Hand the download's chunks to `consume`; once more from the start when it breaks off.

        Raises:
            ForgeRefused: the address is not good (any more).
            ForgeUnavailable: it broke off twice.
        """
        return self._tried(_Wanted(url=url, what=what), lambda response: consume(response.iter_content(_CHUNK)))

    def part(self, url: str, what: str, start: int, length: int, *, most: int) -> Part:
        """A stretch of the file; where its storage gives no parts, the whole file, if it has at most so many bytes.

        Asked for by first and last byte: the storage of GitHub's artifacts knows no "the last so many".

        Raises:
            ForgeRefused: the address is not good (any more), or the file is larger and cannot be had in parts.
            ForgeUnavailable: it broke off twice, or the answer makes no sense.
        """
        # Of something that travels compressed, a stretch could not be unpacked.
        headers = {"Range": f"bytes={start}-{start + length - 1}", "Accept-Encoding": "identity"}
        wanted = _Wanted(url=url, what=what, headers=headers, good=(_OK, _PARTIAL, _BEYOND_THE_END))

        def consume(response: requests.Response) -> Part:
            if response.status_code == _OK:
                return _whole(response, what, most)
            return _part(response, what, start, length)

        return self._tried(wanted, consume)

    def _tried(self, wanted: _Wanted, consume: Callable[[requests.Response], T]) -> T:
        trouble = ""
        for attempt in range(1, _MOST_TRIES + 1):
            try:
                return self._follow(wanted, consume)
            except PASSING_TROUBLE as error:
                trouble = reason(error)
            except _Again as error:
                trouble = str(error)
            if attempt < _MOST_TRIES:
                self._clock.sleep(backoff(attempt, self._clock))
        # `from None` drops the vendor's error, whose text holds the signed address.
        raise ForgeUnavailable(f"{wanted.what} could not be downloaded: {trouble}") from None

    def _follow(self, wanted: _Wanted, consume: Callable[[requests.Response], T]) -> T:
        url = wanted.url
        for _ in range(_MOST_HOPS):
            if urlsplit(url).scheme not in {"https", "http"}:
                break
            with self._get(url, wanted) as response:
                if response.status_code not in _REDIRECTS:
                    _check(response, wanted)
                    return consume(response)
                url = urljoin(url, response.headers.get("location", ""))
        raise ForgeUnavailable(f"{wanted.what} could not be downloaded: GitHub's redirect leads nowhere")

    def _get(self, url: str, wanted: _Wanted) -> requests.Response:
        try:
            return self._session.get(
                url, headers=wanted.headers, stream=True, timeout=self._timeouts, allow_redirects=False
            )
        except PASSING_TROUBLE:
            raise
        except (requests.RequestException, ValueError) as error:
            raise ForgeUnavailable(
                f"{wanted.what} could not be downloaded: the address is not valid ({type(error).__name__})"
            ) from None


def _whole(response: requests.Response, what: str, most: int) -> Part:
    content = _bounded(response, most)
    if content is None:
        raise ForgeRefused(
            f"{what} is larger than the {most // 1024**2} MB that are read, and its storage does not give out parts"
        )
    return Part(0, content, len(content))


def _part(response: requests.Response, what: str, start: int, length: int) -> Part:
    found = _STRETCH.fullmatch(response.headers.get("content-range", ""))
    if found is not None and response.status_code == _BEYOND_THE_END:
        return Part(int(found[2]), b"", int(found[2]))
    content = _bounded(response, length)
    if found is None or found[1] != str(start) or content is None:
        raise ForgeUnavailable(f"{what} could not be downloaded: its storage gave another part than was asked for")
    return Part(start, content, int(found[2]))


def _bounded(response: requests.Response, most: int) -> bytes | None:
    content = bytearray()
    for chunk in response.iter_content(_CHUNK):
        content += chunk
        if len(content) > most:
            return None
    return bytes(content)


def _check(response: requests.Response, wanted: _Wanted) -> None:
    status, what = response.status_code, wanted.what
    if status in _GONE:
        raise ForgeRefused(
            f"{what} could not be downloaded: its storage answered {status}",
            hint="it has expired or was deleted, or a proxy does not let it through (logs and artifacts come from "
            "hosts of their own, such as *.blob.core.windows.net)",
            status=status,
        )
    if status == 429 or status >= 500:
        raise _Again(f"its storage answered {status}")
    if status not in wanted.good:
        raise ForgeUnavailable(f"{what} could not be downloaded: its storage answered {status}")
