"""Records of evaluation datasets as they are sent, and what comes of two with the same inputs. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from millwright.tracking.mlflow.errors import invalid

Json = dict[str, Any]
USER_TAG = "mlflow.user"
SOURCES = ("UNSPECIFIED", "TRACE", "HUMAN", "DOCUMENT", "CODE")
_PARTS = ("inputs", "outputs", "expectations")


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    """One question: what goes in, what came out, what was expected."""

    inputs: Json
    outputs: Any
    expectations: Json | None
    tags: Json | None
    source: Json | None

    @property
    def digest(self) -> str:
        """What tells records apart: two with the same inputs are one."""
        return hashlib.sha256(json.dumps(self.inputs, sort_keys=True).encode()).hexdigest()

    @property
    def user(self) -> str | None:
        """Who sent it, where its tags say so."""
        found = (self.tags or {}).get(USER_TAG)
        return str(found)[:255] if found is not None else None

    @property
    def source_id(self) -> str | None:
        """What it was made of: a trace, or whatever its source names."""
        if self.source is None:
            return None
        key = "trace_id" if self.source["source_type"] == "TRACE" else "source_id"
        return self.source["source_data"].get(key)  # type: ignore[no-any-return]


def sent_record(sent: Any) -> DatasetRecord:
    """A record as it was sent, checked.

    Raises:
        MlflowError: a part has another type than it must have.

    >>> sent_record({"inputs": {"q": "2 + 2"}, "expectations": {"a": 4}}).outputs
    {}
    """
    if not isinstance(sent, dict):
        raise invalid("Each record must be a dictionary")
    for name in ("inputs", "expectations", "tags", "source"):
        if not isinstance(sent.get(name), dict | None):
            raise invalid(f"The field '{name}' of a record must be a dictionary.")
    return DatasetRecord(
        inputs=sent.get("inputs") or {},
        outputs=sent.get("outputs", {}),
        expectations=sent.get("expectations"),
        tags=sent.get("tags"),
        source=_source(sent["source"]) if sent.get("source") else None,
    )


def merged(known: DatasetRecord, sent: DatasetRecord, *, with_outputs: bool) -> DatasetRecord:
    """A record that is there with what was sent for the same inputs.

    Expectations and tags are added to, outputs replaced (where any were sent: ``with_outputs``),
    and where the record came from stays.
    """
    return replace(
        known,
        outputs=sent.outputs if with_outputs else known.outputs,
        expectations=_joined(known.expectations, sent.expectations),
        tags=_joined(known.tags, sent.tags),
    )


def grown_schema(known: str | None, sent: Iterable[DatasetRecord]) -> str | None:
    """The types of a dataset's fields as JSON, with those of more records; a type stays as first seen.

    >>> grown_schema(None, [DatasetRecord({"q": "?"}, {}, {"n": 1}, None, None)])
    '{"inputs": {"q": "string"}, "outputs": {}, "expectations": {"n": "integer"}, "version": "1.0"}'
    """
    schema: Json = {part: {} for part in _PARTS} | {"version": "1.0"}
    if known:
        schema = json.loads(known)
    empty = True
    for record in sent:
        empty = False
        for part in _PARTS:
            value = getattr(record, part)
            if isinstance(value, dict) and isinstance(schema[part], dict):
                for key, each in value.items():
                    schema[part].setdefault(key, type_name(each))
            elif part == "outputs" and value is not None and not schema[part]:
                schema[part] = type_name(value)
    return known if empty else json.dumps(schema)


def type_name(value: Any) -> str:
    """The type of a JSON value, as MLflow names it.

    >>> [type_name(each) for each in (None, True, 1, 0.5, "a", [], {})]
    ['null', 'boolean', 'integer', 'float', 'string', 'array', 'object']
    """
    names = {bool: "boolean", int: "integer", float: "float", str: "string", list: "array"}
    return "null" if value is None else names.get(type(value), "object")


def _joined(known: Json | None, sent: Json | None) -> Json | None:
    return {**(known or {}), **sent} if sent else known


def _source(sent: Json) -> Json:
    kind, data = sent.get("source_type"), sent.get("source_data")
    if not isinstance(kind, str) or not isinstance(data, dict | None):
        raise invalid("The source of a record needs a 'source_type' and a 'source_data'.")
    if kind.upper() not in SOURCES:
        raise invalid(
            f"Invalid dataset record source type: {kind.upper()[:100]}. "
            f"Valid source types: {list(SOURCES)}"
        )
    return {"source_type": kind.upper(), "source_data": data or {}}
