"""The version that two versions came of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def ancestors(parents: Mapping[str, Sequence[str]], start: str) -> dict[str, int]:
    """A version and all that it came of, each with its distance.

    >>> ancestors({"c": ["a", "b"], "b": ["a"]}, "c")
    {'c': 0, 'a': 1, 'b': 1}
    """
    found = {start: 0}
    frontier = [start]
    while frontier:
        following: list[str] = []
        for version in frontier:
            for parent in parents.get(version, ()):
                if parent not in found:
                    found[parent] = found[version] + 1
                    following.append(parent)
        frontier = following
    return found


def common_ancestor(parents: Mapping[str, Sequence[str]], ours: str, theirs: str) -> str | None:
    """The nearest version that both came of, itself included; None where there is none.

    Of several, one that no other common ancestor came after; the one nearest to ``ours`` then.

    >>> common_ancestor({"b": ["a"], "c": ["a"]}, "b", "c")
    'a'
    """
    mine, other = ancestors(parents, ours), ancestors(parents, theirs)
    common = [version for version in mine if version in other]
    older = {
        version
        for candidate in common
        for version in ancestors(parents, candidate)
        if version != candidate
    }
    best = [version for version in common if version not in older]
    return min(best, key=lambda version: mine[version] + other[version], default=None)
