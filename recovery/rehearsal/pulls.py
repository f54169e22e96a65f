"""Pull requests and their comments."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from recovery.rehearsal.clockwork import Clockwork, Refused
from recovery.rehearsal.records import (
    ACTIONS_BOT,
    MAXIMUM_COMMENT_LENGTH,
    OCTOCAT,
    Comment,
    PullRequest,
    User,
)


class Pulls:
    """Every pull request and comment of one repository."""

    def __init__(self, clockwork: Clockwork, repository: str, default_branch: str) -> None:
        self._clockwork = clockwork
        self._repository = repository
        self._default_branch = default_branch
        self._pulls: dict[int, PullRequest] = {}
        self._comments: dict[int, Comment] = {}
        self._numbers: set[int] = set()

    def add(
        self,
        head_branch: str,
        head_sha: str,
        *,
        head_repository: str | None = None,
        title: str = "A change",
        body: str | None = None,
        state: str = "open",
        base_sha: str = "0" * 40,
        user: User = OCTOCAT,
        merged: bool = False,
        number: int | None = None,
    ) -> PullRequest:
        """A new pull request into the default branch; a fork's one names its `head_repository`.

        One that is there as `merged` was merged by its head, as a rebase does it.
        """
        at = self._clockwork.now()
        with self._clockwork.lock:
            number = self.take_number(number)
            pull = PullRequest(
                number=number,
                id=self._clockwork.next_id("pull"),
                title=title,
                body=body,
                state="closed" if merged else state,
                head_branch=head_branch,
                head_sha=head_sha,
                head_repository=head_repository or self._repository,
                base_branch=self._default_branch,
                base_sha=base_sha,
                user=user,
                created_at=at,
                updated_at=at,
                merged_at=at if merged else None,
                merge_commit=head_sha if merged else None,
            )
            self._pulls[number] = pull
        return pull

    def take_number(self, number: int | None = None) -> int:
        """A number that no pull request and no issue has (or this one, if it is wanted)."""
        with self._clockwork.lock:
            taken = number if number is not None else max(self._numbers, default=0) + 1
            self._numbers.add(taken)
            return taken

    def require(self, number: int) -> None:
        """404, unless a pull request or an issue has this number."""
        if number not in self._numbers:
            raise Refused(404, "Not Found")

    def move(
        self,
        number: int,
        *,
        head_sha: str | None = None,
        state: str | None = None,
        merged: bool = False,
        merge_commit: str | None = None,
    ) -> PullRequest:
        """Push to a pull request's branch, or close, merge (by a commit, or else its head) or reopen it."""
        at = self._clockwork.now()
        with self._clockwork.lock:
            pull = self.get(number)
            self._pulls[number] = replace(
                pull,
                head_sha=head_sha or pull.head_sha,
                state="closed" if merged else state or pull.state,
                updated_at=at,
                merged_at=at if merged else pull.merged_at,
                merge_commit=(merge_commit or head_sha or pull.head_sha) if merged else pull.merge_commit,
            )
            return self._pulls[number]

    def get(self, number: int) -> PullRequest:
        """The pull request of that number, or a 404."""
        with self._clockwork.lock:
            if number not in self._pulls:
                raise Refused(404, "Not Found")
            return self._pulls[number]

    def all(self, *, state: str = "open", head: str | None = None) -> list[PullRequest]:
        """Pull requests newest first; `head` is `owner:branch`, which GitHub ignores when it has no colon."""
        with self._clockwork.lock:
            found = [pull for pull in self._pulls.values() if state in ("all", pull.state)]
        if head and ":" in head:
            found = [pull for pull in found if head == f"{pull.head_repository.split('/')[0]}:{pull.head_branch}"]
        return sorted(found, key=lambda pull: pull.number, reverse=True)

    def matching(self, head_branch: str, head_sha: str, head_repository: str) -> list[PullRequest]:
        """What a run's `pull_requests` shows: open ones of the same repository; nothing for forks."""
        if head_repository != self._repository:
            return []
        return [pull for pull in self.all() if head_branch == pull.head_branch or head_sha == pull.head_sha]

    def comment(
        self, issue_number: int, body: str, *, user: User = ACTIONS_BOT, created_at: datetime | None = None
    ) -> Comment:
        """Add a comment, by our token's account unless another user is named."""
        self.require(issue_number)
        _require_body(body)
        at = created_at or self._clockwork.now()
        comment = Comment(
            id=self._clockwork.next_id("comment"),
            issue_number=issue_number,
            user=user,
            body=body,
            created_at=at,
            updated_at=at,
        )
        with self._clockwork.lock:
            self._comments[comment.id] = comment
        self._clockwork.tell("comment-created", f"pull request #{issue_number}: {len(body)} characters")
        return comment

    def edit_comment(self, comment_id: int, body: str) -> Comment:
        """Replace a comment's text; GitHub lets our token edit its own comments only."""
        _require_body(body)
        with self._clockwork.lock:
            comment = self.get_comment(comment_id)
            if comment.user != ACTIONS_BOT:
                raise Refused(403, "Resource not accessible by integration")
            edited = replace(comment, body=body, updated_at=self._clockwork.now())
            self._comments[comment_id] = edited
        self._clockwork.tell("comment-updated", f"pull request #{edited.issue_number}: {len(body)} characters")
        return edited

    def get_comment(self, comment_id: int) -> Comment:
        """The comment of that id, or a 404."""
        with self._clockwork.lock:
            if comment_id not in self._comments:
                raise Refused(404, "Not Found")
            return self._comments[comment_id]

    def comments(self, issue_number: int | None = None) -> list[Comment]:
        """The comments of one pull request (or of all), oldest first."""
        with self._clockwork.lock:
            found = [comment for comment in self._comments.values() if issue_number in (None, comment.issue_number)]
        return sorted(found, key=lambda comment: comment.id)


def _require_body(body: str) -> None:
    if not body.strip():
        raise Refused(422, "Validation Failed")
    if len(body) > MAXIMUM_COMMENT_LENGTH:
        raise Refused(422, f"Body is too long (maximum is {MAXIMUM_COMMENT_LENGTH} characters)")
