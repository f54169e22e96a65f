"""What speaks against a second try although the cause is passing trouble: each doubt a function, all of them asked.

A `yes` is acted upon by itself, so it needs proof: the trouble is the last thing that happened, nothing else went wrong
anywhere, and nothing about it looks as if it would be there again tomorrow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import re2

from recovery.models.verdict import FailureClass
from recovery.policy.rules.model import CONVINCING
from recovery.policy.suspects import Suspect, names_a_real_fault

AROUND = 5
"""Lines before and after a trouble in which its reason may be told."""

_RESTATES = re2.compile(
    r"(?i)\b(?:network|connect|transfer|download|fetch|clone|pull|resolv|time[ds]?[ -]?out|reset|registry|eof|rpc"
    r"|https?|ssl|tls|git|npm|pnpm|yarn|pip|gem|cargo|composer|nuget|apt|hung up|rate limit|too many requests"
    r"|retr(?:y|ied|ies)|attempts?|shutdown|runner|agent|complete log of this run|failed to solve|artifact|cache|proxy"
    r"|exit(?:ed)? (?:with )?(?:code|status)|operation was canceled|build stopped)"
)
"""Words in which a tool goes on to speak of the same trouble, and of nothing else."""

_LASTS = re2.compile(
    r"(?i)certificate|x509|pkix|unknown ca\b|self[- ]signed|wrong version number|verif(?:y|ication)|handshake_failure"
    r"|first record does not look|protocol_version|\b40[0-79]\b|\b41\d\b|\b501\b|unauthori[sz]ed|forbidden|denied"
    r"|\binvalid\b|not accessible|not found|not exist|no such file|unknown (?:flag|option|repository)|credential"
    r"|password|permission|checksum|signature|quota|billing|unable to parse|cannot read|malformed"
    r"|size (?:exceeds|limit)|too large|by the administrator"
)
"""Words of trouble that is there again tomorrow."""

_UNREACHED = re2.compile(
    r"(?i)refused|no route to host|(?:could(?: not|n't)|cannot|can't|unable to) resolve|name or service not known"
    r"|no such (?:host|name)|unknown ?host|enotfound|eai_again|nodename nor servname|dns error|name resolution"
    r"|getaddrinfo|http[^ ]* (?:error |code )?500\b|500 internal|returned error: 500"
    r"|(?:failed to|could(?: not|n't)|cannot|can't|unable to) (?:connect|reach)|attempts to connect"
    r"|temporary error \(try again"
)
"""Words of a host that did not answer: it may have a wrong name, or be a service of the job's own."""

_CODE_OF_CURL = re2.compile(r"\bcurl: \((\d+)\)")
_ENDED_WITH = re2.compile(r"(?i)\bexit(?:ed)?(?: with)?(?: code| status)?:? (\d+)\b")

_OWN_HOST = re2.compile(
    r"(?i)\bproxyconnect\b|\blocalhost\b|\b127\.0\.0\.1\b|\b0\.0\.0\.0\b|\[::1?\]|\b10\.\d+\.\d+\.\d+\b|\b192\.168\.\d+\.\d+\b"
    r"|//[a-z0-9_-]+(?::\d+)?(?:[/\s'\")]|$)|\b(?:to|host|from) [a-z0-9_-]+:\d{2,5}\b"
    r"|\.(?:internal|local|lan|test|svc)\b"
)
_SENDING = re2.compile(r"\bsend-pack\b|\bunpack-objects\b")
_SENT = re2.compile(r"(?i)\b(?:publish|push|put|post|deploy|release)(?:ed|ing|es)?\b")

_PUBLIC_HOSTS = (
    # GitHub, and what its packages and releases come from
    r"(?:api\.|codeload\.)?github\.com",
    r"(?:raw|objects|release-assets)\.githubusercontent\.com",
    r"ghcr\.io",
    # packages, by language
    r"registry\.(?:npmjs\.org|yarnpkg\.com)|nodejs\.org",
    r"pypi\.org|files\.pythonhosted\.org|(?:conda|repo)\.anaconda\.(?:org|com)",
    r"repo\.maven\.apache\.org|repo1\.maven\.org|(?:plugins|services|downloads)\.gradle\.org|(?:dl|maven)\.google\.com",
    r"(?:proxy\.|sum\.)?golang\.org|(?:static\.|index\.)?crates\.io|static\.rust-lang\.org",
    r"(?:index\.)?rubygems\.org|cdn\.cocoapods\.org|(?:api|www)\.nuget\.org|(?:repo\.)?packagist\.org",
    r"pub\.dev|(?:repo\.)?hex\.pm|hackage\.haskell\.org|cache\.nixos\.org|formulae\.brew\.sh|cran\.r-project\.org",
    # images and systems
    r"(?:registry-1\.|auth\.|download\.|production\.cloudflare\.)?docker\.(?:io|com)|quay\.io|gcr\.io",
    r"mcr\.microsoft\.com|packages\.microsoft\.com|registry\.k8s\.io|public\.ecr\.aws|storage\.googleapis\.com",
    r"(?:azure\.)?archive\.ubuntu\.com|(?:security|ports)\.ubuntu\.com|(?:deb|security)\.debian\.org",
    r"dl-cdn\.alpinelinux\.org|mirrors\.fedoraproject\.org",
)
_PUBLIC = re2.compile(rf"(?i)(?:^|[^\w.@-])(?:{'|'.join(_PUBLIC_HOSTS)})(?:[^\w.-]|\.?$|\.\s)")
"""Hosts that everybody uses: where one of them cannot be reached, that passes."""


