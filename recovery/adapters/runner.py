"""The runner: what it says about itself in the environment, and how a step talks back to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, TextIO
from urllib.parse import urlsplit
from uuid import uuid4

from pydantic import Field, SecretStr

from recovery.errors import InputError, StateError
from recovery.models.record import Record
from recovery.models.unicode import check_unicode

SUMMARY_LIMIT = 1024 * 1024
"""Bytes of job summary that GitHub takes from one step."""


LONGEST_MESSAGE = 4000
"""Characters of an error, warning or notice that are shown."""

LONGEST_NUMBER = 20
"""Digits; GitHub's numbers have fewer, and Python refuses to read thousands of them."""

_INPUT_PREFIX = "INPUT_"

LOCAL_DATABASE = "sqlite:///recovery.db"
"""The database off a runner, where none is named."""


class RunnerContext(Record):
    """Where this process runs: GitHub's variables, parsed once."""

    repository: str
    run_id: int | None = None
    attempt: int = 1
    event_name: str = ""
    event: dict[str, Any] = Field(default_factory=dict)
    workflow_path: str | None = None
    """`.github/workflows/recovery.yml`; None when the runner does not tell."""
    ref_name: str = ""
    sha: str = ""
    api_url: str = "https://api.github.com"
    server_url: str = "https://github.com"
    token: SecretStr = SecretStr("")
    workspace: Path = Path()
    directory: Path = Path()
    """Where the plan, the handover and the reports of this use are written."""
    database_url: str = ""
    database_is_cached: bool = False
    """Whether the database is only the cached view of plans and journals; false for one that a user named."""
    journal: Path | None = None
    """Where every event is written, beside the store; None off a runner, where the store is enough."""
    request_log: Path | None = None
    """Where every request to GitHub is written; None for nowhere."""

    @property
    def on_runner(self) -> bool:
        """Whether this is a step of a workflow, with an upload between planning and executing."""
        return self.run_id is not None

    @property
    def on_enterprise_server(self) -> bool:
        """Whether this is GitHub Enterprise Server, which has no artifacts v4."""
        host = urlsplit(self.server_url).hostname or ""
        return host not in {"github.com", "localhost", "127.0.0.1"} and not host.endswith((".ghe.com", ".localhost"))

    @property
    def author(self) -> str:
        """Who records events here."""
        return f"{self.run_id}.{self.attempt}" if self.run_id else "local"

    @property
    def default_branch(self) -> str:
        """The default branch as the event tells it; recovery workflows run on it."""
        repository = self.event.get("repository")
        branch = repository.get("default_branch") if isinstance(repository, dict) else None
        return branch if isinstance(branch, str) and branch else self.ref_name


def runner_context(environment: Mapping[str, str]) -> RunnerContext:
    """Read the runner's variables.

    Raises:
        InputError: the repository is not told, or the event's payload cannot be read.
    """
    repository = environment.get("GITHUB_REPOSITORY", "")
    if repository.count("/") != 1:
        raise InputError(
            "GITHUB_REPOSITORY does not name a repository",
            hint="run this as a step of a workflow, or set GITHUB_REPOSITORY=owner/name",
        )
    temporary = Path(environment.get("RUNNER_TEMP") or ".")
    directory = Path(environment.get("RECOVERY_DIRECTORY") or temporary / "storyteller-recovery")
    cached = f"sqlite:///{temporary / 'storyteller-recovery-state' / 'recovery.db'}"
    run_id = _number(environment, "GITHUB_RUN_ID")
    return RunnerContext(
        repository=repository,
        run_id=run_id,
        attempt=_number(environment, "GITHUB_RUN_ATTEMPT") or 1,
        event_name=environment.get("GITHUB_EVENT_NAME", ""),
        event=_event(environment.get("GITHUB_EVENT_PATH")),
        workflow_path=_workflow_path(environment.get("GITHUB_WORKFLOW_REF", ""), repository),
        ref_name=environment.get("GITHUB_REF_NAME", ""),
        sha=environment.get("GITHUB_SHA", ""),
        api_url=environment.get("GITHUB_API_URL") or "https://api.github.com",
        server_url=environment.get("GITHUB_SERVER_URL") or "https://github.com",
        token=SecretStr(token_of(environment)),
        workspace=Path(environment.get("GITHUB_WORKSPACE") or "."),
        directory=directory,
        database_url=environment.get("RECOVERY_DATABASE_URL") or (cached if run_id else LOCAL_DATABASE),
        database_is_cached=bool(run_id) and not environment.get("RECOVERY_DATABASE_URL"),
        journal=directory / "journal.jsonl" if run_id else None,
        request_log=directory / "requests.jsonl" if run_id else None,
    )


