"""Read the test reports that a run's jobs left as artifacts: which tests failed, by their own names.

Without them, causes are named from the logs alone: nothing that goes wrong here is an error.
"""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property

from recovery.errors import ForgeError, InputError
from recovery.inquiry import Inquiry, shortage
from recovery.models.github import Artifact, Run
from recovery.models.junit_report import JUnitReport
from recovery.policy.junit import merged, read_junit
from recovery.ports import Forge

log = logging.getLogger(__name__)

MOST_ARTIFACTS = 5
"""Artifacts read of one run, the newest ones."""

LARGEST = 20 * 1024 * 1024
"""Bytes of an artifact that is read."""

_XML = ".xml"


class JUnitReports:
    """The reports of the latest attempt of a run, as one: which job wrote which is not told.

    `since` is when the first of the failed jobs began. Requests: the run's artifacts, and each one that is read.
    """

    def __init__(self, forge: Forge, run: Run, inquiry: Inquiry, since: datetime | None) -> None:
        self._forge = forge
        self._run = run
        self._inquiry = inquiry
        self._since = since
        self._problems: list[str] = []

    @cached_property
    def report(self) -> JUnitReport | None:
        """All reports as one; None when there is none that can be read. Asked for once."""
        with self._inquiry.counted_as("test-reports"):
            reports = list(self._read())
        for problem in self._problems:
            log.info("test report passed over run_id=%s reason=%s", self._run.id, problem)
        return merged(reports) if reports else None

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be read, and why, a sentence each; known once the report was asked for."""
        return tuple(f"a test report was not read: {problem}" for problem in self._problems)

    def _read(self) -> Iterator[JUnitReport]:
        if (short := shortage(self._forge)) is not None:
            self._problems.append(short)
            return
        try:
            fitting = self._fitting(self._forge.artifacts_of_run(self._run.id))
        except ForgeError as error:
            self._problems.append(error.message)
            return
        if len(fitting) > MOST_ARTIFACTS:
            self._problems.append(f"{len(fitting)} artifacts fit, and the newest {MOST_ARTIFACTS} are read")
        for artifact in fitting[:MOST_ARTIFACTS]:
            yield from self._reports_in(artifact)

    def _fitting(self, artifacts: tuple[Artifact, ...]) -> list[Artifact]:
        """The newest of each name that fits; one from before the failed jobs is an earlier attempt's."""
        newest: dict[str, Artifact] = {}
        for artifact in artifacts:
            own = artifact.run_id == self._run.id and (self._since is None or artifact.created_at >= self._since)
            if own and any(fnmatch.fnmatchcase(artifact.name, each) for each in self._inquiry.test_reports):
                newest.setdefault(artifact.name, artifact)
        return list(newest.values())

    def _reports_in(self, artifact: Artifact) -> Iterator[JUnitReport]:
        if artifact.size_in_bytes > LARGEST:
            self._problems.append(
                f"artifact `{artifact.name}` is larger than the {LARGEST // 1024**2} MB that are read"
            )
            return
        try:
            files = self._forge.artifact_files(artifact, _XML)
        except ForgeError as error:
            self._problems.append(error.message)
            return
        if not files:
            self._problems.append(f"artifact `{artifact.name}` holds no XML")
        broken: list[str] = []
        for content in files:
            try:
                yield read_junit(content)
            except InputError as error:
                broken.append(error.message)
        if broken:
            told = f"{len(broken)} of {len(files)} files in artifact `{artifact.name}`: {broken[0]}"
            self._problems.append(told)
