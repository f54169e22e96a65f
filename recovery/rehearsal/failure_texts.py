"""What tools say when the network fails them: the log of an injected failure that names no file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_DEFAULT = "curl"
# Checked in this order; each pattern is looked for in what the step runs or uses.
_TOOLS = (
    ("docker", r"\b(?:docker|buildx|podman|buildah)\b"),
    ("uv", r"\buv\b(?! run)|setup-uv"),
    ("pip", r"\b(?:pip3?|pipx|poetry|pdm|tox|nox|hatch)\b|setup-python"),
    ("npm", r"\b(?:npm|npx|pnpm|yarn|bun)\b|setup-node"),
    ("go", r"\bgo (?:build|test|mod|get|install|run|vet)\b|setup-go|golangci"),
    ("maven", r"\b(?:mvnw?|maven)\b|setup-java"),
    ("gradle", r"\bgradlew?\b"),
    ("cargo", r"\b(?:cargo|rustup)\b|rust-toolchain"),
    ("apt", r"\b(?:apt|apt-get)\b"),
    ("git", r"\bgit\b|actions/checkout"),
    ("curl", r"\b(?:curl|wget|gh|kubectl|helm|terraform|aws|gcloud|az)\b"),
)
_TEXTS = {
    "docker": (
        1,
        """Error response from daemon: Get "https://registry-1.docker.io/v2/": net/http: TLS handshake timeout""",
    ),
    "uv": (
        2,
        """error: Request failed after 3 retries
  Caused by: Failed to fetch: `https://pypi.org/simple/requests/`
  Caused by: error sending request for url (https://pypi.org/simple/requests/)
  Caused by: operation timed out""",
    ),
    "pip": (
        1,
        """Collecting requests
WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by \
'ReadTimeoutError("HTTPSConnectionPool(host='pypi.org', port=443): Read timed out. (read timeout=15)")': \
/simple/requests/
pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='files.pythonhosted.org', port=443): \
Read timed out.""",
    ),
    "npm": (
        1,
        """npm error code ECONNRESET
npm error network aborted
npm error network This is a problem related to network connectivity.
npm error network In most cases you are behind a proxy or have bad network settings.""",
    ),
    "go": (
        1,
        """go: golang.org/x/text@v0.14.0: Get "https://proxy.golang.org/golang.org/x/text/@v/v0.14.0.mod": \
dial tcp 142.250.80.17:443: i/o timeout""",
    ),
    "maven": (
        1,
        """[ERROR] Could not transfer artifact org.slf4j:slf4j-api:jar:2.0.9 from/to central \
(https://repo.maven.apache.org/maven2): Connect timed out""",
    ),
    "gradle": (
        1,
        """* What went wrong:
Could not download slf4j-api-2.0.9.jar (org.slf4j:slf4j-api:2.0.9)
> Could not GET 'https://repo.maven.apache.org/maven2/org/slf4j/slf4j-api/2.0.9/slf4j-api-2.0.9.jar'. \
Received status code 503 from server: Service Unavailable""",
    ),
    "cargo": (
        101,
        """    Updating crates.io index
warning: spurious network error (1 tries remaining): [28] Timeout was reached (Connection timed out)
error: failed to download from `https://static.crates.io/crates/serde/1.0.200/download`

Caused by:
  [28] Timeout was reached (Connection timed out after 30000 milliseconds)""",
    ),
    "apt": (
        100,
        """Err:1 http://archive.ubuntu.com/ubuntu noble InRelease
  Temporary failure resolving 'archive.ubuntu.com'
W: Some index files failed to download. They have been ignored, or old ones used instead.""",
    ),
    "git": (
        128,
        """fatal: unable to access 'https://github.com/octo/repo/': Failed to connect to github.com port 443 after \
130012 ms: Connection timed out""",
    ),
    "curl": (18, "curl: (18) transfer closed with outstanding read data remaining"),
}
TOOLS = tuple(_TEXTS)


def network_error(step: Mapping[str, Any]) -> tuple[str, int]:
    """A plausible network error of the tool that a step runs, and the exit code it ends with."""
    what = f"{step.get('uses') or ''}\n{step.get('run') or ''}"
    tool = next((name for name, pattern in _TOOLS if re.search(pattern, what)), _DEFAULT)
    return text_of(tool)


def text_of(tool: str) -> tuple[str, int]:
    """A tool's words and exit code when the network fails it."""
    code, text = _TEXTS[tool]
    return f"{text}\n", code
