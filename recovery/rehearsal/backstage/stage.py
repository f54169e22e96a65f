"""What a stand-in action sends to the server, and what it gets back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from recovery.rehearsal.records import Run
from recovery.rehearsal.world import World


@dataclass(frozen=True, kw_only=True)
class Performance:
    """One execution of a stand-in action: its inputs and where it runs."""

    world: World
    run: Run
    attempt: int
    inputs: Mapping[str, str]
    state: Mapping[str, str]
    workspace: Path
    home: Path
    temp: Path
    search_path: str

    @classmethod
    def of(cls, world: World, run: Run, attempt: int, fields: Mapping[str, Any]) -> Self:
        """What a stand-in's request says."""
        return cls(
            world=world,
            run=run,
            attempt=attempt,
            inputs=fields.get("inputs", {}),
            state=fields.get("state", {}),
            workspace=Path(fields["workspace"]),
            home=Path(fields["home"]),
            temp=Path(fields["temp"]),
            search_path=fields.get("path", ""),
        )

    def text(self, name: str, default: str = "") -> str:
        """An input, trimmed as the toolkit does."""
        return self.inputs.get(name, "").strip() or default

    def flag(self, name: str) -> bool:
        """A boolean input."""
        return self.text(name).lower() == "true"

    def lines(self, name: str) -> list[str]:
        """A multi-line input."""
        return [line.strip() for line in self.inputs.get(name, "").splitlines() if line.strip()]

    def place(self, text: str) -> Path:
        """A path of the step: `~` and relative paths as the step sees them."""
        if text == "~" or text.startswith("~/"):
            return self.home / text[2:]
        return self.workspace / text


@dataclass(frozen=True, kw_only=True)
class Result:
    """What the stand-in prints, sets and keeps, and whether its step fails."""

    lines: tuple[str, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    failed: bool = False

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "lines": list(self.lines),
            "outputs": dict(self.outputs),
            "state": dict(self.state),
            "failed": self.failed,
        }


Act = Callable[[Performance], Result]


def failure(text: str) -> Result:
    """A failed step with its error."""
    return Result(lines=(f"::error::{text}",), failed=True)
