"""The command `holds`: the commits that may not be deployed again, and releasing one."""

from __future__ import annotations

import argparse
import re
from typing import Any

from recovery.app.configuration import settings_for
from recovery.app.releasing import Held, Released, all_that_holds, commits_told_of, list_holds, release_hold
from recovery.app.wiring import Workplace, open_workplace
from recovery.cli.console import progress, show, show_json
from recovery.cli.context import local_context
from recovery.errors import InputError, NotFoundError
from recovery.policy.holds import hold_artifact_name
from recovery.render import plain
from recovery.render.holds import hold_lines
from recovery.render.lines import Line

_WHOLE = frozenset({40, 64})
"""Digits of a commit's id: SHA-1 has the fewer."""

_ABBREVIATED = re.compile(r"[0-9a-f]{7,64}")

_SHOWN = 10
"""Artifacts that are named where more stay."""


def holds(options: argparse.Namespace) -> int:
    """List what is on hold, or release one commit."""
    if options.what == "release":
        return _release(options)
    given = options.sha or options.workflow
    if given:
        raise InputError(f"`list` takes neither commit nor workflow, and got {given}", hint="`recovery holds release`?")
    found = list_holds(_workplace(options))
    if options.json:
        show_json([hold.model_dump(mode="json") for hold in found])
    else:
        show(hold_lines(found))
    return 0


def _release(options: argparse.Namespace) -> int:
    sha = options.sha.lower()
    if not _ABBREVIATED.fullmatch(sha):
        raise InputError(
            f"{options.sha!r} is no commit" if sha else "it is not said which commit is to be released",
            hint="`recovery holds` lists those on hold; seven digits will do",
        )
    place = _workplace(options)
    if len(sha) not in _WHOLE:
        sha = _whole(place, sha)
    document: dict[str, Any] = {"sha": sha, "released": not options.dry_run}
    if options.dry_run:
        found: Held | Released = all_that_holds(place, sha, options.workflow or "")
    else:
        found = done = release_hold(place, sha, place.settings.reason, options.workflow or "")
        document |= {"artifacts": done.artifacts, "recoveries": list(done.recoveries)}
        if options.reason and not done.recoveries:
            progress("the rollback that held it is not in this database, so that the reason is not kept")
    _warn(place, sha, found)
    if options.json:
        show_json(document | {"holds": [{"workflow_name": name, "environment": where} for name, where in found.holds]})
    else:
        told = f"commit {sha} {'would be released' if options.dry_run else 'may be deployed again'}"
        of = [f"{name} in {where}" for name, where in found.holds] or ["only damaged artifacts were named after it"]
        show(Line("info", plain.line(f"{told}: {each}")) for each in of)
    return 0


def _warn(place: Workplace, sha: str, found: Held | Released) -> None:
    """What a release does not do."""
    for recovery_id in found.under_way:
        progress(
            f"warning: {recovery_id} goes on: a release does not stop it, and what it started may miss its tag;"
            f" `recovery status --recovery-id {recovery_id}` shows how it stands"
        )
    if found.stays:
        ids = ", ".join(str(artifact.id) for artifact in found.stays[:_SHOWN])
        more = f" and {len(found.stays) - _SHOWN} more" if len(found.stays) > _SHOWN else ""
        progress(
            f"warning: artifacts named {hold_artifact_name(sha)} stay: {ids}{more}. They are damaged, or too many to"
            f" look into; to delete one: gh api -X DELETE repos/{place.forge.repository}/actions/artifacts/ID"
        )


def _whole(place: Workplace, sha: str) -> str:
    """The one commit on hold whose id begins so."""
    found = sorted(known for known in commits_told_of(place) if known.startswith(sha))
    if not found:
        raise NotFoundError(f"nothing holds a commit {sha}", hint="`recovery holds` lists those on hold")
    if len(found) > 1:
        raise InputError(f"{sha} may be any of {', '.join(found)}", hint="give more digits")
    return found[0]


def _workplace(options: argparse.Namespace) -> Workplace:
    context = local_context(options)
    settings = settings_for(context.workspace, {"reason": options.reason, "dry-run": str(options.dry_run)})
    return open_workplace(context.model_copy(update={"workflow_path": settings.recovery_workflow}), settings)
