"""``traces/metrics``: counts, times, tokens, costs and judgements over many traces, for charts."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.engine import Connection

from millwright.kernel.store import Store
from millwright.tracking.experiment_lookup import numbers_of
from millwright.tracking.mlflow.errors import MlflowError, invalid, missing
from millwright.tracking.traces.measure_filters import conditions_of
from millwright.tracking.traces.service import SESSION, TRACE_NAME
from millwright.tracking.traces.span_forms import parsed
from millwright.tracking.traces.tables import assessments, spans, trace_metadata, trace_tags, traces
from millwright.tracking.traces.wire import finite

MOST = 1_000
TOKENS = "mlflow.trace.tokenUsage"
COST, MODEL, PROVIDER = "mlflow.llm.cost", "mlflow.llm.model", "mlflow.llm.provider"
_AT_ONCE = 5_000
_BUCKET = "time_bucket"
_SPREAD = ("AVG", "MAX", "MIN", "PERCENTILE")
_AMOUNTS = (*_SPREAD, "SUM")
_MODELS = ("span_model_name", "span_model_provider")
_USED = (
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
_COSTS = ("input_cost", "output_cost", "total_cost")
# view -> metric -> (ways to aggregate it, dimensions to group it by)
_KNOWN: dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "TRACES": {
        "trace_count": (("COUNT",), ("trace_name", "trace_status")),
        "session_count": (("COUNT",), ()),
        "latency": (_SPREAD, ("trace_name",)),
        **dict.fromkeys(_USED, (_AMOUNTS, ("trace_name",))),
    },
    "SPANS": {
        "span_count": (("COUNT",), (*_MODELS, "span_name", "span_status", "span_type")),
        "latency": (_SPREAD, ("span_name", "span_status")),
        **dict.fromkeys(_COSTS, (_AMOUNTS, _MODELS)),
    },
    "ASSESSMENTS": {
        "assessment_count": (("COUNT",), ("assessment_name", "assessment_value")),
        "assessment_value": (_SPREAD, ("assessment_name",)),
    },
}


class Aggregation(msgspec.Struct):
    """One number wanted of every group."""

    aggregation_type: str = ""
    percentile_value: float | None = None

    @property
    def label(self) -> str:
        """What the number is called in the answer."""
        if self.percentile_value is not None:
            return f"P{float(self.percentile_value)}"
        return self.aggregation_type


class Asked(msgspec.Struct):
    """``traces/metrics``."""

    experiment_ids: list[str] = []
    view_type: str | None = None
    metric_name: str | None = None
    aggregations: list[Aggregation] = []
    dimensions: list[str] = []
    filters: list[str] = []
    time_interval_seconds: int | None = None
    start_time_ms: int | None = None
    end_time_ms: int | None = None
    max_results: int = MOST
    page_token: str | None = None


@dataclass(slots=True)
class _Item:
    """One trace, span or assessment: when, what it is grouped by, and its value."""

    at_ms: int
    dimensions: dict[str, str | None]
    value: float | str | None


def answer(store: Store, project: str, asked: Asked) -> dict[str, Any]:
    """The groups, in order of what they are grouped by.

    Raises:
        MlflowError: what is asked for does not exist, or not together.
    """
    _check(asked)
    view = asked.view_type or ""
    conditions = conditions_of(view, asked.filters)
    groups: dict[tuple[Any, ...], list[float] | array[float] | set[str]] = {}
    distinct = asked.metric_name == "session_count"
    with store.read() as connection:
        numbers = list(numbers_of(connection, project, asked.experiment_ids))
        here = (traces.c.project == project, traces.c.experiment_no.in_(numbers))
        for item in _ITEMS[view](connection, asked, [*here, *conditions]):
            key = _key(asked, item)
            if item.value is None or None in key:
                continue
            if distinct:
                groups.setdefault(key, set()).add(str(item.value))  # type: ignore[union-attr]
            else:
                groups.setdefault(key, array("d")).append(float(item.value))  # type: ignore[union-attr]
    if asked.aggregations[0].aggregation_type == "COUNT" and not _grouped(asked):
        groups.setdefault((), array("d"))
    points = [
        {
            "metric_name": asked.metric_name,
            "dimensions": _named(asked, key),
            "values": {each.label: _aggregated(each, groups[key]) for each in asked.aggregations},
        }
        for key in sorted(groups)[: asked.max_results]
    ]
    return {"data_points": points}


def percentile(ordered: list[float], percent: float) -> float:
    """A percentile of ordered values, interpolated between the two beside it.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 50), percentile([7.0], 99)
    (2.5, 7.0)
    """
    place = percent / 100 * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _check(asked: Asked) -> None:
    for name in ("experiment_ids", "view_type", "metric_name", "aggregations"):
        if not getattr(asked, name):
            raise missing(name)
    known = _KNOWN.get(asked.view_type or "")
    if known is None:
        raise invalid(f"view_type must be one of {list(_KNOWN)}, got '{asked.view_type}'")
    if asked.metric_name not in known:
        raise invalid(f"metric_name must be one of {list(known)}, got '{asked.metric_name}'")
    ways, dimensions = known[asked.metric_name]
    if other := sorted({each.aggregation_type for each in asked.aggregations} - set(ways)):
        raise invalid(
            f"Found invalid aggregation_type(s): {other}. "
            f"Supported aggregation types: {sorted(ways)}"
        )
    if other := sorted(set(asked.dimensions) - set(dimensions)):
        raise invalid(
            f"Found invalid dimension(s): {other}. Supported dimensions: {sorted(dimensions)}"
        )
    for each in asked.aggregations:
        _check_percentile(each)
    if asked.time_interval_seconds:
        if asked.start_time_ms is None or asked.end_time_ms is None:
            raise invalid(
                "start_time_ms and end_time_ms are required if time_interval_seconds is set"
            )
        if asked.time_interval_seconds < 0:
            raise invalid("time_interval_seconds must be positive")
    if not 0 < asked.max_results <= MOST:
        raise invalid(f"max_results must be between 1 and {MOST}, got {asked.max_results}")


def _check_percentile(each: Aggregation) -> None:
    given = each.percentile_value
    if each.aggregation_type != "PERCENTILE":
        if given is not None:
            raise invalid(
                "Percentile value is only allowed for PERCENTILE aggregation type, "
                f"got {each.aggregation_type}"
            )
    elif given is None:
        raise invalid("Percentile value is required for PERCENTILE aggregation")
    elif not 0 <= given <= 100:
        raise invalid(f"Percentile value must be between 0 and 100, got {given}")


def _grouped(asked: Asked) -> bool:
    return bool(asked.dimensions or asked.time_interval_seconds)


def _key(asked: Asked, item: _Item) -> tuple[Any, ...]:
    chosen: tuple[Any, ...] = tuple(item.dimensions[name] for name in asked.dimensions)
    if not asked.time_interval_seconds:
        return chosen
    width = asked.time_interval_seconds * 1000
    return (item.at_ms // width * width, *chosen)


def _named(asked: Asked, key: tuple[Any, ...]) -> dict[str, str]:
    if not asked.time_interval_seconds:
        return dict(zip(asked.dimensions, key, strict=True))
    try:
        begins = datetime.fromtimestamp(key[0] / 1000, tz=UTC).isoformat()
    except (OverflowError, ValueError, OSError) as cause:
        raise MlflowError("INVALID_PARAMETER_VALUE", f"No date has {key[0]} ms.") from cause
    return {_BUCKET: begins, **dict(zip(asked.dimensions, key[1:], strict=True))}


def _aggregated(each: Aggregation, values: Any) -> float:
    match each.aggregation_type:
        case "COUNT":
            return float(len(values))
        case "SUM":
            return math.fsum(values)
        case "AVG":
            return math.fsum(values) / len(values)
        case "MIN":
            return float(min(values))
        case "MAX":
            return float(max(values))
    return percentile(sorted(values), each.percentile_value or 0.0)


def _between(asked: Asked, column: ColumnElement[Any], unit: int = 1) -> list[ColumnElement[bool]]:
    found = []
    most = 2**63 - 1
    if asked.start_time_ms is not None:
        found.append(column >= max(-most, min(asked.start_time_ms * unit, most)))
    if asked.end_time_ms is not None:
        found.append(column <= max(-most, min((asked.end_time_ms + 1) * unit - 1, most)))
    return found


def _of_traces(connection: Connection, asked: Asked, conditions: list[Any]) -> Iterator[_Item]:
    name, held = trace_tags.alias(), trace_metadata.alias()
    wanted = SESSION if asked.metric_name == "session_count" else TOKENS
    query = (
        select(
            traces.c.timestamp_ms,
            traces.c.execution_ms,
            traces.c.status,
            name.c.value,
            held.c.value,
        )
        .outerjoin(name, and_(name.c.trace == traces.c.id, name.c.key == TRACE_NAME))
        .outerjoin(held, and_(held.c.trace == traces.c.id, held.c.key == wanted))
        .where(*conditions, *_between(asked, traces.c.timestamp_ms))
    )
    for at, lasted, status, named, text in _rows(connection, query):
        value: float | str | None = 1.0
        if asked.metric_name == "latency":
            value = lasted
        elif asked.metric_name == "session_count":
            value = text
        elif asked.metric_name in _USED:
            value = _number_in(text, asked.metric_name)
        yield _Item(at, {"trace_name": named, "trace_status": status}, value)


def _of_spans(connection: Connection, asked: Asked, conditions: list[Any]) -> Iterator[_Item]:
    priced = asked.metric_name in _COSTS
    attributes = priced or any(name in _MODELS for name in asked.dimensions)
    columns = [spans.c.start_ns, spans.c.end_ns, spans.c.name, spans.c.type, spans.c.status]
    if attributes:
        columns.append(spans.c.content)
        conditions = [*conditions, spans.c.content.contains("mlflow.llm.", autoescape=True)]
    times = _between(asked, spans.c.start_ns, 1_000_000)
    query = (
        select(*columns)
        .join(traces, spans.c.trace == traces.c.id)
        .where(*conditions, *(times if priced else _between(asked, traces.c.timestamp_ms)))
    )
    for start, end, name, kind, status, *content in _rows(connection, query):
        told = _attributes(content[0]) if attributes else {}
        value: float | None = 1.0
        if priced:
            value = _number_in(told.get(COST), asked.metric_name or "")
        elif asked.metric_name == "latency":
            value = None if end is None else (end - start) // 1_000_000
        dimensions = {"span_name": name, "span_type": kind, "span_status": status}
        dimensions |= {"span_model_name": _text_in(told.get(MODEL))}
        dimensions |= {"span_model_provider": _text_in(told.get(PROVIDER))}
        yield _Item(start // 1_000_000, dimensions, value)


def _of_assessments(connection: Connection, asked: Asked, conditions: list[Any]) -> Iterator[_Item]:
    query = (
        select(traces.c.timestamp_ms, assessments.c.name, assessments.c.value)
        .join(traces, assessments.c.trace == traces.c.id)
        .where(assessments.c.valid, *conditions, *_between(asked, traces.c.timestamp_ms))
    )
    counted = asked.metric_name == "assessment_count"
    for at, name, value in _rows(connection, query):
        number = 1.0 if counted else judged(value)
        yield _Item(at, {"assessment_name": name, "assessment_value": value}, number)


def judged(text: str) -> float | None:
    """A judgement as a number, where it is one: numbers, true and false, yes and no.

    >>> judged("0.5"), judged("true"), judged('" No "'), judged('"fine"')
    (0.5, 1.0, 0.0, None)
    """
    value = parsed(text)
    if isinstance(value, str):
        return {"yes": 1.0, "no": 0.0}.get(value.strip().lower())
    return float(value) if isinstance(value, bool) else finite(value)


_ITEMS: dict[str, Callable[[Connection, Asked, list[Any]], Iterator[_Item]]] = {
    "TRACES": _of_traces,
    "SPANS": _of_spans,
    "ASSESSMENTS": _of_assessments,
}


def _rows(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    yield from connection.execute(query.execution_options(yield_per=_AT_ONCE))


def _attributes(content: str) -> dict[str, Any]:
    found = parsed(content)
    held = found.get("attributes") if isinstance(found, dict) else None
    return held if isinstance(held, dict) else {}


def _number_in(text: Any, key: str) -> float | None:
    found = parsed(parsed(text))  # exporters that know only strings sent it as one
    value = found.get(key) if isinstance(found, dict) else None
    return finite(value)


def _text_in(text: Any) -> str | None:
    found = parsed(text)
    return found if isinstance(found, str) else None
