"""The environment of `act` and of the steps it runs: a short list, never the caller's whole environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from recovery.rehearsal.payloads import repository_id
from recovery.rehearsal.records import Run
from recovery.rehearsal.toolshed import find_program

_PASSED_ON = (
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "COMSPEC",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "USER",
    "LOGNAME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
)
_PASSED_ON_PREFIXES = ("UV_", "PIP_")
_SHIMS = Path(__file__).with_name("shims")
_LOCAL = "127.0.0.1,localhost"


def process_environment(home: Path) -> dict[str, str]:
    """What the `act` process gets, and by it every step: own home, shared uv cache, our tools first on PATH."""
    own = {
        name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    caller_home = Path(os.environ.get("HOME") or os.environ.get("USERPROFILE") or "~").expanduser()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or caller_home / ".cache")
    data = Path(os.environ.get("XDG_DATA_HOME") or caller_home / ".local" / "share")
    own.setdefault("UV_CACHE_DIR", str(cache / "uv"))
    own.setdefault("UV_PYTHON_INSTALL_DIR", str(data / "uv" / "python"))
    others = [os.environ.get("NO_PROXY") or os.environ.get("no_proxy")]
    own["NO_PROXY"] = own["no_proxy"] = ",".join(filter(None, [_LOCAL, *others]))
    search = [str(Path(sys.executable).parent), str(Path(find_program("node")).parent), os.environ.get("PATH", "")]
    return {**own, "HOME": str(home), "PATH": os.pathsep.join(dict.fromkeys(search))}


def step_variables(run: Run, attempt: int, repository: str, url: str, secret: str) -> Mapping[str, str]:
    """What GitHub's runner sets and `act` does not, or sets to something else; reaches every step."""
    owner = repository.split("/", maxsplit=1)[0]
    return {
        "GITHUB_RUN_ID": str(run.id),
        "GITHUB_RUN_ATTEMPT": str(attempt),
        "GITHUB_RUN_NUMBER": str(run.number),
        "GITHUB_API_URL": url,
        "GITHUB_SERVER_URL": url,
        "GITHUB_GRAPHQL_URL": f"{url}/graphql",
        "GITHUB_REPOSITORY": repository,
        "GITHUB_REPOSITORY_ID": str(repository_id(repository)),
        "GITHUB_REPOSITORY_OWNER": owner,
        "GITHUB_REPOSITORY_OWNER_ID": str(repository_id(owner)),
        "GITHUB_WORKFLOW_REF": f"{repository}/{run.workflow.path}@{run.ref}",
        "GITHUB_WORKFLOW_SHA": run.head_sha,
        "GITHUB_ACTOR_ID": str(run.actor.id),
        "SHA_REF": run.head_sha,
        "GITHUB_TRIGGERING_ACTOR": run.attempts[attempt - 1].triggering_actor.login,
        "GITHUB_RETENTION_DAYS": "90",
        "RUNNER_NAME": "rehearsal",
        "RUNNER_ENVIRONMENT": "self-hosted",
        "CI": "true",
        "BASH_ENV": str(_SHIMS / "linger.sh"),
        "REHEARSAL_LAST_WORDS": str(_SHIMS / "last-words.sh"),
        "REHEARSAL_URL": url,
        "REHEARSAL_SECRET": secret,
    }
