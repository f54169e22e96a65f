"""What a save takes of a machine: never as much memory as what it saves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.adapters.content.trees import some_bytes

ROOT = Path(__file__).parents[3]
SAVE = """
import sys
from pathlib import Path
from recovery.adapters.content.saving import save_content
from tests.adapters.content.trees import found_in

save_content(found_in(Path(sys.argv[1])), Path(sys.argv[2]), store=Path(sys.argv[3]))
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""
# Not `ru_maxrss`: that counts what the process was a copy of before it became this program.


def test_large_file_is_never_held_as_a_whole(tmp_path: Path) -> None:
    """A file of 300 MB is saved in less than 250 MB of memory."""
    root = tmp_path / "workspace"
    root.mkdir()
    with (root / "large").open("wb") as file:
        for seed in range(30):
            file.write(some_bytes(10_000_000, seed=seed))
    output = subprocess.run(
        (sys.executable, "-c", SAVE, root, tmp_path / "checkpoint", tmp_path / "store"),
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert int(output) < 250
