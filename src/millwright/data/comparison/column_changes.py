"""How the values of one column differ between paired rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from millwright.data.comparison.memory import Room
from millwright.data.comparison.pairing import Pairing
from millwright.data.comparison.table_file import Numbers, TableFile
from millwright.data.comparison.weighed_sums import WeighedSums
from millwright.data.comparison.words import Words, differ, family_of, kind_of_words

_LOOKED_AT: Final = 64
"""One row in so many tells whether all row groups are needed, which is so where rows are shuffled."""


@dataclass(frozen=True, slots=True)
class GroupPairs:
    """Where the rows of one later row group were in the earlier version."""

    group: int
    partners: Any
    """The earlier row of each row: a slice where they follow one another, else an array with -1 for
    rows that have none."""
    paired: Numbers | None
    """Which rows have a partner; None where all have."""
    twin: int | None
    """The earlier row group with the very same rows in the same order, if there is one."""
    earlier: tuple[int, ...]
    """The earlier row groups from the first to the last that hold partners."""


class PairedColumns:
    """Compares columns of two files whose rows are paired.

    Column chunks that are the same bytes in both versions, for the same rows, are not even
    decoded: with row groups cut by content that is most of them. Where rows changed places, columns
    whose weighed sums are equal are not compared row by row.
    """

    def __init__(self, before: TableFile, after: TableFile, pairing: Pairing) -> None:
        self._before, self._after = before, after
        self._pairing, self._partner = pairing, pairing.partner
        self._column, self._gathered, self._later = Room(), Room(), Room()

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
        old = self._read(self._before, old_name, self._column, needed)
        whole: Words | None = None
        if self._all_scattered:
            whole = self._read(self._after, name, self._later, list(range(self._after.groups)))
            if self._sums.equal(old, whole):
                return np.zeros(0, np.int64)
        found = [np.zeros(0, np.int64)]
        for pairs in pending:
            inside = self._after.rows_of(pairs.group)
            new = self._words(pairs.group, name) if whole is None else whole.of(inside, self._later)
            apart = differ(old.of(pairs.partners, self._gathered), new)
            if pairs.paired is not None:
                apart &= pairs.paired
            if apart.any():
                found.append(np.flatnonzero(apart) + inside.start)
        return np.concatenate(found)

    @cached_property
    def _all_scattered(self) -> bool:
        """Whether no group's partners follow one another: nearly every value has to be fetched."""
        return not any(isinstance(pairs.partners, slice) for pairs in self._pairs)

    @cached_property
    def _sums(self) -> WeighedSums:
        return WeighedSums(self._pairing, self._before.rows)

    def _equal_bytes(self, pairs: GroupPairs, name: str, old_name: str) -> bool:
        if not pairs.earlier:
            return True
        if pairs.twin is None or name != old_name:
            return False
        return self._after.same_bytes(pairs.group, self._before, pairs.twin, name)

    def _group_pairs(self, group: int) -> GroupPairs:
        partner = self._partner[self._after.rows_of(group)]
        has = partner >= 0
        every = bool(has.all())
        starts = self._before.starts
        if every and len(partner) and bool((np.diff(partner) == 1).all()):
            first, last = int(partner[0]), int(partner[-1])
            low, high = np.searchsorted(starts, [first, last], side="right") - 1
            whole = low == high and starts[low] == first and starts[low + 1] == last + 1
            earlier = tuple(range(int(low), int(high) + 1))
            partners = slice(first, last + 1)
            return GroupPairs(group, partners, None, int(low) if whole else None, earlier)
        earlier = _groups_of(partner if every else partner[has], starts)
        return GroupPairs(group, partner, None if every else has, None, earlier)

    def _words(self, group: int, name: str) -> Words:
        inside = self._after.rows_of(group)
        places = {group: slice(None)}
        return _filled(self._after, name, self._later, inside.stop - inside.start, places)

    def _read(self, file: TableFile, name: str, room: Room, groups: list[int]) -> Words:
        """A whole column, with only the named row groups filled."""
        # Pages that nothing is written to take no memory.
        return _filled(
            file, name, room, file.rows, {group: file.rows_of(group) for group in groups}
        )


def _groups_of(rows: Numbers, starts: Numbers) -> tuple[int, ...]:
    """The row groups that hold any of the rows, rising."""
    for some in (rows[::_LOOKED_AT], rows):
        holders = np.zeros(len(starts) - 1, np.bool_)
        holders[np.searchsorted(starts, some, side="right") - 1] = True
        if holders.all():
            break
    return tuple(np.flatnonzero(holders).tolist())


def _filled(file: TableFile, name: str, room: Room, rows: int, places: dict[int, slice]) -> Words:
    family = family_of(file.schema.field(name).type)
    values, nulls = room.of(rows, kind_of_words(family)), np.zeros(rows, np.bool_)
    some = [file.fill(group, name, values[at], nulls[at]) for group, at in places.items()]
    return Words(family, values, nulls if any(some) else None)
