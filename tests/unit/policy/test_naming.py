"""Names by which GitHub keeps a rollback from happening twice."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from recovery.policy.naming import ROLLBACK_TAGS, busy_tag, return_tag, revert_branch, rollback_tag, slug
from tests.rollback_builders import BAD_SHA


def test_names_tell_what_they_are_for() -> None:
    """People read them in the list of tags."""
    assert f"recovery/rollback/deploy/production/{BAD_SHA}" == rollback_tag("Deploy", "production", BAD_SHA)
    assert f"recovery/rollback/deploy-shop-c7117190/eu/{BAD_SHA}" == rollback_tag("Deploy shop", "eu", BAD_SHA)
    assert rollback_tag("Deploy", "eu", BAD_SHA).startswith(ROLLBACK_TAGS)
    assert "recovery/rolling-back/deploy/production" == busy_tag("Deploy", "production")
    assert f"recovery/return/deploy/production/{BAD_SHA}" == return_tag("Deploy", "production", BAD_SHA)
    assert f"recovery/revert/{'b' * 12}-01hx" == revert_branch(BAD_SHA, "01HX")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Deploy (eu)", "Deploy (us)"),
        ("Deploy Web", "deploy-web"),
        ("部署", "发布"),
        ("a.b", "a-b"),
        ("x" * 50, "x" * 60),
    ],
)
def test_different_names_stay_different(one: str, other: str) -> None:
    """Two workflows must not lock each other out, whatever letters their names have."""
    assert slug(one) != slug(other)


@given(some.text(min_size=1, max_size=80))
def test_every_name_makes_a_valid_reference(name: str) -> None:
    """Git refuses dots, spaces and much else in references."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug(name))
    assert len(slug(name)) <= 49
