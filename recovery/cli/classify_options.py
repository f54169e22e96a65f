"""What `recovery classify` is told besides the logs: rules, a green log, and reports of tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from recovery.cli.console import progress
from recovery.cli.log_files import STANDARD_INPUT, read_log
from recovery.cli.texts import clipped
from recovery.cli.ticker import Ticker
from recovery.errors import InputError
from recovery.models.junit_report import JUnitReport
from recovery.models.log import JobLog
from recovery.policy.rules.builtin import builtin_rules, rules_with
from recovery.policy.rules.model import Rule, RuleSet


def check_files(files: Sequence[str]) -> None:
    """See that standard input is named once.

    Raises:
        InputError: it is named again, where nothing would be left of it.
    """
    if files.count(STANDARD_INPUT) > 1:
        raise InputError("`-` is given twice, and standard input can be read once", hint="name it once")


def rules_in(packs: Sequence[str]) -> RuleSet | None:
    """The built-in rules and those of some packs, which replace built-in ones of the same id; None without any.

    Raises:
        InputError: a pack cannot be read or does not pass its checks, or two packs have a rule of the same id.
    """
    own: dict[str, Rule] = {}
    packs_by_rule: dict[str, str] = {}
    for pack in packs:
        for rule in _rules_of(pack):
            if rule.id in own:
                message = f"{clipped(pack)}: rule {rule.id}: the id is used twice, in {packs_by_rule[rule.id]} as well"
                raise InputError(message, hint="give every rule its own id")
            own[rule.id], packs_by_rule[rule.id] = rule, clipped(pack)
    return rules_with(tuple(own.values()))


def baseline_in(file: str | None, ticker: Ticker) -> JobLog | None:
    """The green log to compare with; None when there is none.

    Raises:
        InputError: it cannot be read.
    """
    if file is None:
        return None
    try:
        return read_log(file, ticker)
    except OSError as error:
        hint = "name the log of a run in which the same job succeeded"
        raise InputError(f"the baseline {clipped(file)} cannot be read: {_problem(error)}", hint=hint) from error


def report_in(files: Sequence[str]) -> JUnitReport | None:
    """What all the reports together say; None when there is none.

    Raises:
        InputError: one cannot be read, or is no JUnit XML.
    """
    if not files:
        return None
    from recovery.policy.junit import merged, read_junit

    reports = []
    for file in files:
        try:
            reports.append(read_junit(Path(file).read_bytes()))
        except OSError as error:
            hint = "name a file that a test framework wrote as JUnit XML"
            raise InputError(f"the report {clipped(file)} cannot be read: {_problem(error)}", hint=hint) from error
        except InputError as error:
            raise InputError(f"{clipped(file)}: {error.message}", hint=error.hint) from error
    return merged(reports)


def _rules_of(pack: str) -> tuple[Rule, ...]:
    from recovery.policy.rules.pack import parse_pack

    hint = "name a YAML file of rules; `docs/rules.md` tells how one is written"
    try:
        text = Path(pack).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"the rules {clipped(pack)} cannot be read: {_problem(error)}", hint=hint) from error
    except UnicodeDecodeError as error:
        raise InputError(f"the rules {clipped(pack)} are not UTF-8: {error.reason}", hint=hint) from error
    rules = parse_pack(text, clipped(pack))
    for rule in rules:
        if rule.id in builtin_rules().by_id:
            progress(f"{clipped(pack)}: rule {rule.id} replaces the built-in one")
    return rules


def _problem(error: OSError) -> str:
    return error.strerror or str(error)
