"""Every deliberate error, in one tree, each with an exit code and a hint.

RecoveryError
├── InputError            3   what was given cannot be understood
├── NotFoundError         4   the record asked for is not in the store
├── StateError            5   the store cannot be used
│   └── HalfRestored      5   ... and the workspace is half the old one, half the checkpoint's
├── ForgeError
│   ├── AuthenticationError  6   no token, or one that GitHub does not know
│   ├── ForgeRefused         7   GitHub said no (403, 404, 409, 410, 422)
│   │   ├── RunActive        7   ... because the run has not completed
│   │   ├── ArtifactDamaged  7   ... or gave out an artifact that is not what was uploaded
│   │   └── AlreadyUnderWay  7   ... because somebody else does it, or has done it
│   ├── ForgeUnavailable     8   GitHub did not answer, or answered 5xx or garbage
│   │   ├── ListWithoutEnd   8   ... or gives a list that has no end
│   │   └── AmbiguousEffect  8   ... to a request that may have taken effect
│   └── RateLimited          9   GitHub asked to wait longer than we may
├── StrategyUnavailable  10   the recipe asked for does not exist (yet)
├── DeadlineExceeded     11   the time given for the work is over
├── CheckpointRejected   12   a checkpoint did not pass validation
│   └── UnknownSchema       12   ... because another version of this program wrote it
├── RehearsalError       13   the local rehearsal cannot run or did not close
└── OnHold               14   a commit on hold is not deployed again

0 is success, 1 is our own bug, 2 is wrong usage of the command line.
"""

from __future__ import annotations

from collections.abc import Iterator


class RecoveryError(Exception):
    """Root of every error this program raises on purpose: a sentence and a hint what to change."""

    exit_code = 1
    default_hint: str | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint


class InputError(RecoveryError):
    """What was given (input, event, configuration, file) cannot be understood."""

    exit_code = 3


class NotFoundError(RecoveryError):
    """The record asked for is not in the store."""

    exit_code = 4
    default_hint = "list what is known with `recovery dashboard`, or name another database with `--db URL`"


class StateError(RecoveryError):
    """The store cannot be used: unreadable, or written by a newer version."""

    exit_code = 5


class HalfRestored(StateError):
    """Some files of a checkpoint are in their places and some are not; no job should go on in that."""


class ForgeError(RecoveryError):
    """Something went wrong between us and GitHub."""

    exit_code = 8


class AuthenticationError(ForgeError):
    """There is no token, or GitHub does not know it."""

    exit_code = 6
    default_hint = "set GITHUB_TOKEN, or pass `github-token: ${{ github.token }}` to the action"


class ForgeRefused(ForgeError):
    """GitHub understood the request and said no."""

    exit_code = 7

    def __init__(self, message: str, *, hint: str | None = None, status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class RunActive(ForgeRefused):
    """The run has not completed, so that GitHub refuses to re-run any part of it."""


class ArtifactDamaged(ForgeRefused):
    """An artifact is not what was uploaded, or is no archive that can be read."""


class AlreadyUnderWay(ForgeRefused):
    """Somebody else is doing, or has done, what may be done once."""


class ForgeUnavailable(ForgeError):
    """GitHub did not answer, or answered with a server error or garbage."""

    default_hint = "GitHub may be having trouble: see https://www.githubstatus.com, then try again"


class ListWithoutEnd(ForgeUnavailable):
    """A list has more pages than any that is read."""


class AmbiguousEffect(ForgeUnavailable):
    """A request with an effect got no clear answer: it may or may not have happened."""


class RateLimited(ForgeError):
    """GitHub asked to wait for longer than this program is allowed to."""

    exit_code = 9

    def __init__(self, message: str, *, hint: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class StrategyUnavailable(RecoveryError):
    """The recipe asked for does not exist in this version."""

    exit_code = 10


class DeadlineExceeded(RecoveryError):
    """The time given for the work is over; nothing further was attempted."""

    exit_code = 11
    default_hint = "raise the `timeout` input"


class CheckpointRejected(RecoveryError):
    """A checkpoint did not pass validation."""

    exit_code = 12


class UnknownSchema(CheckpointRejected):
    """A checkpoint was written in a form that this version does not know; it may well be sound."""

    default_hint = "use the version of recovery that wrote the checkpoint, or a newer one"


class RehearsalError(RecoveryError):
    """The local rehearsal cannot run, or its loop did not close."""

    exit_code = 13


class OnHold(RecoveryError):
    """A commit that was rolled back is not deployed again until its hold is released or over."""

    exit_code = 14


def error_classes(root: type[RecoveryError] = RecoveryError) -> Iterator[type[RecoveryError]]:
    """Every class of the tree below `root`, parents first."""
    for child in root.__subclasses__():
        yield child
        yield from error_classes(child)
