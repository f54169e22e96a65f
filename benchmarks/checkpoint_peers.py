"""What else saves files between two runs, called as its users call it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import RESULTS

ZIP_SCRIPT = """
const fs = require("fs"), path = require("path"), archiver = require("archiver");
const [root, output] = process.argv.slice(2);
const zip = archiver.create("zip", {highWaterMark: 8 * 1024 * 1024, zlib: {level: 6}});
const files = fs.readdirSync(root, {recursive: true, withFileTypes: true}).filter((entry) => entry.isFile());
zip.pipe(fs.createWriteStream(output));
for (const file of files) {
  const place = path.join(file.parentPath || file.path, file.name);
  zip.file(place, {name: path.relative(root, place)});
}
zip.finalize();
"""
"""What `@actions/artifact` does in `upload-artifact`, but into a file."""


def cache_save(root: Path, archive: Path) -> tuple[str, ...]:
    """What `actions/cache` runs to save a folder."""
    listing = archive.with_suffix(".txt")
    listing.write_text("\n".join(sorted(entry.name for entry in root.iterdir())) + "\n", "utf-8")
    command = ("tar", "--posix", "-cf", str(archive), "-P", "-C", str(root), "--files-from", str(listing))
    return (*command, "--use-compress-program", "zstdmt --long=30")


def cache_restore(archive: Path, root: Path) -> tuple[str, ...]:
    """What `actions/cache` runs to restore a folder."""
    return ("tar", "-xf", str(archive), "-P", "-C", str(root), "--use-compress-program", "unzstd --long=30")


def zip_save(root: Path, archive: Path) -> tuple[str, ...] | None:
    """What `actions/upload-artifact` does to a folder; None, and a loud line, where npm cannot fetch its library."""
    folder = (RESULTS.parent / "archiver").resolve()
    script = folder / "zip.js"
    folder.mkdir(parents=True, exist_ok=True)
    script.write_text(ZIP_SCRIPT, "utf-8")
    if not (folder / "node_modules" / "archiver").exists():
        install = ("npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), "archiver@7")
        if shutil.which("npm") is None or subprocess.run(install, capture_output=True, check=False).returncode:
            not_measured("upload-artifact's zip", " ".join(install))
            return None
    return ("node", str(script), str(root), str(archive))


def restic_save(root: Path, repository: Path) -> tuple[str, ...] | None:
    """A backup by restic into a repository, which is made here; None, and a loud line, where there is no restic."""
    if shutil.which("restic") is None:
        not_measured("restic", "apt-get install restic")
        return None
    restic = ("env", "RESTIC_PASSWORD=x", f"XDG_CACHE_HOME={repository}.cache", "restic", "--repo", str(repository))
    subprocess.run((*restic, "init"), check=True, stdout=subprocess.DEVNULL)
    return (*restic, "backup", "--quiet", str(root))


def borg_save(root: Path, repository: Path) -> tuple[str, ...] | None:
    """A backup by borg into a repository, which is made here; None, and a loud line, where there is no borg."""
    if shutil.which("borg") is None:
        not_measured("borg", "apt-get install borgbackup")
        return None
    borg = ("env", f"BORG_BASE_DIR={repository}.base", "borg")
    subprocess.run((*borg, "init", "--encryption", "none", str(repository)), check=True)
    return (*borg, "create", f"{repository}::{{now:%H%M%S%f}}", str(root))


def ours(what: str, root: Path, checkpoint: Path, store: Path) -> tuple[str, ...]:
    """A save or restore of ours."""
    return (sys.executable, "-m", "benchmarks.checkpoint_run", what, str(root), str(checkpoint), str(store))


def workspace(what: str, name: str, root: Path, number: float) -> tuple[str, ...]:
    """Make a workspace of that scale, or change it by that seed."""
    return (sys.executable, "-m", "benchmarks.workspaces", what, name, str(root), str(number))


def mode_checkpoint(root: Path, temporary: Path) -> tuple[str, ...]:
    """The action's own process in a job, which makes a checkpoint of a folder."""
    inputs = json.dumps({"mode": "checkpoint", "name": "built", "path": "files", "github-token": ""})
    variables = {
        "RECOVERY_INPUTS": inputs,
        "GITHUB_REPOSITORY": "octo/repo",
        "GITHUB_RUN_ID": "7",
        "GITHUB_WORKSPACE": str(root),
        "RUNNER_TEMP": str(temporary),
    }
    return ("env", *(f"{key}={value}" for key, value in variables.items()), sys.executable, "-m", "recovery.action")


def not_measured(name: str, command: str) -> None:
    """Say aloud that a row is missing, and how to get it."""
    print(f"!!! {name} is not here, and not measured. To have it measured: {command}", file=sys.stderr, flush=True)


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(
        os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 (there are tens of thousands)
        for place, _, names in os.walk(folder)
        for name in names
    )
