"""Inputs and `.github/recovery.yml`, parsed once into one frozen object. An input outweighs the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from recovery.errors import InputError
from recovery.models.manifest import StrangeJson, json_object
from recovery.models.record import Record
from recovery.models.verdict import FailureClass

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|m|h|d)?\s*", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Mode(StrEnum):
    """What one use of the action does."""

    CHECKPOINT = "checkpoint"
    RESTORE = "restore"
    RECOVER = "recover"
    SWEEP = "sweep"
    ROLLBACK = "rollback"
    GUARD = "guard"
    RUN = "run"
    FIX = "fix"


class Strategy(StrEnum):
    """What a person may ask for; `auto` lets the evidence choose."""

    AUTO = "auto"
    RETRY = "retry"
    RESUME = "resume"
    ROLLBACK = "rollback"
    NONE = "none"


class CommentMode(StrEnum):
    """When the pull request's comment is written."""

    ALWAYS = "always"
    ON_RECOVERY = "on-recovery"
    FAILURES = "failures"
    OFF = "off"


class Autonomy(StrEnum):
    """How far a failure class may go by itself."""

    OBSERVE = "observe"
    SUGGEST = "suggest"
    ACT = "act"


class SideEffects(StrEnum):
    """What re-running a job does to the world outside the run."""

    NONE = "none"
    IDEMPOTENT = "idempotent"
    DANGEROUS = "dangerous"


def parse_duration(value: object) -> float:
    """Seconds of `30s`, `2m`, `1.5h`, `1d` or a bare number of seconds.

    Raises:
        ValueError: the text is none of these.
    """
    match = _DURATION.fullmatch(str(value))
    if match is None or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a duration such as 30s, 2m or 1h")
    return float(match.group(1)) * _SECONDS[(match.group(2) or "s").lower()]


Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, le=30 * 86400)]


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class Settings(Record):
    """Everything a user may set, with its default."""

    model_config = Record.model_config | {"alias_generator": _kebab, "populate_by_name": True}

    mode: Mode = Mode.RECOVER
    run_id: int | None = Field(default=None, ge=1)
    strategy: Strategy = Strategy.AUTO
    reason: str = ""
    dry_run: bool = False
    comment_mode: CommentMode = CommentMode.ALWAYS
    max_attempts: int = Field(default=2, ge=1, le=50)
    """Attempts of a run in all, the first one counted: 2 is the first try and one more."""
    retry_delay: Duration = 10.0
    max_inline_delay: Duration = 60.0
    timeout: Duration = 600.0

    name: str = ""
    type: Literal["step", "job", "workflow"] = "job"
    path: tuple[str, ...] = ()
    """Patterns of the files that a checkpoint holds; one that begins with `!` takes files out again."""
    incremental: bool = False
    """Whether a checkpoint leaves out what the one that this job continued from, or made first, has already."""
    state: dict[str, Any] = Field(default_factory=dict)
    environment: tuple[str, ...] = ()
    """Names of variables, or `tool:NAME` for the version of a tool; with `~` before it, a compatible one will do."""
    dependencies: tuple[str, ...] = ()
    checkpoint_id: str = ""
    """The checkpoint to restore; empty for the one that this job continues from."""
    fail_on_miss: bool = False
    retention_days: int = Field(default=0, ge=0, le=400)
    job_status: str = ""

    workflows: tuple[str, ...] = ()
    """Names of the workflows that the sweep looks after; empty means those that trigger the recovery workflow."""
    max_failed_jobs: int = Field(default=5, ge=1)
    """Where more jobs failed than this, nothing is re-run."""
    autonomy: dict[FailureClass, Autonomy] = Field(default_factory=dict)
    """How far a failure class may go: `observe` leaves it red, `suggest` only proposes, `act` acts on a `maybe` too."""
    side_effects: dict[str, SideEffects] = Field(default_factory=dict)
    """Job-name patterns (`deploy*`), each with what re-running does: `none`, `idempotent` or `dangerous` (a veto)."""
    recovery_workflow: str = ".github/workflows/recovery.yml"
    """The workflow whose plans a job believes when it restores."""
    look_back: Duration = 3 * 86400.0
    """How far back the sweep looks for events that were lost."""


_FILE_ONLY = frozenset({"workflows", "max-failed-jobs", "autonomy", "side-effects", "look-back", "recovery-workflow"})
_INPUT_ONLY = frozenset(
    {
        "mode",
        "run-id",
        "strategy",
        "reason",
        "name",
        "type",
        "path",
        "incremental",
        "checkpoint-id",
        "fail-on-miss",
        "state",
        "environment",
        "dependencies",
        "retention-days",
        "job-status",
    }
)
RESERVED_INPUTS = ("command", "inputs", "step-attempts")
"""Inputs whose names are kept for what is not built yet."""

_LISTS = frozenset({"path", "environment", "dependencies"})
INPUT_NAMES = tuple(sorted(_kebab(name) for name in Settings.model_fields if _kebab(name) not in _FILE_ONLY))


def load_settings(inputs: Mapping[str, str], config: str | None = None, *, config_name: str = "") -> Settings:
    """Settings from the action's inputs (kebab-case; an empty text means "not given") and the text of the file.

    Raises:
        InputError: an input or a key of the file is unknown or has a value that does not fit; says which and why.
    """
    reserved = next((name for name in RESERVED_INPUTS if inputs.get(name, "").strip()), None)
    if reserved is not None:
        raise InputError(f"the input `{reserved}` is not available in this version", hint="leave it out")
    values = _file_values(config, config_name) if config is not None else {}
    given = {name: _input_value(name, text) for name, text in inputs.items() if text.strip() and name in INPUT_NAMES}
    try:
        return Settings.model_validate(values | given)
    except ValidationError as error:
        raise _input_error(error, given, config_name) from error


def _file_values(config: str, config_name: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(config)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that is none, a document without a bottom
        raise InputError(f"{config_name} is not valid YAML: {_first_line(error)}") from error
    if document is None:
        return {}
    if not isinstance(document, dict) or document.get("version") != 1:
        raise InputError(f"{config_name} must be a mapping that begins with `version: 1`")
    values = {str(key): value for key, value in document.items() if key != "version"}
    misplaced = sorted(_INPUT_ONLY & values.keys())
    if misplaced:
        raise InputError(
            f"{config_name}: `{misplaced[0]}` cannot be set in the file",
            hint=f"pass it as an input of the action: `with: {{{misplaced[0]}: ...}}`",
        )
    return values


def _input_value(name: str, text: str) -> Any:
    if name in _LISTS:
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    if name == "state":
        return parse_state(text)
    return text.strip()


def parse_state(text: str) -> dict[str, Any]:
    """A workflow's state, given as a JSON object; what could not be read back from a checkpoint is not taken.

    Raises:
        InputError: the text is not such an object.
    """
    try:
        return json_object(text.encode("utf-8", "surrogatepass"))
    except StrangeJson as error:
        raise InputError(f"`state` cannot be kept: {error}", hint='give a JSON object: {"step": "build"}') from error


def _input_error(error: ValidationError, given: Mapping[str, object], config_name: str) -> InputError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    top = str(first["loc"][0]) if first["loc"] else ""
    source = f"input `{where}`" if top in given else f"{config_name}: `{where}`"
    if first["type"] == "extra_forbidden":
        known = ", ".join(sorted(_kebab(name) for name in Settings.model_fields if _kebab(name) not in _INPUT_ONLY))
        return InputError(f"{source} is not a setting", hint=f"known settings: {known}")
    return InputError(f"{source}: {first['msg'].removeprefix('Value error, ')} (got {str(first['input'])[:80]!r})")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
