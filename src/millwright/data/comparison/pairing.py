"""Rows of two versions paired by key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from millwright.data.comparison.keys import (
    Keys,
    can_be_exact,
    exact_keys,
    hashed_keys,
)
from millwright.data.comparison.memory import fresh
from millwright.data.comparison.records import KeyFacts
from millwright.data.comparison.table_file import Numbers, TableFile

_SALTS = 8
_PART = 1 << 15
_SPARSE = 4
"""Keys are looked up in a table while it has at most so many places for each of them."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which row of the earlier version each row of the later one was; -1 where it is new."""

    partner: Numbers
    before: KeyFacts
    after: KeyFacts
    numbers: tuple[Numbers, Numbers] | None = None
    """The keys of both versions as numbers where none repeats: rows that share one are a pair."""


@dataclass(frozen=True, slots=True)
class _Sorted:
    order: Numbers
    numbers: Numbers
    facts: KeyFacts


def pair(before: TableFile, after: TableFile, key: Sequence[str]) -> Pairing:
    """Pair the rows of two versions; rows that share a key in the order in which they stand."""
    if can_be_exact(before, after, key):
        old, new = exact_keys(before, key[0]), exact_keys(after, key[0])
        found = None if old is None or new is None else pair_keys(old, new)
        if found is not None:
            return found
    for salt in range(_SALTS):
        found = pair_keys(hashed_keys(before, key, salt), hashed_keys(after, key, salt))
        if found is not None:
            return found
    raise AssertionError("Different keys met in one 64-bit number with every salt.")


def rows_paired(partner: Numbers, rows: int) -> Numbers:
    """Which rows of the earlier version, of so many, some row of the later one was."""
    paired = np.zeros(rows, np.bool_)
    for part in _parts(len(partner)):
        places = partner[part]
        paired[places[places >= 0]] = True
    return paired


def pair_keys(old: Keys, new: Keys) -> Pairing | None:
    """Pair rows by number; None where two different keys share one, so another salt is needed."""
    if _rising(old.numbers) and _rising(new.numbers):
        partner = _located(old.numbers, new.numbers, None)
        if not _confirmed(old, new, partner):
            return None
        before, after = KeyFacts(rows_with_null=old.nulls), KeyFacts(rows_with_null=new.nulls)
        return Pairing(partner, before, after, (old.numbers, new.numbers))
    if (looked_up := _by_place(old, new)) is not None:
        return Pairing(looked_up, KeyFacts(), KeyFacts(), (old.numbers, new.numbers))
    left, right = _sorted(old), _sorted(new)
    if left is None or right is None:
        return None
    repeated = left.facts.repeated_keys or right.facts.repeated_keys
    occurrences = _occurrences(right.numbers) if repeated else None
    places = _located(left.numbers, right.numbers, occurrences)
    partner = np.full(len(new.numbers), -1, np.int64)
    found = places >= 0
    partner[right.order[found]] = left.order[places[found]]
    if not _confirmed(old, new, partner):
        return None
    numbers = None if repeated else (old.numbers, new.numbers)
    return Pairing(partner, left.facts, right.facts, numbers)


def _by_place(old: Keys, new: Keys) -> Numbers | None:
    """Pairs of keys that lie close together and never repeat, by a table of where each one is.

    None for other keys. Looking up costs a fifth of sorting both.
    """
    if old.checks is not None or new.checks is not None:
        return None
    if _least_of_range(new.numbers) is None:
        return None
    if (least := _least_of_range(old.numbers)) is None:
        return None
    size = int(old.numbers.max()) - least + 1
    # The last place is for keys that are not in the range.
    places = fresh(size + 1, np.int32 if len(old.numbers) < 2**31 else np.int64)
    places.fill(-1)
    for part in _parts(len(old.numbers)):
        places[old.numbers[part] - least] = np.arange(part.start, part.stop)
    partner = fresh(len(new.numbers), np.int64)
    for part in _parts(len(new.numbers)):
        # Whatever is less than the least is, as a number without a sign, beyond all places.
        at = (new.numbers[part] - least).view(np.uint64)
        partner[part] = places[np.minimum(at, np.uint64(size)).view(np.int64)]
    return partner


def _least_of_range(numbers: Numbers) -> int | None:
    """The least number, where a table of all to the greatest is small and none repeats."""
    if len(numbers) == 0:
        return None
    least, greatest = int(numbers.min()), int(numbers.max())
    if greatest - least >= _SPARSE * len(numbers):
        return None
    seen = np.zeros(greatest - least + 1, np.bool_)
    for part in _parts(len(numbers)):
        seen[numbers[part] - least] = True
    return least if np.count_nonzero(seen) == len(numbers) else None


def _parts(length: int) -> Iterator[slice]:
    """Rows in parts whose intermediate results stay in the processor's cache."""
    return (slice(at, min(at + _PART, length)) for at in range(0, length, _PART))


def _sorted(keys: Keys) -> _Sorted | None:
    if _rising(keys.numbers):
        every = np.arange(len(keys.numbers))
        return _Sorted(every, keys.numbers, KeyFacts(rows_with_null=keys.nulls))
    order = np.argsort(keys.numbers, kind=_fitting_sort(keys.numbers))
    ordered = keys.numbers[order]
    same = ordered[1:] == ordered[:-1]
    if not same.any():
        return _Sorted(order, ordered, KeyFacts(rows_with_null=keys.nulls))
    # Repeated keys are paired in the order of their rows, which only a stable sort keeps.
    order = np.argsort(keys.numbers, kind="stable")
    if keys.checks is not None:
        checks = keys.checks[order]
        if bool((same & (checks[1:] != checks[:-1])).any()):
            return None
    starts = np.concatenate([[True], ~same])
    repeated, surplus = int((starts[:-1] & same).sum()), int(same.sum())
    facts = KeyFacts(
        repeated_keys=repeated,
        repeated_rows=surplus + repeated,
        surplus_rows=surplus,
        rows_with_null=keys.nulls,
    )
    return _Sorted(order, ordered, facts)


def _fitting_sort(numbers: Numbers) -> Literal["stable", "quicksort"]:
    """A merge sort for what is all but sorted, which it does in one pass; else the fastest."""
    falls = int((numbers[1:] < numbers[:-1]).sum())
    return "stable" if falls <= len(numbers) // 1000 else "quicksort"


def _located(old: Numbers, new: Numbers, occurrences: Numbers | None) -> Numbers:
    """Where in the sorted ``old`` each of the sorted ``new`` is; -1 for nowhere."""
    if len(old) == 0:
        return np.full(len(new), -1, np.int64)
    places = np.searchsorted(old, new)
    if occurrences is not None:
        places = places + occurrences
    inside = np.minimum(places, len(old) - 1)
    return np.where((places < len(old)) & (old[inside] == new), inside, -1)


def _occurrences(ordered: Numbers) -> Numbers:
    """How many equal numbers stand before each, in sorted numbers."""
    positions = np.arange(len(ordered))
    starts = np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)]
    return positions - np.maximum.accumulate(np.where(starts, positions, 0))


def _confirmed(old: Keys, new: Keys, partner: Numbers) -> bool:
    if old.checks is None or new.checks is None:
        return True
    found = partner >= 0
    return bool((old.checks[partner[found]] == new.checks[found]).all())


def _rising(numbers: Numbers) -> bool:
    return bool((numbers[1:] > numbers[:-1]).all())
