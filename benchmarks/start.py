"""How long it takes until a program that hardly does anything has ended."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import Result, compare, seconds_result

GOAL = 2.0
NODE = ("node", "-e", "0")


def results() -> list[Result]:
    """Help, and a checkpoint inside a job, against starting Node.js."""
    recovery = str(Path(sys.executable).with_name("recovery"))
    with tempfile.TemporaryDirectory() as folder:
        inputs = json.dumps({"mode": "checkpoint", "name": "built", "github-token": ""})
        checkpoint = (
            "env",
            f"RECOVERY_INPUTS={inputs}",
            "GITHUB_REPOSITORY=octo/repo",
            "GITHUB_RUN_ID=7",
            f"GITHUB_WORKSPACE={folder}",
            f"RUNNER_TEMP={folder}",
            sys.executable,
            "-m",
            "recovery.action",
        )
        return [
            seconds_result("recovery --help", compare((recovery, "--help"), NODE), GOAL),
            seconds_result("mode: checkpoint", compare(checkpoint, NODE), GOAL),
        ]
