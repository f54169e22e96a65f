"""What is sent again and what is raised: statuses, broken connections and limits, for each method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from recovery.adapters.github import GitHubForge
from recovery.errors import (
    AmbiguousEffect,
    AuthenticationError,
    ForgeError,
    ForgeRefused,
    ForgeUnavailable,
    RateLimited,
    RunActive,
)
from tests.adapters.scripted_server import HANG_UP, Reply, ScriptedServer
from tests.builders import NOW
from tests.fakes.clock import FakeClock

TOKEN = "ghs_secretsecretsecret"  # noqa: S105
RUN = {
    "id": 5,
    "name": "CI",
    "path": ".github/workflows/ci.yml",
    "event": "push",
    "status": "completed",
    "conclusion": "failure",
    "run_attempt": 1,
    "head_sha": "a" * 40,
    "head_branch": "main",
    "created_at": "2026-01-15T11:00:00Z",
    "repository": {"full_name": "octo/repo"},
    "head_repository": {"full_name": "octo/repo"},
}
COMMENT = {"id": 9, "body": "text", "user": {"login": "github-actions[bot]", "type": "Bot"}}

Call = Callable[[GitHubForge], object]


def get(forge: GitHubForge) -> object:
    """A request that may be repeated."""
    return forge.run(5)


def post(forge: GitHubForge) -> object:
    """The effect."""
    forge.rerun_failed_jobs(5)
    return None


def post_comment(forge: GitHubForge) -> object:
    """A report that is no effect, but would be there twice."""
    return forge.create_comment(3, "text")


def patch(forge: GitHubForge) -> object:
    """A write that could be repeated, but is not."""
    return forge.update_comment(9, "text")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that is told what to answer."""
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    """A clock on which nobody really sleeps."""
    return FakeClock()


def forge_on(server: ScriptedServer, clock: FakeClock, **over: Any) -> GitHubForge:
    """A forge that talks to the server and waits for its answers a quarter of a second at most."""
    return GitHubForge("octo/repo", TOKEN, api_url=server.url, clock=clock, timeouts=(1.0, 0.25), **over)


def outcome(forge: GitHubForge, call: Call) -> ForgeError:
    """The error that a call ends in; it never shows the token."""
    with pytest.raises(ForgeError) as caught:
        call(forge)
    assert TOKEN not in f"{caught.value.message} {caught.value.hint} {caught.value!r}"
    return caught.value


SENT_ONCE = [
    (400, ForgeRefused),
    (401, AuthenticationError),
    (404, ForgeRefused),
    (409, ForgeRefused),
    (410, ForgeRefused),
    (422, ForgeRefused),
    (301, ForgeRefused),
    (307, ForgeRefused),
]


@pytest.mark.parametrize("call", [get, post, post_comment, patch])
@pytest.mark.parametrize(("status", "error"), SENT_ONCE)
def test_refusals_are_final(
    server: ScriptedServer, clock: FakeClock, call: Call, status: int, error: type[ForgeError]
) -> None:
    """A refusal is asked for once, whatever the method, and is never taken for an ambiguous effect."""
    server.reply(Reply(status=status, body={"message": "No"}, headers={"Location": f"{server.url}/elsewhere"}))

    raised = outcome(forge_on(server, clock), call)

    assert error is type(raised)
    assert (1, []) == (len(server.received), clock.sleeps)


@pytest.mark.parametrize(
    ("call", "status", "expected"),
    [
        (get, 500, (ForgeUnavailable, 1)),
        *((get, status, (ForgeUnavailable, 3)) for status in (502, 503, 504)),
        *((call, status, (AmbiguousEffect, 1)) for call in (post, post_comment) for status in (500, 502, 503, 504)),
        *((patch, status, (ForgeUnavailable, 1)) for status in (500, 502, 503, 504)),
    ],
)
def test_server_errors(
    server: ScriptedServer, clock: FakeClock, call: Call, status: int, expected: tuple[type[ForgeError], int]
) -> None:
    """Only GET is sent again, three times in all; a POST may have taken effect."""
    server.reply(Reply(status=status, body="<html>Unicorn!</html>", headers={"Content-Type": "text/html"}))

    raised = outcome(forge_on(server, clock), call)

    assert expected == (type(raised), len(server.received))


BROKEN = {
    "hang up": HANG_UP,
    "cut off": Reply(status=200, body=RUN, cut=20),
    "cut off 201": Reply(status=201, body=RUN, cut=20),
    "silent": Reply(silent=True),
    "not gzip": Reply(status=200, body=b"plain", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (get, (ForgeUnavailable, 3)),
        (post, (AmbiguousEffect, 1)),
        (post_comment, (AmbiguousEffect, 1)),
        (patch, (ForgeUnavailable, 1)),
    ],
)
def test_broken_connections(
    server: ScriptedServer, clock: FakeClock, broken: str, call: Call, expected: tuple[type[ForgeError], int]
) -> None:
    """No answer, half an answer and an endless wait are the same: repeated for GET, ambiguous for POST."""
    server.reply(BROKEN[broken])

    raised = outcome(forge_on(server, clock), call)

    assert expected == (type(raised), len(server.received))


