"""Where the description is taken as GitHub means it, and not as it says."""

from __future__ import annotations

from typing import Any

from tests.openapi.deviations import amend

Json = dict[str, Any]


def amended(**schemas: Json) -> Json:
    """These schemas as GitHub means them."""
    document: Json = {"components": {"schemas": schemas}}
    amend(document)
    found: Json = document["components"]["schemas"]
    return found


def test_null_is_one_of_the_words_where_it_is_allowed() -> None:
    """A check run that has not ended has no conclusion."""
    meant = amended(one={"enum": ["a"], "nullable": True}, other={"enum": ["a"]})

    assert ["a", None] == meant["one"]["enum"]
    assert ["a"] == meant["other"]["enum"]


def test_null_is_one_of_the_alternatives_where_it_is_allowed() -> None:
    """A commit whose author has no account has none."""
    meant = amended(one={"oneOf": [{"$ref": "x"}], "nullable": True}, other={"oneOf": [{"$ref": "x"}]})

    assert [2, 1] == [len(meant[name]["oneOf"]) for name in ("one", "other")]


def test_an_address_that_is_empty_by_default_may_be_empty() -> None:
    """A deployment's status has an address only if it was given."""
    meant = amended(one={"format": "uri", "default": ""}, other={"format": "uri"})

    assert ["default"] == list(meant["one"])
    assert ["format"] == list(meant["other"])


def test_an_object_of_two_parts_is_one() -> None:
    """So that a key of neither part can be told; what is no object is left as it was."""
    part: Json = {"type": "object", "properties": {"a": {}}, "required": ["a"]}
    meant = amended(
        part=part,
        whole={"allOf": [{"$ref": "#/components/schemas/part"}, {"properties": {"b": {}}}]},
        other={"allOf": [{"type": "string"}]},
    )

    assert {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"]} == meant["whole"]
    assert {"allOf": [{"type": "string"}]} == meant["other"]


def test_a_refusal_says_its_status_and_a_day_is_a_search() -> None:
    """Two single places that only GitHub's prose describes."""
    created = {"schema": {"type": "string", "format": "date-time"}}
    document: Json = {
        "components": {"parameters": {"created": created}, "schemas": {"validation-error": {"properties": {}}}}
    }
    amend(document)

    assert {"type": "string"} == created["schema"]
    assert {"status": {"type": "string"}} == document["components"]["schemas"]["validation-error"]["properties"]
