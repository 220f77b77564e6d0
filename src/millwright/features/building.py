"""From raw rows to the feature table: join, look back, find leaks, choose, and say what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.features.calendar import covered_parts
from millwright.features.candidates import Candidate, gather
from millwright.features.leakage import Leak, find_leaks
from millwright.features.selection import Dropped, arrange, choose
from millwright.features.target import target_values
from millwright.kernel.config import ProjectConfig
from millwright.kernel.errors import InvalidInput, nearest
from millwright.kernel.model_package import Field

ROW: Final = "__row"
TIME: Final = "__time"
TARGET: Final = "__target"
_UTC: Final = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class FeatureSet:
    """Features of rows, ready to train on or to score.

    ``table`` holds the columns of ``fields`` in their order, then ``__row`` (int64, the row's
    place in the source), ``__time`` (timestamp[us, UTC], where the project has a time) and
    ``__target`` (string class label or float64; null where the outcome is not known).
    """

    table: pa.Table
    fields: tuple[Field, ...]
    leaks: tuple[Leak, ...]
    dropped: tuple[Dropped, ...]


def build_features(
    table: pa.Table,
    side_tables: Mapping[str, pa.Table],
    config: ProjectConfig,
    fields: Sequence[Field] | None = None,
) -> FeatureSet:
    """Compute the features of every row, using only what was known at the row's time.

    Every column of the data either becomes a feature or is named in ``dropped`` with the reason.
    Rows without outcome are kept, with a null target. Rows without a time are left out where the
    project has a time, as nothing can be known of their past.

    Args:
        table: the rows, in any order.
        side_tables: the tables named in ``config.data.tables``, by name.
        config: the project.
        fields: the signature of an existing model: exactly these features are computed, nothing
            is searched for leaks or chosen. Rows may then lack the target column.

    Raises:
        InvalidInput: a configured column is missing or of the wrong type; no feature is left.
    """
    if config.data.target not in table.column_names and fields is None:
        raise _unknown(config.data.target, table, "target")
    rows = np.arange(table.num_rows, dtype=np.int64)
    table, rows = _timed(table, rows, config.data.time)
    candidates = list(gather(table, side_tables, config))
    _refuse_clashes(candidates)
    leaks: tuple[Leak, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    if fields is None:
        leaks = _leaks(table, candidates, config)
        fields, dropped = _chosen(table, candidates, leaks, config)
    columns = dict(
        zip([f.name for f in fields], arrange(candidates, fields), strict=True)
    ) | _bookkeeping(table, rows, config)
    return FeatureSet(pa.table(columns), tuple(fields), leaks, dropped)


def _timed(
    table: pa.Table, rows: np.ndarray[tuple[int], np.dtype[np.int64]], time: str | None
) -> tuple[pa.Table, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    if time is None:
        return table, rows
    if time not in table.column_names:
        raise _unknown(time, table, "time")
    if not pa.types.is_temporal(table[time].type):
        raise InvalidInput(
            "features.not_a_time",
            f"The time column '{time}' holds {table[time].type}, not times.",
            hint="Write the times as ISO 8601, for example 2013-04-01T05:15:00Z.",
            value=time,
        )
    moments = pc.cast(table[time], _UTC, safe=False)
    table = table.set_column(table.column_names.index(time), time, moments)
    if moments.null_count == 0:
        return table, rows
    known = pc.is_valid(moments)
    return table.filter(known), rows[known.to_numpy()]


def _refuse_clashes(candidates: Sequence[Candidate]) -> None:
    seen = {ROW, TIME, TARGET}
    for candidate in candidates:
        if candidate.name in seen:
            raise InvalidInput(
                "features.name_clash",
                f"Two features would be named '{candidate.name}'.",
                hint="Rename the column, the side table or the age, or list it in data.ignore.",
                value=candidate.name,
            )
        seen.add(candidate.name)


def _leaks(
    table: pa.Table, candidates: Sequence[Candidate], config: ProjectConfig
) -> tuple[Leak, ...]:
    searched = {c.name: c.values for c in candidates if c.origin in ("row", "joined")}
    whole = {config.data.target: table[config.data.target]}
    if config.data.time is not None:
        whole[config.data.time] = table[config.data.time]
    return find_leaks(pa.table(searched | whole), config.data.target, config.data.time)


def _chosen(
    table: pa.Table,
    candidates: Sequence[Candidate],
    leaks: Sequence[Leak],
    config: ProjectConfig,
) -> tuple[tuple[Field, ...], tuple[Dropped, ...]]:
    reasons = _kept_out(leaks, config)
    covered = covered_parts(table[config.data.time]) if config.data.time else frozenset()
    fields: list[Field] = []
    dropped = [
        Dropped(column=name, reason="The project ignores it.")
        for name in config.data.ignore
        if name in table.column_names
    ]
    for candidate in candidates:
        source = candidate.name.removesuffix("_hours_before")
        name = source if candidate.origin == "elapsed" else candidate.name
        if name in reasons:
            if candidate.origin != "elapsed":
                dropped.append(Dropped(column=name, reason=reasons[name]))
            continue
        choice = choose(candidate, covered)
        if isinstance(choice, Field):
            fields.append(choice)
        else:
            dropped.append(choice)
    if not fields:
        raise InvalidInput(
            "features.none",
            "No column is left to learn from.",
            hint="Each was dropped: " + " ".join(f"{d.column}: {d.reason}" for d in dropped[:5]),
        )
    return tuple(fields), tuple(dropped)


def _kept_out(leaks: Sequence[Leak], config: ProjectConfig) -> dict[str, str]:
    """Why columns are kept out before their values are looked at, by column."""
    reasons: dict[str, str] = {}
    for age in config.features.ages:
        reasons[age.since.replace(".", "_", 1)] = f"It is used as the age '{age.name}'."
    for rolling in config.features.rolling:
        for name in (rolling.value, rolling.available_at):
            reasons[name] = "It is known only afterwards; its past is used as a rolling feature."
    if config.features.leakage == "drop":
        reasons |= {leak.column: leak.reason for leak in leaks}
    return reasons


def _bookkeeping(
    table: pa.Table, rows: np.ndarray[tuple[int], np.dtype[np.int64]], config: ProjectConfig
) -> dict[str, pa.ChunkedArray]:
    columns = {ROW: pa.chunked_array([pa.array(rows)])}
    if config.data.time is not None:
        columns[TIME] = table[config.data.time]
    if config.data.target in table.column_names:
        columns[TARGET] = target_values(table[config.data.target], config.data.target)
    else:
        columns[TARGET] = pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
    return columns


def _unknown(name: str, table: pa.Table, role: str) -> InvalidInput:
    guess = nearest(name, table.column_names)
    return InvalidInput(
        f"data.unknown_{role}",
        f"The {role} column '{name}' is not in the data.",
        hint=f"Did you mean '{guess}'?" if guess else f"It has: {', '.join(table.column_names)}.",
        value=name,
    )


__all__ = ["ROW", "TARGET", "TIME", "FeatureSet", "build_features"]
