"""Shapes tell apart all that the description asks about, and nothing else."""

from __future__ import annotations

import pytest

from tests.openapi.contract import Contract
from tests.openapi.shapes import FORMATS, SILENT, SILENT_FORMATS, TOLD_APART, Shapes

SHAPES = Shapes(
    [{"enum": ["red", "green"]}, {"minLength": 3, "maxLength": 5}, {"minimum": 0, "maximum": 6}, {"maxItems": 5}]
)


def test_the_description_asks_nothing_that_shapes_do_not_tell_apart(contract: Contract) -> None:
    """A keyword or format that comes with a newer description must be taught to the shapes first."""
    schemas = list(contract.description.schemas())

    assert {key for schema in schemas for key in schema} <= TOLD_APART | SILENT
    assert {schema["format"] for schema in schemas if "format" in schema} <= FORMATS | SILENT_FORMATS
    assert {type(word) for schema in schemas for word in schema.get("enum", ())} <= {str, type(None)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("blue", "pink"),
        (1, 5),
        ([1, 2, 3], [4]),
        ({"a": "x@y", "b": 1.5}, {"b": 2.5, "a": "z@y"}),
        ("2026-01-15T12:00:00Z", "2027-01-15T12:00:00+01:00"),
        ("https://a.b/c", "http://d.e/f{/g}"),
    ],
)
def test_what_fares_alike_has_one_shape(one: object, other: object) -> None:
    """Numbers, free texts, times and addresses are as good as any other."""
    assert SHAPES.of(one) == SHAPES.of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("red", "green"),
        ("red", "blue"),
        ("blue", "a longer text"),
        ("bl", "blu"),
        (1, "1"),
        (1, 1.5),
        (1, True),
        (0, -1),
        (6, 7),
        (None, ""),
        ([], [1]),
        ([], {}),
        ([1] * 5, [1] * 6),
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, {"a": None}),
        ("2026-01-15T12:00:00Z", "2026-01-15"),
        ("2026-01-15T12:00:00Z", "2026-01-15T25:00:00Z"),
        ("https://a.b/c", "/c"),
    ],
)
def test_what_may_fare_differently_has_two(one: object, other: object) -> None:
    """Types, words of a closed set, bounds, keys, null and formats count."""
    assert SHAPES.of(one) != SHAPES.of(other)


def test_a_distilled_document_keeps_one_of_each() -> None:
    """A page of a hundred alike items is one item to validate, at any depth."""
    page = {"total": 3, "items": [{"id": 1, "of": [1, 2]}, {"id": 2, "of": [3]}, {"id": None, "of": []}]}

    assert {"total": 3, "items": [{"id": 2, "of": [3]}, {"id": None, "of": []}]} == SHAPES.distilled(page)
    assert SHAPES.of(page) == SHAPES.of(SHAPES.distilled(page))


def test_a_list_that_is_too_long_stays_so() -> None:
    """Where a length counts, nothing is left out."""
    assert [1] * 6 == SHAPES.distilled([1] * 6)
