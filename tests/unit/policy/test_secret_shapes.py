"""Secrets are recognised by Python's own engine as by RE2, which the jobs that make checkpoints do without."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recovery.policy.redaction import redact
from recovery.policy.secret_shapes import holds_secret

PIECES = st.sampled_from(
    [
        "ghp_0123456789abcdefABCDEF",
        "AKIA0123456789ABCDEF",
        "https://me:hunter22@host/x",
        "ssh://git@host",
        "Authorization: Bearer abc",
        "bearer abcdefghijklmnopqrstu",
        "password=kX9vQ2mP4tZ8",
        "password=changeme",
        "TOKEN: $NAME",
        "--token q7Xk29LmZp4v",
        " -u me:hunter2",
        "Cookie: a=b",
        "SIGNING_KEY='q7Xk29LmZp4v",
        "?pass=hunter2&",
        "${{ x }}",
        "\u200b",
        "\x9b31m",
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----END RSA PRIVATE KEY-----",
        "eyJhbGciOiJI.eyJzdWIiOiIx.sig",
        "plain",
        "/usr/bin:/bin",
        " ",
        "\n",
        "=",
        "é",
    ]
)


@given(st.lists(PIECES, max_size=6).map("".join))
@example("")
def test_both_engines_see_the_same(text: str) -> None:
    """A text is refused exactly if it would be redacted."""
    assert (redact(text) != text) == holds_secret(text)


@pytest.mark.parametrize("place", [0, 2000, 4090, 4096, 6100, 50_000])
def test_secret_is_seen_wherever_it_stands(place: int) -> None:
    """Long texts are looked at in pieces that overlap."""
    assert holds_secret("x" * place + " ghp_0123456789abcdefABCDEF " + "y" * 5000)


@pytest.mark.parametrize(
    "text", ["a" * 40_000, "eyJ-" * 10_000, "password" * 5_000, "-----BEGIN " * 4_000, "a_key" * 8_000]
)
def test_time_grows_with_the_length_only(text: str) -> None:
    """What would take an engine that goes back and forth for ever takes twice as long for twice the text."""
    times = []
    for part in (text[: len(text) // 2], text):
        begun = time.process_time()
        holds_secret(part)
        times.append(time.process_time() - begun)

    assert times[1] < 4 * times[0] + 0.1
