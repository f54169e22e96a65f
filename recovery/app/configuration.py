"""Settings from the inputs and from the configuration file in the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from recovery.errors import InputError
from recovery.settings import Settings, load_settings

CONFIG_FILE = ".github/recovery.yml"


def settings_for(workspace: Path, inputs: Mapping[str, str]) -> Settings:
    """Settings of one use. The file is optional unless the input `config` names it.

    Raises:
        InputError: an input or the file cannot be understood, or a file that was named does not exist.
    """
    named = inputs.get("config", "").strip()
    name = named or CONFIG_FILE
    try:
        text = (workspace / name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if not named or named == CONFIG_FILE:
            return load_settings(inputs)
        raise InputError(
            f"the configuration file {name} does not exist",
            hint="check it out first (`actions/checkout`), or leave `config` out",
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"the configuration file {name} cannot be read: {error}") from error
    return load_settings(inputs, text, config_name=name)
