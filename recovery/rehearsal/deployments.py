"""Deployments and their statuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from recovery.rehearsal.clockwork import Clockwork, Refused
from recovery.rehearsal.records import ACTIONS_BOT, User

STATES = frozenset({"error", "failure", "inactive", "in_progress", "queued", "pending", "success"})
MAXIMUM_DESCRIPTION = 140
PRODUCTION = "production"


@dataclass(frozen=True, kw_only=True)
class DeploymentStatus:
    """One status of a deployment."""

    id: int
    state: str
    description: str
    environment: str
    environment_url: str
    log_url: str
    creator: User
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One deployment with its statuses, oldest first."""

    id: int
    ref: str
    sha: str
    task: str
    environment: str
    description: str | None
    payload: Mapping[str, Any] | str
    creator: User
    created_at: datetime
    updated_at: datetime
    statuses: tuple[DeploymentStatus, ...] = field(default_factory=tuple)

    @property
    def state(self) -> str:
        """The newest status's state; `pending` without any."""
        return self.statuses[-1].state if self.statuses else "pending"


class Deployments:
    """Every deployment of one repository; they start no workflow, as those made with a job's token do not."""

    def __init__(self, clockwork: Clockwork) -> None:
        self._clockwork = clockwork
        self._deployments: dict[int, Deployment] = {}

    def create(
        self,
        ref: str,
        sha: str,
        *,
        environment: str = "production",
        task: str = "deploy",
        description: str | None = None,
        payload: Mapping[str, Any] | str = "",
        creator: User = ACTIONS_BOT,
    ) -> Deployment:
        """A new deployment of a commit, known by the ref it was asked for."""
        at = self._clockwork.now()
        with self._clockwork.lock:
            deployment = Deployment(
                id=self._clockwork.next_id("deployment"),
                ref=ref,
                sha=sha,
                task=task,
                environment=environment,
                description=description,
                payload=payload,
                creator=creator,
                created_at=at,
                updated_at=at,
            )
            self._deployments[deployment.id] = deployment
        self._clockwork.tell("deployment-created", f"{environment}: {sha[:12]}")
        return deployment

    def get(self, deployment_id: int) -> Deployment:
        """The deployment of that id, or a 404."""
        with self._clockwork.lock:
            if deployment_id not in self._deployments:
                raise Refused(404, "Not Found")
            return self._deployments[deployment_id]

    def all(self) -> list[Deployment]:
        """Every deployment, newest first."""
        with self._clockwork.lock:
            return sorted(self._deployments.values(), key=lambda deployment: deployment.id, reverse=True)

    def add_status(
        self,
        deployment_id: int,
        state: str,
        *,
        description: str = "",
        environment_url: str = "",
        log_url: str = "",
        auto_inactive: bool = True,
        creator: User = ACTIONS_BOT,
    ) -> DeploymentStatus:
        """Say what became of a deployment; a success makes earlier ones of its environment inactive.

        Those to production stay as they are.
        """
        about = {"description": description, "environment_url": environment_url, "log_url": log_url}
        with self._clockwork.lock:
            deployment = self.get(deployment_id)
            status = self._append(deployment, state, creator, about)
            if state == "success" and auto_inactive and deployment.environment != PRODUCTION:
                for other in self.all():
                    same = other.environment == deployment.environment and other.id < deployment.id
                    if same and other.state == "success":
                        self._append(other, "inactive", creator, dict.fromkeys(about, ""))
        self._clockwork.tell("deployment-status", f"{deployment.environment}: {state}")
        return status

    def _append(self, deployment: Deployment, state: str, creator: User, about: Mapping[str, str]) -> DeploymentStatus:
        at = self._clockwork.now()
        status = DeploymentStatus(
            id=self._clockwork.next_id("deployment status"),
            state=state,
            environment=deployment.environment,
            creator=creator,
            created_at=at,
            **about,
        )
        grown = replace(deployment, statuses=(*deployment.statuses, status), updated_at=at)
        self._deployments[deployment.id] = grown
        return status
