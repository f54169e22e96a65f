"""Searching for clues first finds exactly what trying every pattern on every line finds: proved on 10,000 odd logs."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest
import re2

import recovery.policy.rules
from recovery.policy.logs import syntax
from recovery.policy.logs.clues import clue_of, search_fault
from recovery.policy.logs.framing import FRAME, clean
from recovery.policy.logs.known import known_clues
from recovery.policy.logs.patterns import PatternSet, by_line, compiled, latin1
from recovery.policy.logs.reader import FoundLines
from recovery.policy.logs.search import LogSearch
from recovery.policy.logs.syntax import Choice, Node, Repeat, Sequence, Symbol, Unreadable, parse
from recovery.policy.rules.builtin import builtin_rules
from recovery.policy.rules.pack import RuleEntry, pack_entries
from recovery.policy.sections import MARKERS

PACKS = sorted(Path(recovery.policy.rules.__file__).parent.glob("*.yml"))
PAIRS = [*MARKERS, *builtin_rules().patterns()]
SEEDS = 32
LOGS = 320
"""Logs of one seed; all together are more than ten thousand."""

STAMP = b"2030-01-02T03:04:05.1234567Z "
BEFORE = (
    b"", b"", STAMP, STAMP, b"\xef\xbb\xbf" + STAMP, b"03:04:05 ", b"03:04:05  ", b"[2030-01-02T03:04:05.123Z] ",
    b"test (3.12)\tRun tests\t" + STAMP, b"job\tstep\t\xef\xbb\xbf" + STAMP, b"job\tstep\t", b"1999-12-31T23:59:59Z ",
    b"##[error]", STAMP + b"##[error]", STAMP + b"##[warning]", b"##[group]", STAMP + b"\x1b[31m##[error]",
    b"\x1b[0m" + STAMP, b" 10%\r", STAMP + b" 20%\r", b"#12 3.456 ", b"[INFO] ", b"  ", b"\xef\xbb\xbf",
    STAMP + b"#12 3.456 ", STAMP + b"#1 0.1 ##[error]", b"web-1  | ", STAMP + b"queue_12 | ", STAMP + b"01O ",
    STAMP + b"00E+", b"#1 2.3 web-1 | ", STAMP + b"^[[31m", b"j\ts\t" + STAMP + b"00O #7 8.9 ",
    STAMP + b"web-1 | ##[error]##[command]", b"#1 2.3 ##[command]##[warning]", b"##[error]#1 2.3 ##[error]",
)  # fmt: skip
INSIDE = (
    b"\x1b[31m", b"^[[1;32m", b"^[[", b"\x1b[0m", b"\x1b[1;38;5;200m", b"\x1b[", b"\x1b", b"\x1b]0;title\x07", b"\x1b]8;;http://a\x1b\\",
    b"\x1b]0;", b"\x1b_bk;t=1\x07", b"\x1b(B", b"\x1b[K", b"\0", b"\0\0", b"\r", b"\n", b"\xff", b"\xc3", b"\xe9",
    "é".encode(), "✘".encode(), b"\t", b" ", b"\x0b", b"\x0c", b"\x85", b"x", b"0",
)  # fmt: skip
AFTER = (b"\n", b"\n", b"\n", b"\r\n", b"\r\r\n", b"\r", b"\x1b[0m\n", b"\x1b[K\r\n", b"\0\n", b"", b" \n")


@cache
def examples() -> dict[str, list[bytes]]:
    """The example lines of every rule."""
    entries: list[RuleEntry] = []
    for path in PACKS:
        entries += pack_entries(path.read_text(encoding="utf-8"), path.name)
    return {entry.id: [line.encode() for line in (*entry.examples.match, *entry.examples.ignore)] for entry in entries}


def written(node: Node, chance: random.Random) -> bytes:
    """A text that a pattern's tree matches, apart from where it must stand."""
    match node:
        case Symbol(members):
            choices = [byte for byte in range(256) if members >> byte & 1]
            likely = [byte for byte in choices if 32 <= byte < 127]
            return bytes([chance.choice(likely if likely and chance.random() < 0.9 else choices)])
        case Sequence(parts):
            return b"".join(written(part, chance) for part in parts)
        case Choice(options):
            return written(chance.choice(options), chance)
        case Repeat(body, least, most):
            times = chance.choice((least, least, least + 1, least + chance.randrange(9)))
            return b"".join(written(body, chance) for _ in range(times if most is None else min(times, most)))
    return b""


