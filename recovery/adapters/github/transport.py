"""How requests are sent: recorded, timed out, and repeated only where that is harmless."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from recovery.adapters.github.limits import rate_limit_wait, retry_after
from recovery.adapters.github.request_log import RequestLog
from recovery.ports import Clock
from recovery.version import VERSION

CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
ATTEMPTS = 3
RETRIED_STATUSES = frozenset({502, 503, 504})
PASSING_TROUBLE = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
Timeouts = tuple[float, float]


def user_agent() -> str:
    """Who we are, as GitHub asks every client to say."""
    return f"storyteller-recovery/{VERSION}"


class _RecordingAdapter(HTTPAdapter):
    """Every request of a session passes here, whoever made it; urllib3's own retries are off."""

    def __init__(self, log: RequestLog, *, redirect: bool) -> None:
        super().__init__(max_retries=0)
        self._log = log
        self._redirect = redirect

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request; record it when the status is known, or when there will be none."""
        status: int | None = None
        try:
            response = super().send(request, *args, **kwargs)
            status = response.status_code
        finally:
            self._log.record(request, status, redirect=self._redirect)
        return response


def _anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def new_session(log: RequestLog, *, redirect: bool) -> requests.Session:
    """A session that records, honours proxies from the environment, and sends no credentials of its own."""
    session = requests.Session()
    # Without an `auth`, requests would look into ~/.netrc, also for the host of a redirect.
    session.auth = _anonymous
    session.headers["User-Agent"] = user_agent()
    for scheme in ("https://", "http://"):
        session.mount(scheme, _RecordingAdapter(log, redirect=redirect))
    return session


def backoff(attempt: int, clock: Clock) -> float:
    """Seconds to wait after the given failed attempt: doubling, and drawn from its upper half."""
    return float(2 ** (attempt - 1)) * (0.5 + clock.chance() / 2)


class Transport:
    """Sends API requests. Only GET is ever repeated: a POST that got no clear answer may have taken effect."""

    def __init__(
        self, origin: str, log: RequestLog, clock: Clock, *, patience_seconds: float, timeouts: Timeouts
    ) -> None:
        self._origin = origin
        self._session = new_session(log, redirect=False)
        self._clock = clock
        self._patience = patience_seconds
        self._timeouts = timeouts

    def send(self, method: str, path: str, headers: Mapping[str, str], body: str | None) -> requests.Response:
        """Send a request until its answer is final; redirects are not followed.

        Raises:
            requests.RequestException: there was no answer, to the last attempt.
        """
        waited = 0.0
        for attempt in range(1, ATTEMPTS + 1):
            last = method != "GET" or attempt == ATTEMPTS
            try:
                response = self._send_once(method, path, headers, body)
            except PASSING_TROUBLE:
                if last:
                    raise
                self._clock.sleep(backoff(attempt, self._clock))
                continue
            if last:
                return response
            asked = self._asked_wait(response)
            if asked is None and response.status_code not in RETRIED_STATUSES:
                return response
            if asked is not None and waited + asked > self._patience:
                return response
            waited += asked or 0.0
            self._clock.sleep(backoff(attempt, self._clock) if asked is None else asked)
        raise AssertionError("the last attempt returns or raises")

    def _send_once(self, method: str, path: str, headers: Mapping[str, str], body: str | None) -> requests.Response:
        if method != "GET":
            # A kept-alive connection may just have been closed by the other side, which would make the only try
            # of a write fail; writes start on a new one.
            self._session.close()
        return self._session.request(
            method,
            f"{self._origin}{path}",
            headers=dict(headers),
            data=body.encode() if body is not None else None,
            timeout=self._timeouts,
            allow_redirects=False,
        )

    def _asked_wait(self, response: requests.Response) -> float | None:
        now = self._clock.now()
        if response.status_code in RETRIED_STATUSES:
            return retry_after(response.headers, now)
        return rate_limit_wait(response.status_code, response.headers, response.text, now)
