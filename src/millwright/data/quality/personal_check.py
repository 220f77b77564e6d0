"""The check that a table holds no personal data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from millwright.data.quality import arguments as given
from millwright.data.quality.expressions import identifier, literal
from millwright.data.quality.findings import Finding
from millwright.data.quality.personal_data import (
    NUMBERS_LOOKED_AT,
    PREFILTER,
    PersonalColumn,
    recognised,
    recognised_numbers,
)
from millwright.data.quality.records import Check
from millwright.data.quality.reducers import Counts

if TYPE_CHECKING:
    from millwright.data.quality.planning import Scene

Conclusion = Callable[[], Finding]


class PersonalValues:
    """The values of one column that may be personal, and how many there were to look at."""

    def __init__(self, column: str) -> None:
        name = identifier(column)
        match = f"regexp_matches({name}, {literal(PREFILTER)})"
        self.column = column
        self.wants: tuple[str, ...] = (
            f"CASE WHEN {match} THEN {name} END",
            f"({name} IS NOT NULL)",
        )
        self.counts = Counts(self.wants[0])
        self.looked_at = 0

    def feed(self, columns: Sequence[pa.Array], first: int) -> None:
        """See ``reducers.Reducer``."""
        self.counts.feed(columns[:1], first)
        self.looked_at += columns[1].true_count

    def found(self, least: float) -> list[PersonalColumn]:
        """The kinds of personal data in the column."""
        return recognised(self.column, self.counts.counts, self.looked_at, least)


class PersonalNumbers:
    """Whole numbers of one column, drawn evenly, as far as they may be cards or the like."""

    def __init__(self, column: str, rows: int) -> None:
        self.column = column
        self.wants: tuple[str, ...] = (identifier(column),)
        self._every = max(rows // NUMBERS_LOOKED_AT, 1)
        self._drawn: Counter[str] = Counter()

    def feed(self, columns: Sequence[pa.Array], first: int) -> None:
        """See ``reducers.Reducer``."""
        places = np.arange(-first % self._every, len(columns[0]), self._every)
        drawn = columns[0].take(pa.array(places)).drop_null()
        self._drawn.update(map(str, drawn.to_pylist()))

    def found(self, least: float) -> list[PersonalColumn]:
        """The kinds of personal data in the column."""
        return recognised_numbers(self.column, self._drawn, least)


def personal(check: Check, wanted: given.Personal, scene: Scene) -> Conclusion:
    """No column seems to hold personal data, by its name or its values."""
    columns = check.columns or tuple(scene.families)
    reducers: list[PersonalValues | PersonalNumbers] = []
    for column in columns:
        if scene.families[column] == "text":
            reducers.append(PersonalValues(column))
        elif pa.types.is_integer(scene.schema.field(column).type):
            reducers.append(PersonalNumbers(column, scene.rows))
        else:
            continue
        scene.reducers[("personal", column)] = reducers[-1]

    def conclude() -> Finding:
        found = [item for reducer in reducers for item in reducer.found(wanted.least)]
        by_name = [c for c in columns if ("personal", c) not in scene.reducers]
        found += [item for column in by_name for item in recognised(column, {}, 0)]
        found = [i for i in found if i.kind not in wanted.allow and i.column not in wanted.allow]
        told = "; ".join(
            f"{item.column} holds {item.kind}"
            + (f" in {item.share:.1%}, such as {item.example}" if item.example else " by its name")
            for item in found[:5]
        ) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
        observed = tuple(f"{item.column}:{item.kind}" for item in found)
        return Finding(not found, scene.rows, 0, observed, f"{told or 'None was found'}.")

    return conclude
