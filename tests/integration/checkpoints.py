"""A run whose jobs left checkpoints, and a later attempt of one of them that continues: real folders, real zips."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from recovery.adapters.vault import DirectoryVault, Progress
from recovery.app.checkpointing import Place
from recovery.app.job import RunningJob
from recovery.app.restoring import Restored, restore_checkpoint
from recovery.errors import ForgeRefused
from recovery.models.decision import JobCheckpoint
from recovery.models.github import Artifact
from recovery.models.manifest import manifest_bytes
from recovery.models.records import RecoveryType, WorkflowCheckpoint
from recovery.settings import Settings
from tests import builders as make
from tests.adapters.content.forging import Forgery
from tests.fakes.forge import FakeForge, digest_of, zip_of

RUN = 1001
RECOVERY_RUN = 2001
RECOVERY_FILE = ".github/workflows/recovery.yml"
LEG = {"python": "3.12"}
OTHER_LEG = {"python": "3.13"}
JOBS = {("test (3.12)", 1): 4201, ("test (3.13)", 1): 4202, ("test (3.12)", 2): 5201, ("test (3.13)", 2): 5202}


def identity(number: int) -> str:
    """The id of a checkpoint."""
    return f"ckpt-01kb{number:022d}"


class RawForge(FakeForge):
    """A forge whose zips may be anything, as long as their digest is what was recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.zips: dict[int, bytes] = {}

    def download_artifact(self, artifact: Artifact, into: BinaryIO) -> None:
        if artifact.id not in self.zips:
            super().download_artifact(artifact, into)
            return
        self._call("download_artifact", artifact.id)
        into.write(self.zips[artifact.id])
        into.flush()


class Left:
    """What the first attempt left, and where the second one works."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.forge = RawForge()
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        (self.workspace / "uv.lock").write_text("locked\n")
        self.variables = {"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64"}
        for attempt in (1, 2):
            jobs = [
                make.make_job(id=number, name=name, run_attempt=attempt)
                for (name, made_in), number in JOBS.items()
                if made_in == attempt
            ]
            self.forge.add_run(make.make_run(run_attempt=attempt, event="push"), jobs)
        recovery = {"id": RECOVERY_RUN, "workflow_name": "Recovery", "path": RECOVERY_FILE, "event": "workflow_run"}
        self.forge.add_run(make.make_run(**recovery, head_branch="main"))
        self.before = self.files()

    def leave(
        self,
        number: int = 1,
        *,
        forgery: Forgery | None = None,
        artifact: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        **over: Any,
    ) -> WorkflowCheckpoint:
        """Hold a checkpoint of the first leg's first attempt, sound unless said otherwise."""
        directory = self.folder / f"made-{number}"
        directory.mkdir()
        sound = (
            Forgery().file("build/app.bin", b"x" * 5000).file("build/log", b"done\n") if forgery is None else forgery
        )
        base = self.folder / f"made-{over.pop('base')}" if "base" in over else None
        content = sound.write(directory, base).model_dump(mode="json") if sound.entries else None
        told = {
            "attempt": 1,
            "job_id": "4201",
            "job": "test",
            "matrix": LEG,
            "done": ["built"],
            "content": content,
        } | (metadata or {})
        checkpoint = make.make_checkpoint(
            **{
                "id": identity(number),
                "checkpoint_name": "built",
                "environment_context": {"RUNNER_OS": "Linux"},
                "artifacts": [],
                "dependencies": [],
                "metadata": told,
            }
            | over
        )
        (directory / "manifest.json").write_bytes(manifest_bytes(checkpoint))
        self.hold(number, directory, told, artifact or {})
        return checkpoint

    def hold(self, number: int, directory: Path, told: dict[str, Any], over: dict[str, Any]) -> None:
        """Hold a checkpoint's folder as an artifact."""
        files = {
            path.relative_to(directory).as_posix(): path.read_bytes()
            for path in sorted(directory.rglob("*"))
            if path.is_file()
        }
        run_id = over.get("run_id", RUN)
        fields: dict[str, Any] = {
            "id": 9000 + number,
            "name": f"recovery-checkpoint.{run_id}.{told['attempt']}.{told['job_id'] or 0}.built.{number:08d}",
            "digest": digest_of(zip_of(files)),
            "created_at": make.later(number),
        }
        held = make.make_artifact(**fields | over)
        self.forge.artifacts[held.id] = (held, files)

    def hold_raw(self, number: int, content: bytes) -> None:
        """Let the artifact of a checkpoint be this zip, with the digest it has."""
        held, files = self.forge.artifacts[9000 + number]
        self.forge.zips[held.id] = content
        self.forge.artifacts[held.id] = (held.model_copy(update={"digest": digest_of(content)}), files)

    def plan(
        self,
        *checkpoints: JobCheckpoint,
        strategy: RecoveryType = RecoveryType.RESUME,
        own_attempt: int = 1,
        lines: bytes | None = None,
        **artifact: Any,
    ) -> None:
        """Hold the plan that led to the second attempt."""
        plan = make.make_plan(decision=make.make_decision(strategy=strategy), checkpoints=checkpoints)
        content = make.recovery_decided(plan=plan).model_dump_json().encode() + b"\n" if lines is None else lines
        fields = {"id": 9500 + own_attempt, "name": f"recovery-plan.{RUN}.1.{own_attempt}", "run_id": RECOVERY_RUN}
        held = make.make_artifact(**fields | {"digest": None, "created_at": make.later(own_attempt)} | artifact)
        self.forge.artifacts[held.id] = (held, {"plan.jsonl": content})

    def job(self, **over: Any) -> RunningJob:
        """The first leg's job in the second attempt."""
        fields: dict[str, Any] = {
            "repository": make.REPOSITORY,
            "workflow_name": "CI",
            "run_id": str(RUN),
            "attempt": 2,
            "commit_sha": make.HEAD_SHA,
            "job_id": "5201",
            "job": "test",
            "matrix": LEG,
        }
        return RunningJob(**fields | over)

    def place(self) -> Place:
        """Where that job works."""
        return Place(
            workspace=self.workspace,
            checkpoints=self.folder / "temp" / "checkpoints",
            store=self.folder / "temp" / "content",
            variables=self.variables,
        )

    def restore(self, job: RunningJob | None = None, **settings: Any) -> Restored:
        """What the job's first step does."""
        self.forge.calls.clear()
        return restore_checkpoint(job or self.job(), Settings(**settings), self.place(), lambda: self.forge, "main")

    def calls(self) -> list[object]:
        """The forge's methods that were called, in order."""
        return [call[0] for call in self.forge.calls]

    def files(self) -> dict[str, bytes]:
        """Everything in the workspace."""
        return {
            path.relative_to(self.workspace).as_posix(): path.read_bytes() if path.is_file() else b""
            for path in sorted(self.workspace.rglob("*"))
        }

    def kept(self) -> list[str]:
        """What lies where the job's checkpoints do."""
        place = self.place().checkpoints
        return sorted(path.name for path in place.iterdir()) if place.is_dir() else []

    def progress(self) -> Progress | None:
        """What the job's next checkpoint follows on."""
        return DirectoryVault(self.place().checkpoints).progress(self.job().owner)


def refused(status: int) -> ForgeRefused:
    """How GitHub says no."""
    return ForgeRefused("the token may not do this", status=status)


def planned(number: int = 1, **over: Any) -> JobCheckpoint:
    """What a plan says of the first leg's job."""
    fields = {"job_name": "test (3.12)", "checkpoint_id": identity(number), "artifact_id": 9000 + number}
    return make.make_job_checkpoint(**fields | over)
