"""Changes to the copy of the user's repository before it is rehearsed: one workflow only, recovery added."""

from __future__ import annotations

import difflib
from pathlib import Path

import yaml

from recovery.errors import InputError, RehearsalError
from recovery.rehearsal.choices import Choices
from recovery.rehearsal.workflow import Document, listens, parse, triggers

TEMPLATE = Path(__file__).with_name("template") / "recovery.yml"
_TEMPLATE_PLACE = ".github/workflows/recovery.yml"
_UNNAMED = "workflows: [] # the names of the workflows to look after"


def alter(copy: Path, choices: Choices, event: str) -> None:
    """Change a copy as the user chose.

    Raises:
        InputError: there is no such workflow, or none that the event starts.
        RehearsalError: recovery does not look after what the event starts.
    """
    if not (choices.workflow or choices.with_template or choices.needs_recovery):
        return
    documents = _documents(copy)
    if choices.workflow:
        _keep_only(copy, documents, choices.workflow)
        documents = _documents(copy)
    names = [_name(path, document) for path, document in documents.items() if event in triggers(document)]
    if not names:
        raise InputError(
            f"no workflow is started by {event}", hint="choose another event with --event, or another --workflow"
        )
    if choices.with_template:
        _add_template(copy, names)
    elif choices.needs_recovery:
        _require_recovery(documents, names)


def template_for(names: list[str]) -> str:
    """The recovery workflow for workflows of these names, as a user would add it."""
    listed = yaml.safe_dump(names, default_flow_style=True, allow_unicode=True, width=10_000).strip()
    return TEMPLATE.read_text(encoding="utf-8").replace(_UNNAMED, f"workflows: {listed}")


def _documents(copy: Path) -> dict[str, Document]:
    folder = copy / ".github" / "workflows"
    files = sorted(path for path in folder.glob("*") if path.suffix in {".yml", ".yaml"})
    found = {}
    for path in files:
        try:
            found[path.relative_to(copy).as_posix()] = parse(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            message = f"{path.relative_to(copy)} is not YAML: {' '.join(str(error).split())}"
            raise InputError(message) from error
    if not found:
        raise RehearsalError("the repository has no workflow in .github/workflows", hint="name another repository")
    return found


def _name(path: str, document: Document) -> str:
    return str(document.get("name") or path)


def _keep_only(copy: Path, documents: dict[str, Document], asked: str) -> None:
    known = {word: path for path, document in documents.items() for word in _words(path, document)}
    if asked not in known:
        near = difflib.get_close_matches(asked, known, n=1)
        hint = (f"did you mean “{near[0]}”? " if near else "") + f"there are {', '.join(documents)}"
        raise InputError(f"there is no workflow “{asked}”", hint=hint)
    for path, document in documents.items():
        if path != known[asked] and {"push", "pull_request"} & triggers(document).keys():
            (copy / path).unlink()


def _words(path: str, document: Document) -> tuple[str, ...]:
    file = path.rsplit("/", 1)[-1]
    return path, file, file.rsplit(".", 1)[0], _name(path, document)


def _add_template(copy: Path, names: list[str]) -> None:
    place = copy / _TEMPLATE_PLACE
    if place.exists():
        raise InputError(f"there is a {_TEMPLATE_PLACE} already", hint="leave out --with-template")
    place.write_text(template_for(names), encoding="utf-8")


def _require_recovery(documents: dict[str, Document], names: list[str]) -> None:
    followers = {path: document for path, document in documents.items() if "workflow_run" in triggers(document)}
    if not followers:
        raise RehearsalError(
            f"no workflow recovers {' or '.join(names)}",
            hint=f"add {_TEMPLATE_PLACE} (`--with-template` tries ours in a copy)",
        )
    if not any(listens(document, "workflow_run", source=name) for document in followers.values() for name in names):
        raise RehearsalError(
            f"{' and '.join(followers)} does not follow {' or '.join(names)}",
            hint=f"add the names to `on: workflow_run: workflows:` there, like [{', '.join(names)}]",
        )
