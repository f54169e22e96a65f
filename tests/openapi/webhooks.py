"""Real payloads of events, as GitHub's own client library keeps them for examples."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

from tests.openapi.packages import PackagedFile

SOURCE = PackagedFile(
    name="@octokit/webhooks-examples",
    version="7.6.1",
    integrity="sha512-De6U3XB6O3DtCa7bKgCMzTHdeopqqZ6SNivMYJnK65ierKL1AnNIA0tkRYCRS7lwGT792d+Ps1WbfHlso6MynQ==",
    member="package/api.github.com/index.json",
    sha256="09d8f0c617876ae9dad22e26fea5510bfcaad50ee7e602659f6db25b87b25815",
)


def real_payloads(event: str) -> list[dict[str, Any]]:
    """The payloads of one event.

    Raises:
        OutOfReach: npm does not bring them.
    """
    document = json.loads(SOURCE.fetched().read_bytes())
    (examples,) = (entry["examples"] for entry in document if entry["name"] == event)
    return list(examples)


class Read(dict[str, Any]):
    """A document that notes which of its keys are read, at any depth, as `a.b.c`."""

    def __init__(self, document: dict[str, Any], noted: set[str], place: str = "") -> None:
        super().__init__(
            {
                key: Read(value, noted, f"{place}{key}.") if isinstance(value, dict) else value
                for key, value in document.items()
            }
        )
        self._noted = noted
        self._place = place

    def __getitem__(self, key: str) -> Any:
        self._noted.add(f"{self._place}{key}")
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """The value, if there is one."""
        self._noted.add(f"{self._place}{key}")
        return super().get(key, default)


def value_at(document: Any, place: str) -> Any:
    """What a document holds at `a.b.c`.

    Raises:
        KeyError: it has no such key.
    """
    for key in place.split("."):
        document = document[key]
    return document


def kind_of(value: Any) -> Hashable:
    """The JSON type of a value."""
    return type(value).__name__
