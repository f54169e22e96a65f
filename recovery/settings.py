"""Inputs and `.github/recovery.yml`, parsed once into one frozen object. An input outweighs the file."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator
from pydantic_core import PydanticSerializationError

from recovery.errors import InputError
from recovery.models.duration import Duration
from recovery.models.manifest import StrangeJson, json_object
from recovery.models.record import Record
from recovery.models.rollback import (
    LONGEST_NAME,
    LONGEST_REASON,
    MOST_EXTRA_INPUTS,
    OVERRIDABLE,
    RejectionId,
    RollbackKind,
)
from recovery.models.verdict import FailureClass

LONGEST_LABEL = 255
"""Characters of the name of an environment, of which GitHub takes no more, and of the id of a checkpoint."""

_SHOWN = 80
"""Characters that an error repeats of a name, and of a value."""


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


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class RollbackRule(Record):
    """How one workflow is rolled back."""

    model_config = Record.model_config | {"alias_generator": _kebab, "populate_by_name": True}

    kind: RollbackKind
    environment: str = Field(default="production", min_length=1, max_length=LONGEST_LABEL)
    input: str = Field(default="recovery", min_length=1)
    """The `workflow_dispatch` input of the workflow that tells it what it goes back to."""
    hold: Duration = 7 * 86400.0
    """How long the commit that is rolled back may not be deployed again; 0 for not at all."""
    automatic: bool = False
    """Whether a critical failure is rolled back without a person's word."""
    branches: tuple[str, ...] = ()
    """Branches whose runs are targets, too, beside the default branch."""


class Settings(Record):
    """Everything a user may set, with its default."""

    model_config = Record.model_config | {"alias_generator": _kebab, "populate_by_name": True}

    mode: Mode = Mode.RECOVER
    run_id: int | None = Field(default=None, ge=1)
    strategy: Strategy = Strategy.AUTO
    reason: str = Field(default="", max_length=LONGEST_REASON)
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
    checkpoint_id: str = Field(default="", max_length=LONGEST_LABEL)
    """The checkpoint to restore; empty for the one that this job continues from."""
    fail_on_miss: bool = False
    retention_days: int = Field(default=0, ge=0, le=400)
    job_status: str = ""

    workflow: str = Field(default="", max_length=LONGEST_NAME)
    """Display name of the workflow that is rolled back; empty where run or checkpoint tell it."""
    force: tuple[RejectionId, ...] = ()
    """What speaks against a target and is set aside all the same, by its id."""
    inputs: dict[str, str] = Field(default_factory=dict)
    """Further inputs of the workflow that a rollback dispatches."""

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
    rollback: dict[Annotated[str, Field(max_length=LONGEST_NAME)], RollbackRule] = Field(default_factory=dict)
    """Display names of workflows, each with how it is rolled back; one that is not named is not rolled back."""
    rollback_workflow: str = ".github/workflows/rollback.yml"
    """The workflow that people roll back with, whose plans and holds are believed like those of `recovery-workflow`."""

    rules: tuple[dict[str, Any], ...] = ()
    """Rules of your own, as in a pack; one with the id of a built-in rule replaces it."""
    baseline: bool = True
    """Whether a failed job's log is compared with the one of the last run in which the job succeeded."""
    known_flaky: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Ids of tests (`*` stands for anything), or fingerprints, of failures that people know to come and go."""
    test_reports: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Name patterns (`junit-*`) of the artifacts in which the jobs leave their test reports, as JUnit XML."""

    @property
    def believed_workflows(self) -> tuple[str, ...]:
        """The workflows of which runs on the default branch are believed: their plans, journals and holds."""
        return (self.recovery_workflow, self.rollback_workflow)

    @field_validator("force")
    @classmethod
    def _may_be_forced(cls, given: tuple[RejectionId, ...]) -> tuple[RejectionId, ...]:
        firm = next((name for name in given if name not in OVERRIDABLE), None)
        if firm is not None:
            allowed = ", ".join(name for name in RejectionId if name in OVERRIDABLE)
            raise ValueError(f"`{firm}` cannot be set aside; what can be: {allowed}")
        return given

    @field_validator("inputs")
    @classmethod
    def _is_dispatchable(cls, given: dict[str, str]) -> dict[str, str]:
        if len(given) > MOST_EXTRA_INPUTS:
            raise ValueError(f"{len(given)} inputs are more than the {MOST_EXTRA_INPUTS} that GitHub takes beside ours")
        return given


_FILE_ONLY = frozenset(
    {
        "workflows",
        "max-failed-jobs",
        "autonomy",
        "side-effects",
        "look-back",
        "recovery-workflow",
        "rollback",
        "rollback-workflow",
        "rules",
        "baseline",
        "known-flaky",
        "test-reports",
    }
)
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
        "workflow",
        "force",
        "inputs",
    }
)
RESERVED_INPUTS = ("command", "step-attempts")
"""Inputs whose names are kept for what is not built yet."""

_LISTS = frozenset({"path", "environment", "dependencies"})
_OBJECTS = {"state": '{"step": "build"}', "inputs": '{"region": "eu"}'}
"""Inputs that are JSON objects, each with an example."""

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
        settings = Settings.model_validate(values | given)
        settings.model_dump_json()
    except ValidationError as error:
        raise _input_error(error, given, config_name) from error
    except PydanticSerializationError as error:  # YAML can spell half a character, which nothing can write down
        raise InputError(f"{config_name} holds text that is not valid Unicode", hint="write it in UTF-8") from error
    return settings


def _file_values(config: str, config_name: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(config)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:  # dates that are none, …
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
    if name == "force":
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if name in _OBJECTS:
        return parse_object(name, text)
    return text.strip()


def parse_state(text: str) -> dict[str, Any]:
    """A workflow's state, given as a JSON object; what could not be read back from a checkpoint is not taken.

    Raises:
        InputError: the text is not such an object.
    """
    return parse_object("state", text)


def parse_object(name: str, text: str) -> dict[str, Any]:
    """The value of an input that is a JSON object.

    Raises:
        InputError: the text is not a JSON object.
    """
    try:
        return json_object(text.encode("utf-8", "surrogatepass"))
    except StrangeJson as error:
        raise InputError(f"`{name}` cannot be kept: {error}", hint=f"give a JSON object: {_OBJECTS[name]}") from error


def _input_error(error: ValidationError, given: Mapping[str, object], config_name: str) -> InputError:
    first = error.errors()[0]
    where = ".".join(str(part)[:_SHOWN] for part in first["loc"])
    top = str(first["loc"][0]) if first["loc"] else ""
    source = f"input `{where}`" if top in given else f"{config_name}: `{where}`"
    if first["type"] == "extra_forbidden":
        known = ", ".join(sorted(_kebab(name) for name in Settings.model_fields if _kebab(name) not in _INPUT_ONLY))
        return InputError(f"{source} is not a setting", hint=f"known settings: {known}")
    return InputError(
        f"{source}: {first['msg'].removeprefix('Value error, ')} (got {str(first['input'])[:_SHOWN]!r})",
        hint="shorten it" if first["type"] == "string_too_long" else None,
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
