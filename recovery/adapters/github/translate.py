"""Refusals and failures, translated once into our errors with what to change; by table, most specific first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import requests

from recovery.adapters.github.answer import Answer
from recovery.adapters.github.limits import rate_limit_wait, retry_after
from recovery.errors import (
    AmbiguousEffect,
    AuthenticationError,
    ForgeError,
    ForgeRefused,
    ForgeUnavailable,
    RateLimited,
    RunActive,
)

_RERUN = r"POST .*/actions/(runs|jobs)/\d+/rerun(-failed-jobs)?$"
_COMMENT = r"(POST|PATCH) .*/issues/(\d+/comments|comments/\d+)$"
_DISPATCH = r"POST .*/actions/workflows/[^/]+/dispatches$"
_DEPLOY = r"POST .*/deployments$"
_PULL = r"POST .*/pulls$"
_REFERENCE = r"POST .*/git/(refs|tags)$"
_ANY = r""

_ACTIVE_TEXT = r"already running|in progress|in_progress|not (yet )?(been )?completed?|is running|queued|still active"
_AGE_TEXT = r"over a month ago|older than|too old|retention"
_COUNT_TEXT = r"maximum|re-?run limit|limit of|at most|too many|\b50\b"
_NOTHING_TEXT = r"no failed jobs|no jobs (to|were)|nothing to"
_CLOSED_TEXT = r"archived|suspended|disabled|saml|ip allow list|billing|spending limit|blocked|locked"
_PERMISSION_TEXT = r"not accessible by|must have|permission|forbidden|not authori[sz]ed|read-?only"

_LOOK_HINT = "look at the run before you try again: the request may have taken effect"


@dataclass(frozen=True)
class _Row:
    """Statuses, request and text that this row is about, and the error that they mean."""

    statuses: tuple[int, ...]
    request: str
    text: str
    error: type[ForgeRefused]
    meaning: str
    hint: str

    def fits(self, answer: Answer) -> bool:
        """Whether an answer is what this row is about."""
        return (
            answer.status in self.statuses
            and re.match(self.request, answer.named) is not None
            and re.search(self.text, answer.message, re.IGNORECASE) is not None
        )


_ROWS = (
    _Row((403,), _RERUN, _NOTHING_TEXT, ForgeRefused, "there is no failed job to re-run",
         "look at the run: it may have been re-run already"),
    _Row((403,), _RERUN, _ACTIVE_TEXT, RunActive, "the run has not completed", "wait until the run has completed"),
    _Row((403,), _RERUN, _AGE_TEXT, ForgeRefused, "the run is too old",
         "start the workflow anew: GitHub re-runs a run only within 30 days and while its logs are kept"),
    _Row((403,), _RERUN, _COUNT_TEXT, ForgeRefused, "the run was re-run too often",
         "start the workflow anew: GitHub re-runs one run at most 50 times"),
    _Row((403,), _PULL, r"not permitted to create", ForgeRefused, "this job may not open pull requests",
         "tick “Allow GitHub Actions to create and approve pull requests” in the settings of the repository (Actions)"),
    _Row((403,), _ANY, _CLOSED_TEXT, ForgeRefused, "the repository or its owner does not allow it",
         "look at the settings of the repository and its organisation (archived, locked, Actions disabled, SSO)"),
    _Row((403,), _REFERENCE, _ANY, ForgeRefused, "the token may not point a branch or tag there",
         "{permission}; if it is there, .github/workflows at that commit differs from every branch's head, and a job's "
         "token may not bring that back: give `github-token` the token of an App that has `workflows: write`"),
    _Row((403,), _ANY, _PERMISSION_TEXT, ForgeRefused, "the token may not do this", "{permission}"),
    # The text differs between versions of GitHub (platform facts §1): what speaks of nothing else means "active".
    _Row((403,), _RERUN, r".", RunActive, "the run has not completed", "wait until the run has completed"),
    _Row((403,), _ANY, _ANY, ForgeRefused, "the token may not do this", "{permission}"),
    _Row((404,), r".*/issues/", _ANY, ForgeRefused, "no such pull request or comment, or the token cannot see it",
         "{permission}"),
    _Row((404,), r".*/actions/runs/", _ANY, ForgeRefused, "no such run, or the token cannot see it", "{permission}"),
    _Row((404, 410), r".*/actions/jobs/\d+/logs$", _ANY, ForgeRefused,
         "the log has expired or was deleted, or the job has not completed",
         "logs are kept as long as the repository's settings say (Actions, Artifact and log retention); {permission}"),
    _Row((404, 410), r".*/actions/artifacts/\d+/zip$", _ANY, ForgeRefused, "the artifact has expired or was deleted",
         "raise `retention-days` where it is uploaded; {permission}"),
    _Row((404, 410), _ANY, _ANY, ForgeRefused, "no such thing, or the token cannot see it", "{permission}"),
    _Row((202,), _DEPLOY, _ANY, ForgeRefused, "GitHub merged the default branch instead of deploying",
         "deploy a commit rather than a branch"),
    _Row((409,), _DEPLOY, _ANY, ForgeRefused, "GitHub does not deploy this commit",
         "look at the commit's status checks and at the rules of the environment"),
    _Row((422,), _DISPATCH, r"input", ForgeRefused, "the workflow does not take these inputs",
         "declare the input under `on: workflow_dispatch: inputs:`; a commit from before that cannot be dispatched"),
    _Row((422,), _DISPATCH, r"workflow_dispatch", ForgeRefused, "the workflow cannot be started by hand there",
         "add `workflow_dispatch:` to its `on:`; a commit from before that cannot be dispatched"),
    _Row((422,), _REFERENCE, r"already exists", ForgeRefused, "there is a branch or tag of that name already",
         "look at what it points to"),
    _Row((422,), _PULL, r"already exists", ForgeRefused, "there is an open pull request of that branch already",
         "look at that pull request"),
    _Row((409,), _ANY, _ANY, ForgeRefused, "it conflicts with what is there already",
         "look at the run, then try again"),
    _Row((422,), _COMMENT, r"too long", ForgeRefused, "the text is too long",
         "a comment has at most 65,536 characters"),
    _Row((400, 422), _ANY, _ANY, ForgeRefused, "GitHub does not accept what was sent",
         "if the input looks right, report this as a bug of Storyteller Recovery"),
    _Row((301, 302, 303, 307, 308), _ANY, _ANY, ForgeRefused, "the repository was renamed or moved",
         "name the repository as it is called now, and set GITHUB_API_URL to GitHub's API itself"),
)  # fmt: skip

_PERMISSIONS = (
    (r"(POST|PUT|PATCH|DELETE) .*/actions/", "actions: write"),
    (r".*/actions/", "actions: read"),
    (r"POST .*/deployments\b", "deployments: write"),
    (r".*/deployments\b", "deployments: read"),
    (r"(POST|PATCH|DELETE) .*/git/", "contents: write"),
    (r"(POST|PATCH) .*/(issues|pulls)\b", "pull-requests: write"),
    (r".*/(issues|pulls)\b", "pull-requests: read"),
    (_ANY, "contents: read"),
)


def error_of(answer: Answer, now: datetime) -> ForgeError:
    """The error that an answer means which is not the one hoped for."""
    said = f"{answer.named} was answered {answer.status}"
    if answer.status == 401:
        return AuthenticationError(_sentence("GitHub does not accept the token", said, answer.message))
    limited = _rate_limited(answer, now)
    if limited is not None:
        return limited
    for row in _ROWS:
        if row.fits(answer):
            hint = row.hint.format(permission=_permission_hint(answer))
            return row.error(_sentence(row.meaning, said, answer.message), hint=hint, status=answer.status)
    return unclear(answer.method, _sentence("GitHub gave no usable answer", said, answer.message))


def unclear(method: str, message: str) -> ForgeUnavailable:
    """No usable answer: harmless for a reading or repeatable request, but a POST may have taken effect."""
    if method == "POST":
        return AmbiguousEffect(message, hint=_LOOK_HINT)
    return ForgeUnavailable(message)


def wrong_shape(answer: Answer, expected: str) -> ForgeUnavailable:
    """The answer has a good status, but is not what was expected."""
    kind = answer.headers.get("content-type") or "no content type"
    found = f"{answer.named} was answered {answer.status} with something else ({kind}, {len(answer.text)} characters)"
    return unclear(answer.method, f"{expected} was expected, but {found}")


def failure_of(method: str, named: str, error: requests.RequestException) -> ForgeUnavailable:
    """No answer at all, or one that broke off. The vendor's own text is left out: it repeats signed addresses."""
    message = f"{named}: {reason(error)}"
    if method != "POST":
        return ForgeUnavailable(message, hint=_failure_hint(error))
    return unclear(method, message)


