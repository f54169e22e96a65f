"""Where GitHub, and so the rehearsal, does what GitHub's description leaves out. Each with its reason, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

REFUSALS = {
    400: "a body that is no JSON, or an API version that does not exist: said in prose for every operation",
    401: "no token or a wrong one: the description names it for a few operations only",
    403: "a permission that the token lacks, or a limit reached: said in prose for every operation",
    404: "what is not there or not visible: the description leaves it out where it lists",
    410: "what has expired: the description names it for artifacts and leaves it out for logs",
    422: "input that makes no sense: the description leaves it out for filters",
    429: "a limit reached: said in prose for every operation",
}
"""Statuses that any operation may answer, with GitHub's usual error document (`basic-error`)."""

UNCHANGED = {304: "what the client has already: said in prose for every conditional GET"}

_REPOSITORY = "/repos/{owner}/{repo}"
UNDESCRIBED = {
    # The older address of the same; PyGithub still asks there.
    ("GET", f"{_REPOSITORY}/git/refs/{{ref}}"): f"{_REPOSITORY}/git/ref/{{ref}}",
}
"""Requests that GitHub serves without describing them, and the described address that each is equal to."""


def amend(document: Json) -> None:
    """Bring the slice to what GitHub does."""
    components = document["components"]
    # Takes the search syntax (`>=2026-01-01`, `A..B`), as its own prose says, and not only a point in time.
    if "created" in components.get("parameters", {}):
        components["parameters"]["created"]["schema"].pop("format", None)
    # Every refusal carries its status in the document; only `basic-error` says so.
    if "validation-error" in components["schemas"]:
        components["schemas"]["validation-error"]["properties"]["status"] = {"type": "string"}
    for schema in schemas_of(document):
        _take_as_meant(schema, components["schemas"])


def _take_as_meant(schema: Json, components: Json) -> None:
    # `nullable` beside a list of words, or of alternatives, means that null is one more of them.
    if schema.get("nullable") and "enum" in schema and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    if schema.get("nullable") and "oneOf" in schema:
        schema["oneOf"] = [*schema["oneOf"], {"type": "object", "nullable": True, "enum": [None]}]
    # An address that nobody gave is empty.
    if schema.get("default") == "":
        schema.pop("format", None)
    # What has all the keys of two objects is one object, whose other keys can be told.
    if "allOf" in schema:
        parts = [components[part["$ref"].rpartition("/")[2]] if "$ref" in part else part for part in schema["allOf"]]
        if all("properties" in part for part in parts):
            del schema["allOf"]
            schema["type"] = "object"
            schema["properties"] = {name: value for part in parts for name, value in part["properties"].items()}
            schema["required"] = sorted({name for part in parts for name in part.get("required", ())})


def schemas_of(value: Any) -> Iterator[Json]:
    """The schemas in a document's parameters, bodies, headers and components, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "schema":
                yield from _inner_schemas(inner)
            elif name == "schemas":
                for schema in inner.values():
                    yield from _inner_schemas(schema)
            elif name not in {"example", "examples"}:
                yield from schemas_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from schemas_of(inner)


def _inner_schemas(schema: Any) -> Iterator[Json]:
    if not isinstance(schema, dict):
        return
    yield schema
    for inner in schema.get("properties", {}).values():
        yield from _inner_schemas(inner)
    for name in ("items", "additionalProperties"):
        yield from _inner_schemas(schema.get(name))
    for name in ("allOf", "anyOf", "oneOf"):
        for inner in schema.get(name, ()):
            yield from _inner_schemas(inner)
