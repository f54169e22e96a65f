"""The folders a rehearsal writes into."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """The folders a rehearsal writes into."""

    work: Path

    @property
    def home(self) -> Path:
        """The home of every step."""
        return self.work / "home"

    @property
    def workspaces(self) -> Path:
        """Where `act` makes workspaces."""
        return self.work / "workspaces"

    @property
    def repository(self) -> Path:
        """The copy of the user's repository, with every commit of the rehearsal."""
        return self.work / "repository"

    def attempt(self, run_id: int, attempt: int) -> Path:
        """What belongs to one attempt: workflow, event, error output of `act`."""
        return self.work / "runs" / f"{run_id}-{attempt}"

    def heard(self, run_id: int, attempt: int) -> Path:
        """The answers to the steps of one attempt that asked whether they were heard."""
        return self.attempt(run_id, attempt) / "heard"

    def recovery(self, run_id: int, attempt: int) -> Path:
        """RECOVERY_DIRECTORY of one recovery run."""
        return self.work / "recoveries" / f"{run_id}-{attempt}"
