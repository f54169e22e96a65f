"""Whether one exchange keeps to GitHub's description: the request and the answer, each judged once per shape."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from openapi_core.validation.request.exceptions import ParameterValidationError
from openapi_core.validation.schemas.exceptions import InvalidSchemaValue

from tests.openapi.description import SERVER, Description, Operation
from tests.openapi.exchange import Exchange
from tests.openapi.shapes import Shapes

LONGEST_MESSAGE = 300


@dataclass(frozen=True)
class Verdict:
    """What an exchange was about, if it is known, and what is wrong with it."""

    operation: str | None
    violations: tuple[str, ...]


class Contract:
    """Judges exchanges."""

    def __init__(self, description: Description) -> None:
        self.description = description
        self._size = 0
        self._refresh()

    def _refresh(self) -> None:
        """Tell apart what the description now tells apart; it grows when something new is asked for."""
        if self._size != self.description.size:
            self._size = self.description.size
            self._shapes = Shapes(self.description.schemas())
            self._known: dict[Hashable, tuple[str, ...]] = {}

    def judge(self, exchange: Exchange) -> Verdict:
        """What is wrong with an exchange, one line each."""
        operation = self.description.operation(exchange.method, exchange.path)
        self._refresh()
        found = self._stray(exchange) if operation is None else self._violations(operation, exchange)
        lines = tuple(f"{exchange.method} {exchange.path}: {line}" for line in found)
        return Verdict(operation.name if operation else None, lines)

    def _violations(self, operation: Operation, exchange: Exchange) -> list[str]:
        # A test may ask nonsense, to be refused; our program may not, and nonsense may not be granted to anyone.
        found = [] if exchange.refused and not exchange.ours else self._of_request(operation, exchange)
        if exchange.status is not None:
            found += self._of_answer(operation, exchange, exchange.status)
        return found

    @staticmethod
    def _stray(exchange: Exchange) -> list[str]:
        if not exchange.ours and exchange.status in {401, 404}:
            return []
        return [f"there is no such operation (answered {exchange.status})"]

    def _of_request(self, operation: Operation, exchange: Exchange) -> list[str]:
        query = dict(parse_qsl(exchange.query, keep_blank_values=True))
        body = _json(exchange.body)
        key = (
            operation.name,
            "request",
            exchange.content_type,
            self._shapes.of(_numbered(query)),
            self._shapes.of(_numbered(dict(operation.parameters))),
            self._shapes.of(body) if body is not None else bool(exchange.body),
        )
        if key not in self._known:
            request = _request(operation, query, exchange.body, exchange.content_type)
            found = _errors(self._validator(operation).iter_request_errors(request))
            unknown = sorted(set(query) - self.description.query_names(operation))
            found += [f"there is no query parameter `{name}`" for name in unknown]
            self._known[key] = tuple(f"request: {line}" for line in found)
        return list(self._known[key])

    def _of_answer(self, operation: Operation, exchange: Exchange, status: int) -> list[str]:
        document = _json(exchange.answer)
        shape = self._shapes.of(document) if document is not None else bool(exchange.answer)
        key = (operation.name, status, exchange.answer_type, shape)
        if key not in self._known:
            content = json.dumps(self._shapes.distilled(document)).encode() if document is not None else exchange.answer
            request = _request(operation)
            response = MockResponse(data=content, status_code=status, content_type=exchange.answer_type.lower())
            found = _errors(self._validator(operation).iter_response_errors(request, response))
            if status == 204 and exchange.answer:
                found.append("204 has no body")
            self._known[key] = tuple(f"answer {status}: {line}" for line in found)
        return list(self._known[key])

    def of_event(self, name: str, payload: Any) -> list[str]:
        """What is wrong with the payload of an event (`workflow-run-completed`)."""
        operation = Operation("POST", f"/{name}")
        body = json.dumps(self._shapes.distilled(payload)).encode()
        return _errors(self._validator(operation).iter_request_errors(_request(operation, {}, body)))

    def _validator(self, operation: Operation) -> OpenAPI:
        return self.description.loaded(operation.template)


def _request(
    operation: Operation,
    query: Mapping[str, str] | None = None,
    body: bytes = b"",
    content_type: str = "application/json",
) -> MockRequest:
    return MockRequest(
        SERVER, operation.method, operation.path, args=dict(query or {}), data=body, content_type=content_type
    )


def _errors(found: Iterable[Exception]) -> list[str]:
    lines: list[str] = []
    for error in found:
        inner: BaseException = error
        while inner.__cause__ is not None and not isinstance(inner, InvalidSchemaValue):
            inner = inner.__cause__
        where = f"{error.location} `{error.name}`: " if isinstance(error, ParameterValidationError) else ""
        if isinstance(inner, InvalidSchemaValue):
            lines += [f"{where}{line}" for one in inner.schema_errors for line in _schema_lines(one)]
        else:
            lines.append(f"{where}{inner}")
    return lines


def _schema_lines(error: Any) -> list[str]:
    steps = ("[]" if isinstance(step, int) else str(step) for step in error.absolute_path)
    place = f"`{'.'.join(steps)}`: " if error.absolute_path else ""
    if error.context:
        # Of several alternatives, the one that fits best says most.
        best = max(error.context, key=lambda one: len(one.absolute_path))
        return [f"{line} (no alternative fits)" for line in _schema_lines(best)]
    return [f"{place}{str(error.message)[:LONGEST_MESSAGE]}"]


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _numbered(values: Mapping[str, str]) -> dict[str, Any]:
    """Texts that are whole numbers, as such."""
    return {name: int(value) if value.isdigit() else value for name, value in values.items()}
