"""Use case at the start of a job that deploys: stop where its commit is on hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from recovery.adapters.clock import SystemClock
from recovery.adapters.runner import RunnerContext
from recovery.app.configuration import CONFIG_FILE
from recovery.app.connecting import open_github
from recovery.errors import ForgeError, InputError, ListWithoutEnd, OnHold
from recovery.models.github import Artifact, Tag
from recovery.models.rollback import Hold
from recovery.policy.holds import hold_artifact_name, sets_aside, standing_hold
from recovery.policy.naming import busy_tag, return_tag, rollback_tag
from recovery.policy.restore_order import order_among
from recovery.ports import Clock, Delivery, Forge
from recovery.render import plain
from recovery.settings import Settings, load_settings
from recovery.warden import MOST_RUNS, artifacts_for, kept_in, made_on, not_looked_into

PERMISSION = "add to the job, if it is missing: `permissions: {actions: read}`"
TO_READ_MORE = "add to the job, if it is missing: `permissions: {actions: read, contents: read}`"

SHOWN = 10
"""Artifacts that are named where there are too many."""

_TAG = "refs/tags/"


class Told(NamedTuple):
    """Which rollback a run says that it is, and the tags that would prove it."""

    recovery_id: str
    nonce: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Gate:
    """One job that is about to deploy, and where its commit may be on hold."""

    context: RunnerContext
    settings: Settings
    """What the workspace says, which may not be checked out yet; the default branch's word comes first."""
    workflow_name: str
    ref: str
    """`refs/…` that the run is at."""
    config: str
    """The configuration file, in the repository."""
    forge: Forge
    delivery: Delivery | None
    clock: Clock

    def let_pass(self) -> str:
        """Let the job go on, or stop it; a warning where something could not be told."""
        try:
            named = artifacts_for(self.forge, self.context.sha)
        except ListWithoutEnd as error:  # a hold may be anywhere in it
            raise _crowded(self.forge.repository, self.context.sha) from error
        if not named:
            return ""
        branch = self.context.default_branch or self.forge.default_branch()
        among = made_on(branch, named)
        if not among:
            return ""
        believed, warning = self._believed(branch)
        passed_over = list(among)
        for kept in kept_in(self.forge, among, self.context.sha, believed, branch):
            passed_over.remove(kept.artifact)
            if standing_hold([kept.hold], self.context.sha, self.workflow_name, self.clock.now()) is not None:
                warning = self._stop_unless_set_aside(kept.hold)
        if not_looked_into(among):
            raise _crowded(self.forge.repository, self.context.sha, passed_over)
        return warning

    def _believed(self, branch: str) -> tuple[tuple[str, ...], str]:
        """The workflows whose holds are believed: what the default branch says, whatever this commit says."""
        try:
            text = self.forge.file_text(self.config, branch)
            there = load_settings({}, text, config_name=self.config) if text is not None else Settings()
        except (ForgeError, InputError) as error:
            return self.settings.believed_workflows, (
                f"{self.config} of `{branch}` could not be read: {error.message}; so holds were believed of the"
                f" workflows that the checkout names, or the usual ones. {error.hint or TO_READ_MORE}"
            )
        if text is None:  # GitHub also says so of a file that this job may not read
            return tuple(dict.fromkeys((*there.believed_workflows, *self.settings.believed_workflows))), ""
        return there.believed_workflows, ""

    def _stop_unless_set_aside(self, hold: Hold) -> str:
        """A warning that a rollback goes back to what is held; whatever else is held is stopped."""
        doubt, hint, told = "", "", self._told
        try:
            if told is not None and self._is_set_aside(hold, told):
                return f"{_in_words(hold)}; it is deployed all the same, because {told.recovery_id} goes back to it"
        except ForgeError as error:
            doubt = f"; whether a rollback has set that aside could not be told: {error.message}"
            hint = f"; {error.hint or TO_READ_MORE}"
        raise OnHold(
            f"{_in_words(hold)}{doubt}",
            hint=f"deploy another commit, or release this one: `recovery holds release {hold.sha}`{hint}",
        )

    def _is_set_aside(self, hold: Hold, told: Told) -> bool:
        if self.delivery is None or not any(self._tags):
            return False
        busy = self.delivery.tag(busy_tag(hold.workflow_name, hold.environment))
        now = self.clock.now()
        return any(sets_aside((told.recovery_id, told.nonce), tag, busy, hold, now) for tag in self._tags)

    @cached_property
    def _told(self) -> Told | None:
        """What a rollback told this run; what cannot be understood sets nothing aside."""
        deployment = self.context.event.get("deployment")
        if isinstance(deployment, dict):
            return _told_by(deployment, self.workflow_name)
        try:
            order = order_among(self.context.event.get("inputs"))
        except InputError:
            return None
        tags = (self.ref.removeprefix(_TAG),) if self.ref.startswith(_TAG) else ()
        return Told(order.recovery_id, order.nonce, tags) if order is not None else None

    @cached_property
    def _tags(self) -> tuple[Tag | None, ...]:
        """The tags that this rollback has, if it is one."""
        if self.delivery is None or self._told is None:
            return ()
        return tuple(self.delivery.tag(name) for name in self._told.tags)


