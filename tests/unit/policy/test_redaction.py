"""Secrets do not survive redaction, and ordinary words do."""

from __future__ import annotations

import time

import pytest

from recovery.policy.redaction import redact

RANDOM = "q7Xk29Lm" + "Zp4vT8sW"


@pytest.mark.parametrize(
    ("before", "secret", "after"),
    [
        ("push with ", "ghp_" + "aB3d" * 9, ""),
        ("push with ", "ghs_" + "aB3d" * 9, ""),
        ("push with ", "github_pat_" + "aB3_" * 12, ""),
        ("key ", "AKIA" + "ABCD1234EFGH5678", " used"),
        ("slack ", "xoxb-" + "1234567890-abcdef", ""),
        ("npm ", "npm_" + "aB3d" * 9, ""),
        ("gitlab ", "glpat-" + "aB3dE6gH9jK2mN5p", ""),
        ("jwt ", "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", ""),
        ("Authorization: Bearer ", RANDOM, ""),
        ("Authorization: Basic ", RANDOM + "==", ""),
        ("sent bearer ", RANDOM, " along"),
        ("https://user:", RANDOM, "@example.org/x.git"),
        ("https://", RANDOM, "@example.org/x.git"),
        ("password=", RANDOM, " host=db"),
        ('"client_secret": "', RANDOM, '"'),
        ("API_KEY: ", RANDOM, ""),
        ("MY_TOKEN=", RANDOM, ""),
        ("-----BEGIN RSA PRIVATE KEY-----\n", "MIIEow" + RANDOM, "\n-----END RSA PRIVATE KEY-----"),
        ("-----BEGIN PRIVATE KEY----- ", "MIIEow" + RANDOM, ""),
    ],
)
def test_secret_is_hidden(before: str, secret: str, after: str) -> None:
    """Every well-known shape of a secret becomes three stars."""
    text = redact(before + secret + after)
    assert secret not in text
    assert "***" in text


@pytest.mark.parametrize(
    "text",
    [
        "FAILED tests/test_cart.py::test_total - assert 3 == 4",
        "https://example.org/a@b/c",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "token: $GITHUB_TOKEN",
        "password=***",
        "Input required and not supplied: token",
        "unexpected token: identifier",
        "error: expected one of `;`, found `token`",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    """Evidence is only worth something when it can be read."""
    assert redact(text) == text


def test_redaction_is_idempotent_and_linear() -> None:
    """Redacting twice changes nothing more, and a hostile line costs no more than its length."""
    line = "password=" + RANDOM + " Authorization: Bearer " + RANDOM
    assert redact(redact(line)) == redact(line)
    started = time.process_time()
    redact("eyJ" * 20_000 + "a" * 20_000)
    redact("-----BEGIN PRIVATE KEY-----" * 2000)
    assert time.process_time() - started < 5
