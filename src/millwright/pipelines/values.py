"""Python values as JSON trees and back, without losing their types and without running code.

Plain JSON values stand for themselves. Everything else is an object with the key ``$type``:
tuples, records, dataclasses, named tuples, enums, paths, times, non-finite floats. A ``leaf``
function lets a caller give further types a form of its own (an output of a step, a table).
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from blake3 import blake3
from pydantic import BaseModel, JsonValue

from millwright.kernel.errors import Corrupt, InvalidInput
from millwright.pipelines.entry_point import entry_point_of, loaded_class

TAG = "$type"
_canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
Tagged = dict[str, JsonValue]
ToLeaf = Callable[[object], Tagged | None]
FromLeaf = Callable[[Tagged], object]


def _no_leaf(_: object) -> None:
    return None


def _unknown_leaf(tree: Tagged) -> object:
    raise Corrupt("pipelines.unknown_tag", f"A stored value has the unknown type {tree[TAG]!r}.")


def encode(value: object, leaf: ToLeaf = _no_leaf) -> JsonValue:
    """The JSON tree of a value.

    Raises:
        InvalidInput: the value, or one inside it, has a type without a safe form.

    >>> encode({"rate": 0.5, "span": (1, 2)})
    {'rate': 0.5, 'span': {'$type': 'tuple', 'items': [1, 2]}}
    """
    special = leaf(value)
    if special is not None:
        return special
    if isinstance(value, Enum):
        return {TAG: "enum", "class": entry_point_of(type(value)), "name": value.name}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {TAG: "float", "value": str(float(value))}
    if isinstance(value, list):
        return [encode(item, leaf) for item in value]
    if isinstance(value, dict):
        return _encode_dict(value, leaf)
    return _encode_tagged(value, leaf)


def decode(tree: JsonValue, leaf: FromLeaf = _unknown_leaf) -> Any:
    """The value of a JSON tree: ``decode(encode(v)) == v``.

    Raises:
        Corrupt: the tree holds a type that was never written.
        Forbidden: it names a class outside Millwright and the project.
    """
    if isinstance(tree, list):
        return [decode(item, leaf) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if TAG not in tree:
        return {key: decode(item, leaf) for key, item in tree.items()}
    reader = _READERS.get(str(tree[TAG]))
    return leaf(tree) if reader is None else reader(tree, leaf)


def canonical(tree: JsonValue) -> bytes:
    """The one byte form of a JSON tree: sorted keys, no spaces, UTF-8."""
    return _canonical_json(tree).encode()


def digest_of(tree: JsonValue) -> str:
    """BLAKE3 of the canonical form, in hexadecimal."""
    return blake3(canonical(tree)).hexdigest()


def _encode_dict(value: Mapping[Any, object], leaf: ToLeaf) -> JsonValue:
    if all(isinstance(key, str) for key in value) and TAG not in value:
        return {key: encode(item, leaf) for key, item in value.items()}
    return {TAG: "dict", "items": [[encode(k, leaf), encode(v, leaf)] for k, v in value.items()]}


def _encode_tagged(value: object, leaf: ToLeaf) -> JsonValue:
    fields = _fields(value)
    if fields is not None:
        encoded = {name: encode(item, leaf) for name, item in fields.items()}
        return {TAG: "record", "class": entry_point_of(type(value)), "fields": encoded}
    if isinstance(value, tuple):
        return {TAG: "tuple", "items": [encode(item, leaf) for item in value]}
    if isinstance(value, set | frozenset):
        items = sorted((encode(item, leaf) for item in value), key=canonical)
        return {TAG: "frozenset" if isinstance(value, frozenset) else "set", "items": items}
    if isinstance(value, Path):
        return {TAG: "path", "value": str(value)}
    if isinstance(value, datetime | date):
        kind = "datetime" if isinstance(value, datetime) else "date"
        return {TAG: kind, "value": value.isoformat()}
    if isinstance(value, timedelta):
        return {TAG: "timedelta", "value": [value.days, value.seconds, value.microseconds]}
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        return encode(item(), leaf)  # a numpy scalar
    raise InvalidInput(
        "pipelines.unstorable_value",
        f"A value of type {type(value).__module__}.{type(value).__qualname__} cannot be stored.",
        hint="Steps exchange tables, arrays, text, bytes, paths, JSON values, dataclasses, records "
        "and fitted models; turn it into one of these.",
    )


def _fields(value: object) -> dict[str, object] | None:
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, value, strict=True))
    return None


def _read_record(tree: Any, leaf: FromLeaf) -> object:
    kind = loaded_class(tree["class"])
    fields = {name: decode(item, leaf) for name, item in tree["fields"].items()}
    if issubclass(kind, BaseModel):
        return kind.model_validate(fields)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return kind(**fields)
    if not dataclasses.is_dataclass(kind):
        raise Corrupt("pipelines.not_a_record", f"{tree['class']} is not a record.")
    # Fields that the constructor does not take are set as they were, frozen or not.
    built = kind(**{f.name: fields[f.name] for f in dataclasses.fields(kind) if f.init})
    for field in dataclasses.fields(kind):
        if not field.init:
            object.__setattr__(built, field.name, fields[field.name])
    return built


def _read_enum(tree: Any, _: FromLeaf) -> object:
    kind = loaded_class(tree["class"])
    if not issubclass(kind, Enum):
        raise Corrupt("pipelines.not_an_enum", f"{tree['class']} is not an enumeration.")
    return kind[tree["name"]]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.utcoffset() == timedelta(0) else moment


_READERS: dict[str, Callable[[Any, FromLeaf], object]] = {
    "record": _read_record,
    "enum": _read_enum,
    "tuple": lambda tree, leaf: tuple(decode(item, leaf) for item in tree["items"]),
    "set": lambda tree, leaf: {decode(item, leaf) for item in tree["items"]},
    "frozenset": lambda tree, leaf: frozenset(decode(item, leaf) for item in tree["items"]),
    "dict": lambda tree, leaf: {decode(k, leaf): decode(v, leaf) for k, v in tree["items"]},
    "float": lambda tree, _: float(tree["value"]),
    "path": lambda tree, _: Path(tree["value"]),
    "datetime": lambda tree, _: _moment(tree["value"]),
    "date": lambda tree, _: date.fromisoformat(tree["value"]),
    "timedelta": lambda tree, _: timedelta(*tree["value"]),
}
