"""The store: believed only as far as it can be checked, shared by any number of saves, and never needed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random

import pytest

from recovery.adapters.content.checking import check_content
from recovery.adapters.content.saving import save_content
from recovery.adapters.content.store import INDEX
from recovery.models.checkpoint import PACKS, TABLE, Content
from tests.adapters.content.trees import Workspace, described, found_in, some_bytes, write_tree

ROOT = Path(__file__).parents[3]
FILES = {f"folder-{number % 5}/file-{number}": some_bytes(3_000 + number, seed=number) for number in range(200)}

SAVE = """
import sys
from pathlib import Path
from recovery.adapters.content.saving import save_content
from tests.adapters.content.trees import found_in

root, destination, store = map(Path, sys.argv[1:])
print("ready", flush=True)
saved = save_content(found_in(root), destination, store=store)
print(saved.content.model_dump_json())
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A folder with files, not saved yet."""
    workspace = Workspace(tmp_path)
    write_tree(workspace.root, FILES)
    workspace.grow_old()
    return workspace


def start_save(workspace: Workspace, name: str) -> subprocess.Popen[str]:
    """A save in a process of its own, about to begin."""
    command = (sys.executable, "-c", SAVE, workspace.root, workspace.checkpoints / name, workspace.store)
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "ready\n" == process.stdout.readline()
    return process


@pytest.mark.parametrize("damage", ["torn", "empty", "flipped", "foreign", "longer"])
def test_damaged_index_is_ignored(workspace: Workspace, damage: str) -> None:
    """Everything is read again, and the next index is sound."""
    first = workspace.save("one")
    path = workspace.store / INDEX
    data = path.read_bytes()
    middle = len(data) // 2
    damaged = {
        "torn": data[:middle],
        "empty": b"",
        "flipped": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "foreign": b"DIRC" + data,
        "longer": data + b"\0",
    }
    path.write_bytes(damaged[damage])
    second = workspace.save("two")
    assert (len(FILES), first.content) == (second.reread, second.content)
    assert 0 == workspace.save("three").reread


@pytest.mark.parametrize("damage", ["missing", "short"])
def test_pack_that_is_not_whole_is_not_referred_to(workspace: Workspace, damage: str) -> None:
    """What was in it is read and packed anew."""
    workspace.save("one")
    pack = next((workspace.store / PACKS).iterdir())
    shutil.rmtree(workspace.checkpoints / "one")
    content = pack.read_bytes()
    pack.unlink()
    if damage == "short":
        pack.write_bytes(content[:-1])
    saved = workspace.save("two")
    assert len(FILES) == saved.reread
    assert described(workspace.root) == described(workspace.restored("two", saved))
    assert 0 == workspace.save("three").reread


@pytest.mark.parametrize("damage", ["missing", "flipped"])
def test_table_that_is_not_the_last_one_is_made_anew(workspace: Workspace, damage: str) -> None:
    """The table in the store is compared with its digest before it is used again."""
    first = workspace.save("one")
    path = workspace.store / TABLE
    content = path.read_bytes()
    path.unlink()
    if damage == "flipped":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    second = workspace.save("two")
    assert (0, first.content) == (second.reread, second.content)
    workspace.check("two", second)


def test_checkpoint_does_not_need_the_store(workspace: Workspace) -> None:
    """What was lent is the checkpoint's own, whatever becomes of the store."""
    workspace.save("one")
    saved = workspace.save("two")
    shutil.rmtree(workspace.store)
    shutil.rmtree(workspace.checkpoints / "one")
    assert described(workspace.root) == described(workspace.restored("two", saved))


def test_saves_at_the_same_time_do_not_harm_each_other(workspace: Workspace) -> None:
    """Processes that share a store, while files change between them, each make a whole checkpoint."""
    for turn in range(3):
        write_tree(workspace.root, {f"new-{turn}": some_bytes(40_000, seed=turn)})
        processes = [start_save(workspace, f"save-{turn}-{number}") for number in range(3)]
        for number, process in enumerate(processes):
            output, _ = process.communicate(timeout=60)
            assert 0 == process.returncode
            check_content(workspace.checkpoints / f"save-{turn}-{number}", Content.model_validate_json(output))
    workspace.grow_old()
    workspace.check("last", workspace.save("last"))
    assert 0 == workspace.save("after").reread


def test_saves_in_threads_do_not_harm_each_other(workspace: Workspace) -> None:
    """Saves that forget packs while others take them over still make whole checkpoints."""
    errors: list[BaseException] = []

    def work(number: int) -> None:
        random = Random(number)  # noqa: S311
        try:
            for turn in range(6):
                some = random.sample(found_in(workspace.root), 120)
                place = workspace.checkpoints / f"{number}-{turn}"
                saved = save_content(some, place, store=workspace.store)
                check_content(place, saved.content)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == errors


def test_save_that_is_killed_leaves_the_next_one_right(workspace: Workspace) -> None:
    """Killed at any moment, it leaves no manifest; the next save makes a whole checkpoint, in the same folder, too."""
    random = Random(4)  # noqa: S311
    write_tree(workspace.root, {"large": some_bytes(8_000_000)})
    process = start_save(workspace, "whole")
    began = time.monotonic()
    process.communicate(timeout=60)
    longest = time.monotonic() - began
    killed = 0
    for turn in range(8):
        shutil.rmtree(workspace.store)
        workspace.save("before")
        write_tree(workspace.root, {f"new-{turn}": some_bytes(8_000_000, seed=turn + 2)})
        process = start_save(workspace, "killed")
        time.sleep(random.random() * longest)
        process.kill()
        process.communicate()
        killed += process.returncode < 0
        assert not (workspace.checkpoints / "killed" / "manifest.json").exists()
        saved = workspace.save("killed")
        workspace.check("killed", saved)
        (workspace.root / f"new-{turn}").unlink()
    assert killed
    saved = workspace.save("last")
    assert described(workspace.root) == described(workspace.restored("last", saved))
