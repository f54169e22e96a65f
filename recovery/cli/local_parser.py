"""Commands that need neither GitHub nor a database, and their options."""

from __future__ import annotations

import argparse

from recovery.cli import options, values
from recovery.cli.options import Commands


def add_commands(commands: Commands) -> None:
    """Add `classify` and `rehearse`."""
    _add_classify(commands)
    _add_rehearse(commands)


def _add_classify(commands: Commands) -> None:
    command = options.add(
        commands,
        "classify",
        "classifying:classify_files",
        "name the cause in log files",
        "build.log"
        "\n  gh run view 4242 --log-failed | recovery classify -"
        "\n  recovery classify build.log --baseline green.log --junit report.xml"
        "\n  recovery classify build.log --rules our-rules.yml --explain"
        "\n  recovery classify --json *.log",
        json_help="one JSON object a line, one line for each FILE, nothing else on standard output",
    )
    command.add_argument("files", nargs="+", metavar="FILE", help="a log; `-` reads standard input")
    command.add_argument(
        "--explain", action="store_true", help="list every line on which a rule matched, and why the winner won"
    )
    command.add_argument(
        "--baseline", metavar="LOG", help="the log of a run in which the job succeeded: what it says, too, is no cause"
    )
    for option, place, what in (
        ("--junit", "REPORT", "the job's test report, as JUnit XML"),
        ("--rules", "PACK", "a YAML file of rules beside the built-in ones; one of the same id replaces that"),
    ):
        command.add_argument(option, action="append", default=[], metavar=place, help=f"{what} (repeatable)")


def _add_rehearse(commands: Commands) -> None:
    command = options.add(
        commands,
        "rehearse",
        "rehearsing:rehearse",
        "run the whole loop locally, on a stand-in for GitHub",
        "examples/flaky --scenario network\n  recovery rehearse . --fail 'test:Run the tests'",
    )
    command.add_argument("folder", nargs="?", default=".", metavar="REPO", help="folder (default: this one)")
    _failing(command)
    command.add_argument("--event", choices=["pull_request", "push"], help="default: pull_request")
    command.add_argument("--workflow", metavar="NAME", help="only this one of those the event starts (name or file)")
    command.add_argument(
        "--with-template", action="store_true", help="add our recovery workflow to the copy that is rehearsed"
    )
    command.add_argument("--expect", choices=["cleared", "left-red", "still-failing"], help="fail if it ends otherwise")
    command.add_argument("--keep", metavar="FOLDER", help="keep everything here: logs, repository copy, access log")
    command.add_argument("--output", metavar="FOLDER", help="keep the database, comment, decision and requests here")
    command.add_argument(
        "--timeout", type=values.seconds, default=600.0, metavar="SECONDS", help="give up after this (default: 600)"
    )
    command.add_argument(
        "--minute", type=values.seconds, default=60.0, metavar="SECONDS", help="length of a minute of timeout-minutes"
    )


def _failing(command: argparse.ArgumentParser) -> None:
    command.add_argument("--scenario", metavar="NAME", help="what goes wrong: a name of --list, or a .yml file")
    command.add_argument("--list", action="store_true", help="list the scenarios and stop")
    for option, what, place in (
        ("--fail", "fail this step in the first attempt; it prints LOGFILE, or a network error", "STEP[=LOGFILE]"),
        ("--fail-always", "fail this step in every attempt", "STEP[=LOGFILE]"),
        ("--time-out", "let this job run into its time limit in the first attempt", "STEP"),
        ("--lose-runner", "let this job lose its runner in the first attempt", "STEP"),
    ):
        shown = f"JOB:{place}" if option.startswith("--fail") else f"JOB[:{place}]"
        command.add_argument(option, action="append", default=[], metavar=shown, help=f"{what} (repeatable)")
