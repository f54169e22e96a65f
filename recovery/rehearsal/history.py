"""The commits of a repository, as git keeps them: read, compared, and made without any work tree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from recovery.errors import RehearsalError
from recovery.rehearsal.git import git
from recovery.rehearsal.tags import TagObject

_OBJECT = re.compile("[0-9a-f]{40}")
_FORMAT = "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cI%x00%B"
WORKFLOWS = ".github/workflows"


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One commit."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: str
    email: str
    authored_at: datetime
    committed_at: datetime
    message: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two commits of one history, seen from `base`; `commits` are those that only the head has, oldest first."""

    base: Commit
    merge_base: Commit
    ahead_by: int
    behind_by: int
    commits: tuple[Commit, ...]

    @property
    def status(self) -> str:
        """GitHub's word for where the head stands."""
        if self.ahead_by and self.behind_by:
            return "diverged"
        if self.ahead_by:
            return "ahead"
        return "behind" if self.behind_by else "identical"


class History:
    """The commits and references of the git repository in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def commit(self, sha: str) -> Commit | None:
        """The commit of that id, if there is one."""
        if self._kind(sha) != "commit":
            return None
        fields = git(self._folder, "log", "-1", _FORMAT, sha, "--").split("\0")
        tree, parents, author, email, authored, committed, message = fields[1:]
        return Commit(
            sha=sha,
            tree=tree,
            parents=tuple(parents.split()),
            author=author,
            email=email,
            authored_at=datetime.fromisoformat(authored),
            committed_at=datetime.fromisoformat(committed),
            message=message.strip(),
        )

    def compare(self, base: str, head: str) -> Comparison | None:
        """How two commits stand to each other; None when one is unknown or they have nothing in common."""
        first, last = self.commit(base), self.commit(head)
        merge_base = self.commit(self._merge_base(base, head)) if first and last else None
        if first is None or merge_base is None:
            return None
        listed = git(self._folder, "rev-list", "--reverse", f"{base}..{head}", "--").split()
        behind = git(self._folder, "rev-list", "--count", f"{head}..{base}", "--")
        found = [self.commit(sha) for sha in listed]
        return Comparison(
            base=first,
            merge_base=merge_base,
            ahead_by=len(listed),
            behind_by=int(behind),
            commits=tuple(commit for commit in found if commit is not None),
        )

    def _merge_base(self, base: str, head: str) -> str:
        try:
            return git(self._folder, "merge-base", base, head)
        except RehearsalError:
            return ""

    def has_tree(self, tree: str) -> bool:
        """Whether there is a tree of that id."""
        return self._kind(tree) == "tree"

    def create(self, tree: str, parents: tuple[str, ...], message: str) -> Commit:
        """Make a commit that no reference leads to yet."""
        words = [word for parent in parents for word in ("-p", parent)]
        made = self.commit(git(self._folder, "commit-tree", tree, *words, "-m", message))
        if made is None:
            raise RehearsalError("git lost the commit it has just made")
        return made

    def keep(self, tag: TagObject) -> None:
        """Write down the object of a tag that no reference leads to yet."""
        git(self._folder, "hash-object", "-t", "tag", "-w", "--stdin", given=tag.text)

    def point(self, reference: str, sha: str) -> None:
        """Make or move a reference."""
        git(self._folder, "update-ref", reference, sha)

    def forget(self, reference: str) -> None:
        """Delete a reference."""
        git(self._folder, "update-ref", "-d", reference)

    def read(self, path: str, ref: str) -> str | None:
        """A file's text at a branch, tag or commit."""
        try:
            return git(self._folder, "show", f"{ref}:{path}", strip=False)
        except RehearsalError:
            return None

    def workflows(self, sha: str) -> str:
        """The id of the folder of workflows at a commit; empty when it has none."""
        try:
            return git(self._folder, "rev-parse", "--verify", "--quiet", f"{sha}:{WORKFLOWS}")
        except RehearsalError:
            return ""

    def _kind(self, sha: str) -> str:
        if not _OBJECT.fullmatch(sha):
            return ""
        try:
            return git(self._folder, "cat-file", "-t", sha)
        except RehearsalError:
            return ""
