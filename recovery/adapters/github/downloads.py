"""Downloads from where GitHub redirects to: another host, which must never see the token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({403, 404, 410})


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
        trouble = ""
        for attempt in range(1, _MOST_TRIES + 1):
            try:
                return self._follow(url, what, consume)
            except PASSING_TROUBLE as error:
                trouble = reason(error)
            except _Again as error:
                trouble = str(error)
            if attempt < _MOST_TRIES:
                self._clock.sleep(backoff(attempt, self._clock))
        # `from None` drops the vendor's error, whose text holds the signed address.
        raise ForgeUnavailable(f"{what} could not be downloaded: {trouble}") from None

    def _follow(self, url: str, what: str, consume: Callable[[Chunks], T]) -> T:
        for _ in range(_MOST_HOPS):
            if urlsplit(url).scheme not in {"https", "http"}:
                break
            with self._get(url, what) as response:
                if response.status_code not in _REDIRECTS:
                    _check(response, what)
                    return consume(response.iter_content(_CHUNK))
                url = urljoin(url, response.headers.get("location", ""))
        raise ForgeUnavailable(f"{what} could not be downloaded: GitHub's redirect leads nowhere")

    def _get(self, url: str, what: str) -> requests.Response:
        try:
            return self._session.get(url, stream=True, timeout=self._timeouts, allow_redirects=False)
        except PASSING_TROUBLE:
            raise
        except (requests.RequestException, ValueError) as error:
            raise ForgeUnavailable(
                f"{what} could not be downloaded: the address is not valid ({type(error).__name__})"
            ) from None


def _check(response: requests.Response, what: str) -> None:
    status = response.status_code
    if status in _GONE:
        raise ForgeRefused(
            f"{what} could not be downloaded: its storage answered {status}",
            hint="it has expired or was deleted, or a proxy does not let it through (logs and artifacts come from "
            "hosts of their own, such as *.blob.core.windows.net)",
            status=status,
        )
    if status == 429 or status >= 500:
        raise _Again(f"its storage answered {status}")
    if status != 200:
        raise ForgeUnavailable(f"{what} could not be downloaded: its storage answered {status}")