def guard_deployment(
    context: RunnerContext,
    settings: Settings,
    workflow_name: str,
    *,
    ref: str = "",
    config: str = CONFIG_FILE,
    forge: Forge | None = None,
    delivery: Delivery | None = None,
    clock: Clock | None = None,
) -> str:
    """Let the job go on, or stop it; the text is a warning for people, empty where all is well.

    One request where nothing of the default branch says that the commit is on hold. What cannot be asked holds nobody
    back: the warning says so. The run of a rollback that a person lets go back to a held commit goes on.

    Raises:
        OnHold: the commit was rolled back, and may not be deployed again yet; or so many say so that it cannot be told.
    """
    clock = clock or SystemClock()
    try:
        if forge is None:
            forge, delivery = open_github(context, clock)
        return Gate(context, settings, workflow_name, ref, config, forge, delivery, clock).let_pass()
    except ForgeError as error:
        return (
            f"whether commit {context.sha[:7]} is on hold could not be told: {error.message}."
            f" {error.hint or PERMISSION}"
        )


def _told_by(deployment: Mapping[str, Any], workflow_name: str) -> Told | None:
    """The rollback that asked for a deployment; it knows its tags by what it goes back from, or returns to."""
    payload, environment = deployment.get("payload"), deployment.get("environment")
    given = payload if isinstance(payload, dict) else {}
    texts = (given.get("recovery_id"), given.get("nonce"), given.get("bad_sha"), environment, deployment.get("sha"))
    if not all(isinstance(text, str) and text for text in texts):
        return None
    recovery_id, nonce, bad_sha, environment, sha = (str(text) for text in texts)
    tags = (rollback_tag(workflow_name, environment, bad_sha), return_tag(workflow_name, environment, sha))
    return Told(recovery_id, nonce, tags)


def _in_words(hold: Hold) -> str:
    because = f" ({plain.line(hold.reason)})" if hold.reason else ""
    return (
        f"commit {hold.sha[:7]} is on hold for `{plain.line(hold.workflow_name)}` until"
        f" {hold.until:%Y-%m-%d %H:%M} UTC: it was rolled back by {plain.line(hold.recovery_id)}{because}"
    )


def _crowded(repository: str, sha: str, passed_over: Sequence[Artifact] = ()) -> OnHold:
    """The error that it cannot be told; without artifacts, because there are more than can be listed."""
    name = hold_artifact_name(sha)
    shown = f"artifacts {', '.join(str(artifact.id) for artifact in passed_over[:SHOWN])}" if passed_over else "them"
    more = f" and {len(passed_over) - SHOWN} more" if len(passed_over) > SHOWN else ""
    many = f"more than {MOST_RUNS} runs of the default branch" if passed_over else "more runs than can be listed"
    return OnHold(
        f"whether commit {sha[:7]} is on hold cannot be told: {many} left"
        f" artifacts named {name}, which only a rollback should; somebody may be trying to get around a hold",
        hint=f"find out who made {shown}{more}, delete them"
        f" (`gh api -X DELETE repos/{repository}/actions/artifacts/ID`), and run this job again",
    )
