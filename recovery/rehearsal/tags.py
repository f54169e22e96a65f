"""Annotated tags: what git writes down of them, and the id that follows from it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class TagObject:
    """The object of an annotated tag: the commit that it is about, who made it, and what it says."""

    name: str
    commit: str
    message: str
    tagger: str
    email: str
    at: datetime

    @property
    def text(self) -> str:
        """The object as git keeps it."""
        head = f"object {self.commit}\ntype commit\ntag {self.name}\n"
        return f"{head}tagger {self.tagger} <{self.email}> {int(self.at.timestamp())} +0000\n\n{self.message}"

    @property
    def sha(self) -> str:
        """The object's id."""
        content = self.text.encode()
        return hashlib.sha1(b"tag %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
