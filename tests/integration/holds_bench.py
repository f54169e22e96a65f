"""What holds commits, or seems to, over stand-ins: tags, claims and artifacts, ours and those of others."""

from __future__ import annotations

from pathlib import Path

from recovery.models.github import Tag
from recovery.models.rollback import Claim, Hold, RollbackKind
from recovery.policy.claims import tag_message
from recovery.policy.holds import hold_artifact_name, hold_bytes
from recovery.policy.naming import rollback_tag
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.store import MemoryStore
from tests.integration.rollback_bench import RollbackBench


def elsewhere(bench: RollbackBench, folder: Path) -> RollbackBench:
    """Another machine with an empty store, and the same GitHub."""
    other = RollbackBench(MemoryStore(), folder)
    other.forge, other.delivery, other.clock = bench.forge, bench.delivery, bench.clock
    other.store.record([make.checkpoint_created(checkpoint=rolled.make_good_checkpoint())])
    return other


def keep(bench: RollbackBench, hold: Hold, path: str = ".github/workflows/rollback.yml") -> None:
    """An artifact that holds a commit, as a run of a workflow on the default branch leaves it."""
    number = 1 + max(bench.forge.artifacts)
    bench.forge.add_run(make.make_run(id=5000 + number, path=path, event="workflow_dispatch", head_branch="main"))
    made = make.make_artifact(id=number, name=hold_artifact_name(hold.sha), run_id=5000 + number, head_branch="main")
    bench.forge.artifacts[number] = (made, {"hold.json": hold_bytes(hold)})


def claimed(bench: RollbackBench, **over: object) -> Claim:
    """A tag of a rollback of the bad commit that no store knows of, from a shell."""
    usual: dict[str, object] = {
        "recovery_id": "rec-7",
        "nonce": "nonce-0007",
        "kind": RollbackKind.REDISPATCH,
        "workflow_name": "Deploy",
        "environment": "production",
        "bad_sha": rolled.BAD_SHA,
        "target_sha": rolled.GOOD_SHA,
        "since": make.later(-600),
        "hold_until": make.later(5 * 86400),
    }
    claim = Claim.model_validate(usual | over)
    name = rollback_tag(claim.workflow_name, claim.environment, claim.bad_sha)
    assert bench.delivery.create_tag(name, claim.target_sha, tag_message(claim))
    return claim


def plant(bench: RollbackBench, name: str) -> None:
    """A tag that somebody pushed, which says nothing."""
    bench.delivery.held_tags[name] = Tag(name=name, commit=rolled.GOOD_SHA)


def spoil(bench: RollbackBench) -> None:
    """Damage the artifact that was uploaded last, if it is named like a hold."""
    made, files = bench.forge.artifacts[max(bench.forge.artifacts)]
    if made.name.startswith("recovery-hold."):
        bench.forge.artifacts[made.id] = (made, dict.fromkeys(files, b"{"))
