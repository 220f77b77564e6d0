"""Filters of ``traces/metrics``: one comparison each, of a trace, a span or an assessment."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, or_

from millwright.tracking.mlflow.clauses import clauses, unquoted
from millwright.tracking.mlflow.errors import invalid
from millwright.tracking.traces.service import SOURCE_RUN
from millwright.tracking.traces.tables import (
    assessments,
    spans,
    trace_links,
    trace_metadata,
    trace_tags,
    traces,
)

# what is compared -> its fields, and whether one takes a key
_FIELDS: dict[str, dict[str, bool]] = {
    "trace": {"status": False, "tag": True, "metadata": True},
    "span": {"name": False, "status": False, "type": False},
    "assessment": {"name": False, "type": False},
}
_COLUMNS: dict[str, ColumnElement[str]] = {
    "trace.status": traces.c.status,
    "span.name": spans.c.name,
    "span.status": spans.c.status,
    "span.type": spans.c.type,
    "assessment.name": assessments.c.name,
    "assessment.type": assessments.c.kind,
}
_VIEWS = {"span": "SPANS", "assessment": "ASSESSMENTS"}


def conditions_of(view: str, filters: list[str]) -> list[ColumnElement[bool]]:
    """Filter strings as conditions that all hold.

    Raises:
        MlflowError: one is not a single comparison with ``=``, or not of this view.
    """
    return [_condition(view, text) for text in filters]


def _condition(view: str, text: str) -> ColumnElement[bool]:
    found = clauses(text)
    if len(found) > 1:
        raise invalid("Invalid clause(s) in filter string: AND")
    if not found:
        raise invalid(f"Invalid filter: '{text[:200]}'. Expected one filter clause.")
    clause = found[0]
    kind, field, key = _parts(clause.name)
    if clause.comparator != "=":
        raise invalid(f"Invalid comparator: '{clause.comparator}', only '=' operator is supported")
    if clause.value.kind != "string":
        raise invalid(
            f"Expected a quoted string value for {field} value (e.g. 'my-value'). "
            f"Got value {clause.value.text[:200]}"
        )
    if kind in _VIEWS and _VIEWS[kind] != view:
        raise invalid(
            f"Filtering by {kind} is only supported for {_VIEWS[kind]} view type, got {view}"
        )
    if key is None:
        return _COLUMNS[f"{kind}.{field}"] == clause.value.text
    return _entry(field, key, clause.value.text)


def _parts(name: str) -> tuple[str, str, str | None]:
    kind, _, rest = name.partition(".")
    field, dot, key = rest.partition(".")
    kind = unquoted(kind)
    if not rest:
        raise invalid(
            f"Invalid identifier {name[:200]!r}. Columns should be specified as "
            "'trace.<key>', 'span.<key>', 'assessment.<key>'."
        )
    if kind not in _FIELDS:
        raise invalid(f"Invalid view type '{kind}'. Valid values are {_FIELDS.keys()}")
    fields = _FIELDS[kind]
    if field not in fields:
        raise invalid(
            f"Invalid entity '{field}' specified for view type '{kind}'. "
            f"Valid entities are {list(fields)}"
        )
    if fields[field] and not dot:
        raise invalid(f"Filtering by {field} requires a key, e.g. '{kind}.{field}.<key> = <value>'")
    if dot and not fields[field]:
        raise invalid(f"Filtering by {field} does not require a key, use '{kind}.{field}' instead")
    return kind, field, unquoted(key) if dot else None


def _entry(field: str, key: str, value: str) -> ColumnElement[bool]:
    held = (trace_tags if field == "tag" else trace_metadata).c
    entry = exists().where(held.trace == traces.c.id, held.key == key, held.value == value)
    if field != "metadata" or key != SOURCE_RUN:
        return entry
    links = trace_links.c
    linked = exists().where(links.trace == traces.c.id, links.kind == "run", links.target == value)
    return or_(entry, linked)
