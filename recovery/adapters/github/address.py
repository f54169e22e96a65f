"""Where GitHub is, which repository is meant and with what token, checked before anything is sent."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from recovery.errors import AuthenticationError, InputError

_REPOSITORY = re.compile(r"(?!\.{1,2}/)[A-Za-z0-9._-]+/(?!\.{1,2}$)[A-Za-z0-9._-]+")
_TOKEN = re.compile(r"[\x21-\x7e]+")


def checked_repository(repository: str) -> str:
    """The repository's name, if it is one."""
    if not _REPOSITORY.fullmatch(repository):
        raise InputError(f"{repository!r} is not a repository", hint="write it as `owner/name`")
    return repository


def checked_token(token: str) -> str:
    """The token without surrounding space; an error about it never shows it, while one of requests' would."""
    token = token.strip()
    if not token:
        raise AuthenticationError("there is no token for GitHub")
    if not _TOKEN.fullmatch(token):
        raise AuthenticationError("the token for GitHub holds characters that no token has")
    return token


def checked_url(api_url: str) -> str:
    """The address of an API without a slash at its end."""
    hint = "set GITHUB_API_URL to https://api.github.com or https://HOST/api/v3"
    try:
        parts = urlsplit(api_url)
        valid = parts.scheme in {"https", "http"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise InputError(f"{api_url!r} is not the address of an API", hint=hint)
    return api_url.rstrip("/")
