"""`recovery rehearse`: the whole loop on this machine, with a report that a newcomer understands."""

from __future__ import annotations

import argparse
import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.app.retelling import Retelling, retell
from recovery.cli.console import progress, show, show_json
from recovery.errors import InputError, RehearsalError
from recovery.render.comment import visible_part
from recovery.render.dashboard import dashboard_lines
from recovery.render.decision import decision_json
from recovery.render.lines import Line
from recovery.render.timeline import AttemptFact, timeline, timeline_of

if TYPE_CHECKING:
    from recovery.rehearsal.rehearsal import Rehearsal

OUTPUT_FILES = ("recovery.db", "comment.md", "decision.json", "requests.jsonl")
EVENT_FILES = ("plan.jsonl", "journal.jsonl")


def rehearse(options: argparse.Namespace) -> int:
    """Rehearse a repository, print what happened, and fail if it did not end as the scenario says it should."""
    from recovery.rehearsal.scenario import SCENARIOS

    if options.list:
        show(Line("info", f"{scenario.name:<18}{scenario.description}") for scenario in SCENARIOS.values())
        return 0
    repository = Path(options.repository)
    if not (repository / ".github" / "workflows").is_dir():
        raise InputError(
            f"{repository} has no folder .github/workflows", hint="name the folder of a repository with workflows"
        )
    with tempfile.TemporaryDirectory(prefix="recovery-rehearsal-") as work:
        output = _emptied(Path(options.output or Path(work, "output")))
        return _play(options, repository, Path(work, "rehearsal"), output)


def _play(options: argparse.Namespace, repository: Path, work: Path, output: Path) -> int:
    from recovery.rehearsal.play import play, problems
    from recovery.rehearsal.rehearsal import Rehearsal
    from recovery.rehearsal.scenario import find_scenario

    scenario = find_scenario(options.scenario)
    progress(f"rehearsing {repository}: {scenario.description}")
    with Rehearsal(repository, work, scenario, on_event=lambda event: progress(f"  {event.text}")) as rehearsal:
        play(rehearsal)
        retelling = retell(f"sqlite:///{output / 'recovery.db'}", _event_files(rehearsal))
        _keep(rehearsal, retelling, output)
        attempts = list(_attempts(rehearsal))
        comments = [comment.body for comment in rehearsal.world.pulls.comments()]
        found = problems(scenario, rehearsal.world)
    if options.json:
        documents = [document.model_dump(mode="json", by_alias=True) for document in retelling.documents]
        show_json({"scenario": scenario.name, "problems": found, "decisions": documents})
    else:
        show(_report(retelling, attempts, comments))
    if found:
        raise RehearsalError(f"the loop did not close: {'; '.join(found)}", hint="the timeline shows where it ended")
    return 0


def _emptied(output: Path) -> Path:
    """The output folder, without what an earlier rehearsal left in it; anything else in it is not touched.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name in OUTPUT_FILES:
            (output / name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"the folder {output} cannot be written: {error.strerror}") from error
    return output


def _event_files(rehearsal: Rehearsal) -> Iterator[bytes]:
    """Plans and journals as they were uploaded; nothing else of a recovery run outlives it."""
    for artifact in rehearsal.world.vault.artifacts():
        with zipfile.ZipFile(io.BytesIO(artifact.content)) as archive:
            yield from (archive.read(name) for name in archive.namelist() if name in EVENT_FILES)


def _keep(rehearsal: Rehearsal, retelling: Retelling, output: Path) -> None:
    """Leave the comment, the last decision and every request of our program beside the database."""
    bodies = [comment.body for comment in rehearsal.world.pulls.comments()]
    (output / "comment.md").write_text("\n\n".join(bodies), encoding="utf-8")
    if retelling.documents:
        (output / "decision.json").write_text(decision_json(retelling.documents[-1]), encoding="utf-8")
    logs = [folder / "requests.jsonl" for folder in rehearsal.recovery_directories()]
    with (output / "requests.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(log.read_text(encoding="utf-8") for log in logs if log.is_file())


def _attempts(rehearsal: Rehearsal) -> Iterator[AttemptFact]:
    for run in rehearsal.world.runs.all():
        for attempt in run.attempts:
            if run.event not in {"workflow_run", "schedule"}:
                yield AttemptFact(
                    run_id=run.id,
                    attempt=attempt.number,
                    workflow=run.workflow.name,
                    conclusion=attempt.conclusion,
                    started=attempt.started_at,
                    completed=attempt.updated_at,
                )


def _report(retelling: Retelling, attempts: list[AttemptFact], comments: list[str]) -> Iterator[Line]:
    yield from _heading("What happened")
    yield from timeline(timeline_of(retelling.documents, attempts))
    for comment in comments:
        yield from _heading("The pull request's comment")
        yield from (Line("info", f"  {line}") for line in visible_part(comment).splitlines())
    yield from _heading("The dashboard")
    yield from dashboard_lines(retelling.dashboard)


def _heading(text: str) -> tuple[Line, ...]:
    return (Line("info", ""), Line("good", text), Line("good", "-" * len(text)))
