"""A stand-in for GitHub with three runs: two failed on the network, one still at work. Ends when it is told to.

Usage: standin.py FOLDER
It writes FOLDER/standin.sh (what a shell needs to know, once it listens) and FOLDER/access.jsonl (every request).
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from recovery.rehearsal.records import ScriptedJob
from recovery.rehearsal.runner import ScriptedRunner
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.world import World

LOG = Path(__file__).with_name("network.log").read_text(encoding="utf-8")


def main(folder: Path) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    world = World()
    world.runner = ScriptedRunner(world.runs)
    build = ScriptedJob(name="build")
    fetch = ScriptedJob(name="fetch", conclusion="failure", log=LOG)
    failed = world.add_run([build, fetch], head_branch="one")
    another = world.add_run([build, fetch], head_branch="two")
    active = world.add_run([build], head_branch="three", status="in_progress")
    for run in (failed, another, active):
        world.pulls.add(run.head_branch, run.head_sha)
    with LocalGitHub(world, access_log=folder / "access.jsonl") as server:
        facts = {
            "URL": server.url,
            "TOKEN": world.token,
            "REPOSITORY": world.repository.name,
            "FAILED_RUN": failed.id,
            "ANOTHER_RUN": another.id,
            "ACTIVE_RUN": active.id,
        }
        ready = folder / "standin.part"
        ready.write_text("".join(f"{name}='{value}'\n" for name, value in facts.items()), encoding="utf-8")
        ready.rename(folder / "standin.sh")
        signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
