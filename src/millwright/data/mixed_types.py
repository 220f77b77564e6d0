"""A column that is numbers but for a few words: better a sentence than silently text.

Cells of nothing but spaces are missing values, and dates as people write them become times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from millwright.data.local_dates import local_dates
from millwright.kernel.errors import InvalidInput

MAJORITY: Final = 0.95
"""From this share of numbers (or times) on, the remaining text is taken for a mistake."""

_FORMS: Final = {
    "numbers": r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$",
    "times": r"^\s*\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?\s*$",
}
_WHOLE: Final = r"^-?\d{1,18}$"
_SAMPLE_ROWS: Final = 1000


def settle_types(table: pa.Table, source: str, *, first_row: int = 1) -> pa.Table:
    """Text columns that hold numbers or times in several forms become such; mistakes are refused.

    Args:
        table: as read, text columns as ``string``.
        source: how to name the table in the message.
        first_row: the number that the first row has for the reader of the message.

    Raises:
        InvalidInput: a text column consists of numbers or times, apart from at most 5 % other
            text; names the column, what most of it is, and the first other value with its row.
    """
    for position, name in enumerate(table.column_names):
        values = table[name]
        if not pa.types.is_string(values.type):
            continue
        # Real text shows itself in the first rows; only what does not is looked at as a whole.
        if _majority(values.slice(0, _SAMPLE_ROWS), 0.5) is None:
            dates = local_dates(values)
            table = table if dates is None else table.set_column(position, name, dates)
            continue
        values = _without_blanks(values)
        form = _majority(values, MAJORITY)
        if form is None:
            continue
        if _majority(values, 1.0) is None:
            raise _mixed(name, values, form, source, first_row)
        settled = _numbers(values) if form == "numbers" else _times(name, values, source)
        table = table.set_column(position, name, settled)
    return table


def _without_blanks(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Spaces where a number or time should be say that it is not known."""
    blank = pc.equal(pc.utf8_trim_whitespace(values), "")
    return pc.if_else(blank, pa.scalar(None, pa.string()), values)


def _numbers(values: pa.ChunkedArray) -> pa.ChunkedArray:
    text = pc.utf8_ltrim(pc.utf8_trim_whitespace(values), characters="+")
    whole = pc.all(pc.match_substring_regex(text, _WHOLE)).as_py()
    return pc.cast(text, pa.int64() if whole else pa.float64())


def _times(name: str, values: pa.ChunkedArray, source: str) -> pa.ChunkedArray:
    try:
        moments = [
            None if text is None else datetime.fromisoformat(text.strip())
            for text in values.to_pylist()
        ]
    except ValueError as cause:
        raise InvalidInput(
            "data.unfit_value",
            f"Column '{name}' of {source} holds a time that does not exist: {cause}.",
            hint="Mend it, or leave it empty to count as missing.",
            value=name,
        ) from cause
    aware = [m if m is None or m.tzinfo is not None else m.replace(tzinfo=UTC) for m in moments]
    return pa.chunked_array([pa.array(aware, pa.timestamp("us", tz="UTC"))])


def _majority(values: pa.ChunkedArray, least: float) -> str | None:
    known = len(values) - values.null_count
    for form, pattern in _FORMS.items():
        fitting = pc.sum(pc.match_substring_regex(values, pattern)).as_py() or 0
        if known and fitting >= least * known:
            return form
    return None


def _mixed(
    name: str, values: pa.ChunkedArray, form: str, source: str, first_row: int
) -> InvalidInput:
    other = pc.fill_null(pc.invert(pc.match_substring_regex(values, _FORMS[form])), False)
    count = pc.sum(other).as_py()
    row = pc.index(other, True).as_py()
    example = values[row].as_py()
    others = "one value that is not" if count == 1 else f"{count:,} values that are not"
    return InvalidInput(
        "data.mixed_types",
        f"Column '{name}' of {source} holds {form}, but {others}: {example!r} in row "
        f"{row + first_row:,}.",
        hint="Mend them, or leave them empty to count as missing.",
        value=name,
    )
