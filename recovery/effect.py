"""The one effect of a plan: look, request it once, and record what came of that."""

from __future__ import annotations

from dataclasses import dataclass

from recovery.errors import AmbiguousEffect, ForgeError, ForgeUnavailable, RateLimited, RunActive
from recovery.models.decision import RecoveryPlan
from recovery.policy.limits import moved_on
from recovery.ports import Forge
from recovery.recorder import Recorder
from recovery.strategies.recipe import Recipe

FOUND_LATER = "the next attempt was found on looking again"


@dataclass(frozen=True)
class Effect:
    """One effect whose request has been claimed."""

    plan: RecoveryPlan
    recipe: Recipe
    forge: Forge
    recorder: Recorder

    def carry_out(self, *, was_requested: bool) -> None:
        """Request the effect if the run is still as planned. The request directly before it is always GET run.

        `was_requested` tells of an earlier request whose answer is not on record.

        Raises:
            ForgeError: it failed, or its fate is unknown (`AmbiguousEffect`).
        """
        try:
            run = self.forge.run(self.plan.header.run_id)
        except ForgeError as error:
            self._not_requested(error)
            raise
        refusal = moved_on(self.plan, run)
        if refusal is None:
            self._request()
        elif was_requested and run.run_attempt > self.plan.header.attempt:
            self._answered(FOUND_LATER, accepted=True)
        else:
            self._answered(refusal.text, accepted=False)

    def _request(self) -> None:
        try:
            self.recipe.perform(self.plan, self.forge)
        except RunActive as error:
            self._look_who_was_first(error)
        except AmbiguousEffect as error:
            self._look_after(error)
        except ForgeError as error:
            self._not_requested(error)
            raise
        else:
            self._answered("", accepted=True)

    def _not_requested(self, error: ForgeError) -> None:
        """A plain no is an answer; trouble that passes leaves the request open, to be settled and tried again."""
        if isinstance(error, ForgeUnavailable | RateLimited):
            self.recorder.noted(self.plan, self.recipe.EFFECT, f"not done: {error.message}")
        else:
            self._answered(f"not done: {error.message}", accepted=False)

    def _look_who_was_first(self, error: RunActive) -> None:
        """GitHub says that the run is active: another re-run came first, or it refuses for a reason of its own."""
        if moved_on(self.plan, self.forge.run(self.plan.header.run_id)) is None:
            self._answered(error.message, accepted=False)
            raise error
        self._answered(f"another re-run came first: {error.message}", accepted=False)

    def _look_after(self, error: AmbiguousEffect) -> None:
        """After an unclear answer look first. Where nothing is to be seen the request stays open, to be settled."""
        if self.forge.run(self.plan.header.run_id).run_attempt == self.plan.header.attempt:
            self.recorder.noted(self.plan, self.recipe.EFFECT, f"{error.message}; no new attempt is to be seen yet")
            raise error
        self._answered(f"{error.message}; the next attempt exists", accepted=True)

    def _answered(self, detail: str, *, accepted: bool) -> None:
        self.recorder.answered(self.plan, self.recipe.EFFECT, accepted=accepted, detail=detail)