def spoilt(line: bytes, chance: random.Random) -> bytes:
    """A line with something put into it, cut out of it or changed."""
    for _ in range(chance.choice((0, 0, 1, 1, 2, 6))):
        at = chance.randint(0, len(line))
        kind = chance.random()
        if kind < 0.6:
            line = line[:at] + chance.choice(INSIDE) + line[at:]
        elif kind < 0.75:
            line = line[:at] + line[at + chance.randint(1, 4) :]
        elif kind < 0.9:
            line = line[:at] + bytes([chance.randrange(256)]) + line[at + 1 :]
        else:
            line = line[:at] + line[at:].swapcase()
    return line


def odd_log(pairs: list[tuple[str, str]], chance: random.Random) -> bytes:
    """A few lines of which most nearly match one of the patterns, in every wrapping there is."""
    lines = []
    for _ in range(chance.randint(1, 7)):
        name, pattern = chance.choice(pairs)
        known = examples().get(name.removeprefix("##context "), [b""])
        line = chance.choice(known) if chance.random() < 0.4 else written(parse(pattern.encode()), chance)
        if chance.random() < 0.05:
            line = line * chance.randint(2, 40)
        lines.append(chance.choice(BEFORE) + spoilt(line, chance) + chance.choice(AFTER))
    return b"".join(lines)


