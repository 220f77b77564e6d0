"""What an online store of features is asked, and what it answers: the protocol of Feast's server.

``POST …/get-online-features`` with ``features`` (``view:name``) and ``entities`` (a list for each join
key). Source: https://docs.feast.dev/reference/feature-servers/python-feature-server
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import orjson

from millwright.kernel.clock import parse_rfc3339
from millwright.kernel.errors import InvalidInput, Unavailable
from millwright.kernel.serving_config import LookupConfig

Key = tuple[Any, ...]
"""The ids of one entity, in the order of ``LookupConfig.entities``."""
PRESENT = "PRESENT"


class Found(msgspec.Struct, frozen=True):
    """What the store knows of one entity; both in the order of ``LookupConfig.features``.

    Attributes:
        values: None where the store has none.
        times_ms: when each was true; None where the store does not say.
    """

    values: list[Any]
    times_ms: list[int | None]


class _Names(msgspec.Struct):
    feature_names: list[str]


class _Column(msgspec.Struct):
    values: list[Any]
    statuses: list[str] = []
    event_timestamps: list[str | None] = []


class _Response(msgspec.Struct):
    metadata: _Names
    results: list[_Column]


def written(config: LookupConfig, keys: Sequence[Key]) -> bytes:
    """The request for these entities."""
    entities = {
        name: [_plain(key[position]) for key in keys]
        for position, name in enumerate(config.entities)
    }
    features = list(dict.fromkeys(config.features.values()))
    return orjson.dumps({"features": features, "entities": entities, "full_feature_names": True})


def read(config: LookupConfig, body: bytes, count: int) -> list[Found]:
    """What the store answered for ``count`` entities, in their order.

    Raises:
        Unavailable: it is no such answer, or lacks a feature.
    """
    try:
        response = msgspec.json.decode(body, type=_Response)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as cause:
        raise _odd(config, "did not answer in the protocol") from cause
    by_name = dict(zip(response.metadata.feature_names, response.results, strict=False))
    columns = []
    for reference in config.features.values():
        column = by_name.get(reference.replace(":", "__")) or by_name.get(
            reference.rpartition(":")[2]
        )
        if column is None or len(column.values) != count:
            raise _odd(config, f"did not give '{reference}' of each entity")
        columns.append(column)
    return [
        Found([_value(one, row) for one in columns], [_time(one, row) for one in columns])
        for row in range(count)
    ]


def _value(column: _Column, row: int) -> Any:
    present = row >= len(column.statuses) or column.statuses[row] == PRESENT
    value = column.values[row]
    return value if present and type(value) in (str, int, float, bool) else None


def _time(column: _Column, row: int) -> int | None:
    text = column.event_timestamps[row] if row < len(column.event_timestamps) else None
    try:
        # Feast writes the epoch where it has no time.
        return (parse_rfc3339(text) or None) if text else None
    except InvalidInput:
        return None


def _plain(value: Any) -> Any:
    """Whole numbers as such: ids that are numbers are decoded as floats."""
    return int(value) if type(value) is float and value.is_integer() else value


def _odd(config: LookupConfig, why: str) -> Unavailable:
    return Unavailable(
        "serving.lookup_failed",
        f"The online store of '{config.name}' {why}.",
        hint="It should answer POST /get-online-features as Feast's server does.",
    )
