"""Training–serving skew: is a feature the same where a model learns and where it serves?

Drift asks whether two populations differ; skew asks whether the same row has the same value on both
ways. Where it has not, the two ways compute it differently, and no amount of data mends that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.cells import numeric_values
from millwright.kernel.errors import InvalidInput

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Unlike:
    """A row whose value differs: its key, and both values as text."""

    key: str
    offline: str
    served: str


@dataclass(frozen=True, slots=True)
class ColumnSkew:
    """A feature on rows that both sides have.

    Attributes:
        share: of rows whose values differ, missing on one side included.
        only_offline: rows with a value offline only, and ``only_served`` the other way round.
        shift: mean of served minus offline where both are numbers and differ; None for others.
        examples: the first few that differ, the numbers that differ most.
    """

    column: str
    rows: int
    share: float
    only_offline: int
    only_served: int
    shift: float | None
    examples: tuple[Unlike, ...]


@dataclass(frozen=True, slots=True)
class Skew:
    """Features in the order of how often they differ, and rows without a counterpart."""

    columns: tuple[ColumnSkew, ...]
    matched: int
    only_offline: int
    only_served: int


def skew_of(
    offline: pa.Table,
    served: pa.Table,
    on: Sequence[str],
    columns: Sequence[str] | None = None,
    tolerance: float = 1e-6,
) -> Skew:
    """Compare what a model learned from with what it was served, row by row.

    Args:
        offline: features as training reads them, a row per key.
        served: features as they were served.
        on: columns that name a row on both sides, such as an entity and a moment.
        columns: features; by default all others that both have.
        tolerance: of numbers, as a share of the larger one: what comes of rounding is no skew.

    Raises:
        InvalidInput: a column is missing, or a key stands for several offline rows.
    """
    for side, name in ((offline, "offline"), (served, "served")):
        lacking = [each for each in (*on, *(columns or ())) if each not in side.column_names]
        if lacking:
            raise InvalidInput(
                "monitoring.unknown_column",
                f"The {name} table has no column '{lacking[0]}'.",
                hint=f"It has: {', '.join(side.column_names[:20])}.",
                value=lacking[0],
            )
    left, right = _keys(offline, on), _keys(served, on)
    if len(pc.unique(left)) != len(left):
        raise InvalidInput(
            "monitoring.repeated_key",
            f"A key of {', '.join(on)} stands for several offline rows.",
            hint="Name more columns, such as the moment, so that a row is one.",
        )
    place = pc.index_in(right, value_set=left)
    there = np.flatnonzero(place.is_valid().to_numpy(zero_copy_only=False))
    at = place.drop_null().to_numpy()
    shared = [name for name in offline.column_names if name in served.column_names]
    names = columns or [name for name in shared if name not in on]
    keys = right.take(pa.array(there))
    found = [
        _column(
            name,
            offline[name].take(pa.array(at)),
            served[name].take(pa.array(there)),
            keys,
            tolerance,
        )
        for name in names
    ]
    found.sort(key=lambda each: (-each.share, each.column))
    return Skew(
        columns=tuple(found),
        matched=there.size,
        only_offline=len(left) - np.unique(at).size,
        only_served=len(right) - there.size,
    )


def _keys(table: pa.Table, on: Sequence[str]) -> pa.Array:
    parts = [pc.fill_null(table[name].cast(pa.string()), "") for name in on]
    joined = pc.binary_join_element_wise(*parts, "\x1f")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _column(
    name: str, offline: pa.ChunkedArray, served: pa.ChunkedArray, keys: pa.Array, tolerance: float
) -> ColumnSkew:
    numbers = _is_number(offline.type) and _is_number(served.type)
    if numbers:
        left, right = numeric_values(offline), numeric_values(served)
        no_left, no_right = np.isnan(left), np.isnan(right)
        gap = np.abs(np.nan_to_num(right - left))
        with np.errstate(invalid="ignore"):
            unlike = gap > tolerance * np.maximum(np.abs(left), np.abs(right))
        unlike &= ~(no_left | no_right)
    else:
        texts = [
            np.array(each.cast(pa.string()).to_pylist(), dtype=object) for each in (offline, served)
        ]
        no_left, no_right = (np.array([v is None for v in each], dtype=bool) for each in texts)
        gap = np.ones(len(offline))
        unlike = (texts[0] != texts[1]) & ~no_left & ~no_right
    differs = unlike | (no_left != no_right)
    shown = np.flatnonzero(differs)
    shown = shown[np.argsort(-np.where(unlike, gap, 0.0)[shown], kind="stable")][:EXAMPLES]
    return ColumnSkew(
        column=name,
        rows=len(offline),
        share=float(differs.mean()) if differs.size else 0.0,
        only_offline=int((no_right & ~no_left).sum()),
        only_served=int((no_left & ~no_right).sum()),
        shift=float((right - left)[unlike].mean()) if numbers and unlike.any() else None,
        examples=tuple(
            Unlike(
                key=str(keys[int(row)].as_py()).replace("\x1f", ", "),
                offline=str(offline[int(row)].as_py()),
                served=str(served[int(row)].as_py()),
            )
            for row in shown
        ),
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
