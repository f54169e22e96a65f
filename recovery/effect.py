"""The one effect of a plan: look, request it once, and record what came of that."""

from __future__ import annotations

from dataclasses import dataclass

from recovery.errors import AlreadyUnderWay, AmbiguousEffect, ForgeError, ForgeUnavailable, RateLimited, RunActive
from recovery.models.decision import RecoveryPlan
from recovery.recorder import Recorder
from recovery.strategies.recipe import Reach, Recipe, View

FOUND_LATER = "the next attempt was found on looking again"
"""What is recorded of a re-run whose answer was lost."""


@dataclass(frozen=True)
class Effect:
    """One effect whose request has been claimed."""

    plan: RecoveryPlan
    recipe: Recipe
    reach: Reach
    recorder: Recorder

    def carry_out(self, *, was_requested: bool) -> None:
        """Request the effect if the world is still as planned. The recipe's look comes directly before it.

        `was_requested` tells of an earlier request whose answer is not on record.

        Raises:
            ForgeError: it failed, or its fate is unknown (`AmbiguousEffect`).
        """
        try:
            view = self.recipe.look(self.plan, self.reach)
        except ForgeError as error:
            self._not_requested(error)
            raise
        if not view.against:
            self._request()
        elif view.happened and (was_requested or view.reference):
            self._happened(view, f"{view.happened}; found on looking again")
        elif was_requested:  # what came of that request is the answer, and is not known yet
            self.recorder.noted(self.plan, self.recipe.EFFECT, f"not requested again: {view.against}")
        else:
            self._refused(view.against)

    def _request(self) -> None:
        try:
            reference = self.recipe.perform(self.plan, self.reach)
        except AlreadyUnderWay as error:
            self._refused("; ".join(part for part in (error.message, error.hint) if part))
        except RunActive as error:
            self._look_who_was_first(error)
        except AmbiguousEffect as error:
            self._look_after(error)
        except ForgeError as error:
            self._not_requested(error)
            raise
        else:
            self._happened(View(reference=reference), "")

    def _not_requested(self, error: ForgeError) -> None:
        """A plain no is an answer; trouble that passes leaves the request open, to be settled and tried again."""
        if isinstance(error, ForgeUnavailable | RateLimited):
            self.recorder.noted(self.plan, self.recipe.EFFECT, f"not done: {error.message}")
        else:
            self._refused(f"not done: {error.message}")

    def _look_who_was_first(self, error: RunActive) -> None:
        """GitHub says that the run is active: another re-run came first, or it refuses for a reason of its own."""
        if not self.recipe.look(self.plan, self.reach).against:
            self._refused(error.message)
            raise error
        self._refused(f"another re-run came first: {error.message}")

    def _look_after(self, error: AmbiguousEffect) -> None:
        """After an unclear answer look first. Where nothing is to be seen the request stays open, to be settled."""
        view = self.recipe.look(self.plan, self.reach)
        if not view.happened:
            self.recorder.noted(self.plan, self.recipe.EFFECT, f"{error.message}; nothing of it is to be seen yet")
            raise error
        self._happened(view, f"{error.message}; {view.happened}")

    def _happened(self, view: View, detail: str) -> None:
        self.recorder.answered(self.plan, self.recipe.EFFECT, accepted=True, detail=detail, reference=view.reference)

    def _refused(self, detail: str) -> None:
        self.recorder.answered(self.plan, self.recipe.EFFECT, accepted=False, detail=detail)
