"""``search_traces``: the grammar of filters and order, as SQL."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, not_, or_, select
from sqlalchemy.engine import Row

from millwright.kernel.store import Store
from millwright.tracking.experiment_lookup import numbers_of
from millwright.tracking.mlflow.clauses import (
    Clause,
    Value,
    clauses,
    entity_and_key,
    in_quotes,
    quoted_text,
    unquoted,
)
from millwright.tracking.mlflow.comparing import compare
from millwright.tracking.mlflow.errors import MlflowError, invalid
from millwright.tracking.mlflow.run_filter import order_and_way
from millwright.tracking.traces.service import LINKED_PROMPTS, SESSION, SOURCE_RUN, TRACE_NAME
from millwright.tracking.traces.tables import (
    assessments,
    spans,
    trace_links,
    trace_metadata,
    trace_tags,
    traces,
)

_NUMBERS = ("=", "!=", ">", ">=", "<", "<=")
_TEXTS = ("=", "!=", "IN", "NOT IN", "LIKE", "ILIKE", "RLIKE")
_ENTRIES = ("=", "!=", "LIKE", "ILIKE", "RLIKE", "IS NULL", "IS NOT NULL")
_ASSESSED = ("=", "!=", ">", ">=", "<", "<=", "LIKE", "ILIKE", "RLIKE", "IS NULL", "IS NOT NULL")
_LISTS = ("status", "request_id", "run_id", "client_request_id")
_ALIASES = {
    "tags": "tag",
    "attributes": "attribute",
    "trace": "attribute",
    "metadata": "request_metadata",
}
_KINDS = ("tag", "request_metadata", "attribute", "span", "feedback", "expectation", "issue")
_END = traces.c.timestamp_ms + func.coalesce(traces.c.execution_ms, 0)
_NUMBER_COLUMNS: dict[str, ColumnElement[Any]] = {
    "timestamp": traces.c.timestamp_ms,
    "timestamp_ms": traces.c.timestamp_ms,
    "execution_time": traces.c.execution_ms,
    "execution_time_ms": traces.c.execution_ms,
    "end_time": _END,
    "end_time_ms": _END,
}
_TEXT_COLUMNS: dict[str, ColumnElement[Any]] = {
    "request_id": traces.c.id,
    "trace_id": traces.c.id,
    "status": traces.c.status,
    "client_request_id": traces.c.client_request_id,
}
_ORDERABLE = (*_NUMBER_COLUMNS, "experiment_id", "status", "request_id", "name", "run_id")
_SEARCHABLE = (*_NUMBER_COLUMNS, *_TEXT_COLUMNS, "name", "run_id", "prompt", "text")
MOST = 500


def search(
    store: Store,
    project: str,
    experiments: list[str],
    *,
    text: str | None,
    order: list[str],
    size: int,
    start: int,
) -> list[Row[Any]]:
    """Rows of traces, at most ``size`` from ``start`` on.

    Raises:
        MlflowError: the filter or the order is not understood.
    """
    dialect = store.database.engine.dialect.name
    conditions = conditions_of(dialect, text)
    keys = _sort_keys(order)
    with store.read() as connection:
        numbers = list(numbers_of(connection, project, experiments))
        query = (
            select(traces)
            .where(traces.c.project == project, traces.c.experiment_no.in_(numbers), *conditions)
            .order_by(*keys)
            .offset(start)
            .limit(size)
        )
        return list(connection.execute(query).all())


def conditions_of(dialect: str, text: str | None) -> list[ColumnElement[bool]]:
    """A filter string as conditions on ``traces``."""
    return [_condition(dialect, clause) for clause in clauses(text, refusal=in_quotes)]


def _condition(dialect: str, clause: Clause) -> ColumnElement[bool]:
    kind, key = _identified(clause)
    if kind == "tag":
        return _entry(dialect, trace_tags.c, clause, kind, key)
    if kind == "request_metadata":
        return _metadata(dialect, clause, key)
    if kind == "span":
        return _span(dialect, clause, key)
    if kind in ("feedback", "expectation"):
        return _assessed(dialect, clause, kind, key)
    if kind == "issue":
        return _issue(clause, key)
    return _attribute(dialect, clause, key)


def _identified(clause: Clause) -> tuple[str, str]:
    entity, key = entity_and_key(clause.name)
    kind = "attribute" if entity is None else _ALIASES.get(entity, entity)
    if kind not in _KINDS:
        raise _unknown_entity(entity)
    if kind == "attribute":
        if key not in _SEARCHABLE:
            raise invalid(
                f"Invalid attribute key '{key[:100]}' specified. Valid keys are '{set(_SEARCHABLE)}'"
            )
        if key == "name":
            return "tag", TRACE_NAME
        if key == "prompt":
            return "tag", LINKED_PROMPTS
        if key == "run_id":
            return "request_metadata", SOURCE_RUN
        if key == "text":
            return "span", "content"
    return kind, key


def _unknown_entity(entity: str | None) -> MlflowError:
    known = {*_KINDS, *_ALIASES}
    return invalid(f"Invalid entity type '{entity}'. Valid values are {known}")


def _attribute(dialect: str, clause: Clause, key: str) -> ColumnElement[bool]:
    if key in _NUMBER_COLUMNS:
        if clause.comparator not in _NUMBERS:
            raise _bad_comparator(clause, _NUMBERS)
        try:
            number = float(clause.value.text)
        except ValueError:
            raise invalid(
                f"Expected numeric value type for numeric attribute: {key}. "
                f"Found {clause.value.shown}"
            ) from None
        limit = float(2**62)
        number = max(-limit, min(limit, number)) if number == number else 0.0
        return compare(dialect, _NUMBER_COLUMNS[key], clause.comparator, number)
    if clause.comparator not in _TEXTS:
        raise _bad_comparator(clause, _TEXTS)
    value = _text(clause, "attribute", lists=key in _LISTS or key == "trace_id")
    return compare(dialect, _TEXT_COLUMNS[key], clause.comparator, value)


def _entry(dialect: str, table: Any, clause: Clause, kind: str, key: str) -> ColumnElement[bool]:
    if clause.value.kind == "list" and not clause.name.startswith(("request_metadata", "metadata")):
        raise _bad_comparator(clause, _ENTRIES)
    value = _text(clause, kind)
    if key == LINKED_PROMPTS:
        return _prompt(clause)
    if clause.comparator not in _ENTRIES:
        raise _bad_comparator(clause, _ENTRIES)
    mine = and_(table.trace == traces.c.id, table.key == key)
    if clause.comparator == "IS NULL":
        return not_(exists().where(mine))
    if clause.comparator == "IS NOT NULL":
        return exists().where(mine)
    return exists().where(mine, compare(dialect, table.value, clause.comparator, value))


def _metadata(dialect: str, clause: Clause, key: str) -> ColumnElement[bool]:
    if key == SOURCE_RUN and clause.comparator == "=":
        run = _text(clause, "request_metadata")
        links = trace_links.c
        linked = exists().where(
            links.trace == traces.c.id, links.kind == "run", links.target == run
        )
        return or_(linked, _entry(dialect, trace_metadata.c, clause, "request_metadata", key))
    return _entry(dialect, trace_metadata.c, clause, "request_metadata", key)


def _prompt(clause: Clause) -> ColumnElement[bool]:
    if clause.comparator != "=":
        raise invalid(
            f"Invalid comparator '{clause.comparator}' for prompts filter. Only '=' is supported "
            'with format: prompt = "name/version"'
        )
    if clause.value.text.count("/") != 1:
        raise invalid(
            f"Invalid prompts filter value '{clause.value.text[:100]}'. "
            'Expected format: prompt = "name/version"'
        )
    links = trace_links.c
    return exists().where(
        links.trace == traces.c.id, links.kind == "prompt", links.target == clause.value.text
    )


def _span(dialect: str, clause: Clause, key: str) -> ColumnElement[bool]:
    mine = spans.c.trace == traces.c.id
    value = clause.value
    if key == "content":
        if clause.comparator not in ("LIKE", "ILIKE"):
            raise invalid(
                f"span.content comparator '{clause.comparator}' not one of '{{'LIKE', 'ILIKE'}}'"
            )
        text = _text(clause, "span")
        return exists().where(mine, compare(dialect, spans.c.content, clause.comparator, text))
    if clause.comparator not in _TEXTS:
        raise invalid(f"span.{key} comparator '{clause.comparator}' not one of '{set(_TEXTS)}'")
    if key.startswith("attributes."):
        name = unquoted(key.removeprefix("attributes."))
        if not name:
            raise invalid("Span attribute name cannot be empty after 'attributes.'")
        return exists().where(mine, _span_attribute(dialect, clause.comparator, name, value))
    columns = {"name": spans.c.name, "type": spans.c.type, "status": spans.c.status}
    if key not in columns:
        raise invalid(
            f"Invalid span attribute '{key[:100]}'. Supported attributes: name, status, type, "
            "attributes.<attribute_name>."
        )
    wanted = _text(clause, "span", lists=True)
    return exists().where(mine, compare(dialect, columns[key], clause.comparator, wanted))


def _span_attribute(dialect: str, comparator: str, name: str, value: Value) -> ColumnElement[bool]:
    """An attribute of a span, found in the text of its content."""
    start = f'"{name}": '
    column = spans.c.content
    if comparator in ("IN", "NOT IN"):
        either = or_(*(_holds(dialect, start, item) for item in value.items))
        return either if comparator == "IN" else not_(either)
    if comparator in ("=", "!="):
        same = _holds(dialect, start, value.text)
        return same if comparator == "=" else not_(same)
    if comparator == "RLIKE":
        begins, ends = value.text.startswith("^"), value.text.endswith("$")
        inner = value.text.removeprefix("^").removesuffix("$")
        before = r'"\\"' if begins else r'"\\".*'
        after = r'\\"' if ends else ""
        return compare(dialect, column, "RLIKE", f"{start}{before}{inner}{after}")
    return compare(dialect, column, comparator, f'%"{name}"{value.text}%')


def _holds(dialect: str, start: str, text: str) -> ColumnElement[bool]:
    """Whether the content says exactly this of an attribute: its JSON text within JSON."""
    said = json.dumps(json.dumps(text, ensure_ascii=False), ensure_ascii=False)
    return (
        func.instr(spans.c.content, start + said) > 0
        if dialect == "sqlite"
        else (func.strpos(spans.c.content, start + said) > 0)
    )


def _assessed(dialect: str, clause: Clause, kind: str, name: str) -> ColumnElement[bool]:
    if clause.comparator not in _ASSESSED:
        raise invalid(
            f"assessment.{name} comparator '{clause.comparator}' not one of '{set(_ASSESSED)}'"
        )
    table = assessments.c
    mine = and_(
        or_(table.trace == traces.c.id, _of_the_session(dialect)),
        table.kind == kind,
        table.name == name,
        table.valid.is_(True),
    )
    if clause.comparator == "IS NULL":
        return not_(exists().where(mine))
    if clause.comparator == "IS NOT NULL":
        return exists().where(mine)
    if clause.comparator in (">", ">=", "<", "<="):
        if clause.value.kind != "number":
            raise invalid(
                f"Expected a numeric value for {kind} when using comparator "
                f"'{clause.comparator}'. Got value {clause.value.shown}"
            )
        number = float(clause.value.text)
        return exists().where(mine, compare(dialect, table.number, clause.comparator, number))
    text = str(_text(clause, kind))
    if clause.comparator in ("=", "!="):
        same = table.value.in_([text, json.dumps(text)])
        return exists().where(mine, same if clause.comparator == "=" else not_(same))
    return exists().where(mine, compare(dialect, table.value, clause.comparator, text))


def _of_the_session(dialect: str) -> ColumnElement[bool]:
    """An assessment of a session holds for all traces of the session, in one experiment."""
    mine, its = trace_metadata.alias("mine"), trace_metadata.alias("its")
    other = traces.alias("other")
    place = func.instr if dialect == "sqlite" else func.strpos
    return (
        select(1)
        .select_from(mine)
        .join(its, and_(its.c.key == mine.c.key, its.c.value == mine.c.value))
        .join(other, other.c.id == its.c.trace)
        .where(
            mine.c.trace == traces.c.id,
            mine.c.key == SESSION,
            other.c.experiment_no == traces.c.experiment_no,
            its.c.trace == assessments.c.trace,
            place(assessments.c.metadata, f'"{SESSION}":') > 0,
        )
        .correlate(traces, assessments)
        .exists()
    )


def _issue(clause: Clause, key: str) -> ColumnElement[bool]:
    if key != "id":
        raise invalid(f"Invalid issue attribute '{key[:100]}'. Supported attributes: id")
    if clause.comparator != "=":
        raise invalid(f"issue.id comparator '{clause.comparator}' not one of '{{'='}}'")
    table = assessments.c
    wanted = _text(clause, "issue")
    return exists().where(table.trace == traces.c.id, table.kind == "issue", table.name == wanted)


def _text(clause: Clause, kind: str, *, lists: bool = False) -> Any:
    value = clause.value
    if value.kind in ("string", "word", "nothing"):
        return quoted_text(value)
    if value.kind == "list" and lists and clause.comparator in ("IN", "NOT IN"):
        return value.items
    if kind == "attribute" and value.kind == "list":
        raise invalid(
            f"Only attributes in {set(_LISTS)} supports comparison with a list of quoted string "
            "values."
        )
    if kind == "attribute" and value.kind == "number":
        raise invalid(
            f"Only the '{set(_NUMBER_COLUMNS)}' attributes support comparison with numeric values."
        )
    raise invalid(
        f"Expected a quoted string value for {kind} (e.g. 'my-value'). Got value {value.shown}"
    )


def _bad_comparator(clause: Clause, known: tuple[str, ...]) -> MlflowError:
    return invalid(f"Invalid comparator '{clause.comparator}' not one of '{set(known)}'")


def _sort_keys(order: list[str]) -> list[Any]:
    keys: list[Any] = []
    seen: set[str] = set()
    for text in order:
        column, name, ascending = _sort_key(text)
        if name in seen:
            raise invalid(f"`order_by` contains duplicate fields: {order[:20]}")
        seen.add(name)
        keys.append(case((column.is_(None), 1), else_=0))
        keys.append(column.asc() if ascending else column.desc())
    if "timestamp_ms" not in seen:
        keys.append(traces.c.timestamp_ms.desc())
    if "request_id" not in seen:
        keys.append(traces.c.id.asc())
    return keys


def _sort_key(text: str) -> tuple[Any, str, bool]:
    name, ascending = order_and_way(text)
    entity, key = entity_and_key(name)
    kind = "attribute" if entity is None else _ALIASES.get(entity, entity)
    if kind not in _KINDS:
        raise _unknown_entity(entity)
    if kind == "attribute":
        if key in _NUMBER_COLUMNS:
            whole = {"timestamp": "timestamp_ms", "execution_time": "execution_time_ms"}
            return _NUMBER_COLUMNS[key], whole.get(key, key), ascending
        if key in ("status", "request_id"):
            return _TEXT_COLUMNS[key], key, ascending
        if key == "experiment_id":
            return traces.c.experiment_no, key, ascending
        if key == "name":
            return _value_of(trace_tags.c, TRACE_NAME), key, ascending
        if key == "run_id":
            return _value_of(trace_metadata.c, SOURCE_RUN), key, ascending
        raise invalid(
            f"Invalid attribute key '{key[:100]}' specified. Valid keys are '{set(_ORDERABLE)}'"
        )
    if kind in ("tag", "request_metadata"):
        table = trace_tags.c if kind == "tag" else trace_metadata.c
        return _value_of(table, key), f"{kind}.{key}", ascending
    raise invalid(f"Invalid identifier type '{kind}'")


def _value_of(table: Any, key: str) -> Any:
    return (
        select(table.value)
        .where(table.trace == traces.c.id, table.key == key)
        .correlate(traces)
        .scalar_subquery()
    )
