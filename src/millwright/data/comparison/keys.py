"""The key of every row as one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from millwright.data.comparison.memory import fresh
from millwright.data.comparison.table_file import Numbers, TableFile
from millwright.data.comparison.words import (
    Family,
    Words,
    family_of,
    hashes_of,
    words_of,
)

_FIRST: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))
_SECOND: Final = (np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x94D049BB133111EB))
_MISSING: Final = np.uint64(0xA0761D6478BD642F)
_TAGS: Final[dict[Family, np.uint64]] = {
    # Numbers of both kinds are compared by value; nothing else is equal across families.
    "int": np.uint64(0),
    "float": np.uint64(0),
    "bool": np.uint64(0x589965CC75374CC3),
    "time": np.uint64(0x1D8E4E27C47D124F),
    "text": np.uint64(0xEB44ACCAB455D165),
    "other": np.uint64(0xE7037ED1A0B428DB),
    "null": np.uint64(0),
}


@dataclass(frozen=True, slots=True)
class Keys:
    """A number per row. Equal numbers are equal keys only where ``checks`` are equal too."""

    numbers: Numbers
    checks: Numbers | None
    """A second, independent hash; None where the number is the key itself."""
    nulls: int
    """Rows in which some part of the key is missing."""


def can_be_exact(before: TableFile, after: TableFile, key: Sequence[str]) -> bool:
    """Whether the key is one column of whole numbers, times or booleans in both versions."""
    families = {family_of(file.schema.field(name).type) for name in key for file in (before, after)}
    return len(key) == 1 and families in ({"int"}, {"time"}, {"bool"})


def exact_keys(file: TableFile, name: str) -> Keys | None:
    """The values of the one key column; None where some are missing."""
    numbers = fresh(file.rows, np.int64)
    missing = np.zeros(file.rows, np.bool_)
    for group in range(file.groups):
        inside = file.rows_of(group)
        if file.fill(group, name, numbers[inside], missing[inside]):
            return None
    return Keys(numbers, None, 0)


def hashed_keys(file: TableFile, key: Sequence[str], salt: int) -> Keys:
    """Two hashes of the key of every row.

    Args:
        file: the table.
        key: the columns that make the key.
        salt: another one gives other hashes, for when two keys met in one number.
    """
    numbers, checks = fresh(file.rows, np.uint64), fresh(file.rows, np.uint64)
    missing = 0
    for group in range(file.groups):
        inside = file.rows_of(group)
        first = np.full(inside.stop - inside.start, salt, np.uint64)
        second = first.copy()
        unknown = np.zeros(len(first), np.bool_)
        for name in key:
            column = file.column(group, name)
            words = words_of(column)
            bits, again = _bits(words), None
            if words.family in ("text", "other"):
                bits = hashes_of(column, salt) if salt else bits
                again = hashes_of(column, salt + 1)
            first = _mixed(first, bits, words, _FIRST)
            second = _mixed(second, bits if again is None else again, words, _SECOND)
            if words.nulls is not None:
                unknown |= words.nulls
        numbers[inside], checks[inside] = first, second
        missing += int(unknown.sum())
    return Keys(numbers, checks, missing)


def _bits(words: Words) -> Numbers:
    """Equal values as equal bits, whether they are whole numbers or floats."""
    values = words.values
    if words.family == "bool":
        return values.astype(np.uint64)
    if words.family != "float":
        return values.view(np.uint64)
    numbers = np.where(np.isnan(values), np.nan, values + 0.0)
    inside = (numbers >= -(2.0**63)) & (numbers < 2.0**63)
    whole = np.where(inside, numbers, 0.0).astype(np.int64)
    return np.where(inside & (whole == numbers), whole.view(np.uint64), numbers.view(np.uint64))


def _mixed(
    state: Numbers, bits: Numbers, words: Words, constants: tuple[np.uint64, np.uint64]
) -> Numbers:
    """One round of a multiply-and-shift hash (after splitmix64's finaliser)."""
    multiply, finish = constants
    mixed = (state ^ bits ^ _TAGS[words.family]) * multiply
    mixed ^= mixed >> np.uint64(32)
    mixed *= finish
    mixed ^= mixed >> np.uint64(29)
    if words.nulls is not None:
        mixed = np.where(words.nulls, (state ^ _MISSING) * multiply + finish, mixed)
    return mixed
