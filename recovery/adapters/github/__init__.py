"""GitHub behind the ports `Forge` and `Delivery`; costs the import of PyGithub and requests, so import it late."""

from __future__ import annotations

from recovery.adapters.github.delivery import GitHubDelivery
from recovery.adapters.github.forge import GitHubForge
from recovery.adapters.github.request_log import Phase, RequestLog

__all__ = ["GitHubDelivery", "GitHubForge", "Phase", "RequestLog"]