def test_nobody_listens(clock: FakeClock) -> None:
    """A refused connection is told as such, after three tries."""
    with ScriptedServer() as server:
        forge = forge_on(server, clock)

    raised = outcome(forge, get)

    assert "GET /repos/octo/repo/actions/runs/5: the connection failed" == raised.message
    assert 2 == len(clock.sleeps)


@pytest.mark.parametrize("trouble", [HANG_UP, Reply(status=502), Reply(status=200, body=RUN, cut=9)])
def test_get_recovers(server: ScriptedServer, clock: FakeClock, trouble: Reply) -> None:
    """A GET succeeds on its third try, after waits that double and are drawn from their upper half."""
    server.reply(trouble, trouble, Reply(body=RUN))

    assert 5 == forge_on(server, clock).run(5).id
    assert [0.75, 1.5] == clock.sleeps


GARBAGE = {
    "html": Reply(body="<html>Please sign in</html>", headers={"Content-Type": "text/html"}),
    "broken json": Reply(body='{"id": 5,'),
    "nothing": Reply(),
    "list": Reply(body=[1, 2]),
    "text": Reply(body='"run"'),
    "number": Reply(body="7"),
    "null": Reply(body="null"),
    "wrong field": Reply(body={**RUN, "run_attempt": "first"}),
    "missing field": Reply(body={"id": 5}),
    "deep json": Reply(body="[" * 100_000),
    "not utf-8": Reply(body=b"\xff\xfe\x00"),
    "odd limits": Reply(status=500, body=RUN, headers={"X-RateLimit-Remaining": "many", "X-RateLimit-Limit": "inf"}),
    "not ready": Reply(status=202, body={}),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage(server: ScriptedServer, clock: FakeClock, name: str) -> None:
    """An answer that is not what was asked for is named as such, once."""
    server.reply(GARBAGE[name])

    raised = outcome(forge_on(server, clock), get)

    assert (ForgeUnavailable, 1) == (type(raised), len(server.received))
    assert "GET /repos/octo/repo/actions/runs/5" in raised.message


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("jobs", lambda forge: forge.jobs(5, 1)),
        ("runs", lambda forge: forge.runs_of_workflow("ci.yml")),
        ("runs", lambda forge: forge.successful_runs("ci.yml", "main", before=NOW)),
        ("artifacts", lambda forge: forge.artifacts_named("plan")),
        ("comments", lambda forge: forge.comments(3)),
    ],
)
@pytest.mark.parametrize("body", [{}, [{}], "<html>", {"total_count": "many", "jobs": []}, "null"])
def test_garbage_instead_of_a_list(
    server: ScriptedServer, clock: FakeClock, name: str, call: Call, body: object
) -> None:
    """A list that is none is named as what was expected."""
    server.reply(Reply(body=body))

    raised = outcome(forge_on(server, clock), call)

    assert ForgeUnavailable is type(raised)
    assert raised.message.startswith((f"a list of {name} was expected", "a comment was expected"))


@pytest.mark.parametrize(
    ("call", "reply"),
    [
        (post, Reply(status=200, body={})),
        (post, Reply(status=202, body={})),
        (post, Reply(status=204)),
        (post_comment, Reply(status=201, body="<html>")),
        (post_comment, Reply(status=201, body={"id": "x"})),
        (post_comment, Reply(status=200, body=COMMENT)),
    ],
)
def test_unexpected_success_of_a_post_is_ambiguous(
    server: ScriptedServer, clock: FakeClock, call: Call, reply: Reply
) -> None:
    """Only the documented status with a readable body counts as done; anything else has to be looked into."""
    server.reply(reply)

    raised = outcome(forge_on(server, clock), call)

    assert (AmbiguousEffect, 1) == (type(raised), len(server.received))


@pytest.mark.parametrize("body", ["", "{}", "<html>"])
def test_accepted_rerun(server: ScriptedServer, clock: FakeClock, body: str) -> None:
    """A re-run is accepted by its status 201, for GitHub documents no body."""
    server.reply(Reply(status=201, body=body))

    forge_on(server, clock).rerun_failed_jobs(5)

    assert [("POST", "/repos/octo/repo/actions/runs/5/rerun-failed-jobs")] == [
        (request.method, request.path) for request in server.received
    ]


def test_moved_repository_is_not_followed_by_a_post(server: ScriptedServer, clock: FakeClock) -> None:
    """PyGithub would send a POST again to where a 301 points; here it is a refusal that says what moved."""
    server.reply(Reply(status=301, body={"message": "Moved Permanently"}, headers={"Location": "/repositories/1"}))

    raised = outcome(forge_on(server, clock), post)

    assert (ForgeRefused, 1) == (type(raised), len(server.received))
    assert "renamed or moved" in raised.message


PRIMARY = {"X-RateLimit-Remaining": "0", "X-RateLimit-Limit": "1000"}


