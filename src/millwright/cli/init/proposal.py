"""What a table suggests for its project: task, time, slices, gates, windows. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from millwright.data import Column, Schema, check_trainable, infer_schema
from millwright.evaluation import default_metric
from millwright.kernel.config import Gate
from millwright.kernel.config_retraining import EARNED_BY
from millwright.kernel.errors import InvalidInput, nearest
from millwright.kernel.model_package import Task
from millwright.kernel.record import Record
from millwright.training import TaskSpec, infer_task

_DAY_MS: Final = 86_400_000
_WINDOW_DAYS: Final = (7, 28, 91)
"""Whole weeks, because weekdays differ; single days only where there are no four weeks."""
_WINDOW_ROWS: Final = 200
"""Rows a monitored window should have, so that what it measures is more than noise."""
_SLICE_LEVELS: Final = range(2, 31)
_MOST_SLICES: Final = 3
_SENSITIVE: Final = re.compile(
    r"(^|_)(sex|gender|race|ethnicity|ethnic|nationality|religion|disability|age_group|marital)",
    re.IGNORECASE,
)
_DECISION_TIME: Final = re.compile(r"sched|start|open|request|created|order|event|timestamp", re.I)


class Timing(Record):
    """Lengths of time of a project, in days, and rows from which a window is judged."""

    window_days: int = 7
    retraining_days: int = 140
    holdout_days: int = 28
    cooldown_days: int = 28
    min_rows: int = 200
    earned_by: int = EARNED_BY


class Proposal(Record):
    """A project as its data suggests it."""

    source: str
    target: str
    task: Task
    question: str
    rows: int
    metric: str
    time: str | None
    time_candidates: tuple[str, ...]
    entity: tuple[str, ...]
    entity_candidates: tuple[str, ...]
    ignore: tuple[str, ...]
    slices: tuple[str, ...]
    groups: tuple[str, ...]
    gates: tuple[Gate, ...]
    timing: Timing
    notes: tuple[str, ...]


def propose(
    table: pa.Table,
    *,
    source: str,
    target: str,
    time: str | None = None,
    entity: Sequence[str] = (),
) -> Proposal:
    """What to write into the project file of a table.

    Args:
        table: in canonical types, as ``millwright.data.read_table`` gives it.
        source: where it came from, as the project file will say.
        target: the column to predict.
        time: the prediction moment; chosen among the table's times when None.
        entity: columns that name what a row is about.

    Raises:
        InvalidInput: a named column does not exist or cannot be what it is named as, or nothing
            can be learned from the table.
    """
    trainable = check_trainable(table, target, source)
    schema = infer_schema(table)
    for name in entity:
        _require(name, schema, "entity", source)
    candidates = _times(schema, target)
    chosen = _checked_time(time, schema, table, source) if time else _best(candidates)
    spec = infer_task(table[target])
    others = [column for column in schema.columns if column.name not in (target, chosen)]
    groups = tuple(c.name for c in others if _is_group(c) and _SENSITIVE.search(c.name))
    empty = trainable.empty_columns
    numbering = tuple(c.name for c in others if c.kind == "id" and c.distinct == table.num_rows)
    return Proposal(
        source=source,
        target=target,
        task=spec.task,
        question=_question(table[target], spec, target),
        rows=table.num_rows,
        metric=default_metric(spec.task),
        time=chosen,
        time_candidates=tuple(name for name in candidates if name != chosen),
        entity=tuple(entity),
        entity_candidates=tuple(c.name for c in others if _names_things(c, table.num_rows))[:3],
        ignore=(*empty, *(name for name in numbering if name not in (*empty, *entity))),
        slices=_slices(others, entity, groups),
        groups=groups,
        gates=_gates(table[target], spec),
        timing=Timing() if chosen is None else _timing(table, chosen),
        notes=_notes(table, target, chosen, candidates, empty, numbering),
    )


def _require(name: str, schema: Schema, role: str, source: str) -> Column:
    names = [column.name for column in schema.columns]
    if name not in names:
        guess = nearest(name, names)
        raise InvalidInput(
            f"data.unknown_{role}",
            f"The {role} column '{name}' is not in {source}.",
            hint=f"Did you mean '{guess}'?" if guess else f"It has: {', '.join(names[:20])}.",
            value=name,
        )
    return schema.column(name)


def _checked_time(name: str, schema: Schema, table: pa.Table, source: str) -> str:
    column = _require(name, schema, "time", source)
    if column.kind != "time":
        times = [c.name for c in schema.columns if c.kind == "time"]
        raise InvalidInput(
            "data.not_a_time",
            f"Column '{name}' of {source} holds values such as {_example(table[name])}, not times.",
            hint=f"Columns with times: {', '.join(times)}."
            if times
            else "Write times as ISO 8601, for example 2013-04-01T05:15:00Z.",
            value=name,
        )
    if column.nulls:
        raise InvalidInput(
            "data.incomplete_time",
            f"Column '{name}' of {source} is empty in {column.nulls:,} of {table.num_rows:,} rows.",
            hint="Fill it, remove those rows, or name another column with --time.",
            value=name,
        )
    return name


def _example(values: pa.ChunkedArray) -> str:
    known = values.drop_null()
    return repr(known[0].as_py()) if len(known) else "nothing"


def _times(schema: Schema, target: str) -> list[str]:
    """Columns that could be the prediction time: complete times, likely names first."""
    found = [c for c in schema.columns if c.kind == "time" and not c.nulls and c.name != target]
    found.sort(key=lambda c: (_DECISION_TIME.search(c.name) is None, -c.distinct))
    return [column.name for column in found if column.distinct > 1]


def _best(candidates: Sequence[str]) -> str | None:
    return candidates[0] if candidates else None


def _is_group(column: Column) -> bool:
    return column.kind in ("categorical", "boolean") and column.distinct in _SLICE_LEVELS


def _names_things(column: Column, rows: int) -> bool:
    """Whether a column could name what rows are about: many values, each on several rows."""
    many = column.kind == "id" or (
        column.kind == "categorical" and column.distinct not in _SLICE_LEVELS
    )
    return many and 1 < column.distinct < rows / 2


def _slices(
    columns: Sequence[Column], entity: Sequence[str], groups: Sequence[str]
) -> tuple[str, ...]:
    found = [column for column in columns if _is_group(column)]
    found.sort(key=lambda c: (c.name not in entity, c.name not in groups, -c.distinct))
    return tuple(column.name for column in found[:_MOST_SLICES])


def _question(target: pa.ChunkedArray, spec: TaskSpec, name: str) -> str:
    known = target.drop_null()
    if spec.task == "regression":
        bounds = pc.min_max(known)
        return f"{name} between {bounds['min'].as_py():g} and {bounds['max'].as_py():g}"
    shares = _class_shares(known)
    if spec.task == "binary":
        return f"{name} is {spec.positive} in {_share_of(spec.positive, shares):.1%} of the rows"
    common = max(shares, key=lambda label: shares[label])
    return f"{name} is one of {len(shares)}, most often {common} ({shares[common]:.1%})"


def _gates(target: pa.ChunkedArray, spec: TaskSpec) -> tuple[Gate, ...]:
    """Thresholds that any model worth having meets: better than knowing nothing."""
    if spec.task == "regression":
        # R² falls with the square of the errors: a good model loses much of it with an input.
        return (Gate(metric="r2", min=0.1), Gate(metric="robustness.drop", max=0.5))
    shares = _class_shares(target.drop_null())
    if spec.task == "binary":
        share = _share_of(spec.positive, shares)
        return (
            Gate(metric="roc_auc", min=0.6),
            Gate(metric="worst_slice.roc_auc", min=0.5),
            Gate(metric="brier", max=max(round(share * (1 - share), 3), 0.001)),
            Gate(metric="robustness.drop", max=0.1),
        )
    return (
        Gate(metric="roc_auc_ovr", min=0.6),
        Gate(metric="accuracy", min=round(max(shares.values()), 3)),
        Gate(metric="robustness.drop", max=0.2),
    )


def _class_shares(known: pa.ChunkedArray) -> dict[str, float]:
    counts = pc.value_counts(known).to_pylist()
    return {_label(entry["values"]): entry["counts"] / len(known) for entry in counts}


def _share_of(label: str | None, shares: dict[str, float]) -> float:
    return next((share for name, share in shares.items() if name == label), min(shares.values()))


def _label(value: object) -> str:
    """A class as training names it: booleans in lower case, whole numbers without ``.0``."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _timing(table: pa.Table, time: str) -> Timing:
    """The shortest window that has enough rows, and multiples of it for the rest."""
    bounds = pc.min_max(table[time])
    span = (bounds["max"].as_py() - bounds["min"].as_py()).total_seconds() * 1000 / _DAY_MS
    per_day = table.num_rows / max(span, 1.0)
    choices = _WINDOW_DAYS if span >= 4 * _WINDOW_DAYS[0] else (1, *_WINDOW_DAYS)
    enough = [days for days in choices if days * per_day >= _WINDOW_ROWS]
    days = enough[0] if enough else choices[-1]
    expected = round(days * per_day)
    return Timing(
        window_days=days,
        retraining_days=20 * days,
        holdout_days=min(4 * days, max(round(span / 5), 1)),
        cooldown_days=4 * days,
        min_rows=min(max(expected // 5, 30), 1_000),
        # Where many rows come, eight windows of them.
        earned_by=max(EARNED_BY, 8 * expected // 1_000 * 1_000),
    )


def _notes(
    table: pa.Table,
    target: str,
    time: str | None,
    candidates: Sequence[str],
    empty: Sequence[str],
    numbering: Sequence[str],
) -> tuple[str, ...]:
    notes = []
    if table[target].null_count:
        notes.append(f"{target} is unknown in {table[target].null_count:,} rows; they are left out")
    if empty:
        notes.append(f"without any value, so ignored: {', '.join(empty)}")
    named = [name for name in numbering if name not in empty]
    if named:
        notes.append(f"different in every row, so ignored: {', '.join(named)}")
    if len(candidates) > 1 and time == candidates[0]:
        notes.append(f"the time could also be {', '.join(candidates[1:4])}; change it with --time")
    return tuple(notes)
