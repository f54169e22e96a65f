"""GitHub's JSON, reduced to our records; anything that is not as documented is `WrongShape`."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from recovery.adapters.github.answer import WrongShape
from recovery.models.github import Artifact, Comment, Job, PullRequest, Run, Step

Json = dict[str, Any]
T = TypeVar("T")


def converted(convert: Callable[[Json], T], document: Any) -> T:
    """Convert one document, whatever it is.

    Raises:
        WrongShape: it is not what `convert` expects.
    """
    try:
        return convert(document)
    except (KeyError, TypeError, AttributeError, ValueError, ValidationError) as error:
        raise WrongShape(described(convert)) from error


def described(convert: Callable[[Json], T], *, many: bool = False) -> str:
    """What a converter takes, as errors name it."""
    noun = convert.__name__.removesuffix("_from").replace("_", " ")
    if many:
        return f"a list of {noun}s"
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def run_from(document: Json) -> Run:
    """A workflow run."""
    # Some endpoints write the path with the ref it was read at: `.github/workflows/ci.yml@main`.
    path = str(document["path"]).partition("@")[0]
    return Run(
        id=document["id"],
        repository=document["repository"]["full_name"],
        workflow_name=document.get("name") or path,
        path=path,
        event=document["event"],
        status=document["status"],
        conclusion=document.get("conclusion"),
        run_attempt=document["run_attempt"],
        head_sha=document["head_sha"],
        head_branch=document.get("head_branch"),
        head_repository=_full_name(document.get("head_repository")),
        created_at=document["created_at"],
        run_started_at=document.get("run_started_at"),
        triggering_actor=(document.get("triggering_actor") or {}).get("login", ""),
        html_url=document.get("html_url") or "",
    )


def job_from(document: Json) -> Job:
    """A job of one attempt, with its steps."""
    return Job(
        id=document["id"],
        run_id=document["run_id"],
        run_attempt=document.get("run_attempt") or 1,
        name=document["name"],
        status=document["status"],
        conclusion=document.get("conclusion"),
        started_at=document.get("started_at"),
        completed_at=document.get("completed_at"),
        runner_name=document.get("runner_name"),
        html_url=document.get("html_url") or "",
        steps=tuple(_step_from(step) for step in document.get("steps") or ()),
    )


def _step_from(document: Json) -> Step:
    return Step(
        name=document["name"],
        number=document["number"],
        status=document["status"],
        conclusion=document.get("conclusion"),
        started_at=document.get("started_at"),
        completed_at=document.get("completed_at"),
    )


def pull_request_from(document: Json) -> PullRequest:
    """A pull request; its head has no repository when the fork was deleted."""
    return PullRequest(
        number=document["number"],
        state=document["state"],
        head_sha=document["head"]["sha"],
        head_repository=_full_name(document["head"].get("repo")),
        html_url=document.get("html_url") or "",
    )


def artifact_from(document: Json) -> Artifact | None:
    """An artifact; None when GitHub does not say which run made it, for then it cannot be judged."""
    run = document.get("workflow_run")
    if not run or not run.get("id") or not run.get("repository_id") or not run.get("head_repository_id"):
        return None
    return Artifact(
        id=document["id"],
        name=document["name"],
        size_in_bytes=document["size_in_bytes"],
        digest=document.get("digest"),
        expired=document["expired"],
        created_at=document["created_at"],
        expires_at=document.get("expires_at"),
        run_id=run["id"],
        repository_id=run["repository_id"],
        head_repository_id=run["head_repository_id"],
    )


def comment_from(document: Json) -> Comment:
    """A comment; the author of a deleted account is GitHub's own `ghost`."""
    user = document.get("user") or {"login": "ghost", "type": "User"}
    return Comment(id=document["id"], body=document.get("body") or "", author=user["login"], author_type=user["type"])


def head_from(document: Json) -> str:
    """The commit that a git reference points at."""
    return _text(document["object"]["sha"])


def default_branch_from(document: Json) -> str:
    """A repository's default branch."""
    return _text(document["default_branch"])


def login_from(document: Json) -> str:
    """An account's name."""
    return _text(document["login"])


def file_content_from(document: Json | list[Json]) -> bytes | None:
    """A file's content as `contents` gives it; None for what is not a file (folder, submodule, link)."""
    if isinstance(document, list) or document["type"] != "file":
        return None
    if document["encoding"] != "base64":
        raise WrongShape("a file of at most 1 MB")
    return base64.b64decode(document["content"])


def _full_name(repository: Json | None) -> str | None:
    return _text(repository["full_name"]) if repository else None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("text expected")
    return value
