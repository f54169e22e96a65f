"""What a line is by its looks alone: part of a failure's account, its heading, or something that goes on beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import re2

_DETAILS = 3
"""Lines shaped like an account's parts that make an account even where no word of failure is said."""


def _any_of(*patterns: str) -> Any:
    return re2.compile("|".join(patterns).encode())


_PASSING = _any_of(
    r"^\s*(?:✓|✔|√|\[\s+(?:OK|PASSED)\s+\]|\[ (?:RUN|SKIP)|\[-{8,}\]|--- (?:PASS|SKIP)|=== (?:RUN|PAUSE|CONT|NAME))",
    r"^\s*(?:PASS|OK|PASSED|INFO|# (?:Subtest|pass|skip|todo|cancelled|duration))\b|^\s*(?:ok\s|\[INFO\]|\.+\s*$)",
    r"\b(?:PASSED|INFO)\b|\.\.\.+ *(?:ok|OK|ignored|skipped|Passed|success)\b|: PASS(?:ED)?$|^[.sSFE*]{8,}",
)
"""What passed, and what is only told by the way."""

_BORDER = _any_of(
    r"^(?:##\[(?:group|endgroup|command|debug|section)\]|\[command\]|Post job cleanup|Cleaning up orphan|travis_)",
    r"^(?:\$ |> \S+@\S+ |> (?:Task )?:|\[INFO\] -{10,})",
)
"""Where something else begins."""

_ENDING = _any_of(
    r"Process completed with exit code|^The command \".*\" (?:failed and )?exited with|Your build exited with",
    r"^Store build logs|^Build step .* marked build|^Finished: (?:FAILURE|ABORTED)|BUILD FAIL(?:URE|ED)",
    r"^(?:npm|yarn|pnpm)? ?(?:ERR!|error|ERR_\S+) (?:A complete log|.*_logs/|errno \d|code ELIFECYCLE|This is prob)",
    r"^error Command failed with exit code|^info Visit https://yarnpkg|^Test failed\.  See above|^ ?ELIFECYCLE",
    r"^\[ERROR\] (?:Re-run Maven|To see the full|For more information about the errors|-> \[Help|\[Help|Please refer)",
    r"^\[ERROR\] *$|^(?:\w+-)?g?make(?:\[\d+\])?: (?:Leaving|Entering|Target|\*\*\* .*\bError \d)|^rake aborted!",
    r"^\* (?:Get more help|Try:)|^> Run with --(?:info|stacktrace|scan|debug)|^Tasks: TOP|^\(See full trace",
    r"^Total time|^Finished (?:at|in)|^Time: |^Duration |^Ran all test suites",
)
"""How every failure ends, which says nothing of this one."""

_BUSY = _any_of(
    r"^\s*(?:\[\w+\] )?(?:Download(?:ing|ed)|Fetching|Collecting|Install(?:ing|ed)|Using cached|Requirement already)",
    r"^\s*(?:Compiling \S+ v|Checking \S+ v|Building \S|Built |Get:\d|Hit:\d|Unpacking|Setting up|Preparing|Selecting)",
    r"^\s*(?:Receiving objects|Resolving deltas|remote: (?:Count|Compress|Total|Enumerat)|Progress|Cloning|Uploading)",
    r"^\s*(?:go: downloading|Extracting|Pulling|Copying|Linking|Generating|Loading|Restor|Saving|Caching|Cache )",
    r"^\s*(?:Starting|Running)|\d+%(?:\||\s|$)|\b[Mk]B/s\b",
)
"""Work in progress."""

_HEADING = _any_of(
    r"^(?:=+|_+|-+|\*+|#+|─+|⎯+|━+) ?\S.*$|^ {0,4}●|^\s*--- FAIL|^ ?FAIL(?:ED|URE)?\b|^ {0,6}\d{1,4}\) ",
    r"^Failures?:?\s*$|^Failed (?:tests|examples|assertions)|^There w(?:as|ere) \d|^ERROR(?::| in |\[)|^error(?:\[|: )",
    r"^\[  FAILED  \]|^Traceback|^panic: |^Diff in |^diff |^not ok|^ ?[✘✖✕×] |<<< (?:FAIL|ERR)|^Tests? .*failed",  # noqa: RUF001
    r"^In file included|^\S+:? In (?:member )?function|^[^\s:]+(?:/[^\s:]+)+:?$|^\* What went wrong",
)
"""What stands above the account of a failure and names it."""

_DIVIDER = _any_of(r"^(?:={4,}|_{4,}|⎯{4,}|━{4,}) .*\S.* ?(?:={4,}|_{4,}|⎯{4,}|━{4,})$")
"""A heading across the page, which ends what stands above it."""

