"""GitHub put behind its port, alone: what restores inside a job needs neither a database nor the classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recovery.adapters.runner import RunnerContext
from recovery.ports import Clock, Delivery, Forge

if TYPE_CHECKING:
    from recovery.adapters.github.request_log import RequestLog


def open_forge(context: RunnerContext, clock: Clock, requests: RequestLog | None = None) -> Forge:
    """The repository on GitHub, as the context names it.

    Raises:
        RecoveryError: no token, or a repository name that is none.
    """
    return open_github(context, clock, requests)[0]


def open_github(context: RunnerContext, clock: Clock, requests: RequestLog | None = None) -> tuple[Forge, Delivery]:
    """The repository on GitHub, with what rolling back needs of it; both through one client.

    Raises:
        RecoveryError: no token, or a repository name that is none.
    """
    from recovery.adapters.github.delivery import GitHubDelivery
    from recovery.adapters.github.forge import GitHubForge
    from recovery.adapters.github.request_log import RequestLog

    forge = GitHubForge(
        context.repository,
        context.token.get_secret_value(),
        api_url=context.api_url,
        request_log=RequestLog(context.request_log) if requests is None else requests,
        clock=clock,
    )
    return forge, GitHubDelivery(context.repository, forge.client)
