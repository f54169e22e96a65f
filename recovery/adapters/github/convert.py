"""GitHub's JSON, reduced to our records; anything that is not as documented is `WrongShape`."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import ValidationError

from recovery.adapters.github.answer import WrongShape
from recovery.models.github import Artifact, Comment, Commit, Deployment, Job, PullRequest, Run, Step
from recovery.ports import Relation

Json = dict[str, Any]
T = TypeVar("T")

_TAGS = "refs/tags/"
_RELATIONS: Mapping[str, Relation] = {word: word for word in get_args(Relation)}


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
        display_title=document.get("display_title") or "",
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
        merged=document.get("merged_at") is not None,
        html_url=document.get("html_url") or "",
    )


class Merge(NamedTuple):
    """That a pull request was merged: those into the default branch come last, then those merged last."""

    into_default_branch: bool
    at: str
    pull_request: PullRequest


def merge_from(document: Json) -> Merge | None:
    """The merge of a pull request; None while there was none."""
    pull = pull_request_from(document)
    if not pull.merged:
        return None
    base = document["base"]
    return Merge(
        into_default_branch=base["ref"] == (base.get("repo") or {}).get("default_branch"),
        at=_text(document["merged_at"]),
        pull_request=pull,
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
        head_branch=run.get("head_branch"),
    )


def comment_from(document: Json) -> Comment:
    """A comment; the author of a deleted account is GitHub's own `ghost`."""
    user = document.get("user") or {"login": "ghost", "type": "User"}
    return Comment(id=document["id"], body=document.get("body") or "", author=user["login"], author_type=user["type"])


def head_from(document: Json) -> str:
    """The object that a git reference points at: a commit, if it is a branch."""
    return _text(document["object"]["sha"])


def pointee_from(document: Json) -> tuple[str, str]:
    """The kind and the id of the object that a git reference points at."""
    return _text(document["object"]["type"]), head_from(document)


def tag_object_from(document: Json) -> tuple[str, str, str]:
    """The kind and the id of what a tag object is about, and what it says."""
    kind, sha = pointee_from(document)
    return kind, sha, _words(document["message"])


def tag_names_from(document: Json | list[Json]) -> tuple[str, ...]:
    """The names of the tags among references."""
    if not isinstance(document, list):
        raise TypeError("list expected")
    names = [_text(entry["ref"]) for entry in document]
    return tuple(name.removeprefix(_TAGS) for name in names if name.startswith(_TAGS))


def relation_from(document: Json) -> Relation:
    """How the head of a comparison stands to its base."""
    return _RELATIONS[document["status"]]


def commit_from(document: Json) -> Commit:
    """A commit as git keeps it."""
    return Commit(sha=_text(document["sha"]), tree=_text(document["tree"]["sha"]), message=_words(document["message"]))


def object_id_from(document: Json) -> str:
    """The id of a git object."""
    return _text(document["sha"])


def dispatched_run_from(document: Json) -> int:
    """The id of the run that a dispatch has started."""
    return _number(document["workflow_run_id"])


def environments_from(document: Json | list[Json]) -> tuple[str, ...]:
    """The environments that a run waits for; GitHub may leave out their names."""
    if not isinstance(document, list):
        raise TypeError("list expected")
    names = [entry["environment"].get("name") for entry in document]
    return tuple(_text(name) for name in names if name is not None)


def deployment_from(document: Json) -> Deployment:
    """A deployment; a payload that is no object is not ours."""
    payload = document.get("payload")
    return Deployment(
        id=document["id"],
        sha=document["sha"],
        environment=document["environment"],
        payload=payload if isinstance(payload, dict) else {},
        created_at=document["created_at"],
    )


def deployment_status_from(document: Json) -> tuple[int, str]:
    """A status of a deployment: its id, which grows with time, and its state."""
    return _number(document["id"]), _text(document["state"])


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


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("whole number expected")
    return value


def _text(value: Any) -> str:
    if not _words(value):
        raise TypeError("text expected")
    return _words(value)


def _words(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected, if only an empty one")
    return value
