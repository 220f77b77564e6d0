"""One canonical form for every table: five Arrow types, unique names, no foreign metadata.

Whatever a table came from (CSV, Parquet, pandas, polars), the same values become the same Arrow
types, so that they snapshot to the same bytes and later rooms meet few kinds of columns: ``bool``,
``int64``, ``float64``, ``string`` and ``timestamp[us, UTC]``. Nested and binary columns stay.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from millwright.data.schema import is_text
from millwright.kernel.errors import InvalidInput

UTC_MICROSECONDS: Final = pa.timestamp("us", tz="UTC")


def canonical(table: pa.Table, name: str = "the table") -> pa.Table:
    """The table in canonical types, without schema metadata.

    A float that is not a number (NaN) is a missing value. Times without a zone are taken as UTC, dates as their midnight in UTC.

    Raises:
        InvalidInput: two columns have the same name, or a value does not fit its canonical type.
    """
    refuse_duplicates(table.column_names, name)
    columns = {column: _column(column, table[column], name) for column in table.column_names}
    return pa.table(columns)


def refuse_duplicates(names: list[str], source: str) -> None:
    """Raise ``InvalidInput`` when a column name occurs twice or is empty."""
    twice = [column for column, count in Counter(names).items() if count > 1]
    if "" in names:
        raise InvalidInput(
            "data.unnamed_column",
            f"Column {names.index('') + 1} of {source} has no name.",
            hint="Give every column a name in the first line.",
        )
    if twice:
        raise InvalidInput(
            "data.duplicate_columns",
            f"{source} has more than one column named '{twice[0]}'.",
            hint="Rename or remove one of them, so that each name means one column.",
            value=twice[0],
        )


def _column(column: str, values: pa.ChunkedArray, source: str) -> pa.ChunkedArray:
    wanted = _canonical_type(values.type)
    if wanted is None or wanted == values.type:
        return _without_nan(values)
    try:
        return _without_nan(pc.cast(values, wanted, safe=not pa.types.is_timestamp(wanted)))
    except pa.ArrowInvalid as cause:
        raise InvalidInput(
            "data.unfit_value",
            f"Column '{column}' of {source} holds a value that does not fit {wanted}: {cause}.",
            hint="Mend or remove the value.",
            value=column,
        ) from cause


def _without_nan(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(values.type):
        return values
    unknown = pc.is_nan(values)
    if not pc.any(unknown).as_py():
        return values
    return pc.if_else(unknown, pa.scalar(None, values.type), values)


def _canonical_type(kind: pa.DataType) -> pa.DataType | None:
    """The canonical type, or None to leave a column as it is."""
    if is_text(kind) or pa.types.is_time(kind):
        return pa.string()
    if pa.types.is_dictionary(kind):
        return _canonical_type(kind.value_type) or kind.value_type
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pa.float64()
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return UTC_MICROSECONDS
    return None