def inputs_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The action's inputs, by their names; of one that was not given GitHub says that it is empty.

    Raises:
        InputError: they cannot be read, or one is not valid Unicode.
    """
    given = {
        name.removeprefix(_INPUT_PREFIX).lower().replace("_", "-"): value
        for name, value in environment.items()
        if name.startswith(_INPUT_PREFIX)
    }
    inputs = given | _composite_inputs(environment)
    check_unicode({f"input `{name}`": text for name, text in inputs.items()})
    return inputs


def _composite_inputs(environment: Mapping[str, str]) -> dict[str, str]:
    """The inputs as the composite action hands them over: all in one JSON object."""
    text = environment.get("RECOVERY_INPUTS", "")
    if not text:
        return {}
    try:
        inputs = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"RECOVERY_INPUTS is not JSON: {error}") from error
    if not isinstance(inputs, dict):
        raise InputError("RECOVERY_INPUTS is not a JSON object")
    return {str(name): str(value) for name, value in inputs.items()}


def token_of(environment: Mapping[str, str]) -> str:
    """The token for GitHub's API, from the action's input or the environment; empty when there is none."""
    given = _composite_inputs(environment).get("github-token") or environment.get("INPUT_GITHUB-TOKEN")
    return given or environment.get("GITHUB_TOKEN") or environment.get("GH_TOKEN") or ""


def _number(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < LONGEST_NUMBER):
        raise InputError(f"{name} is not a number: {text[:40]!r}")
    return int(text)


def _event(path: str | None) -> dict[str, Any]:
    if not path:
        return {}
    try:
        event = json.loads(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"the event's payload cannot be read: {error}") from error
    if not isinstance(event, dict):
        raise InputError("the event's payload is not a JSON object")
    return event


def _workflow_path(reference: str, repository: str) -> str | None:
    """`owner/name/.github/workflows/recovery.yml@refs/heads/main` → `.github/workflows/recovery.yml`."""
    path = reference.partition("@")[0].removeprefix(f"{repository}/")
    return path if path.startswith(".github/workflows/") else None


def make_folder(directory: Path) -> None:
    """Make the folder that a step writes into.

    Raises:
        StateError: it cannot be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"the folder {directory} cannot be made: {error.strerror}",
            hint="name a folder that this user may write in RECOVERY_DIRECTORY",
        ) from error


class RunnerCommands:
    """Outputs, job summary and annotations of one step. Off a runner annotations are lines on standard error."""

    def __init__(self, environment: Mapping[str, str], stream: TextIO | None = None) -> None:
        self._on_runner = environment.get("GITHUB_ACTIONS") == "true"
        self._output = environment.get("GITHUB_OUTPUT")
        self._summary = environment.get("GITHUB_STEP_SUMMARY")
        self._stream = stream or sys.stdout

    def set_outputs(self, outputs: Mapping[str, str]) -> None:
        """Set outputs of the step. The delimiter is random, so that no value can end its own block."""
        if not self._output:
            return
        blocks = []
        for name, value in outputs.items():
            delimiter = f"recovery-{uuid4().hex}"
            blocks.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
        with _appending("GITHUB_OUTPUT", self._output) as file:
            file.write("".join(blocks).encode())

    def add_summary(self, markdown: str) -> None:
        """Append to the job's summary; what exceeds GitHub's limit for the whole step is cut."""
        if self._summary:
            with _appending("GITHUB_STEP_SUMMARY", self._summary) as file:
                room = max(SUMMARY_LIMIT - file.tell(), 0)
                file.write(markdown.encode()[:room])

    def mask(self, secret: str) -> None:
        """Have the runner hide a value in everything that follows; where no runner listens, it is not said."""
        if secret and self._on_runner:
            self._command("add-mask", secret)

    def error(self, message: str) -> None:
        """Show an error at the top of the run."""
        self._command("error", _clipped(message))

    def warning(self, message: str) -> None:
        """Show a warning at the top of the run."""
        self._command("warning", _clipped(message))

    def notice(self, message: str) -> None:
        """Show a notice at the top of the run."""
        self._command("notice", _clipped(message))

    def _command(self, name: str, message: str) -> None:
        if not self._on_runner:
            print(f"{name}: {message}", file=sys.stderr, flush=True)
            return
        escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        print(f"::{name}::{escaped}", file=self._stream, flush=True)


def _appending(variable: str, name: str) -> BinaryIO:
    """A file of the runner's, opened for appending.

    Raises:
        StateError: the runner's variable names no file that can be written.
    """
    try:
        return Path(name).open("ab")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise StateError(
            f"{variable} names {name}, which cannot be written: {error.strerror}",
            hint="leave that variable to the runner",
        ) from error


def _clipped(message: str) -> str:
    return message if len(message) <= LONGEST_MESSAGE else f"{message[: LONGEST_MESSAGE - 1]}…"
