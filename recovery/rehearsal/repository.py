"""The repository itself: its branches, the files of its default branch, and its workflows."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import PurePosixPath

import yaml

from recovery.rehearsal.clockwork import Clockwork, Refused
from recovery.rehearsal.history import History
from recovery.rehearsal.records import Workflow
from recovery.rehearsal.tags import TagObject

WORKFLOW_FOLDER = ".github/workflows"
HEADS, TAGS = "refs/heads/", "refs/tags/"
_COMMIT = re.compile("[0-9a-f]{40}")


class Repository:
    """Branches, files and workflows of one repository.

    Where a `history` is known, its commits, files and references are the repository's; without one, any commit id
    will do, and files are those that were added.
    """

    def __init__(self, clockwork: Clockwork, name: str, default_branch: str) -> None:
        self.name = name
        self.default_branch = default_branch
        self._clockwork = clockwork
        self._branches: dict[str, str] = {
            default_branch: hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
        }
        self._tags: dict[str, str] = {}
        self._tag_objects: dict[str, TagObject] = {}
        self._files: dict[tuple[str | None, str], str] = {}
        self._workflows: dict[str, Workflow] = {}
        self.history: History | None = None

    @property
    def owner(self) -> str:
        """The account the repository belongs to."""
        return self.name.split("/")[0]

    def set_branch(self, branch: str, sha: str) -> None:
        """Move a branch's tip, or make the branch."""
        with self._clockwork.lock:
            self._branches[branch] = sha

    def tip(self, branch: str) -> str:
        """The commit a branch points to, or a 404."""
        with self._clockwork.lock:
            if branch not in self._branches:
                raise Refused(404, "Branch not found")
            return self._branches[branch]

    def branches(self) -> dict[str, str]:
        """Every branch and its tip."""
        with self._clockwork.lock:
            return dict(self._branches)

    def references(self) -> dict[str, str]:
        """Every branch and tag by its full name, and the commit it leads to."""
        return {name: self.commit_of(sha) for name, sha in self.pointees().items()}

    def pointees(self) -> dict[str, str]:
        """Every branch and tag by its full name, and what it points to: a commit, or the object of a tag."""
        with self._clockwork.lock:
            heads = {f"{HEADS}{name}": sha for name, sha in self._branches.items()}
            return heads | {f"{TAGS}{name}": sha for name, sha in self._tags.items()}

    def keep_tag_object(self, tag: TagObject) -> None:
        """Keep the object of a tag that no reference leads to yet."""
        with self._clockwork.lock:
            if self.history is not None:
                self.history.keep(tag)
            self._tag_objects[tag.sha] = tag

    def tag_object(self, sha: str) -> TagObject | None:
        """The object of a tag by its id."""
        with self._clockwork.lock:
            return self._tag_objects.get(sha)

    def commit_of(self, sha: str) -> str:
        """The commit that an object leads to: a tag's, or itself."""
        tag = self.tag_object(sha)
        return tag.commit if tag else sha

    def has_commit(self, sha: str) -> bool:
        """Whether there is such a commit; without a history, any id will do."""
        return bool(_COMMIT.fullmatch(sha)) and (self.history is None or self.history.commit(sha) is not None)

    def add_reference(self, name: str, sha: str) -> bool:
        """Make a branch or tag by its full name; false when there is one already."""
        with self._clockwork.lock:
            if name in self.pointees():
                return False
            self.set_reference(name, sha)
            return True

    def set_reference(self, name: str, sha: str) -> None:
        """Make or move a branch or tag by its full name; nothing starts by that, because a job's token did it."""
        with self._clockwork.lock:
            if self.history is not None:
                self.history.point(name, sha)
            kind = self._tags if name.startswith(TAGS) else self._branches
            kind[name.removeprefix(TAGS).removeprefix(HEADS)] = sha

    def delete_reference(self, name: str) -> bool:
        """Forget a branch or tag by its full name; false when there is none."""
        with self._clockwork.lock:
            if name not in self.pointees():
                return False
            if self.history is not None:
                self.history.forget(name)
            kind = self._tags if name.startswith(TAGS) else self._branches
            del kind[name.removeprefix(TAGS).removeprefix(HEADS)]
            return True

    def resolve(self, ref: str) -> str | None:
        """The commit that a branch, a tag, a full reference name or a commit id means."""
        known = self.references()
        found = (known.get(name) for name in (ref, f"{HEADS}{ref}", f"{TAGS}{ref}"))
        return next((sha for sha in found if sha), ref if _COMMIT.fullmatch(ref) else None)

    def add_file(self, path: str, text: str, *, ref: str | None = None) -> None:
        """Keep a file's text, for every ref or for one branch or commit."""
        with self._clockwork.lock:
            self._files[ref, path] = text

    def file(self, path: str, ref: str | None = None) -> str:
        """A file's text at a ref (default branch if none), or a 404."""
        with self._clockwork.lock:
            names = (ref, self._branches.get(ref or self.default_branch), None)
            for name in names:
                if (name, path) in self._files:
                    return self._files[name, path]
        text = self.history.read(path, ref or self.default_branch) if self.history is not None else None
        if text is not None:
            return text
        raise Refused(404, "Not Found")

    def add_workflow(self, path: str, text: str | None = None, *, name: str | None = None) -> Workflow:
        """Register a workflow file; without text, one that only has a name."""
        if "/" not in path:
            path = f"{WORKFLOW_FOLDER}/{path}"
        with self._clockwork.lock:
            old = self._workflows.get(path)
            if text is None and old is not None:
                return old
            text = text if text is not None else f"name: {name}\n"
            parsed = yaml.safe_load(text)
            title = name or (parsed.get("name") if isinstance(parsed, dict) else None) or path
            workflow = Workflow(
                id=old.id if old else self._clockwork.next_id("workflow"),
                name=str(title),
                path=path,
                text=text,
                created_at=self._clockwork.now(),
            )
            self._workflows[path] = workflow
            if self.history is None:
                self._files[None, path] = text
        return workflow

    def workflows(self) -> list[Workflow]:
        """Every workflow, oldest first."""
        with self._clockwork.lock:
            return sorted(self._workflows.values(), key=lambda workflow: workflow.id)

    def workflow(self, id_or_file: str) -> Workflow:
        """The workflow of that id, file name, path or name, or a 404."""
        for workflow in self.workflows():
            if id_or_file in (str(workflow.id), workflow.path, workflow.file):
                return workflow
        raise Refused(404, "Not Found")

    def workflow_at(self, path: str, ref: str) -> Workflow | None:
        """A workflow as a branch, tag or commit has it, if its file is there; without a history it never changes."""
        known = self.workflow(path)
        if self.history is None:
            return known
        text = self.history.read(path, ref)
        return None if text is None else replace(known, text=text)


def short_name(ref: str) -> str:
    """A branch's or tag's name, of its full one."""
    return ref.removeprefix(HEADS).removeprefix(TAGS)


def default_path(name: str) -> str:
    """Where a workflow known only by its name is supposed to be."""
    slug = "".join(letter if letter.isalnum() else "-" for letter in name.lower())
    return str(PurePosixPath(WORKFLOW_FOLDER) / f"{slug}.yml")
