"""Which lines a table has: runs in order, nested or grouped, with some of them open. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

NO_VALUE = ""
"""The group of runs that have no value."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The lines of a table: a run's number, or minus one minus the position of a group."""

    lines: array[int]
    depths: bytes
    children: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """By line, the runs below it."""
    groups: Sequence[str] = ()


def flat(numbers: Sequence[int]) -> Layout:
    """Every run by itself.

    >>> list(flat([3, 1]).lines)
    [3, 1]
    """
    return Layout(array("q", numbers), bytes(len(numbers)))


def nested(numbers: Sequence[int], parents: Mapping[int, int], opened: Collection[int]) -> Layout:
    """Runs under the run that started them, in the same order on every level.

    A run whose parent is not among them stands by itself, and so do runs that are each other's
    parents, so that none is ever left out.

    >>> tree = nested([5, 2, 1, 4], {2: 1, 4: 2}, opened={1, 2})
    >>> list(zip(tree.lines, tree.depths))
    [(5, 0), (1, 0), (2, 1), (4, 2)]
    """
    here = set(numbers) if parents else set()
    below: dict[int, list[int]] = {}
    roots: list[int] = []
    for number in numbers:
        parent = parents.get(number)
        if parent is None or parent not in here:
            roots.append(number)
        else:
            below.setdefault(parent, []).append(number)
    roots = _with_rings(numbers, roots, below)
    lines, depths = array("q"), bytearray()
    for root in roots:
        stack = [(root, 0)]
        while stack:
            number, depth = stack.pop()
            lines.append(number)
            depths.append(min(depth, 255))
            if number in opened:
                stack.extend((child, depth + 1) for child in reversed(below.get(number, ())))
    return Layout(lines, bytes(depths), below)


def _with_rings(numbers: Sequence[int], roots: list[int], below: dict[int, list[int]]) -> list[int]:
    reached = 0
    stack = list(roots)
    seen: set[int] = set()
    while stack:
        number = stack.pop()
        reached += 1
        if number in below:
            seen.update(below[number])
            stack.extend(below[number])
    if reached == len(numbers):
        return roots
    known = seen.union(roots)
    lost = [number for number in numbers if number not in known]
    for number in lost:
        for children in below.values():
            if number in children:
                children.remove(number)
    return [*roots, *lost]


def grouped(numbers: Sequence[int], labels: Mapping[int, str], opened: Collection[str]) -> Layout:
    """Runs under the value they share; groups stand in the order of their first run.

    >>> found = grouped([3, 1, 2], {3: "a", 2: "a"}, opened={"a"})
    >>> list(found.lines), list(found.groups), list(found.depths)
    ([-1, 3, 2, -2], ['a', ''], [0, 1, 1, 0])
    """
    members: dict[str, list[int]] = {}
    for number in numbers:
        members.setdefault(labels.get(number, NO_VALUE), []).append(number)
    lines, depths = array("q"), bytearray()
    below: dict[int, list[int]] = {}
    for position, (label, runs) in enumerate(members.items()):
        line = -1 - position
        below[line] = runs
        lines.append(line)
        depths.append(0)
        if label in opened:
            lines.extend(runs)
            depths.extend(b"\x01" * len(runs))
    return Layout(lines, bytes(depths), below, list(members))
