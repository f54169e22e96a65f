"""Names by which GitHub itself keeps a rollback from happening twice."""

from __future__ import annotations

import hashlib
import re

ROLLBACK_TAGS = "recovery/rollback/"
"""What the tag of every rollback begins with."""

RETURN_TAGS = "recovery/return/"
"""What the tag begins with of every return from a rollback that failed half-way."""

_UNFIT = re.compile(r"[^a-z0-9]+")


def rollback_tag(workflow_name: str, environment: str, bad_sha: str) -> str:
    """The tag that says that this commit was rolled back, for this workflow and environment."""
    return f"{ROLLBACK_TAGS}{slug(workflow_name)}/{slug(environment)}/{bad_sha}"


def busy_tag(workflow_name: str, environment: str) -> str:
    """The tag that stands while a rollback of this workflow and environment goes on."""
    return f"recovery/rolling-back/{slug(workflow_name)}/{slug(environment)}"


def return_tag(workflow_name: str, environment: str, stood_sha: str) -> str:
    """The tag that says that a failed rollback of this commit was returned from."""
    return f"{RETURN_TAGS}{slug(workflow_name)}/{slug(environment)}/{stood_sha}"


def revert_branch(bad_sha: str, nonce: str) -> str:
    """The branch on which one rollback proposes to revert a commit; nobody else has that name."""
    return f"recovery/revert/{bad_sha[:12]}-{nonce.lower()}"


def slug(name: str) -> str:
    """A name as part of a tag's; names that differ in more than capitals stay different."""
    fit = _UNFIT.sub("-", name.lower()).strip("-")[:40]
    if fit == name.lower():
        return fit
    return f"{fit}-{hashlib.sha256(name.encode()).hexdigest()[:8]}".strip("-")
