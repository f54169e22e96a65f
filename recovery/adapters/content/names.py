"""Whether files can be restored under their names: a checkpoint that cannot be restored is not made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from recovery.errors import InputError
from recovery.policy.file_links import problems_of_links
from recovery.policy.file_names import folding_of, told
from recovery.policy.file_table import Limits, is_target, problem_of_place


def check_names(paths: Iterable[str], *, known: Collection[str]) -> None:
    """Check the paths of files, as far as they are not `known` to be sound together.

    Raises:
        InputError: a name could not be restored everywhere, or two would be one file where case does not count.
    """
    paths = list(paths)
    new = [path for path in paths if path not in known]
    limits = Limits()
    for path in new:
        problem = problem_of_place(path, limits)
        if problem is not None:
            raise InputError(f"{told(path)} could not be restored: it {problem}", hint=_HINT)
    if new:
        _check_spellings(paths)


def check_links(targets: Mapping[str, str]) -> None:
    """Check where links point.

    Raises:
        InputError: one leads out of the folder that is saved, or points to what is no path.
    """
    limits = Limits()
    for path, target in targets.items():
        if not is_target(target, limits):
            raise InputError(f"the link {told(path)} could not be restored: its target is no path", hint=_HINT)
    for problem in problems_of_links(targets):
        raise InputError(f"the links could not be restored: {problem}", hint=_HINT)


_HINT = "rename it, or leave it out with a line that begins with `!`"


def _check_spellings(paths: Iterable[str]) -> None:
    spellings: dict[str, str] = {}
    folders: set[str] = set()
    for path in paths:
        _spell(path, spellings)
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            _spell(folder, spellings)
            folder = folder.rpartition("/")[0]


def _spell(path: str, spellings: dict[str, str]) -> None:
    first = spellings.setdefault(folding_of(path), path)
    if first != path:
        raise InputError(
            f"{told(path)} and {told(first)} are one file where case or Unicode forms are not told apart", hint=_HINT
        )
