"""What speaks against a second try although the cause is passing trouble: each doubt a function, all of them asked.

A `yes` is acted upon by itself, so it needs proof: the trouble is the last thing that happened, nothing else went wrong
anywhere, and nothing about it looks as if it would be there again tomorrow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from recovery.models.verdict import FailureClass
from recovery.policy import words_of_trouble as words
from recovery.policy.rules.model import CONVINCING
from recovery.policy.suspects import Suspect, names_a_real_fault

AROUND = 5
"""Lines before and after a trouble in which its reason may be told."""

_CODE_OF_GIT = 128
_NO_CODE_OF_ITS_OWN = 126
"""From here on a shell says that a command could not be run, or which signal ended it; but Git ends with 128."""


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
    other = any(line.strip() and not _restates(line) for line in cause.after)
    return "something else was printed after it" if other and not cause.said_by_runner else None


def _restates(line: bytes) -> bool:
    return words.RESTATING.search(line) is not None and words.COMMAND.search(line) is None


def _something_failed_before(cause: Cause) -> str | None:
    """Work that goes on side by side tells of each failure, and the first that is told was not this one."""
    first = min(suspect.line for suspect in cause.alike)
    before = any(suspect.rule.tail and suspect.line < first for suspect in cause.suspects)
    return "something had failed before it" if before else None


def _ended_otherwise(cause: Cause) -> str | None:
    """Where curl ends a step, the step ends with its exit code, which curl tells; no transfer ends by a signal."""
    told = {int(found[1]) for suspect in cause.alike if (found := words.CODE_OF_CURL.search(suspect.text)) is not None}
    ended = {int(found[1]) for line in cause.after if (found := words.ENDED_WITH.search(line)) is not None}
    foreign = {code for code in ended - {_CODE_OF_GIT} if code >= _NO_CODE_OF_ITS_OWN}
    otherwise = foreign or (told and ended and not told & ended)
    return "the step did not end with its exit code" if otherwise and not cause.said_by_runner else None


def _looks_lasting(cause: Cause) -> str | None:
    """What the runner reports for itself has nothing to do with what a program printed before."""
    lines = [suspect.text for suspect in cause.alike] if cause.said_by_runner else cause.around
    lasting = any(words.LASTING.search(line) for line in lines)
    return "what is said around it would be there again" if lasting else None


def _host_of_its_own(cause: Cause) -> str | None:
    """A service of the job's own that did not start, a private host that is gone, or a name that is wrong."""
    unreached = [line for line in cause.around if words.UNREACHED.search(line)]
    is_known = any(words.PUBLIC_HOST.search(line) for line in cause.around)
    strange = any(words.HOST_NAMED.search(line) and not words.PUBLIC_HOST.search(line) for line in unreached)
    if strange or (unreached and not is_known) or any(words.OWN_HOST.search(line) for line in cause.around):
        return "the host may be its own, or have a wrong name"
    return None


def _sent_something(cause: Cause) -> str | None:
    """What was sent may have arrived."""
    sent = words.SENT.search(cause.best.text) or any(words.SENDING.search(line) for line in cause.around)
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