def reason(error: requests.RequestException) -> str:
    """Why a request got no answer, in a few words."""
    for kind, words in _REASONS:
        if isinstance(error, kind):
            return words
    return f"the request could not be sent ({type(error).__name__})"


_REASONS: tuple[tuple[type[requests.RequestException], str], ...] = (
    (requests.exceptions.SSLError, "no secure connection (the server's certificate or protocol was not accepted)"),
    (requests.exceptions.ProxyError, "the proxy did not answer"),
    (requests.exceptions.ConnectTimeout, "no connection in time"),
    (requests.exceptions.Timeout, "no answer in time"),
    (requests.exceptions.ChunkedEncodingError, "the answer broke off"),
    (requests.exceptions.ContentDecodingError, "the answer could not be decompressed"),
    (requests.exceptions.ConnectionError, "the connection failed"),
)


def _failure_hint(error: requests.RequestException) -> str | None:
    if isinstance(error, requests.exceptions.ProxyError | requests.exceptions.InvalidProxyURL):
        return "look at the proxy settings (https_proxy, no_proxy)"
    if isinstance(error, requests.exceptions.SSLError):
        return "look at GITHUB_API_URL; for a certificate of your own set REQUESTS_CA_BUNDLE to its file"
    return None


def _rate_limited(answer: Answer, now: datetime) -> RateLimited | None:
    wait = rate_limit_wait(answer.status, answer.headers, answer.message or answer.text, now)
    if wait is None and answer.status == 503 and answer.method == "GET":
        wait = retry_after(answer.headers, now)
    if wait is None:
        return None
    said = f"{answer.named} was answered {answer.status}"
    return RateLimited(
        _sentence(f"GitHub asks to wait {wait:.0f} s", said, answer.message),
        hint=f"try again in {wait:.0f} s; a job's token has 1,000 requests an hour for the whole repository",
        retry_after=wait,
    )


def _permission_hint(answer: Answer) -> str:
    line = next(line for pattern, line in _PERMISSIONS if re.match(pattern, answer.named))
    return f"add to the job, if it is missing: `permissions: {line}`"


def _sentence(meaning: str, said: str, message: str) -> str:
    return f"{meaning}: {said}" + (f" ({message})" if message else "")
