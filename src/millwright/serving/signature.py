"""The endpoint's input contract, compiled once from the signatures of its variants.

The champion's signature is the contract: each of its fields has to be sent. Fields that only
another variant knows may be left out, so that starting a canary never breaks a caller.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any

import msgspec

from millwright.kernel.errors import Conflict, InvalidInput, nearest
from millwright.kernel.model_package import Field, Kind

Column = list[Any]
"""Values of one field: float or None for numeric and boolean fields, str or None for text."""

FLOATS = frozenset({"FP16", "FP32", "FP64"})
INTEGERS = frozenset(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
NATIVE = "JSON"
"""Stands for "whatever JSON says", for protocols that do not declare a datatype."""


class Rows(msgspec.Struct, frozen=True, gc=False):
    """Decoded rows, one after the other: field ``i`` of row ``r`` is ``values[r * width + i]``."""

    count: int
    width: int
    values: list[Any]

    @classmethod
    def of_columns(cls, columns: Sequence[Column], count: int) -> Rows:
        """Rows from the ``count`` values of each field."""
        width = len(columns)
        if count == 1:
            return cls(1, width, [column[0] for column in columns])
        values: list[Any] = [None] * (count * width)
        for index, column in enumerate(columns):
            values[index::width] = column
        return cls(count, width, values)

    def column(self, index: int) -> Column:
        """The values of one field."""
        return self.values[index :: self.width]

    def row(self, index: int) -> list[Any]:
        """The values of one row, in the order of the signature."""
        return self.values[index * self.width : (index + 1) * self.width]


@dataclass(frozen=True, slots=True)
class _Reading:
    """How values of one declared datatype become values of one kind of field.

    Attributes:
        types: the Python types that may come.
        ready: those of them that are kept as they are.
        convert: for the others.
    """

    types: frozenset[type]
    ready: frozenset[type]
    convert: Callable[[Column], Column]


def _floats(values: Column) -> Column:
    return [None if value is None else float(value) for value in values]


def _texts(values: Column) -> Column:
    return [None if value is None else str(value) for value in values]


def _truths(values: Column) -> Column:
    if any(value not in (0, 1, None) for value in values):
        raise ValueError("is neither 0 nor 1")
    return _floats(values)


def _readings() -> dict[Kind, dict[str, _Reading]]:
    def reading(
        types: set[type], ready: set[type], convert: Callable[[Column], Column]
    ) -> _Reading:
        return _Reading(frozenset({*types, NoneType}), frozenset({*ready, NoneType}), convert)

    numeric = {name: reading({int, float}, {float}, _floats) for name in FLOATS}
    numeric |= {name: reading({int}, set(), _floats) for name in INTEGERS}
    numeric["BOOL"] = reading({bool}, set(), _floats)
    numeric[NATIVE] = reading({int, float, bool}, {float}, _floats)
    text = {name: reading({int}, set(), _texts) for name in INTEGERS}
    text["BYTES"] = reading({str}, {str}, _texts)
    text[NATIVE] = reading({str, int}, {str}, _texts)
    truth = {name: reading({int}, set(), _truths) for name in INTEGERS}
    truth["BOOL"] = reading({bool}, set(), _floats)
    truth[NATIVE] = reading({bool, int, float}, set(), _truths)
    return {"numeric": numeric, "categorical": text, "boolean": truth}


_READINGS = _readings()
_JUST_FLOATS = {float}
_NUMBERS = {float, int}


@dataclass(frozen=True, slots=True)
class InputSignature:
    """The fields an endpoint takes, in order; the first ``required`` of them must be sent."""

    fields: tuple[Field, ...]
    required: int
    positions: Mapping[str, int]
    as_matrix: bool
    """Whether one tensor can hold all that must be sent."""
    numbers: bool
    """Whether all fields are numbers and must be sent."""

    @classmethod
    def compile(cls, champion: Sequence[Field], *others: Sequence[Field]) -> InputSignature:
        """The contract of an endpoint that serves a champion and perhaps other variants.

        Raises:
            Conflict: two of them read the same field as different kinds.
        """
        known = {field.name: field for field in champion}
        for field in itertools.chain.from_iterable(others):
            kind = known.setdefault(field.name, field).kind
            if kind != field.kind:
                raise Conflict(
                    "serving.signatures_differ",
                    f"One variant reads '{field.name}' as {kind} and another as {field.kind}; one "
                    "request cannot serve both.",
                    hint="Train it on the same kind of column, or deploy it separately.",
                )
        fields = tuple(known.values())
        positions = {field.name: index for index, field in enumerate(fields)}
        as_matrix = all(field.kind != "categorical" for field in champion)
        numbers = len(fields) == len(champion) and all(f.kind == "numeric" for f in fields)
        return cls(fields, len(champion), positions, as_matrix, numbers)

    def matrix(self, datatype: str, values: list[Any], count: int) -> Rows | None:
        """Rows from the numbers of a whole matrix, row after row.

        None where that needs the look at each column that ``column`` takes: fields of several
        kinds, nulls, values that are no numbers.
        """
        if not self.numbers or datatype not in FLOATS:
            return None
        found = set(map(type, values))
        if found != _JUST_FLOATS:
            if not found <= _NUMBERS:
                return None
            try:
                values = list(map(float, values))
            except OverflowError:
                return None
        return Rows(count, self.required, values)

    def column(self, index: int, datatype: str, values: Column) -> Column:
        """The values of field ``index`` as declared by the caller, checked and converted.

        Raises:
            InvalidInput: datatype, a value or a null that this field does not take; the message
                names the field, what was expected and what came.
        """
        field = self.fields[index]
        reading = _READINGS[field.kind].get(datatype)
        if reading is None:
            raise InvalidInput(
                "serving.datatype",
                f"Tensor '{field.name}' is {field.kind}: expected datatype {field.datatype}, "
                f"got '{datatype[:40]}'.",
            )
        if len(values) == 1 and values[0] is not None and type(values[0]) in reading.ready:
            return values  # what nearly every request of one row is made of
        found = set(map(type, values))
        if not found <= reading.types:
            row, value = next((i, v) for i, v in enumerate(values) if type(v) not in reading.types)
            raise self._bad_value(field, datatype, row, value)
        if NoneType in found and not field.nullable:
            raise InvalidInput(
                "serving.null",
                f"Tensor '{field.name}' must not hold null, and row {values.index(None)} does.",
            )
        if found <= reading.ready:
            return values
        try:
            return reading.convert(values)
        except (ValueError, OverflowError) as cause:
            row, value = self._first_refused(reading, values)
            raise self._bad_value(field, datatype, row, value) from cause

    def complete(self, columns: list[Column | None], count: int, unknown: Sequence[str]) -> Rows:
        """Rows from the columns that came, or the error that says which did not.

        Args:
            columns: one entry per field; None where nothing was sent.
            count: number of rows.
            unknown: names that were sent and are not of this signature, for the hint.

        Raises:
            InvalidInput: a required field was not sent.
        """
        for index, column in enumerate(columns):
            if column is not None:
                continue
            if index < self.required:
                raise self._missing(self.fields[index], unknown)
            columns[index] = [None] * count
        return Rows.of_columns(columns, count)  # type: ignore[arg-type]  # no None is left

    def unknown(self, name: str) -> InvalidInput:
        """The error for a name that this signature does not have."""
        guess = nearest(name, self.positions)
        names = ", ".join(list(self.positions)[:20])
        hint = f"Did you mean '{guess}'?" if guess else f"The model takes: {names}."
        return InvalidInput(
            "serving.unknown_tensor", f"The model takes no tensor '{name[:100]}'.", hint=hint
        )

    def _missing(self, field: Field, unknown: Sequence[str]) -> InvalidInput:
        guess = nearest(field.name, unknown)
        hint = f"'{guess[:100]}' was sent; did you mean '{field.name}'?" if guess else None
        if hint is None and field.nullable:
            hint = "Send null where its value is not known."
        return InvalidInput(
            "serving.missing_tensor",
            f"Tensor '{field.name}' is missing: expected datatype {field.datatype} "
            f"of shape [rows], got nothing.",
            hint=hint,
        )

    @staticmethod
    def _bad_value(field: Field, datatype: str, row: int, value: object) -> InvalidInput:
        shown = repr(value)
        expected = field.datatype if datatype == NATIVE else datatype
        return InvalidInput(
            "serving.value",
            f"Tensor '{field.name}', row {row}: expected a value of {expected} "
            f"({field.kind}), got {shown[:60]}{'…' if len(shown) > 60 else ''}.",
        )

    @staticmethod
    def _first_refused(reading: _Reading, values: Column) -> tuple[int, object]:
        for row, value in enumerate(values):
            try:
                reading.convert([value])
            except (ValueError, OverflowError):
                return row, value
        return 0, None
