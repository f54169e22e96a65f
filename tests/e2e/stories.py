"""A repository that deploys, on a local GitHub, and the people who push to it, roll it back and look at it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recovery.rehearsal.records import Run
from recovery.rehearsal.rehearsal import Rehearsal
from tests.integration.doors import Ended, start

EXAMPLE = Path(__file__).parents[2] / "examples" / "deploy"
CONFIGURATION = ".github/recovery.yml"
RELEASE = "scripts/release.sh"
DEPLOY, RECOVERY, ROLLBACK = (f".github/workflows/{name}.yml" for name in ("deploy", "recovery", "rollback"))


class Story:
    """What people do, and what is to be seen of it."""

    def __init__(self, rehearsal: Rehearsal, work: Path) -> None:
        self.rehearsal = rehearsal
        self.world = rehearsal.world
        self.work = work

    def push(self, message: str, files: dict[str, str] | None = None) -> Run:
        """A commit on the default branch, and its deployment."""
        (run_id,) = self.rehearsal.push(message=message, files=files)
        return self.ended(run_id)

    def merge(self, title: str, files: dict[str, str]) -> tuple[int, Run]:
        """A pull request that is merged, by its number, and its deployment."""
        assert [] == self.rehearsal.pull_request("change", files, title)
        number = self.world.pulls.all()[0].number
        (run_id,) = self.rehearsal.merge(number)
        return number, self.ended(run_id)

    def comment(self, number: int) -> str:
        """The only comment of a pull request."""
        (comment,) = self.world.pulls.comments(number)
        return comment.body

    def begin(self, **inputs: str) -> int:
        """A person fills in the form, and does not wait."""
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        return self.rehearsal.dispatch("rollback.yml", {"reason": "the heading is gone"} | given)

    def roll_back(self, **inputs: str) -> Run:
        """A person fills in the form."""
        return self.ended(self.begin(**inputs))

    def deploy(self) -> Run:
        """A person deploys the default branch once more."""
        return self.ended(self.rehearsal.dispatch("deploy.yml"))

    def sweep(self) -> Run:
        """An hour goes by."""
        (run_id,) = self.rehearsal.sweep()
        return self.ended(run_id)

    def ended(self, run_id: int) -> Run:
        """The run once everything has come to rest."""
        self.rehearsal.wait_until_quiet()
        return self.world.runs.get(run_id)

    def command(self, *arguments: str) -> str:
        """A command at a person's terminal, which does its work."""
        ended = self.tried(*arguments)
        assert (0, []) == (ended.code, ended.errors)
        return ended.out

    def tried(self, *arguments: str) -> Ended:
        """A command at a person's terminal, in a clone of the repository."""
        environment = {
            "RECOVERY_DATABASE_URL": f"sqlite:///{self.work / 'recovery.db'}",
            "GITHUB_API_URL": self.rehearsal.api_url,
            "GITHUB_TOKEN": self.rehearsal.token,
            "GITHUB_REPOSITORY": self.rehearsal.repository_name,
        }
        return start("-m", "recovery", *arguments, folder=self.work / "repository", environment=environment)

    def decision(self, run: Run) -> dict[str, Any]:
        """What a run of recovery decided."""
        document = self.work / "recoveries" / f"{run.id}-1" / "decision.json"
        found: dict[str, Any] = json.loads(document.read_text())
        return found

    def summary(self, run: Run) -> str:
        """The job summary of a run."""
        said = (self.work / "runs" / f"{run.id}-1" / "act.jsonl").read_text().splitlines()
        lines = [json.loads(line) for line in said if line.startswith("{")]
        return "\n".join(line["content"] for line in lines if line.get("command") == "summary")

    def newest(self, name: str) -> Run:
        """The newest run of a workflow that was not skipped."""
        return next(
            run for run in self.world.runs.all() if run.workflow.name == name and run.latest.conclusion != "skipped"
        )

    def brought_back(self, form: Run) -> Run:
        """The run that a rollback has started."""
        return self.world.runs.get(int(self.decision(form)["rollback"]["reference"]))

    @property
    def tags(self) -> set[str]:
        """Our tags."""
        return {name for name in self.world.repository.references() if name.startswith("refs/tags/recovery/")}

    @property
    def deployments(self) -> list[int]:
        """Runs of the workflow that deploys."""
        return [run.id for run in self.world.runs.all() if run.workflow.name == "Deploy"]

    @property
    def released(self) -> str:
        """The version that readers see; nothing while there is none."""
        version = self.work / "home" / "released" / "version.txt"
        return version.read_text().strip() if version.is_file() else ""

    def holds(self, run: Run) -> int:
        """How many artifacts keep the commit of a run from being deployed."""
        return sum(found.name == f"recovery-hold.{run.head_sha}" for found in self.world.vault.artifacts())

    def checkpoint_of(self, run: Run) -> str:
        """The checkpoint that a run made, as its log tells it."""
        lines = run.latest.jobs[0].log.splitlines()
        (made,) = {word for line in lines if "checkpoint ckpt-" in line for word in line.split() if word[:5] == "ckpt-"}
        return made


@contextmanager
def story(work: Path) -> Iterator[Story]:
    """The example on a local GitHub; in the end nothing was asked for that GitHub would not know."""
    with Rehearsal(EXAMPLE, work) as rehearsal:
        yield Story(rehearsal, work)
        assert [] == rehearsal.world.offences


def text_of(name: str) -> str:
    """A file of the example."""
    return (EXAMPLE / name).read_text()


def configured(kind: str) -> dict[str, str]:
    """The example set up for another kind, with the permissions that the page on rollbacks names for it."""
    cleared = "contents: write # clear up when a rollback has ended\n      deployments: write"
    return {
        CONFIGURATION: replaced(CONFIGURATION, "kind: redispatch", f"kind: {kind}"),
        ROLLBACK: replaced(ROLLBACK, "# deployments: write # for", "deployments: write # for"),
        RECOVERY: replaced(RECOVERY, "contents: read", cleared),
    }


def replaced(name: str, old: str, new: str) -> str:
    """A file of the example with one change."""
    text = text_of(name)
    assert 1 == text.count(old)
    return text.replace(old, new)


def steps_of(run: Run) -> dict[str, str]:
    """What the steps of the only job came to."""
    (job,) = run.latest.jobs
    return {step.name: str(step.conclusion) for step in job.steps}


def errors_of(run: Run) -> str:
    """The errors that the only job shows."""
    (job,) = run.latest.jobs
    return "\n".join(line.partition("##[error]")[2] for line in job.log.splitlines() if "##[error]" in line)
