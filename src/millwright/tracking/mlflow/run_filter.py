"""What the filter and order of a search for runs mean: names resolved, comparators checked. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from millwright.tracking.mlflow.clauses import (
    Clause,
    clauses,
    entity_and_key,
    in_quotes,
    quoted_text,
    unquoted,
)
from millwright.tracking.mlflow.errors import invalid

Kind = Literal["metric", "parameter", "tag", "attribute", "dataset"]
KINDS: tuple[Kind, ...] = ("metric", "parameter", "tag", "attribute", "dataset")
_ALIASES: dict[str, Kind] = {
    "metrics": "metric",
    "parameters": "parameter",
    "param": "parameter",
    "params": "parameter",
    "tags": "tag",
    "attr": "attribute",
    "attributes": "attribute",
    "run": "attribute",
    "datasets": "dataset",
    **{kind: kind for kind in KINDS},
}
_KEY_ALIASES = {
    "created": "start_time",
    "Created": "start_time",
    "run name": "run_name",
    "Run name": "run_name",
    "Run Name": "run_name",
}
NUMERIC = frozenset({"start_time", "end_time"})
ATTRIBUTES = frozenset(
    {"artifact_uri", "end_time", "run_id", "run_name", "start_time", "status", "user_id"}
)
_ORDERABLE = ATTRIBUTES | {"created", "Created", "experiment_id"}
_SEARCHABLE = ATTRIBUTES | set(_KEY_ALIASES)
_DATASET_KEYS = frozenset({"name", "digest", "context"})
_NUMBERS = frozenset({">", ">=", "!=", "=", "<", "<="})
_TEXTS = frozenset({"!=", "=", "LIKE", "ILIKE"})
_COMPARATORS: dict[Kind, frozenset[str]] = {
    "metric": _NUMBERS,
    "parameter": _TEXTS | {"IS NULL", "IS NOT NULL"},
    "tag": _TEXTS | {"IS NULL", "IS NOT NULL"},
    "attribute": _TEXTS | {"IN", "NOT IN"},
    "dataset": _TEXTS | {"IN", "NOT IN"},
}
_ORDER = re.compile(
    r"\s*(?P<name>(?:[A-Za-z_][\w$]*|`[^`]*`|\"[^\"]*\")(?:\.(?:`[^`]*`|\"[^\"]*\"|[^\s`\"']+))?)"
    r"(?:\s+(?P<way>\S+))?\s*",
    re.DOTALL,
)
MAX_ORDERS = 20


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison that a run must pass."""

    kind: Kind
    key: str
    comparator: str
    value: str | int | float | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Order:
    """One key to sort by."""

    kind: Kind
    key: str
    ascending: bool


def conditions(text: str | None) -> list[Condition]:
    """The conditions of a filter, all of which must hold.

    Raises:
        MlflowError: it is not in the grammar, or compares what cannot be compared.

    >>> conditions("metrics.`a b` >= 0.5 and tags.team LIKE 'x%'")[0]
    Condition(kind='metric', key='a b', comparator='>=', value=0.5)
    """
    return [_condition(clause) for clause in clauses(text, refusal=in_quotes)]


def orders(wanted: Sequence[str]) -> list[Order]:
    """The keys of an ``order_by`` list.

    Raises:
        MlflowError: one is not understood, or stands there twice.

    >>> orders(["metrics.acc DESC", "start_time"])[0]
    Order(kind='metric', key='acc', ascending=False)
    """
    if len(wanted) > MAX_ORDERS:
        raise invalid(f"Runs can be ordered by at most {MAX_ORDERS} keys.")
    found: list[Order] = []
    for text in wanted:
        name, ascending = order_and_way(text)
        kind, key = _resolved(name, _ORDERABLE)
        if kind == "dataset":
            raise invalid("Invalid identifier type 'dataset'")
        if any((other.kind, other.key) == (kind, key) for other in found):
            raise invalid(f"`order_by` contains duplicate fields: {list(wanted)}")
        found.append(Order(kind, key, ascending))
    return found


def order_and_way(text: str) -> tuple[str, bool]:
    """The name in one ``order_by`` text, and whether it rises; raises ``MlflowError``."""
    match = _ORDER.fullmatch(text)
    if match is None:
        raise invalid(f"Invalid order_by clause '{text[:300]}'. Could not be parsed.")
    way = (match["way"] or "asc").lower()
    if way not in ("asc", "desc"):
        raise invalid(f"Invalid ordering key in order_by clause '{text[:300]}'.")
    return match["name"], way == "asc"


def _condition(clause: Clause) -> Condition:
    kind, key = _resolved(clause.name, _SEARCHABLE)
    comparator = clause.comparator
    if comparator in ("IS NULL", "IS NOT NULL"):
        if kind not in ("tag", "parameter"):
            raise invalid(
                "IS NULL / IS NOT NULL is only supported for tags and params, "
                f"not for '{kind}' '{entity_and_key(clause.name)[1]}'"
            )
        return Condition(kind, key, comparator, None)
    value = _value(kind, key, clause)
    allowed = _NUMBERS if kind == "attribute" and key in NUMERIC else _COMPARATORS[kind]
    if comparator not in allowed:
        raise invalid(f"Invalid comparator '{comparator}' not one of '{sorted(allowed)}'")
    if (comparator in ("IN", "NOT IN")) != isinstance(value, tuple):
        raise invalid(f"Invalid value for the comparator '{comparator}'.")
    return Condition(kind, key, comparator, value)


def _resolved(name: str, attributes: frozenset[str] | set[str]) -> tuple[Kind, str]:
    entity, key = entity_and_key(name)
    if entity is None:
        entity = "attribute"
    kind = _ALIASES.get(unquoted(entity))
    if kind is None:
        raise invalid(f"Invalid entity type '{entity[:100]}'. Valid values are {list(KINDS)}")
    if kind == "attribute":
        if key not in attributes:
            raise invalid(
                f"Invalid attribute key '{key[:100]}' specified. "
                f"Valid keys are '{sorted(attributes)}'"
            )
        return kind, _KEY_ALIASES.get(key, key)
    if kind == "dataset" and key not in _DATASET_KEYS:
        raise invalid(
            f"Invalid dataset key '{key[:100]}' specified. Valid keys are '{sorted(_DATASET_KEYS)}'"
        )
    return kind, key


def _value(kind: Kind, key: str, clause: Clause) -> str | int | float | tuple[str, ...]:
    value = clause.value
    if kind == "metric":
        if value.kind != "number":
            raise invalid(f"Expected numeric value type for metric. Found {value.shown}")
        return float(value.number)
    if kind == "attribute" and key in NUMERIC:
        if value.kind != "number":
            raise invalid(
                f"Expected numeric value type for numeric attribute: {key}. Found {value.shown}"
            )
        return value.number
    if value.kind == "list" and kind in ("attribute", "dataset"):
        if kind == "attribute" and key != "run_id":
            raise invalid(
                "Only ['run_id'] attributes support comparison with a list of quoted string values."
            )
        return value.items
    if value.kind in ("word", "string"):
        return quoted_text(value)
    what = {"attribute": "attributes", "dataset": "dataset attributes"}
    expected = what.get(kind, f"{kind} (e.g. 'my-value')")
    raise invalid(f"Expected a quoted string value for {expected}. Got value {value.shown}")
