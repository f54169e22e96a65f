"""GitHub's description of its REST API, cut down to the operations that are used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from openapi_core import Config, OpenAPI

from recovery.rehearsal.api import ROUTES
from tests.openapi.deviations import REFUSALS, UNCHANGED, UNDESCRIBED, amend, schemas_of
from tests.openapi.packages import PackagedFile
from tests.openapi.shapes import is_address

Json = dict[str, Any]

SERVER = "https://api.github.com"
EVENTS = ("workflow-run-completed", "workflow-run-requested", "workflow-run-in-progress")
SOURCE = PackagedFile(
    name="@octokit/openapi",
    version="23.0.2",
    integrity="sha512-pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==",
    member="package/generated/api.github.com.json",
    sha256="829b4bebb19a53133289f7b0bc819f4f1118115821db2ca9f25e9ee995a7da2a",
)
# In GitHub's notation and in the rehearsal's: {ref}, {run:int}, {path:path}.
_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")


@dataclass(frozen=True)
class Operation:
    """One method of one address, with what a request to it filled into the address."""

    method: str
    template: str
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The operation, whatever it is asked about."""
        return f"{self.method} {self.template}"

    @property
    def path(self) -> str:
        """The request's path; a parameter that spans several segments is one, escaped."""
        values = dict(self.parameters)
        return _PARAMETER.sub(lambda found: quote(values[found[1]], safe="%"), self.template)


class Description:
    """The operations that the rehearsal serves, and any other as soon as it is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        document = json.loads(path.read_bytes())
        self._patterns = _patterns(document, document["paths"])
        used = {self._matching(_PARAMETER.sub("1", route.pattern))[0] for route in ROUTES} - {""}
        self.document = sliced(document, used)
        self._loaded: dict[str, OpenAPI] = {}

    def operation(self, method: str, path: str) -> Operation | None:
        """The described operation that a request is meant for."""
        template, parameters = self._matching(path)
        if not template:
            return None
        template = UNDESCRIBED.get((method, template), template)
        if template not in self.document["paths"]:
            self.document = sliced(json.loads(self._path.read_bytes()), {*self.document["paths"], template})
            self._loaded.clear()
        if method.lower() not in self.document["paths"][template]:
            return None
        return Operation(method, template, parameters)

    def _matching(self, path: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        for template, pattern in self._patterns.items():
            if found := pattern.fullmatch(path):
                return template, tuple(found.groupdict().items())
        return "", ()

    def loaded(self, template: str) -> OpenAPI:
        """A validator of one address, which is quicker than one of all."""
        if template not in self._loaded:
            document = {**self.document, "paths": {template: self.document["paths"][template]}}
            self._loaded[template] = OpenAPI.from_dict(document, config=CONFIG)
        return self._loaded[template]

    def query_names(self, operation: Operation) -> frozenset[str]:
        """The query parameters that an operation takes."""
        item = self.document["paths"][operation.template]
        described = [*item.get("parameters", ()), *item[operation.method.lower()].get("parameters", ())]
        found = (resolved(self.document, parameter) for parameter in described)
        return frozenset(parameter["name"] for parameter in found if parameter["in"] == "query")

    @property
    def size(self) -> int:
        """How many addresses are loaded."""
        return len(self.document["paths"])

    def schemas(self) -> Iterator[Json]:
        """Every schema of the slice, at any depth."""
        return schemas_of(self.document)


CONFIG = Config(
    spec_validator_cls=None,  # GitHub's document itself is not on trial
    server_base_url=SERVER,
    extra_format_validators={"uri": is_address},
    additional_properties_default_policy="forbid",  # what GitHub does not describe, we neither send nor serve
)


def sliced(document: Json, templates: Iterable[str]) -> Json:
    """The document with these addresses only, the components they need, and what any operation may answer.

    The events of `EVENTS` become addresses too (`/EVENT`, POST).
    """
    paths: Json = {name: _with_refusals(document["paths"][name]) for name in templates if name in document["paths"]}
    paths |= {f"/{event}": document["x-webhooks"][event] for event in EVENTS}
    components: Json = {}
    waiting = [paths]
    while waiting:
        for reference in _references(waiting.pop()):
            _, _, kind, name = reference.split("/")
            if name not in components.setdefault(kind, {}):
                components[kind][name] = document["components"][kind][name]
                waiting.append(components[kind][name])
    slice_of_it = {
        "openapi": document["openapi"],
        "info": {"title": "GitHub, in part", "version": document["info"]["version"]},
        "servers": [{"url": SERVER}],
        "paths": paths,
        "components": components,
    }
    amend(slice_of_it)
    return slice_of_it


def resolved(document: Json, value: Json) -> Json:
    """What a reference points at."""
    if "$ref" not in value:
        return value
    _, _, kind, name = value["$ref"].split("/")
    found: Json = document["components"][kind][name]
    return found


def _with_refusals(item: Json) -> Json:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/basic-error"}}}
    usual = {str(status): {"description": why, "content": error} for status, why in REFUSALS.items()}
    usual |= {str(status): {"description": why} for status, why in UNCHANGED.items()}
    return {
        name: {**value, "responses": {**usual, **value["responses"]}}
        if isinstance(value, dict) and "responses" in value
        else value
        for name, value in item.items()
    }


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        target = value.get("$ref")
        if isinstance(target, str):
            yield target
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _patterns(document: Json, templates: Iterable[str]) -> dict[str, re.Pattern[str]]:
    """How the paths of each template look, the most exact template first."""
    found = {}
    for template in sorted(templates, key=lambda template: (template.count("{"), -len(template))):
        wide = {
            parameter["name"]
            for value in _parameters(document["paths"][template])
            if (parameter := resolved(document, value)).get("x-multi-segment")
        }
        pieces = _PARAMETER.split(template)
        # Split, a template gives text, name, kind (of the rehearsal's notation only), text, name, ...
        named = (f"(?P<{name}>{'.+' if name in wide else '[^/]+'})" for name in pieces[1::3])
        found[template] = re.compile(
            "".join(part for pair in zip(pieces[::3], (*named, ""), strict=True) for part in pair)
        )
    return found


def _parameters(item: Json) -> Iterator[Json]:
    yield from item.get("parameters", ())
    for operation in item.values():
        if isinstance(operation, dict):
            yield from operation.get("parameters", ())
