"""One request and its answer, as they were overheard."""

from __future__ import annotations

from dataclasses import dataclass

OURS = "storyteller-recovery"
"""How the name of our program begins in `User-Agent`."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request as it arrived, and its answer as it was sent; without a status, the answer is nobody's claim."""

    method: str
    path: str
    query: str = ""
    agent: str = ""
    content_type: str = ""
    body: bytes = b""
    status: int | None = None
    answer_type: str = ""
    answer: bytes = b""

    @property
    def ours(self) -> bool:
        """Whether our program asked, and not a test or somebody else's client."""
        return self.agent.startswith(OURS)

    @property
    def refused(self) -> bool:
        """Whether the answer says that the request was wrong."""
        return self.status is not None and 400 <= self.status < 500
