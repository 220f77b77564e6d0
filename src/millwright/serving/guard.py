"""The guard at a model's door: values unlike anything it was trained on.

What it knows is the sample of training rows in the package: the range of each number, the levels
of each category. A model answers such rows too, and its answer means little: callers may want to
hear that, or to get no answer at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.errors import Corrupt, InvalidInput
from millwright.kernel.model_package import REFERENCE, Field
from millwright.serving.signature import Rows

_MARGIN = 0.1
"""Share of a range that a number may lie outside of it: a sample has not seen the very ends."""


@dataclass(frozen=True, slots=True)
class _Range:
    position: int
    name: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Levels:
    position: int
    name: str
    known: frozenset[str]


class RangeGuard:
    """Ranges and levels of one model's fields, compiled against the order of an endpoint's."""

    def __init__(self, reference: pa.Table, fields: Sequence[Field]) -> None:
        """Learn them from ``reference``; fields that it lacks are not guarded."""
        self._ranges: list[_Range] = []
        self._levels: list[_Levels] = []
        for position, field in enumerate(fields):
            if field.name not in reference.column_names:
                continue
            column = reference[field.name]
            if field.kind == "categorical":
                known = frozenset(
                    str(one) for one in column.unique().to_pylist() if one is not None
                )
                self._levels.append(_Levels(position, field.name, known))
            elif field.kind == "numeric" and field.monitored:
                ends = pc.min_max(column.cast(pa.float64())).as_py()
                if ends["min"] is not None:
                    slack = _MARGIN * (ends["max"] - ends["min"])
                    low, high = ends["min"] - slack, ends["max"] + slack
                    self._ranges.append(_Range(position, field.name, low, high))

    @classmethod
    def open(cls, package: Path, fields: Sequence[Field]) -> RangeGuard:
        """The guard of a package that was verified.

        Raises:
            Corrupt: it holds no sample of its training rows.
        """
        try:
            with pa.memory_map(str(package / REFERENCE)) as file:
                return cls(pa.ipc.open_file(file).read_all(), fields)
        except (OSError, pa.ArrowInvalid) as cause:
            raise Corrupt(
                "serving.no_reference",
                f"The package in {package} has no sample of its training rows to guard with.",
                hint="Serve it without the guard, or register it again.",
            ) from cause

    def outside(self, rows: Rows) -> list[str]:
        """Names of the fields that hold such a value in any of the rows."""
        found = []
        for one in self._ranges:
            for value in rows.column(one.position):
                if value is not None and not one.low <= value <= one.high:
                    found.append(one.name)
                    break
        for levels in self._levels:
            for value in rows.column(levels.position):
                if value is not None and value not in levels.known:
                    found.append(levels.name)
                    break
        return found

    def refusal(self, names: Sequence[str], rows: Rows) -> InvalidInput:
        """The error that says which value of the first of these fields is meant."""
        name = names[0]
        for one in self._ranges:
            if one.name == name:
                value = next(
                    v
                    for v in rows.column(one.position)
                    if v is not None and not one.low <= v <= one.high
                )
                expected = f"{one.low:.6g} to {one.high:.6g}"
                return _refusal(name, expected, repr(value))
        levels = next(one for one in self._levels if one.name == name)
        value = next(v for v in rows.column(levels.position) if v not in levels.known)
        return _refusal(name, "a value seen in training", repr(value)[:60])


def _refusal(name: str, expected: str, got: str) -> InvalidInput:
    return InvalidInput(
        "serving.outside",
        f"Tensor '{name}': expected {expected}, got {got}; the model was trained on nothing like it.",
    )
