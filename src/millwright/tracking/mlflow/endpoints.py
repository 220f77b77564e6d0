"""Endpoints of the MLflow protocol: what stands in a table, and what a handler is given."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive

from millwright.kernel.access import Actor, Permission
from millwright.kernel.store import Store, Transaction
from millwright.tracking.mlflow.errors import MlflowError, bad_value, invalid, missing
from millwright.tracking.service.group_commit import writer_of
from millwright.tracking.service.metric_points import MetricWrite

MAX_BODY_BYTES = 17 << 20
"""JSON larger than this is refused before it is read. A dataset's profile may have 16 MiB."""

MAX_BRIEF_BYTES = 8_192
"""What asks for a write that the event loop does itself is no larger."""

MAX_STREAM_BYTES = 4 << 30
"""What an endpoint that reads its body itself is given at most."""

T = TypeVar("T")
Handler = Callable[["MlflowCall"], Any]
_MISSING = re.compile(r"missing required field `([^`]+)`")
_PLACE = re.compile(r"\$\.([A-Za-z0-9_]+)(\[(?:\.\.\.|\d+)\])?(?:\.([A-Za-z0-9_]+))?")
_PART = re.compile(r"\{(\w+)(:path)?\}")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is not plain JSON with status 200."""

    content: bytes | Iterator[bytes] | AsyncIterator[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MlflowCall:
    """One request: who asks, of which project, and what was sent."""

    store: Store
    actor: Actor
    project: str
    method: str
    path: str
    """Decoded, below the tracking URI."""
    parts: Mapping[str, str]
    """Values of ``{name}`` in the endpoint's path, decoded."""
    headers: Mapping[str, str]
    query: str
    body: bytes
    receive: Receive

    def read(self, kind: type[T]) -> T:
        """The request as a ``msgspec.Struct``: query parameters of a GET, else the JSON body.

        Numbers may come as text, as MLflow's clients send them.

        Raises:
            MlflowError: a field is missing or of another type, or the body is no JSON.
        """
        try:
            if self.method == "GET" and self.query:
                return msgspec.convert(self._arguments(kind), kind, strict=False)
            if not self.body:
                return msgspec.convert({**self.parts}, kind, strict=False)
            return msgspec.json.decode(self.body, type=kind, strict=False)
        except msgspec.ValidationError as cause:
            raise self._explained(cause) from cause
        except (msgspec.DecodeError, UnicodeDecodeError) as cause:
            raise MlflowError("MALFORMED_REQUEST", f"The body is not JSON: {cause}") from cause
        except RecursionError as cause:
            raise MlflowError("MALFORMED_REQUEST", "The body is nested too deeply.") from cause

    def fields(self) -> dict[str, Any]:
        """The request as a plain dict, for handlers that take it as it comes.

        Raises:
            MlflowError: the body is no JSON object.
        """
        if self.method == "GET":
            return {name: v[0] if len(v) == 1 else v for name, v in self.arguments().items()}
        found: Any = self.read(dict[str, Any])
        return dict(found)

    async def write(
        self, work: Callable[[Transaction], Any] | MetricWrite, *, brief: bool = False
    ) -> Any:
        """Do a change of state in a transaction that is shared with concurrent requests; what
        ``work`` raises undoes its part and is raised here. Durable on return.

        ``brief``: it takes a fraction of a millisecond whatever the database holds, as long as
        the request is small."""
        writer = writer_of(self.store)
        brief = brief and len(self.body) < MAX_BRIEF_BYTES
        return await writer.done(self.actor, self.project, work, brief=brief)

    def arguments(self) -> dict[str, list[str]]:
        """The query's parameters, each with all its values."""
        return parse_qs(self.query, keep_blank_values=True, max_num_fields=100_000)

    async def stream(self) -> AsyncIterator[bytes]:
        """The body piece by piece, for endpoints declared with ``streams=True``.

        Raises:
            MlflowError: the client went away, or sends without end.
        """
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise MlflowError("BAD_REQUEST", "The client went away.")
            if message.get("body"):
                size += len(message["body"])
                if size > MAX_STREAM_BYTES:
                    raise MlflowError("INVALID_PARAMETER_VALUE", "The file is too large.", 413)
                yield message["body"]
            if not message.get("more_body", False):
                return

    def _arguments(self, kind: Any) -> dict[str, Any]:
        repeated = _repeated(kind)
        given = {
            name: values if name.removesuffix("[]") in repeated else values[-1]
            for name, values in self.arguments().items()
        }
        return {**self.parts, **given}

    def _sent(self) -> Any:
        if self.method != "GET":
            return msgspec.json.decode(self.body)
        return {name: v[0] if len(v) == 1 else v for name, v in self.arguments().items()}

    def _explained(self, cause: msgspec.ValidationError) -> MlflowError:
        text = str(cause)
        absent, place = _MISSING.search(text), _PLACE.search(text)
        if place is None:
            return missing(absent[1]) if absent else invalid(f"The request is not usable: {text}")
        try:
            value: Any = self._sent()[place[1]]
            name = absent[1] if absent else place[3]
            if place[2] and name:
                at = next((i for i, each in enumerate(value) if each.get(name) is None), None)
                if at is not None:
                    return missing(f"{place[1]}[{at}].{name}")
            if absent:
                return missing(absent[1])
            return missing(place[1]) if value is None else bad_value(place[1], value)
        except (AttributeError, LookupError, TypeError, ValueError, RecursionError):
            return invalid(f"The request is not usable: {text}")
        except msgspec.DecodeError:
            return invalid(f"The request is not usable: {text}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method and path of the protocol, and what it asks of its caller."""

    method: str
    path: str
    permission: Permission
    handler: Handler
    is_async: bool
    streams: bool
    max_bytes: int
    quick: bool


class Endpoints:
    """A table of endpoints; nothing can stand in it without a permission."""

    def __init__(self) -> None:
        self.table: list[Endpoint] = []

    def get(self, *paths: str, permission: Permission, **options: Any) -> Callable[..., Any]:
        """Declare GET endpoints."""
        return self.add("GET", *paths, permission=permission, **options)

    def post(self, *paths: str, permission: Permission, **options: Any) -> Callable[..., Any]:
        """Declare POST endpoints."""
        return self.add("POST", *paths, permission=permission, **options)

    def put(self, *paths: str, permission: Permission, **options: Any) -> Callable[..., Any]:
        """Declare PUT endpoints."""
        return self.add("PUT", *paths, permission=permission, **options)

    def patch(self, *paths: str, permission: Permission, **options: Any) -> Callable[..., Any]:
        """Declare PATCH endpoints."""
        return self.add("PATCH", *paths, permission=permission, **options)

    def delete(self, *paths: str, permission: Permission, **options: Any) -> Callable[..., Any]:
        """Declare DELETE endpoints."""
        return self.add("DELETE", *paths, permission=permission, **options)

    def add(
        self,
        method: str,
        *paths: str,
        permission: Permission,
        streams: bool = False,
        max_bytes: int = MAX_BODY_BYTES,
        quick: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Declare endpoints of any method.

        Args:
            method: in capitals.
            paths: below ``/api/2.0/mlflow/``, or from the root where they start with ``/``.
            permission: what the caller must hold.
            streams: the handler reads the body itself.
            max_bytes: the largest body that is read for the handler.
            quick: a point lookup, which SQLite answers sooner than a thread could take it.
        """

        def declare(handler: Handler) -> Handler:
            is_async = inspect.iscoroutinefunction(handler)
            for path in paths:
                self.table.append(
                    Endpoint(method, path, permission, handler, is_async, streams, max_bytes, quick)
                )
            return handler

        return declare


class EndpointMap:
    """Finds the endpoint of a method and a path: by dictionary, then by pattern."""

    def __init__(self, endpoints: list[Endpoint]) -> None:
        self._exact: dict[tuple[str, str], Endpoint] = {}
        self._patterns: list[tuple[str, re.Pattern[str], Endpoint]] = []
        for endpoint in endpoints:
            if "{" not in endpoint.path:
                self._exact[endpoint.method, endpoint.path] = endpoint
            else:
                pattern = _compiled(endpoint.path)
                self._patterns.append((endpoint.method, pattern, endpoint))

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """The endpoint and the values in its path; None where there is none."""
        endpoint = self._exact.get((method, path))
        if endpoint is not None:
            return endpoint, {}
        for own_method, pattern, candidate in self._patterns:
            if own_method == method:
                match = pattern.fullmatch(path)
                if match is not None:
                    return candidate, match.groupdict()
        return None


def _compiled(path: str) -> re.Pattern[str]:
    position, text = 0, ""
    for part in _PART.finditer(path):
        text += re.escape(path[position : part.start()])
        text += f"(?P<{part[1]}>.*)" if part[2] else f"(?P<{part[1]}>[^/]+)"
        position = part.end()
    return re.compile(text + re.escape(path[position:]), re.DOTALL)


@cache
def _repeated(kind: Any) -> frozenset[str]:
    """The fields of a request that a query may give several times."""
    return frozenset(f.encode_name for f in msgspec.structs.fields(kind) if _is_list(f.type))


def _is_list(kind: Any) -> bool:
    described = msgspec.inspect.type_info(kind)
    options = getattr(described, "types", (described,))
    return any(
        isinstance(option, msgspec.inspect.ListType | msgspec.inspect.VarTupleType)
        for option in options
    )
