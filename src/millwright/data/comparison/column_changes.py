"""How the values of one column differ between paired rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from millwright.data.comparison.table_file import Numbers, TableFile
from millwright.data.comparison.words import Words, differ, empty_words, family_of


@dataclass(frozen=True, slots=True)
class GroupPairs:
    """Where the rows of one later row group were in the earlier version."""

    group: int
    rows: Any
    """Which of the group's rows have a partner: a slice, or an array of row numbers."""
    partners: Any
    """The rows of the earlier version, a slice where they follow one another."""
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
        old = _read(self._before, old_name, needed)
        found = []
        for pairs in pending:
            new = self._after.words(pairs.group, name).take(pairs.rows)
            at = np.flatnonzero(differ(old.take(pairs.partners), new))
            if not isinstance(pairs.rows, slice):
                at = pairs.rows[at]
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
        holders = np.unique(np.searchsorted(starts, partner, side="right") - 1)
        return GroupPairs(group, rows, partner, None, tuple(int(g) for g in holders))


def _read(file: TableFile, name: str, groups: list[int]) -> Words:
    """A whole column as words, with only the named row groups filled."""
    family = family_of(file.schema.field(name).type)
    whole = empty_words(family, file.rows)
    assert whole.nulls is not None
    any_null = False
    for group in groups:
        words = file.words(group, name)
        inside = file.rows_of(group)
        whole.values[inside] = words.values
        if words.nulls is not None:
            whole.nulls[inside] = words.nulls
            any_null = True
    return whole if any_null else Words(family, whole.values, None)
