"""Files that no checkpoint holds unless a pattern names them: credentials, and what belongs to git or the runner."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = "is the repository's own folder"
TEMPORARY = "is the runner's temporary folder"
CREDENTIALS = "may hold credentials"

_CERTIFICATES = ".pem"
_CREDENTIAL_ENDINGS = (".key", ".p12", ".pfx", ".ppk", ".kdbx", ".jks", ".keystore", ".tfstate", ".tfstate.backup")
_CREDENTIAL_NAME = re.compile(
    r"\.npmrc|\.yarnrc\.yml|\.pypirc|[._]netrc|\.git-credentials|\.htpasswd|\.pgpass|\.my\.cnf|\.vault-token"
    r"|\.dockercfg|\.s3cfg|auth\.json|(?i:nuget\.config)|rclone\.conf"
    r"|\.env(?!.*\.(?:example|sample|template|dist)$).*"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)(?!.*\.pub$).*"
    r"|gha-creds-.*\.json|credentials\.tfrc\.json|application_default_credentials\.json"
)
_CREDENTIAL_PATH = {
    "config.json": (".docker",),
    "credentials": (".aws", ".cargo"),
    "credentials.toml": (".cargo",),
    "config": (".kube",),
    "gradle.properties": (".gradle",),
    "hosts.yml": ("gh",),
    "settings.xml": (".m2",),
}
"""Names that say it only together with the folder they lie in."""

_BEGINNINGS = (
    ".",
    "_netrc",
    "id_",
    "gha-creds-",
    "credentials.tfrc",
    "application_default_credentials",
    "auth.json",
    "rclone.",
    "nuget.",
    "NuGet.",
    "Nuget.",
    "NUGET.",
)
"""How all names begin that are refused for the whole of them."""
_ENDINGS = (_CERTIFICATES, *_CREDENTIAL_ENDINGS)
_PRIVATE = b"PRIVATE KEY"


def is_ordinary(name: str) -> bool:
    """Whether a name alone clears an entry of being any of these: it is soon said of most of 40,000."""
    return not (name.startswith(_BEGINNINGS) or name.endswith(_ENDINGS) or name in _CREDENTIAL_PATH)


def is_repository(name: str) -> bool:
    """Whether an entry of that name is git's own, be it a folder or the file that a worktree has."""
    return name == ".git"


def may_hold_credentials(name: str, folder: str, location: str) -> bool:
    """Whether a file of that name, in a folder of that name, is one that tools keep credentials in.

    A `.pem` may as well hold the public certificates without which nothing can be downloaded, so it is looked into.
    """
    if name.endswith(_CERTIFICATES):
        return _holds_private_key(location)
    if name.endswith(_CREDENTIAL_ENDINGS) or folder in _CREDENTIAL_PATH.get(name, ()):
        return True
    return _CREDENTIAL_NAME.fullmatch(name) is not None


def _holds_private_key(location: str) -> bool:
    try:
        return _PRIVATE in Path(location).read_bytes()
    except OSError:
        return True