_DETAIL = _any_of(
    r"^\s+at |^\s*File \"|^\s*Caused by|^E\s|^>\s|^\s*>? *(?:\d+ ?)?[|│┃]|^\s*[\^~]+|^\s*-+>|^[+-]\s|^-|^\+[^a-z]|^@@ ",
    r"^Traceback |^During handling of the above|^The above exception was|^\d+(?:: |\s{2,})",
    r"^\s*\.\.\. |^goroutine \d|^\s*# |^\s*from |^\S+:\d+:|^\s*[•→↳❯└├╰╭·]",  # noqa: RUF001
    r"^\s*(?i:expected|actual|received|got|want|wanted|diff|left|right|note|help|hint|error|but was|caused)\b",
    r"^\s*(?i:reason|message|stack|in function|required from)\b",
    r"^[A-Za-z0-9_$.]+(?:\.[A-Za-z_$]+)*(?:Error|Exception|Failure)\b",
)
"""Parts of such an account: frames of a stack, of code, lines of a diff, what was expected."""

_FAILING = _any_of(
    r"\b(?i:fail(?:ed|ure|ures|s|ing)?|errors?|exception|fatal|panic(?:ked)?|assert\w*|abort(?:ed)?|cannot|can't)\b",
    r"\b(?i:could not|couldn't|unable|undefined|unexpected|invalid|missing|not found|no such|denied|refused)\b",
    r"\b(?i:timed out|killed|mismatch|expected|violation|offens\w+|unresolved|unknown|conflict\w*|segmentation)\b",
    r"\b(?i:traceback|broken|crash\w*|would reformat|not formatted|incompatible|too (?:long|many|large))\b",
    r"\b[A-Z]\w+(?:Error|Exception)\b|[✘✖✕✗×●]",  # noqa: RUF001
)
"""Words of failure."""

_COUNT = _any_of(
    r"(?i)\b[1-9][0-9]*(?: of \d+)?(?: (?:tests?|test suites?|suites?|specs?|examples?|files?|checks?))? "
    r"(?:failed|failures?|failing|errors?|errored|problems?|offen[cs]es?|violations?|would be reformatted)\b",
    r"\b(?i:failures?|failed|errors?)[:=]\s*[1-9]|^# fail [1-9]",
)
"""The short sum at the end of a report."""

_POSITION = _any_of(r"[\w./\\-]+\.[A-Za-z]{1,5}(?::\d+|\(\d+|\s\(\d+:\d+|:? line \d+)")
"""A place in a file."""

_WARNING = _any_of(r"(?i)^\s*(?:\S+\s+)?\[?warn(?:ing)?\b|\bdeprecat|: warning\b")


def said(line: bytes) -> bytes:
    """What stayed on the screen of a cleaned line: its last frame that says anything."""
    return next((frame for frame in reversed(line.split(b"\r")) if frame.strip()), b"")


def is_blank(line: bytes) -> bool:
    """Whether nothing is said."""
    return not line.strip()


def indentation(line: bytes) -> int:
    """By how many columns a line stands in."""
    return len(line) - len(line.lstrip(b" \t"))


def is_ending(line: bytes) -> bool:
    """Whether every failure ends with this line."""
    return _ENDING.search(line) is not None


def is_aside(line: bytes) -> bool:
    """Whether a line is no part of a failure's account: something passed, ended or goes on, or another step begins."""
    return any(shape.search(line) is not None for shape in (_BORDER, _PASSING, _ENDING, _BUSY))


def is_heading(line: bytes) -> bool:
    """Whether a line looks like the heading of a failure's account."""
    return _HEADING.search(line) is not None


def divides(line: bytes) -> bool:
    """Whether a line ends what stands above it, and heads what comes."""
    return _DIVIDER.search(line) is not None


def is_detail(line: bytes) -> bool:
    """Whether a line looks like a part of such an account that never stands alone."""
    return _DETAIL.search(line) is not None


def tells(line: bytes) -> bool:
    """Whether a line next to a failure is likely to speak of it."""
    if _WARNING.search(line) is not None:
        return False
    return any(shape.search(line) is not None for shape in (_DETAIL, _HEADING, _FAILING, _COUNT, _POSITION))


def counts_failures(line: bytes) -> bool:
    """Whether a line sums up how much failed."""
    return _COUNT.search(line) is not None


def is_account(lines: Sequence[bytes]) -> bool:
    """Whether lines that stand together account for a failure: by their words, or by several details."""
    if any(_FAILING.search(line) is not None and _WARNING.search(line) is None for line in lines):
        return True
    return sum(map(is_detail, lines)) >= _DETAILS
