"""What a reproduction came to."""

from __future__ import annotations

from typing import Literal

from millwright.kernel.record import Record

Aspect = Literal[
    "code", "environment", "machine", "data", "seed", "parameter", "metric", "artifact", "status"
]
CAUSES: frozenset[Aspect] = frozenset({"code", "environment", "machine", "data", "seed"})
"""What may make results differ; the other aspects are results."""


class Difference(Record):
    """Something that was not the same the second time."""

    aspect: Aspect
    name: str
    before: str | None
    after: str | None


class Reproduction(Record):
    """A run, the run that repeated it, and how they compare."""

    run: str
    again: str
    same: dict[str, int]
    """How many results were exactly the same, by aspect."""
    differences: tuple[Difference, ...]
    reasons: tuple[str, ...]
    """Why results may differ, as sentences; empty where everything is the same."""

    @property
    def reproduced(self) -> bool:
        """Whether every result was the same."""
        return all(one.aspect in CAUSES for one in self.differences)