@pytest.mark.parametrize(
    ("reply", "wait"),
    [
        (Reply(status=429, headers={"Retry-After": "7"}), 7.0),
        (Reply(status=403, headers={"Retry-After": "7"}), 7.0),
        (Reply(status=429, headers={"Retry-After": "Thu, 15 Jan 2026 12:00:09 GMT"}), 9.0),
        (Reply(status=429, headers={"Retry-After": "soon"}), 60.0),
        (Reply(status=429, headers={"Retry-After": "nan"}), 60.0),
        (Reply(status=429), 60.0),
        (Reply(status=403, headers={**PRIMARY, "X-RateLimit-Reset": "1768478430"}), 30.0),
        (Reply(status=403, headers={**PRIMARY, "X-RateLimit-Reset": "1768470000"}), 1.0),
        (Reply(status=403, headers=PRIMARY), 60.0),
        (Reply(status=403, body={"message": "You have exceeded a secondary rate limit. Please wait."}), 60.0),
        (Reply(status=503, headers={"Retry-After": "7"}), 7.0),
    ],
)
def test_limits_are_obeyed_within_patience(server: ScriptedServer, clock: FakeClock, reply: Reply, wait: float) -> None:
    """A GET waits as long as GitHub asks, if that is within its patience, and then succeeds."""
    server.reply(reply, Reply(body=RUN))

    assert 5 == forge_on(server, clock).run(5).id
    assert [wait] == clock.sleeps


@pytest.mark.parametrize(
    ("headers", "wait"),
    [({"Retry-After": "61"}, 61.0), ({**PRIMARY, "X-RateLimit-Reset": "1768482000"}, 3600.0)],
)
@pytest.mark.parametrize("call", [get, post, post_comment, patch])
def test_impatience(server: ScriptedServer, clock: FakeClock, call: Call, headers: dict[str, str], wait: float) -> None:
    """A longer wait is not slept but told, with the seconds to wait."""
    server.reply(Reply(status=403, headers=headers, body={"message": "API rate limit exceeded for installation"}))

    raised = outcome(forge_on(server, clock), call)

    assert isinstance(raised, RateLimited)
    assert (wait, 1, []) == (raised.retry_after, len(server.received), clock.sleeps)


def test_patience_is_for_the_whole_request(server: ScriptedServer, clock: FakeClock) -> None:
    """Two waits that are short enough each, but not together, are not both slept."""
    server.reply(Reply(status=429, headers={"Retry-After": "40"}))

    raised = outcome(forge_on(server, clock), get)

    assert isinstance(raised, RateLimited)
    assert ([40.0], 2) == (clock.sleeps, len(server.received))


@pytest.mark.parametrize("call", [post, post_comment, patch])
def test_limited_writes_are_not_sent_again(server: ScriptedServer, clock: FakeClock, call: Call) -> None:
    """A write is sent once even if the wait would be short; the limit means that it had no effect."""
    server.reply(Reply(status=429, headers={"Retry-After": "1"}))

    raised = outcome(forge_on(server, clock), call)

    assert isinstance(raised, RateLimited)
    assert (1.0, 1, []) == (raised.retry_after, len(server.received), clock.sleeps)


def test_permission_is_no_rate_limit(server: ScriptedServer, clock: FakeClock) -> None:
    """A 403 with requests left is a refusal, not something to wait for."""
    server.reply(
        Reply(
            status=403,
            body={"message": "Resource not accessible by integration"},
            headers={"X-RateLimit-Remaining": "988", "X-RateLimit-Reset": "1768482000"},
        )
    )

    raised = outcome(forge_on(server, clock), get)

    assert (ForgeRefused, []) == (type(raised), clock.sleeps)


def test_writes_start_on_a_new_connection(server: ScriptedServer, clock: FakeClock) -> None:
    """A kept-alive connection that the other side has just closed cannot make the one try of a write ambiguous."""
    server.reply(Reply(body=RUN), Reply(body=RUN), Reply(status=201, body={}))
    forge = forge_on(server, clock)

    forge.run(5)
    forge.run(5)
    forge.rerun_failed_jobs(5)

    first, second, write = (request.port for request in server.received)
    assert first == second
    assert second != write


def test_every_request_says_who_asks_what(server: ScriptedServer, clock: FakeClock) -> None:
    """Token, API version, format and our own name are on every request."""
    server.reply(Reply(body=RUN))

    forge_on(server, clock).run(5)

    headers = server.received[0].headers
    assert f"token {TOKEN}" == headers["authorization"]
    assert "2022-11-28" == headers["x-github-api-version"]
    assert "application/vnd.github+json" == headers["accept"]
    assert headers["user-agent"].startswith("storyteller-recovery/")


def test_active_run(server: ScriptedServer, clock: FakeClock) -> None:
    """GitHub's refusal to re-run an active run has a type of its own."""
    server.reply(Reply(status=403, body={"message": "This workflow is already running"}))

    raised = outcome(forge_on(server, clock), post)

    assert (RunActive, 403) == (type(raised), getattr(raised, "status", None))