def plain_scan(content: bytes, patterns: PatternSet, size: int) -> list[tuple[int, list[tuple[bytes, frozenset[str]]]]]:
    """What must be found: every line by itself, cleaned by itself, every pattern tried by itself."""
    result = []
    whole, rest = content.split(b"\n")[:-1], content.split(b"\n")[-1]
    for number, line in enumerate([*(line + b"\n" for line in whole), rest]):
        short = line if len(line) <= size else line[: size // 2] + FRAME + line[-size // 2 :]
        frames = clean(short).removesuffix(b"\n").split(FRAME)
        hits = [(frame, names) for frame in frames if (names := patterns.names_in_one_by_one(frame))]
        if hits:
            result.append((number, hits))
    return result


@pytest.mark.parametrize("seed", range(SEEDS))
def test_clues_first_equals_a_plain_scan(seed: int) -> None:
    """On more than ten thousand odd logs nothing is missed, and nothing found that is not there."""
    chance = random.Random(seed)  # noqa: S311
    pairs = PAIRS[seed::SEEDS]
    search, patterns = LogSearch(pairs, known_clues()), PatternSet(pairs)
    for _ in range(LOGS):
        content = odd_log(pairs, chance)
        size = chance.choice((64 * 1024, 64 * 1024, 200, 64, 16))
        got = [(hit.number, [tuple(frame) for frame in hit.frames]) for hit in FoundLines(content, search, size)]
        assert plain_scan(content, patterns, size) == got, (size, content)


def test_all_rules_together_equal_a_plain_scan() -> None:
    """All patterns at once find what each of them finds."""
    chance = random.Random(7)  # noqa: S311
    search, patterns = LogSearch(PAIRS, known_clues()), PatternSet(PAIRS)
    for _ in range(15):
        content = odd_log(PAIRS, chance)
        got = [(hit.number, [tuple(frame) for frame in hit.frames]) for hit in FoundLines(content, search)]
        assert plain_scan(content, patterns, 64 * 1024) == got, content


@pytest.mark.parametrize("seed", range(4))
def test_clue_is_found_wherever_its_pattern_is(seed: int) -> None:
    """Whatever text a pattern matches, however it was written, has the pattern's clue."""
    chance = random.Random(seed)  # noqa: S311
    for _, pattern in PAIRS[seed::4]:
        whole = compiled(pattern)
        clue = re2.compile(by_line(known_clues()[pattern].replace("\n", "|")), latin1(1 << 20))
        tree = parse(pattern.encode())
        for _ in range(8):
            text = written(tree, chance).replace(b"\n", b" ")
            assert whole.search(text) is None or clue.search(text) is not None, (pattern, text)


def test_index_of_clues_is_complete_and_right() -> None:
    """The index of clues was made from these rules by this program."""
    chance = random.Random(1)  # noqa: S311
    patterns = {pattern for _, pattern in PAIRS}
    assert patterns == known_clues().keys()
    for pattern in chance.sample(sorted(patterns), 100):
        assert clue_of(pattern) == known_clues()[pattern]


@pytest.mark.parametrize(
    "pattern",
    [
        *(f"{flags}{symbol}" for flags in ("", "(?i)") for symbol in (r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", ".")),
        *(f"{flags}{symbol}" for flags in ("(?s)", "(?is)") for symbol in (".", "[^a]", "[a-zé]", r"[^\d_-]", "[]x]")),
        *(f"{flags}{symbol}" for flags in ("", "(?i)") for symbol in ("[^]x]", "[a-]", r"[\]-]", r"[\x41-Z]", "[k-s]")),
        *(f"(?i){chr(byte)}" for byte in range(65, 123) if chr(byte).isalnum()),
        *(rf"(?i)\x{byte:02x}" for byte in range(128, 256)),
        *(rf"\{mark}" for mark in "afnrtv.[]()*+?{}|^$-/"),
        "(?i:a)", "(?-i:a)", "(?i)(?-i:a)",
    ],
)  # fmt: skip
def test_symbol_is_read_as_re2_reads_it(pattern: str) -> None:
    """The bytes of a symbol are those that RE2 takes it for, in either case."""
    whole = re2.compile(f"^(?:{pattern})$".encode(), latin1(1 << 20))
    tree = parse(pattern.encode())
    while isinstance(tree, Sequence):
        tree = next(part for part in tree.parts if part != syntax.EMPTY)
    assert isinstance(tree, Symbol)
    expected = {byte for byte in range(256) if whole.fullmatch(bytes([byte])) is not None}
    assert expected == {byte for byte in range(256) if tree.members >> byte & 1}


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        (r"\pL", "none of the escapes"),
        (r"foo\z", "none of the escapes"),
        ("[[:alpha:]]", "named classes"),
        ("(?U)a+", "not U"),
        ("(?-m:^a)", "not m"),
        ("(a", "without its )"),
        ("a)", "without its ("),
        (r"\xg1", "hexadecimal"),
    ],
)
def test_form_that_cannot_be_searched_for_is_refused(pattern: str, says: str) -> None:
    """What the search cannot read it does not guess at."""
    with pytest.raises(Unreadable, match=re2.escape(says)):
        clue_of(pattern)
    assert says in (search_fault(pattern) or "")


@pytest.mark.parametrize("pattern", [r"\w+", ".*", r"^\s*\S", r"\d+:\d+", ": ", "a|error", "(?:foo)?", r"\d\d:\d\d"])
def test_pattern_that_says_too_little_is_refused(pattern: str) -> None:
    """A pattern that half of all lines may match would make every search slow."""
    assert "too many lines" in (search_fault(pattern) or "")


@pytest.mark.parametrize(
    ("pattern", "common"),
    [
        ("(?i)connection refused by", "Connection established by"),
        (r"^FAIL\t\S+", "FAIL: 0 of 12"),
        (r"error TS\d{4}: ", "no error here: 12"),
        ("foo.*barbarbar|quux_quux", "foo bar quux"),
        ("https://github.com/.* exploded", "https://github.com/octo/shop"),
        (r"^\[\d\d:\d\d:\d\d\] panicked", "[12:00:00] downloading"),
    ],
)
def test_clue_is_the_part_that_says_most(pattern: str, common: str) -> None:
    """What every log says is no clue."""
    clue = re2.compile(by_line(clue_of(pattern).replace("\n", "|")), latin1(1 << 20))
    assert clue.search(common.encode()) is None


def test_set_of_clues_that_does_not_fit_still_finds() -> None:
    """Where the memory for naming the clues runs out, every pattern is tried, with the same answer."""
    pairs = PAIRS[::40]
    starved, fed = LogSearch(pairs, known_clues(), names_budget=20_000), LogSearch(pairs, known_clues())
    content = b"".join(line + b"\n" for name, _ in pairs for line in examples().get(name, []))
    assert list(FoundLines(content, starved)) == list(FoundLines(content, fed))
