"""Two workspaces that a checkpoint may hold, made from a fixed seed: what npm installs, and what a compiler builds.

`python -m benchmarks.workspaces make|change W1|W2 FOLDER SCALE|SEED`: as a process, so that what measures stays small.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

SEED = 4

PACKAGES = 1_000
FILES_OF_A_PACKAGE = 40
LINES_OF_A_FILE = (20, 342)
ENDINGS = (".js", ".js", ".js", ".mjs", ".d.ts", ".md")
FOLDERS = ("", "lib/", "lib/internal/", "dist/esm/", "dist/cjs/helpers/", "test/")

MODULES = 60
OBJECTS_OF_A_MODULE = 8
"""A module is a folder of ten files: objects, the archive of them, and the library that is linked from them."""
FUNCTIONS_OF_AN_OBJECT = (20, 660)
ADDRESSES = 16
"""Bytes at the end of every function that a linker fills in."""
LARGEST_PACKED = 720_000
"""Bytes of an object that are compressed or encrypted already, at most."""

Object = tuple[list[bytes], bytes, bytes]
"""Functions, names of symbols, and what cannot be compressed any further."""


def make_modules(root: Path, scale: float) -> None:
    """W1: 40,000 small files as in `node_modules`, 375 MB of text and JavaScript."""
    random = _chance(SEED)
    words = [_word(random) for _ in range(6_000)]
    common = [_line(random, words) for _ in range(60_000)]
    weights = list(itertools.accumulate(1 / (rank + 200) for rank in range(len(common))))
    licenses = ["\n".join(random.choices(words, k=160)) for _ in range(6)]
    for number in range(round(PACKAGES * scale)):
        package = root / "node_modules" / f"{random.choice(words)}-{number}"
        own = [_line(random, words) for _ in range(300)]
        _write(package / "LICENSE", random.choice(licenses).encode())
        for index in range(1, FILES_OF_A_PACKAGE):
            path = f"{random.choice(FOLDERS)}{random.choice(words)}-{index}{random.choice(ENDINGS)}"
            count = random.randint(*LINES_OF_A_FILE)
            lines = random.choices(common, cum_weights=weights, k=count // 2) + random.choices(own, k=count // 3)
            random.shuffle(lines)
            _write(package / path, "\n".join(lines + [_line(random, words) for _ in range(count // 8)]).encode())


def change_modules(root: Path, seed: float) -> None:
    """Change one file in a hundred of W1: a line in its middle becomes another."""
    random = _chance(seed)
    files = _files(root)
    for path in random.sample(files, max(len(files) // 100, 1)):
        content = path.read_bytes()
        middle = content.find(b"\n", len(content) // 2) + 1
        end = content.find(b"\n", middle)
        path.write_bytes(content[:middle] + random.randbytes(12).hex().encode() + content[end:])


def make_build(root: Path, scale: float) -> None:
    """W2: 600 files, 1.2 GB of objects, archives and libraries; a quarter of it is compressed or encrypted already."""
    random = _chance(SEED)
    idioms = [random.randbytes(random.randint(3, 14)) for _ in range(3_000)]
    weights = list(itertools.accumulate(1 / (rank + 5) for rank in range(len(idioms))))
    symbols = [_word(random).encode() for _ in range(4_000)]
    for number in range(round(MODULES * scale)):
        module = root / "build" / f"module-{number:02}"
        objects = [_object(random, idioms, weights, symbols) for _ in range(OBJECTS_OF_A_MODULE)]
        vendored = [_object(random, idioms, weights, symbols) for _ in range(OBJECTS_OF_A_MODULE // 2)]
        for index, each in enumerate(objects):
            _write(module / f"part-{index}.o", _content(*each))
        _write(module / "module.a", b"".join(_member(*each) for each in objects[::2]))
        _write(module / "module.so", b"".join(_linked(random, *each) for each in (*objects[1::2], *vendored)))


def change_build(root: Path, seed: float) -> None:
    """Change two bytes in a hundred of W2, half of them in place and half by inserting others."""
    random = _chance(seed)
    files = _files(root)
    chosen = random.sample(files, max(len(files) // 12, 2))
    size = sum(path.stat().st_size for path in files) // 50 // len(chosen)
    for index, path in enumerate(chosen):
        content = path.read_bytes()
        place = random.randrange(len(content))
        kept = content[place + size :] if index % 2 else content[place:]
        path.write_bytes(content[:place] + random.randbytes(size) + kept)


def _object(random: Random, idioms: list[bytes], weights: list[float], symbols: list[bytes]) -> Object:
    functions = [
        b"".join(random.choices(idioms, cum_weights=weights, k=random.randint(30, 400))) + random.randbytes(ADDRESSES)
        for _ in range(random.randint(*FUNCTIONS_OF_AN_OBJECT))
    ]
    names = b"\0".join(random.choices(symbols, k=len(functions) * 20))
    return functions, names, random.randbytes(random.randint(0, LARGEST_PACKED))


def _content(functions: list[bytes], names: bytes, packed: bytes) -> bytes:
    return b"\x7fELF" + b"".join(functions) + names + packed


def _member(functions: list[bytes], names: bytes, packed: bytes) -> bytes:
    """An object as an archive holds it: unchanged, behind a header."""
    content = _content(functions, names, packed)
    return f"part.o/         {len(content):<10}`\n".ljust(60).encode() + content


def _linked(random: Random, functions: list[bytes], names: bytes, packed: bytes) -> bytes:
    """An object as a linker leaves it: every function's addresses are filled in."""
    filled = [function[:-ADDRESSES] + random.randbytes(ADDRESSES) for function in functions]
    return _content(filled, names, packed)


def _chance(seed: float) -> Random:
    return Random(seed)  # noqa: S311 - not for secrets


def _word(random: Random) -> str:
    return "".join(random.choices("etaoinshrdlucmfwypvbgk", k=random.randint(3, 10)))


def _line(random: Random, words: list[str]) -> str:
    first, second, third, fourth = random.choices(words, k=4)
    form = random.randrange(6)
    indented = "  " * random.randrange(5)
    if form == 0:
        return f"{indented}const {first} = require('./{second}/{third}.js');"
    if form == 1:
        return f"{indented}if ({first}.{second} !== {third}) {{ return this.{fourth}({random.randrange(10_000)}); }}"
    if form == 2:
        return f"{indented}// {first} {second} the {third} of {fourth}"
    if form == 3:
        return f"{indented}export function {first}({second}, {third}) {{"
    if form == 4:
        return f"{indented}}} else if (typeof {first} === '{second}') {{"
    return f"{indented}{first}.prototype.{second} = {third}[{random.randrange(100)}] + '{fourth}';"


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except FileNotFoundError:
        path.parent.mkdir(parents=True)
        path.write_bytes(content)


def _files(root: Path) -> list[Path]:
    return sorted(_below(str(root)))


def _below(folder: str) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _below(entry.path)
            else:
                yield Path(entry.path)


WORKSPACES: dict[str, dict[str, Callable[[Path, float], None]]] = {
    "W1": {"make": make_modules, "change": change_modules},
    "W2": {"make": make_build, "change": change_build},
}

if __name__ == "__main__":
    WORKSPACES[sys.argv[2]][sys.argv[1]](Path(sys.argv[3]), float(sys.argv[4]))
