"""`recovery rehearse`: the whole loop on this machine, with a report that a newcomer understands."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.app.retelling import Retelling, retell
from recovery.cli.console import progress, show, show_json
from recovery.cli.rehearsal_report import document_of, report
from recovery.errors import InputError, RehearsalError
from recovery.render.decision import decision_json
from recovery.render.lines import Line

if TYPE_CHECKING:
    from recovery.rehearsal.choices import Choices
    from recovery.rehearsal.records import TimelineEvent
    from recovery.rehearsal.rehearsal import Rehearsal
    from recovery.rehearsal.scenario import Scenario

OUTPUT_FILES = ("recovery.db", "comment.md", "decision.json", "requests.jsonl")
EVENT_FILES = ("plan.jsonl", "journal.jsonl")
_NEWS = {
    "run-started": "started ",
    "artifact-uploaded": "uploaded ",
    "comment-created": "commented on ",
    "comment-updated": "edited the comment of ",
    "rerun-accepted": "accepted the re-run of ",
}
# After this long without news people are told that work goes on.
_SILENCE_SECONDS = 10.0


def rehearse(options: argparse.Namespace) -> int:
    """Rehearse a repository, print what happened, and fail if it did not end as the scenario says it should."""
    if options.list:
        return _list_scenarios(as_json=options.json)
    repository = Path(options.folder)
    if not (repository / ".github" / "workflows").is_dir():
        raise InputError(
            f"{repository} has no folder .github/workflows", hint="name the folder of a repository with workflows"
        )
    with tempfile.TemporaryDirectory(prefix="recovery-rehearsal-") as temporary:
        work = Path(options.keep or Path(temporary, "rehearsal"))
        output = _emptied(Path(options.output or work / "output"))
        return _play(options, repository, work, output)


def _list_scenarios(*, as_json: bool) -> int:
    from recovery.rehearsal.scenario import SCENARIOS

    if as_json:
        show_json([{"name": entry.name, "description": entry.description} for entry in SCENARIOS.values()])
    else:
        width = max(map(len, SCENARIOS)) + 2
        show(Line("info", f"{entry.name:<{width}}{entry.description}") for entry in SCENARIOS.values())
    return 0


def _play(options: argparse.Namespace, repository: Path, work: Path, output: Path) -> int:
    from recovery.rehearsal.play import open_problems, play, problems, require_a_failure
    from recovery.rehearsal.rehearsal import Rehearsal

    choices, began = _choices(options), time.monotonic()
    scenario = _scenario(options, choices)
    progress(f"rehearsing {repository}: {scenario.description}")
    with (
        _told(began) as tell,
        Rehearsal(repository, work, scenario, on_event=tell, timeout_seconds=options.timeout, choices=choices) as stage,
    ):
        play(stage)
        require_a_failure(stage, options.folder)
        retelling = retell(f"sqlite:///{output / 'recovery.db'}", _event_files(stage))
        _keep(stage, retelling, output)
        if options.keep:
            _keep_logs(stage)
        if choices.failures or options.expect or not (scenario.then or _knows_scenarios(stage)):
            found = open_problems(scenario, stage.world, stage.injections, options.expect)
        else:
            found = problems(scenario, stage.world)
        if options.json:
            show_json(document_of(stage, retelling, found, time.monotonic() - began))
        else:
            show(report(stage, retelling))
    if options.keep:
        progress(f"kept in {work}: access.jsonl, logs, repository, runs")
    if found:
        raise RehearsalError(f"the loop did not close: {'; '.join(found)}", hint="the timeline shows where it ended")
    return 0


def _knows_scenarios(rehearsal: Rehearsal) -> bool:
    """Whether the repository reads the scenario, so that its ending can be expected of it."""
    files = (path for path in (rehearsal.work / "repository").rglob("*") if path.is_file() and ".git" not in path.parts)
    return any(b"REHEARSAL_SCENARIO" in path.read_bytes() for path in files if path.stat().st_size < 1_000_000)


def _choices(options: argparse.Namespace) -> Choices:
    from recovery.rehearsal.choices import Choices
    from recovery.rehearsal.wishes import Wish

    return Choices(
        failures=(
            *(Wish(text=text) for text in options.fail),
            *(Wish(text=text, always=True) for text in options.fail_always),
            *(Wish(text=text, kind="hang") for text in options.time_out),
            *(Wish(text=text, kind="lose") for text in options.lose_runner),
        ),
        workflow=options.workflow,
        with_template=options.with_template,
        needs_recovery=not options.with_template,
        stub_unknown=True,
        minute_seconds=options.minute,
    )


def _scenario(options: argparse.Namespace, choices: Choices) -> Scenario:
    """The scenario named, or the failures asked for and nothing else."""
    from recovery.rehearsal.scenario import find_scenario

    scenario = find_scenario(options.scenario or "network")
    changes: dict[str, object] = {"event": options.event} if options.event else {}
    if choices.failures and not options.scenario:
        struck = ", ".join(wish.text for wish in choices.failures)
        changes |= {"name": "injected", "description": f"made to fail: {struck}", "failure": "none"}
    return scenario.model_copy(update=changes)


@contextlib.contextmanager
def _told(began: float) -> Iterator[Callable[[TimelineEvent], None]]:
    """A listener that tells every event with the time gone by, and says so when there is nothing to tell."""
    latest = [began]
    running: dict[int | None, str] = {}
    over = threading.Event()

    def say(text: str) -> None:
        latest[0] = time.monotonic()
        progress(f"{latest[0] - began:7.1f} s  {text}")

    def remind() -> None:
        while not over.wait(1):
            if time.monotonic() - latest[0] > _SILENCE_SECONDS:
                say(f"still running: {', '.join(dict(running).values()) or 'preparing'}")

    def tell(event: TimelineEvent) -> None:
        if event.kind == "run-started":
            running[event.run_id] = event.text
        elif event.kind == "run-completed":
            running.pop(event.run_id, None)
        say(_NEWS.get(event.kind, "") + event.text)

    reminder = threading.Thread(target=remind, daemon=True)
    reminder.start()
    try:
        yield tell
    finally:
        over.set()
        reminder.join()


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


def _keep_logs(rehearsal: Rehearsal) -> None:
    """Leave every job's log as GitHub would serve it."""
    folder = rehearsal.work / "logs"
    shutil.rmtree(folder, ignore_errors=True)
    for run in rehearsal.world.runs.all():
        for attempt in run.attempts:
            place = folder / f"{run.id}-{attempt.number}"
            place.mkdir(parents=True)
            for job in attempt.jobs:
                name = re.sub(r"[^\w.,() -]", "_", job.name)[:100]
                (place / f"{job.id} {name}.log").write_text(job.log, encoding="utf-8")