@dataclass(frozen=True)
class Cause:
    """The line taken for the cause, how sure that is, all the lines it was chosen from, and what stands around it."""

    best: Suspect
    confidence: float
    suspects: Sequence[Suspect]
    around: Sequence[bytes] = ()
    """The lines of the same kind of trouble, and those shortly before and after them."""
    after: Sequence[bytes] = ()
    """The lines from the last one of that kind to the end of the step."""

    @property
    def alike(self) -> list[Suspect]:
        """The lines that speak of the same kind of trouble."""
        return [each for each in self.suspects if each.rule.failure_class is self.best.rule.failure_class]

    @property
    def said_by_runner(self) -> bool:
        """Whether the runner itself reports it as an error: what a program prints is no word of the runner."""
        return any(suspect.rule.runner and suspect.level == "error" for suspect in self.alike)


def doubts_about(cause: Cause) -> tuple[str, ...]:
    """Every reason to ask people before a second try; none where the trouble is clear, and alone."""
    return tuple(doubt for ask in _DOUBTS if (doubt := ask(cause)) is not None)


def _not_convincing(cause: Cause) -> str | None:
    return "it is not certain enough" if cause.confidence < CONVINCING else None


def _real_fault_beside(cause: Cause) -> str | None:
    """However little it counts where it stands, and whether or not the green log has it, too."""
    lines = {suspect.line for suspect in cause.alike}
    real = any(names_a_real_fault(suspect) for suspect in cause.suspects if suspect.line not in lines)
    return "a real fault was found as well" if real else None


def _recovered_from(cause: Cause) -> str | None:
    """Trouble far from the step's end was most likely recovered from."""
    ended = cause.said_by_runner or any(suspect.near_end for suspect in cause.alike)
    return None if ended else "the step went on for long after it"


def _another_step_failed(cause: Cause) -> str | None:
    return None if cause.best.in_only_section else "another step failed as well"


def _something_else_followed(cause: Cause) -> str | None:
    """Whatever is printed after the trouble may be what really failed, in words that nobody knows."""
    other = any(line.strip() and _RESTATES.search(line) is None for line in cause.after)
    return "something else was printed after it" if other and not cause.said_by_runner else None


def _something_failed_before(cause: Cause) -> str | None:
    """Work that goes on side by side tells of each failure, and the first that is told was not this one."""
    first = min(suspect.line for suspect in cause.alike)
    before = any(suspect.rule.tail and suspect.line < first for suspect in cause.suspects)
    return "something had failed before it" if before else None


def _ended_otherwise(cause: Cause) -> str | None:
    """Where curl ends a step, the step ends with its exit code, which curl tells."""
    told = {found[1] for suspect in cause.alike if (found := _CODE_OF_CURL.search(suspect.text)) is not None}
    ended = {found[1] for line in cause.after if (found := _ENDED_WITH.search(line)) is not None}
    return "the step did not end with its exit code" if told and ended and not told & ended else None


def _looks_lasting(cause: Cause) -> str | None:
    lasting = any(_LASTS.search(line) for line in cause.around)
    return "what is said around it would be there again" if lasting and not cause.said_by_runner else None


def _host_of_its_own(cause: Cause) -> str | None:
    """A service of the job's own that did not start, a private host that is gone, or a name that is wrong."""
    for line in cause.around:
        if _OWN_HOST.search(line) or (_UNREACHED.search(line) and not _PUBLIC.search(line)):
            return "the host may be its own, or have a wrong name"
    return None


def _sent_something(cause: Cause) -> str | None:
    """What was sent may have arrived."""
    sent = _SENT.search(cause.best.text) or any(_SENDING.search(line) for line in cause.around)
    is_transfer = cause.best.rule.failure_class is FailureClass.NETWORK
    return "it was sending, and what it sent may have arrived" if sent and is_transfer else None


_DOUBTS: tuple[Callable[[Cause], str | None], ...] = (
    _not_convincing,
    _real_fault_beside,
    _recovered_from,
    _another_step_failed,
    _something_else_followed,
    _something_failed_before,
    _ended_otherwise,
    _looks_lasting,
    _host_of_its_own,
    _sent_something,
)
