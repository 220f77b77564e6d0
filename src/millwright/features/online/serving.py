"""An online store of features: a table, answering over HTTP as Feast's feature server does.

The table is a file, or a folder of them, and is read again when they change: whoever computes
features writes a file, and what is served follows. Source of the protocol:
https://docs.feast.dev/reference/feature-servers/python-feature-server
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from millwright.data import read_table
from millwright.features.online.latest import Key, LatestRows, key_of
from millwright.kernel.clock import rfc3339
from millwright.kernel.errors import InvalidInput, MillwrightError, NotFound, Unauthenticated

PATH = "/get-online-features"
_MOST_BYTES = 1024 * 1024
_LOOK_SECONDS = 1.0
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class OnlineStore:
    """The features of one view, as fresh as its file."""

    def __init__(self, view: str, source: Path, keys: Sequence[str], time: str | None) -> None:
        """Read the table; errors as ``read_table`` and ``LatestRows``."""
        self.view = view
        self._source = source
        self._keys = keys
        self._time = time
        self._state = self._look()
        self._looked = 0.0
        self._reading = asyncio.Lock()
        self.rows = self._read()

    def answer(self, asked: Mapping[str, Any], now_us: int) -> dict[str, object]:
        """What is known, in the form of Feast's answer.

        Raises:
            InvalidInput: it asks for no feature of this view, or not by its keys.
        """
        references, entities = asked.get("features"), asked.get("entities")
        if not isinstance(references, list) or not isinstance(entities, dict):
            raise InvalidInput(
                "features.request", 'Ask with {"features": ["view:name"], "entities": {"key": []}}.'
            )
        names = [self._feature(str(reference)) for reference in references]
        found = [self.rows.at(key, now_us) for key in self._asked(entities)]
        full = bool(asked.get("full_feature_names"))
        shown = [f"{self.view}__{name}" if full else name for name in names]
        ids = [
            {
                "values": entities[key],
                "statuses": ["PRESENT"] * len(found),
                "event_timestamps": [rfc3339(0)] * len(found),
            }
            for key in self._keys
        ]
        results = [*ids, *(self._column(name, found) for name in names)]
        return {"metadata": {"feature_names": [*self._keys, *shown]}, "results": results}

    def _asked(self, entities: Mapping[str, Any]) -> list[Key | None]:
        columns = [entities.get(key) for key in self._keys]
        lengths = {len(column) if isinstance(column, list) else -1 for column in columns}
        if len(lengths) != 1 or -1 in lengths or set(entities) != set(self._keys):
            raise InvalidInput(
                "features.entities",
                f"Entities of '{self.view}' are named by {', '.join(self._keys)}, lists of one length.",
            )
        return [key_of(values) for values in zip(*map(list, columns), strict=True)]  # type: ignore[arg-type]

    def _feature(self, reference: str) -> str:
        view, _, name = reference.rpartition(":")
        if view not in ("", self.view) or name not in self.rows.features:
            raise InvalidInput(
                "features.unknown",
                f"There is no feature '{reference[:200]}' here.",
                hint=f"'{self.view}' has: {', '.join(self.rows.features)[:300]}.",
            )
        return name

    def _column(self, name: str, found: Sequence[tuple[int, int] | None]) -> dict[str, object]:
        values = [None if one is None else _plain(self.rows.value(one[0], name)) for one in found]
        return {
            "values": values,
            "statuses": [
                "NOT_FOUND" if one is None else "NULL_VALUE" if value is None else "PRESENT"
                for one, value in zip(found, values, strict=True)
            ],
            "event_timestamps": [rfc3339(0 if one is None else one[1] // 1000) for one in found],
        }

    async def refresh(self) -> None:
        """Read the table again where its file changed; what cannot be read leaves what was known."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        async with self._reading:
            state = self._look()
            if state != self._state:
                loop = asyncio.get_running_loop()
                self.rows = await loop.run_in_executor(None, self._read)
                self._state = state

    def _read(self) -> LatestRows:
        return LatestRows(read_table(self._source), self._keys, self._time)

    def _look(self) -> list[tuple[str, int, int]]:
        files = sorted(self._source.rglob("*")) if self._source.is_dir() else [self._source]
        stats = [(str(file), file.stat()) for file in files if file.is_file()]
        return [(name, stat.st_mtime_ns, stat.st_size) for name, stat in stats]


class OnlineServer:
    """The store behind an ASGI server."""

    def __init__(self, store: OnlineStore, token: str | None) -> None:
        """Answer whoever sends ``token``; None answers everybody."""
        self._store = store
        self._expected = None if token is None else f"Bearer {token}".encode()

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: _Receive, send: _Send
    ) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            status, content = 200, await self._reply(scope, receive)
        except MillwrightError as error:
            status, content = error.status, {"detail": str(error), "code": error.code}
        body = json.dumps(content).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _reply(
        self, scope: MutableMapping[str, Any], receive: _Receive
    ) -> Mapping[str, object]:
        method, path = scope["method"], scope["path"]
        if path == "/health":
            return {"entities": len(self._store.rows)}
        given = dict(scope["headers"]).get(b"authorization", b"")
        if self._expected is not None and not hmac.compare_digest(given, self._expected):
            raise Unauthenticated("features.token", "This needs a token.")
        if path != PATH or method != "POST":
            raise NotFound("features.unknown_path", f"There is only POST {PATH} here.")
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > _MOST_BYTES:
                raise InvalidInput("features.large", "The request is larger than 1 MiB.")
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError) as cause:
            raise InvalidInput("features.request", f"The request is not JSON: {cause}.") from cause
        if not isinstance(asked, dict):
            raise InvalidInput("features.request", "The request is no JSON object.")
        await self._store.refresh()
        return self._store.answer(asked, time.time_ns() // 1000)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return value.isoformat() if isinstance(value, datetime) else str(value)
