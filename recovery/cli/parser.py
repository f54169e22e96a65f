"""Commands, their options and their help. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import argparse

from recovery.cli import local_parser, options, values
from recovery.cli.options import Commands
from recovery.errors import RecoveryError, error_classes
from recovery.version import VERSION

DESCRIPTION = "Failed workflow runs that recover by themselves, once, for a proven reason."


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse a command line; exits with 2 on wrong usage. A leading word `recovery` is accepted and dropped."""
    if arguments[:1] == ["recovery"]:
        arguments = arguments[1:]
    return build_parser().parse_args(arguments)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = options.Parser(
        prog="recovery",
        description=DESCRIPTION,
        epilog=f"exit codes:\n{exit_codes()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"recovery {VERSION}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_seed_commands(commands)
    _add_rollback_commands(commands)
    _add_run_commands(commands)
    _add_checkpoint_commands(commands)
    local_parser.add_commands(commands)
    return parser


def exit_codes() -> str:
    """The table of exit codes, a line each."""
    rows = [(0, "done"), (1, "a fault of recovery itself"), (2, "wrong usage of the command line")]
    seen: set[int] = {RecoveryError.exit_code}
    for error in error_classes():
        if error.exit_code not in seen:
            seen.add(error.exit_code)
            rows.append((error.exit_code, f"{error.__name__}: {(error.__doc__ or '').splitlines()[0]}"))
    return "\n".join(f"  {code:>3}  {meaning}" for code, meaning in sorted(rows))


def _add_seed_commands(commands: Commands) -> None:
    command = options.add(
        commands,
        "create-checkpoint",
        "creating:create_checkpoint",
        "record a checkpoint in the database, and keep files in it",
        "--repository o/r --workflow-name CI --run-id 42 --commit-sha abc123 --checkpoint-type job"
        " --checkpoint-name built \\\n    --path build --path '!**/*.tmp' --environment tool:node"
        " --dependency package-lock.json",
    )
    for name in ("repository", "workflow-name", "run-id", "commit-sha", "checkpoint-name"):
        command.add_argument(f"--{name}", required=True)
    command.add_argument("--checkpoint-type", required=True, choices=["step", "job", "workflow"])
    command.add_argument("--state", default="", metavar="JSON", help="workflow state, a JSON object")
    _capturing(command)
    options.database(command)

    command = options.add(
        commands,
        "initiate",
        "running:initiate",
        "recover a failure that is on record",
        "--failure-id fail-42-1-7 --type retry",
    )
    command.add_argument("--failure-id", required=True)
    command.add_argument("--type", default="auto", choices=["auto", "retry", "resume", "rollback", "none"])
    options.comparing(command)
    options.acting(command)

    command = options.add(
        commands, "status", "stored:status", "show one recovery, step by step", "--recovery-id rec-42-1-1"
    )
    command.add_argument("--recovery-id", required=True)
    options.database(command)

    command = options.add(commands, "dashboard", "stored:dashboard", "show success rates and latest recoveries", "")
    command.add_argument("--repository", help="only this repository, `owner/name`")
    options.database(command)


def _add_rollback_commands(commands: Commands) -> None:
    command = options.add(
        commands,
        "rollback",
        "rolling_back:rollback",
        "return to a checkpoint of a good run, which is proven first",
        "--workflow Deploy --plan"
        "\n  recovery rollback --checkpoint-id last-known-good --workflow Deploy --reason 'the shop is down'"
        "\n  recovery rollback --checkpoint-id ckpt-01kbqv5x4e8c6w3m2n9d7h5j1a --reason manual_fix",
    )
    command.add_argument(
        "--checkpoint-id",
        default="last-known-good",
        metavar="ID",
        help="default: `last-known-good`, the newest that passes every check; what stood before a rollback that failed"
        " half-way is returned to",
    )
    command.add_argument("--reason", default="", help="why; kept in the record, and shown where the commit is held")
    command.add_argument(
        "--plan", action="store_true", help="show the target and all that was rejected; change nothing"
    )
    command.add_argument(
        "--workflow", type=values.name, metavar="NAME", help="display name of the workflow to roll back"
    )
    command.add_argument(
        "--run-id",
        type=values.number,
        metavar="ID",
        help="the bad run (default: the newest on the default branch that deployed)",
    )
    command.add_argument(
        "--force",
        default="",
        metavar="IDS",
        help="set these reasons against it aside, with commas between them: structure-changed, environment-differs,"
        " dependencies-differ, wrong-branch, on-hold",
    )
    options.acting(command)

    command = options.add(
        commands,
        "holds",
        "holds:holds",
        "list the commits that may not be deployed again, or release one",
        "release 1f2e3d4c --reason 'it was the weather'",
    )
    command.add_argument("what", nargs="?", default="list", choices=["list", "release"], help="default: list")
    command.add_argument(
        "sha", nargs="?", default="", metavar="SHA", help="the commit to release; seven digits will do"
    )
    command.add_argument(
        "--workflow", type=values.name, metavar="NAME", help="release it for this workflow only (default: for all)"
    )
    command.add_argument("--reason", default="", help="why it is released; kept in the record")
    options.acting(command)


def _add_run_commands(commands: Commands) -> None:
    command = options.add(
        commands, "observe", "running:observe", "name the cause of a failed run; change nothing", "4242"
    )
    command.add_argument("run_id", type=int, metavar="RUN_ID")
    command.add_argument("--attempt", type=int, help="default: the latest")
    options.comparing(command)
    options.github(command)

    command = options.add(commands, "recover", "running:recover", "observe, decide, and recover if it is right", "4242")
    command.add_argument("run_id", type=int, metavar="RUN_ID")
    command.add_argument("--attempt", type=int, help="default: the latest")
    command.add_argument("--strategy", default="auto", choices=["auto", "retry", "resume", "rollback", "none"])
    command.add_argument("--reason", default="", help="kept in the record")
    options.comparing(command)
    options.acting(command)

    command = options.add(
        commands, "sweep", "running:sweep", "settle open recoveries, execute what is due, catch lost events", ""
    )
    options.watching(command)
    options.comparing(command)
    options.acting(command)


def _add_checkpoint_commands(commands: Commands) -> None:
    summary = "look after checkpoints: list, show, diff, verify, prune"
    group = commands.add_parser("checkpoints", help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    below = group.add_subparsers(title="commands", metavar="COMMAND", required=True)

    command = options.add(below, "list", "checkpoints:list_checkpoints", "list the checkpoints on record", "--healthy")
    command.add_argument("--repository", help="only those of this repository, `owner/name`")
    command.add_argument("--run-id", metavar="RUN_ID", help="only those of this run")
    command.add_argument("--name", help="only those of this name")
    command.add_argument("--healthy", action="store_true", help="only those that were found sound and are still there")
    options.database(command)

    command = options.add(
        below, "show", "checkpoints:show_checkpoint", "show all that is on record about one", "ckpt-1"
    )
    command.add_argument("checkpoint_id", metavar="ID")
    options.database(command)

    command = options.add(
        below, "diff", "checkpoints:diff_checkpoints", "say what changed between two", "ckpt-1 ckpt-2"
    )
    for side in ("before", "after"):
        command.add_argument(side, metavar=side.upper(), help="an id on record, a checkpoint's folder, or its zip")
    options.database(command)

    command = options.add(
        below, "verify", "checkpoints:verify_checkpoint", "check one: every digest, and whose it is", "a.zip"
    )
    command.add_argument("checkpoint", metavar="CHECKPOINT", help="an id on record, a checkpoint's folder, or its zip")
    command.add_argument("--base", metavar="PLACE", help="folder or zip of what an incremental one is based on")
    command.add_argument("--against", metavar="WORKSPACE", help="compare variables and lock files with this folder's")
    options.logging(command)
    options.database(command)

    command = options.add(
        below,
        "prune",
        "checkpoints:prune_checkpoints",
        "delete old checkpoints on GitHub, never one that is needed",
        "--keep-days 14 --keep-count 3 --max-size 5GB --dry-run",
    )
    command.add_argument("--keep-days", type=values.days, metavar="N", help="delete what is older")
    command.add_argument("--keep-count", type=values.count, metavar="N", help="of each job and name, keep so many")
    command.add_argument("--max-size", type=values.size, metavar="SIZE", help="keep at most so much in all: 500MB, 5GB")
    options.watching(command)
    options.acting(command)

    command = options.add(
        commands,
        "restore",
        "restoring:restore",
        "verify a checkpoint and put its files into a folder",
        "checkpoints/ckpt-01kbqv5x4e8c6w3m2n9d7h5j1a --into build"
        "\n  recovery restore ckpt-01kbqv5x4e8c6w3m2n9d7h5j1a --repository octo/repo --dry-run",
    )
    command.add_argument("checkpoint", metavar="CHECKPOINT", help="a folder, a zip, or an id on GitHub, `ckpt-…`")
    command.add_argument("--into", default=".", metavar="FOLDER", help="where the files are put (default: here)")
    command.add_argument("--base", metavar="FOLDER", help="the checkpoint that an incremental one on disk builds on")
    command.add_argument("--repository", help="`owner/name`, for an id (default: GITHUB_REPOSITORY)")
    command.add_argument("--request-log", metavar="FILE", help="write every request to GitHub here, a JSON line each")
    command.add_argument("--dry-run", action="store_true", help="only verify; write nothing")
    command.set_defaults(db=None)


def _capturing(command: argparse.ArgumentParser) -> None:
    for option, place, what in (
        ("--path", "PATTERN", "keep these files; `!PATTERN` takes some out again"),
        ("--environment", "NAME", "record this variable, or the version of tool:NAME; `~NAME`: compatible will do"),
        ("--dependency", "PATTERN", "record the digests of these lock files"),
    ):
        command.add_argument(option, action="append", default=[], metavar=place, help=f"{what} (repeatable)")
    command.add_argument("--workspace", default=".", metavar="FOLDER", help="where the files are (default: here)")
    command.add_argument(
        "--output",
        default="checkpoints",
        metavar="FOLDER",
        help="write the checkpoint's folder here, when it holds more than state (default: ./checkpoints)",
    )
