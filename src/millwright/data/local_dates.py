"""Dates as people write them (``31/1/2011``, ``1/31/2011 06:00``, ``31.1.2011``), where a column
as a whole leaves no doubt about which number is the day."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

_FORM: Final = (
    r"^\s*(?P<first>\d{1,2})(?P<mark>[/.])(?P<second>\d{1,2})[/.]\d{4}"
    r"(?P<clock>[ T]\d{1,2}:\d\d(?P<seconds>:\d\d)?)?\s*$"
)
_CLOCKS: Final = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S")
_MONTHS: Final = 12


def local_dates(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The moments (UTC) of a text column of dates; None where it holds anything else.

    With points the day comes first. With slashes a number above twelve somewhere in the column
    tells day from month; where none does, or both do, nobody could know, and the column stays text.
    """
    # Most text is recognised as such by its first rows.
    if not _all_fit(values.slice(0, 100)) or not _all_fit(values):
        return None
    parts = pc.extract_regex(values, _FORM)
    points = pc.any(pc.equal(pc.struct_field(parts, "mark"), ".")).as_py()
    day_first, month_first = (_exceeds_months(parts, name) for name in ("first", "second"))
    if points and not month_first:
        day_first = True
    if day_first == month_first:
        return None
    date = "%d/%m/%Y" if day_first else "%m/%d/%Y"
    moments = _parsed(values, date)
    return None if moments.null_count > values.null_count else moments


def _all_fit(values: pa.ChunkedArray) -> bool:
    fits = pc.all(pc.match_substring_regex(values, _FORM), min_count=1)
    return fits.as_py() is True


def _exceeds_months(parts: pa.ChunkedArray, name: str) -> bool:
    numbers = pc.cast(pc.struct_field(parts, name), pa.int64())
    return bool(pc.any(pc.greater(numbers, _MONTHS)).as_py())


def _parsed(values: pa.ChunkedArray, date: str) -> pa.ChunkedArray:
    text = pc.replace_substring(pc.utf8_trim_whitespace(values), ".", "/")
    tried = [
        pc.strptime(text, format=date + clock, unit="us", error_is_null=True) for clock in _CLOCKS
    ]
    return pc.cast(pc.coalesce(*tried), pa.timestamp("us", tz="UTC"))
