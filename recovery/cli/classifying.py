"""`recovery classify`: name the cause in log files."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from recovery.cli.classify_options import baseline_in, check_files, report_in, rules_in
from recovery.cli.console import show
from recovery.cli.log_files import read_log, shown_lines, tell_of_search
from recovery.cli.ticker import Ticker
from recovery.errors import InputError
from recovery.models.log import JobLog
from recovery.models.verdict import Explanation, JobFacts, Verdict
from recovery.policy.classify import explain
from recovery.render import plain
from recovery.render.explanation import explanation_document, explanation_lines
from recovery.render.verdict import verdict_lines


def classify_files(options: argparse.Namespace) -> int:
    """Classify each file in the order given; a file that cannot be read is told, and fails the command at the end."""
    check_files([*options.files, *filter(None, [options.baseline])])
    ticker = Ticker(wanted=not options.json)
    rules = rules_in(options.rules)
    facts = JobFacts(test_report=report_in(options.junit))
    code = 0
    try:
        baseline = baseline_in(options.baseline, ticker)
        for file in options.files:
            try:
                log = read_log(file, ticker)
            except OSError as error:
                code = InputError.exit_code
                ticker.clear()
                _tell_unreadable(file, error, as_json=options.json)
                continue
            tell_of_search(file, log, ticker)
            explanation = explain(log, facts, rules, baseline=baseline)
            ticker.clear()
            _show(file, log, explanation, options)
    finally:  # an error is told on a line of its own
        ticker.clear()
    return code


def _show(file: str, log: JobLog, explanation: Explanation, options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps(_document(file, explanation, explained=options.explain)), flush=True)
        return
    show(verdict_lines(file, explanation.verdict, shown_lines(log, explanation.verdict)))
    if options.explain:
        show(explanation_lines(explanation))


def _tell_unreadable(file: str, error: OSError, *, as_json: bool) -> None:
    problem = error.strerror or str(error)
    if as_json:
        print(json.dumps({"file": file, "error": problem}), flush=True)
    else:
        print(f"error: {plain.line(file)}: {problem}", file=sys.stderr)


def _document(file: str, explanation: Explanation, *, explained: bool) -> dict[str, Any]:
    asked = {"explanation": explanation_document(explanation)} if explained else {}
    return {"file": file, **_verdict_document(explanation.verdict), **asked}


def _verdict_document(verdict: Verdict) -> dict[str, Any]:
    return {
        "class": verdict.failure_class,
        "retryable": verdict.retryable,
        "confidence": verdict.confidence,
        "evidence": [{"line": item.line, "text": item.text, "rule": item.rule} for item in verdict.evidence],
        "excerpt": verdict.excerpt,
        "strategy": verdict.strategy,
        "fingerprint": verdict.fingerprint,
        "failed_tests": verdict.failed_tests,
        "reason": verdict.reason,
    }
