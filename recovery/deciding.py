"""From what was seen of an attempt to the decision about it; checkpoints are looked for where they could change it."""

from __future__ import annotations

from dataclasses import dataclass

from recovery.exclusion import Exclusion
from recovery.finder import find_checkpoints
from recovery.models.decision import Decision, DecisionKind, Observation
from recovery.models.records import RecoveryType
from recovery.policy.choose import checkpoints_matter, choose
from recovery.policy.vetoes import Case
from recovery.ports import Store
from recovery.recorder import Recorder
from recovery.settings import Settings, Strategy
from recovery.strategies.recipe import Reach


@dataclass(frozen=True)
class Decider:
    """Decides about attempts of one repository's runs."""

    store: Store
    reach: Reach
    recorder: Recorder
    settings: Settings
    own_workflow: str | None

    def look_for_checkpoints(self, seen: Observation, asked: Strategy) -> Observation:
        """What was seen, with the checkpoints of the failed jobs, if they could change what is done.

        Raises:
            ForgeError: GitHub cannot be used at all; a list that may not be read means that there are none.
        """
        if not checkpoints_matter(self._case(seen), asked):
            return seen
        exclusion = Exclusion(self.store, self.recorder, self.reach.forge.repository)
        found = find_checkpoints(self.reach.forge, seen, exclusion.reason)
        if not self.settings.dry_run:
            exclusion.put_on_record(found or ())
        return seen.model_copy(update={"checkpoints": found})

    def decide(self, seen: Observation, asked: Strategy) -> Decision:
        """Decide on what was seen; what cannot be rolled back from here is proposed at most."""
        decision = choose(self._case(seen), asked)
        if decision.strategy is RecoveryType.ROLLBACK and self.reach.delivering is None:
            return decision.model_copy(update={"kind": DecisionKind.SUGGEST})
        return decision

    def _case(self, seen: Observation) -> Case:
        may_be_rolled_back = seen.run.workflow_name in self.settings.rollback
        return Case(
            observation=seen,
            settings=self.settings,
            now=self.reach.clock.now(),
            own_workflow=self.own_workflow,
            default_branch=self.reach.forge.default_branch() if may_be_rolled_back else "",
        )
