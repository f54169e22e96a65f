"""Settings from the inputs and from the configuration file in the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from recovery.errors import InputError
from recovery.render import plain
from recovery.settings import Mode, Settings, load_settings

CONFIG_FILE = ".github/recovery.yml"

_SHOWN = 200
"""Characters of a file's name that an error repeats."""

_MODES_WITH_A_REASON = frozenset({Mode.RECOVER, Mode.SWEEP, Mode.ROLLBACK})


def settings_for(workspace: Path, inputs: Mapping[str, str]) -> Settings:
    """Settings of one use. The file is optional unless the input `config` names it.

    What looks like a secret in a person's reason is hidden here, before anything is stored, tagged or shown.

    Raises:
        InputError: an input or the file cannot be understood, or a file that was named does not exist.
    """
    named = inputs.get("config", "").strip()
    name = named or CONFIG_FILE
    try:
        text = (workspace / name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if not named or named == CONFIG_FILE:
            return _redacted(load_settings(inputs))
        raise InputError(
            f"the configuration file {plain.line(name, _SHOWN)} does not exist",
            hint="check it out first (`actions/checkout`), or leave `config` out",
        ) from error
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"the configuration file {plain.line(name, _SHOWN)} cannot be read: {problem}",
            hint="name a file of UTF-8 text in the workspace, or leave `config` out",
        ) from error
    return _redacted(load_settings(inputs, text, config_name=name))


def _redacted(settings: Settings) -> Settings:
    if not settings.reason or settings.mode not in _MODES_WITH_A_REASON:
        return settings
    from recovery.policy.redaction import redact  # its engine is not installed for checkpoints

    return settings.model_copy(update={"reason": redact(settings.reason)})
