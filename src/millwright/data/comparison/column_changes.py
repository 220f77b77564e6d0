"""How the values of one column differ between paired rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from millwright.data.comparison.table_file import Numbers, TableFile
from millwright.data.comparison.words import Room, Words, differ, family_of, kind_of_words


@dataclass(frozen=True, slots=True)
class GroupPairs:
    """Where the rows of one later row group were in the earlier version."""

    group: int
    rows: Any
    """Which of the group's rows have a partner: a slice, or an array of row numbers, which are
    in the order of their partners, so that reading these goes through memory once."""
    partners: Any
    """The rows of the earlier version: a slice where they follow one another, else rising."""
    twin: int | None
    """The earlier row group with the very same rows in the same order, if there is one."""
    earlier: tuple[int, ...]
    """The earlier row groups that hold the partners."""


class PairedColumns:
    """Compares columns of two files whose rows are paired.

    Column chunks that are the same bytes in both versions, for the same rows, are not even
    decoded: with row groups cut by content that is most of them.
    """

    def __init__(self, before: TableFile, after: TableFile, partner: Numbers) -> None:
        self._before, self._after = before, after
        self._partner = partner
        self._column, self._earlier, self._later = Room(), Room(), Room()

    @cached_property
    def _pairs(self) -> list[GroupPairs]:
        return [self._group_pairs(group) for group in range(self._after.groups)]

    def changed(self, name: str, earlier_name: str | None = None) -> Numbers:
        """The rows of the later version (rising) that had a partner with another value."""
        old_name = earlier_name or name
        pending = [pairs for pairs in self._pairs if not self._equal_bytes(pairs, name, old_name)]
        if not pending:
            return np.zeros(0, np.int64)
        needed = sorted({group for pairs in pending for group in pairs.earlier})
        old = self._read(old_name, needed)
        found = []
        for pairs in pending:
            new = self._after.words(pairs.group, name).take(pairs.rows, self._later)
            at = np.flatnonzero(differ(old.take(pairs.partners, self._earlier), new))
            if not isinstance(pairs.rows, slice):
                at = np.sort(pairs.rows[at])
            found.append(at + self._after.starts[pairs.group])
        return np.concatenate(found)

    def _equal_bytes(self, pairs: GroupPairs, name: str, old_name: str) -> bool:
        if not pairs.earlier:
            return True
        if pairs.twin is None or name != old_name:
            return False
        return self._after.same_bytes(pairs.group, self._before, pairs.twin, name)

    def _group_pairs(self, group: int) -> GroupPairs:
        partner = self._partner[self._after.rows_of(group)]
        paired = partner >= 0
        rows: Any = slice(0, len(partner))
        if not paired.all():
            rows = np.flatnonzero(paired)
            partner = partner[rows]
        if len(partner) == 0:
            return GroupPairs(group, rows, partner, None, ())
        starts = self._before.starts
        first, last = int(partner[0]), int(partner[-1])
        if last - first == len(partner) - 1 and bool((np.diff(partner) == 1).all()):
            low, high = np.searchsorted(starts, [first, last], side="right") - 1
            exact = isinstance(rows, slice) and low == high and starts[low] == first
            twin = int(low) if exact and starts[low + 1] == last + 1 else None
            earlier = tuple(range(int(low), int(high) + 1))
            return GroupPairs(group, rows, slice(first, last + 1), twin, earlier)
        if not bool((partner[1:] > partner[:-1]).all()):
            order = np.argsort(partner)
            partner = partner[order]
            rows = order if isinstance(rows, slice) else rows[order]
        holders = np.flatnonzero(np.diff(np.searchsorted(partner, starts)))
        return GroupPairs(group, rows, partner, None, tuple(holders.tolist()))

    def _read(self, name: str, groups: list[int]) -> Words:
        """A whole column of the earlier version, with only the named row groups filled."""
        family = family_of(self._before.schema.field(name).type)
        values = self._column.of(self._before.rows, kind_of_words(family))
        # Pages of it that nothing is written to take no memory.
        nulls = np.zeros(self._before.rows, np.bool_)
        any_null = False
        for group in groups:
            words = self._before.words(group, name)
            inside = self._before.rows_of(group)
            values[inside] = words.values
            if words.nulls is not None:
                nulls[inside] = words.nulls
                any_null = True
        return Words(family, values, nulls if any_null else None)
