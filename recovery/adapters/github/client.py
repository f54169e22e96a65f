"""GitHub's JSON API through PyGithub's requester, on our own transport.

PyGithub's `Requester` makes the addresses, the authentication and the headers. Its objects are not used: reading one
attribute of theirs may cost a hidden request, and their re-run methods answer a refusal with a silent `False`. Nor is
its sending: its retries would repeat a POST, and its throttle and rate-limit sleeps are not bounded by us.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from github.Auth import Token
from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass, Requester, RequestsResponse

from recovery.adapters.github.answer import Answer, WrongShape
from recovery.adapters.github.convert import Json, converted, described
from recovery.adapters.github.translate import error_of, failure_of, unclear, wrong_shape
from recovery.adapters.github.transport import Transport, user_agent
from recovery.errors import ListWithoutEnd
from recovery.ports import Clock

API_VERSION = "2022-11-28"
PAGE_SIZE = 100
MOST_PAGES = 100
Params = Mapping[str, str | int]
T = TypeVar("T")

_NEXT = re.compile(r'rel="?next\b')
_COUNT = re.compile(r"[0-9]{1,9}")


class Client:
    """Asks GitHub, and raises `ForgeError`s only."""

    def __init__(self, token: str, api_url: str, transport: Transport, clock: Clock) -> None:
        self._token = token
        self._api_url = api_url
        self._requester = _requester(token, api_url, transport)
        self._prefix = urlsplit(api_url).path.rstrip("/")
        self._clock = clock
        self.requests_left: int | None = None
        """What the latest answer told of GitHub's hourly limit; None while none did."""

    def ask(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        body: Json | None = None,
        *,
        expect: int | tuple[int, ...] = 200,
    ) -> Answer:
        """Send a request, and raise unless its answer has the expected status, or one of them."""
        answer = self._answer(method, path, params, body)
        if answer.status not in (expect if isinstance(expect, tuple) else (expect,)):
            raise error_of(answer, self._clock.now())
        return answer

    def read(
        self,
        convert: Callable[[Json], T],
        method: str,
        path: str,
        params: Params | None = None,
        body: Json | None = None,
        *,
        expect: int = 200,
    ) -> T:
        """Send a request, and convert the JSON of its answer."""
        return self.understood(convert, self.ask(method, path, params, body, expect=expect))

    def understood(self, convert: Callable[[Json], T], answer: Answer) -> T:
        """The JSON of an answer, converted."""
        try:
            return converted(convert, answer.json(described(convert)))
        except WrongShape as error:
            raise wrong_shape(answer, str(error)) from error

    def location(self, path: str) -> str:
        """Where GitHub redirects a request to."""
        answer = self.ask("GET", path, expect=302)
        return urljoin(self._api_url, answer.headers.get("location", ""))

    def pages(
        self,
        convert: Callable[[Json], T],
        path: str,
        params: Params | None = None,
        *,
        under: str | None = None,
        size: int = PAGE_SIZE,
    ) -> Iterator[list[T]]:
        """The pages of a list, each requested when it is taken; `under` is the list's key in GitHub's envelope."""
        seen = 0
        for number in range(1, MOST_PAGES + 1):
            position = {"page": number} if number > 1 else {}
            answer = self.ask("GET", path, {**(params or {}), "per_page": size, **position})
            try:
                items, total = _items(answer, under, described(convert, many=True))
                page = [converted(convert, item) for item in items]
            except WrongShape as error:
                raise wrong_shape(answer, str(error)) from error
            yield page
            seen += len(items)
            if not items or not (seen < total or _NEXT.search(answer.headers.get("link", ""))):
                return
        raise ListWithoutEnd(f"GET {self._prefix}{path}: a list without end (more than {MOST_PAGES} pages)")

    def _answer(self, method: str, path: str, params: Params | None, body: Json | None) -> Answer:
        named = f"{method} {self._prefix}{path}"
        headers = {"Accept": "application/vnd.github+json"}
        try:
            answered = self._requester.requestJson(method, path, dict(params or {}), headers, body)
        except _Intercepted as intercepted:
            answered = intercepted.answered
        except requests.RequestException as error:
            raise failure_of(method, named, error) from error
        except (ValueError, OverflowError) as error:
            # PyGithub reads the rate-limit headers as numbers and requests a redirect as an address, come what may.
            raise unclear(method, f"{named}: the answer's headers make no sense") from error
        status, headers, text = answered
        left = headers.get("x-ratelimit-remaining")
        self.requests_left = int(left) if isinstance(left, str) and _COUNT.fullmatch(left) else self.requests_left
        # Whatever a server repeats of what it was sent, the token goes no further.
        text = text.replace(self._token, "***")
        return Answer(method=method, path=f"{self._prefix}{path}", status=status, headers=headers, text=text)


def _items(answer: Answer, under: str | None, expected: str) -> tuple[list[Any], int]:
    """The items of a page, and how many the whole list has (0 when it does not say)."""
    document = answer.json(expected)
    if under is None:
        items, total = document, 0
    elif isinstance(document, dict):
        items, total = document.get(under), document.get("total_count", 0)
    else:
        items, total = None, 0
    if not isinstance(items, list) or not isinstance(total, int):
        raise WrongShape(expected)
    return items, total


class _Intercepted(Exception):
    """An answer that PyGithub must not see, because it would act on it by itself."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(response.status_code)
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.answered = (response.status_code, headers, response.text)


class _Connection:
    """What PyGithub takes for a connection; the sending is ours."""

    transport: ClassVar[Transport]

    def __init__(self, host: str, *_: Any, **__: Any) -> None:
        self.host = host

    def request(self, verb: str, url: str, body: Any, headers: dict[str, str], *_: Any) -> None:
        self._request = (verb, url, headers, body)

    def getresponse(self) -> RequestsResponse:
        response = self.transport.send(*self._request)
        response.encoding = "utf-8"
        # PyGithub would send the request again to where a 301 points (a POST too), and sleep and repeat after a 202.
        if response.status_code == 301 or (response.status_code == 202 and self._request[0] == "GET"):
            raise _Intercepted(response)
        return RequestsResponse(response)

    def close(self) -> None:
        """Keep the transport's connections, which outlive one request."""


def _requester(token: str, api_url: str, sender: Transport) -> Requester:
    """A PyGithub requester that sends through `sender`.

    `injectConnectionClasses` is PyGithub's own seam for this, but it is a switch on the class; it is thrown on a
    subclass here, so that PyGithub elsewhere in the process stays as it is.
    """

    class Plain(_Connection, HTTPRequestsConnectionClass):
        transport = sender

    class Secure(_Connection, HTTPSRequestsConnectionClass):
        transport = sender

    class OwnRequester(Requester):
        pass

    OwnRequester.injectConnectionClasses(Plain, Secure)
    return OwnRequester(
        auth=Token(token),
        base_url=api_url,
        timeout=0,
        user_agent=user_agent(),
        per_page=PAGE_SIZE,
        verify=True,
        retry=None,
        pool_size=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
        api_version=API_VERSION,
    )
