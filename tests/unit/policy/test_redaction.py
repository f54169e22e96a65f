"""Secrets do not survive redaction, and ordinary words do."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from recovery.policy.ids_of_tests import NAME_LIMIT, plain_name
from recovery.policy.junit import read_junit
from recovery.policy.redaction import HIDDEN, redact, redact_lines

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


HEXADECIMAL = "0a1b2c3d" * 8
LETTERS = "aB3dE6gH9jK2" * 4


@pytest.mark.parametrize(
    "parts",
    [
        *[(f"gl{kind}-", LETTERS[:20]) for kind in ("pat", "rt", "dt", "cbt", "ptt", "ft")],
        *[(f"xox{kind}-", "1234567890-" + LETTERS[:12]) for kind in "abceoprs"],
        ("hooks.slack.com/", "services/T0/B0/" + LETTERS[:24]),
        ("discord.com/api/", "webhooks/123456789012345678/" + LETTERS),
        ("discordapp.com/api/", "webhooks/123456789012345678/" + LETTERS),
        ("dckr_pat_", LETTERS[:27]),
        ("dckr_oat_", LETTERS[:27]),
        ("ya29.", "a0" + LETTERS),
        ("GOCSPX-", LETTERS[:28]),
        ("AIza", LETTERS[:35]),
        ("1//0", LETTERS),
        ("hvs.", LETTERS[:24]),
        ("hvb.", LETTERS[:24]),
        ("SG.", LETTERS[:22] + "." + LETTERS[:43]),
        ("hf_", LETTERS[:34]),
        *[(f"do{kind}_v1_", HEXADECIMAL) for kind in "opr"],
        ("dapi", HEXADECIMAL[:32]),
        ("glsa_", LETTERS[:32] + "_0a1b2c3d"),
        ("glc_", LETTERS),
        ("NRAK-", "ABCD1234" * 3 + "EFG"),
        *[(f"shp{kind}_", HEXADECIMAL[:32]) for kind in ("at", "ca", "pa", "ss")],
        ("sq0atp-", LETTERS[:22]),
        ("sq0csp-", LETTERS[:43]),
        ("rubygems_", HEXADECIMAL[:48]),
        ("npm_", LETTERS[:36]),
        ("pypi-", "AgEI" + LETTERS),
        (LETTERS[:14] + ".atlasv1.", LETTERS),
        ("pul-", HEXADECIMAL[:40]),
        ("dp.pt.", LETTERS[:43]),
        ("dp.st.", "dev." + LETTERS[:43]),
        ("AGE-SECRET-KEY-1", "QPZR9YX8" * 7),
        ("ATATT3x", "FfGF0" + LETTERS),
        ("ATCTT3x", "FfGF0" + LETTERS),
        ("ATBB", LETTERS[:32]),
        ("nfp_", LETTERS[:36]),
        ("sbp_", HEXADECIMAL[:40]),
        ("fm2_", LETTERS),
        ("fo1_", LETTERS[:43]),
        ("AKCp", LETTERS + LETTERS[:21]),
        ("lin_api_", LETTERS[:40]),
        ("ntn_", LETTERS[:46]),
        ("secret_", LETTERS[:43]),
        ("figd_", LETTERS[:40]),
        ("PMAK-", HEXADECIMAL[:24] + "-" + HEXADECIMAL[:34]),
        ("sntrys_", LETTERS),
        ("sntryu_", HEXADECIMAL),
        ("sk_live_", LETTERS[:24]),
        ("rk_test_", LETTERS[:24]),
        ("whsec_", LETTERS[:32]),
        ("sk-", LETTERS),
        ("sk-", "ant-api03-" + LETTERS),
        ("1234567890", ":AA" + LETTERS[:33]),
        ("SK", HEXADECIMAL[:32]),
        ("key-", HEXADECIMAL[:32]),
        ("AKIA", "ABCD1234EFGH5678"),
        ("ASIA", "ABCD1234EFGH5678"),
        ("gho_", LETTERS[:36]),
        ("eyJ", "hbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"),
    ],
    ids="".join,
)
@pytest.mark.parametrize("border", ["", "x_", "in ", "(", "="])
def test_token_is_hidden_whatever_stands_before_it(parts: tuple[str, str], border: str) -> None:
    """Tokens of many services are known by how they begin, also when a name runs into them."""
    assert parts[1] not in redact(border + "".join(parts) + " end")


@pytest.mark.parametrize(
    "before",
    [
        "AccountName=shop;AccountKey=",
        "https://shop.blob.core.windows.net/a?sv=2022&sig=",
        "https://s3.amazonaws.com/a?X-Amz-Date=1&X-Amz-Signature=",
        "https://storage.googleapis.com/a?X-Goog-Signature=",
        "https://s3.amazonaws.com/a?X-Amz-Security-Token=",
        "ENCRYPTION_KEY=",
        "SIGNING_KEY: ",
        "SOME_KEY=",
        "//registry.npmjs.org/:_auth=",
        "//registry.npmjs.org/:_authToken=",
        "login pass=",
        "Cookie: theme=dark; session=",
        "Set-Cookie: session=",
        "login --password ",
        "login --token ",
        "['login', '--password', '",
        "curl -u me:",
        "curl --user me:",
        ':token => "',
        "Authorization: ApiKey ",
        "password := ",
        'params["password"] = "',
        r"{\"password\":\"",
        'password: "one two ',
        "client_secret='one two ",
        "token=one,",
        "password=one;",
        "password=one&",
        "cache_key=one,token=",
        "PWD=/home/me;TOKEN=",
        "password={{one}},password=",
        "password=$2b$10$",
        "password={",
        "password=<",
        "password=%",
        "password=${NAME:-",
        "https://example.org/a?access_token=",
        "postgres://u:",
        "postgres://u:p@ss/w0rd",
        "postgres://me@example.org:p@",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n",
    ],
)
def test_secret_is_known_by_what_stands_before_it(before: str) -> None:
    """Names, headers, options and addresses tell what follows them."""
    end = "@db" if "://u" in before or "://me" in before else ""
    assert RANDOM not in redact(before + RANDOM + end)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password: hunter2", "password: ***"),
        ("my-user-password=123456", "my-user-password=***"),
        ("DB_PASSWORD=correct" + "horse", "DB_PASSWORD=***"),
        ("DB_PASS=correct" + "horse", "DB_PASS=***"),
        ('password: "correct horse" and more', 'password: "***" and more'),
        ("postgres://u:p@ss/w0" + "rd@db/shop as u", "postgres://***@db/shop as u"),
        ("https://example.org/?password=hunter2" + "&page=2", "https://example.org/?password=***&page=2"),
        ("password=hunter2" + "&rest,all;of it", "password=*** it"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQ\n-----END PGP PRIVATE KEY BLOCK----- end", "*** end"),
    ],
)
def test_no_more_is_hidden_than_the_secret(text: str, expected: str) -> None:
    """What stands around a secret is still read."""
    assert expected == redact(text)


@pytest.mark.parametrize("unseen", ["\u200b", "\u00ad", "\b", "\x9b31m", "\ufffd31m", "\x1b[31m", "\ufeff"])
def test_secret_split_by_what_nobody_sees_is_hidden(unseen: str) -> None:
    """It would be shown without it."""
    secret = "ghp_" + "aB3d" * 2 + unseen + "eF5g" * 2
    assert "with ***" == redact("with " + secret)
    assert "password=***" == redact("pass" + unseen + "word=hunter2")
    assert f"all {unseen}well" == redact(f"all {unseen}well")


def _from_report(name: str) -> str:
    failed = f'<testsuite name="s"><testcase name="{name}"><failure/></testcase></testsuite>'
    return read_junit(failed.encode()).failed[0].removeprefix("s.")


@pytest.mark.parametrize("limited", [plain_name, _from_report])
def test_secret_is_hidden_before_the_id_of_a_test_is_cut(limited: Callable[[str], str]) -> None:
    """What is left of a secret after the cut would not be known for one."""
    start = "x" * (NAME_LIMIT - 15) + " "
    assert start + HIDDEN == limited(start + "ghp_" + LETTERS[:36])


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
        "token: 12 tokens used",
        "password is required",
        "password: required",
        "password: cannot be blank",
        "Property 'password' is missing in type '{ password: string; }'",
        "password=${DB_PASSWORD} token=${{ secrets.DEPLOY_TOKEN }} pwd=%DB_PASSWORD%, password: <your password>",
        "password: null, secret: false, token: ",
        "PWD=/home/runner/work/shop/shop",
        "auth::password::verify_accepts_hashes ... FAILED",
        "--- PASS: TestPasswordReset (0.00s)",
        "PASS: tests/checkout_total.test.js",
        "test_password.py::test_reset[long-enough] FAILED",
        "test_wrong_password: AssertionError",
        "Cache key: Linux-node-20-" + "0a1b2c3d" * 8,
        "cache_key=Linux-node-0a1b2c3d4e5f",
        "password_file: /run/secrets/db_password1",
        "id 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "sha256:" + "0a1b2c3d" * 8,
        "error: a value is required for --password",
        "error: option --token requires an argument",
        "docker run -u 1000:1000123 shop",
        "git push -u origin main",
        "python -u tests/run.py::test_total",
        "http://localhost:5173/@vite/client",
        "https://registry.npmjs.org/@babel/core/7.0.0",
        "uses: https://github.com/actions/checkout@v4",
        "task-runner-configuration-of-the-shop",
        "test_disk_live_configurationloader",
        "Unexpected token: punctuation mark",
        "max_tokens=128,000,000",
        "Cookie: not found",
        "design=0123456789abcdef0123",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    """Evidence is only worth something when it can be read."""
    assert redact(text) == text


def test_private_key_is_hidden_on_all_its_lines() -> None:
    """A key may be indented, have headers and an empty line; what comes after its end is shown again."""
    key = ("  -----BEGIN RSA PRIVATE KEY-----", "  Proc-Type: 4,ENCRYPTED", "", "  MIIEow" + RANDOM, "  AAAAC3Nza=  ")
    end = "  -----END RSA PRIVATE KEY-----"
    assert ["a build", *[HIDDEN] * len(key), end, "MIIEow"] == list(redact_lines(("a build", *key, end, "MIIEow")))
    assert [HIDDEN, "exit code 1", "AAAA"] == list(redact_lines((key[0], "exit code 1", "AAAA")))
    assert [f"password={HIDDEN}"] == list(redact_lines(("password=" + RANDOM,)))


def test_redaction_is_idempotent_and_linear() -> None:
    """Redacting twice changes nothing more, and a hostile line costs no more than its length."""
    line = "password=" + RANDOM + " Authorization: Bearer " + RANDOM
    assert redact(redact(line)) == redact(line)
    started = time.process_time()
    redact("eyJ" * 20_000 + "a" * 20_000)
    redact("-----BEGIN PRIVATE KEY-----" * 2000)
    redact("password=" * 20_000)
    redact("a://b:c/" * 20_000)
    redact("token='\\\\" * 20_000)
    redact("\x1b[0;" * 20_000)
    list(redact_lines(("-----BEGIN PRIVATE KEY-----", " " * 200_000 + "!")))
    assert time.process_time() - started < 5
