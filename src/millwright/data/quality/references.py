"""The values of another version, for checks that compare distributions."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from millwright.data.quality.expressions import identifier
from millwright.data.quality.records import Check
from millwright.data.quality.reducers import Counts, Numbers
from millwright.data.quality.row_sql import Families, require_columns, within
from millwright.data.quality.scanning import families_of, open_source, scan
from millwright.data.quality.world import OtherTable


def reference_numbers(
    other: OtherTable, check: Check, families: Families
) -> npt.NDArray[np.float64]:
    """The numbers of the check's column in another version, within its ``where``."""
    with open_source(other.path) as source:
        there = families_of(source.schema)
        require_columns(check, there)
        numbers = Numbers(within(check, identifier(check.columns[0]), there))
        scan(source, [numbers])
        return np.concatenate([*numbers.parts(), np.empty(0)])


def reference_counts(other: OtherTable, check: Check, families: Families) -> Counter[Any]:
    """How often each value of the check's column occurs in another version."""
    with open_source(other.path) as source:
        there = families_of(source.schema)
        require_columns(check, there)
        counts = Counts(within(check, identifier(check.columns[0]), there))
        scan(source, [counts])
        return counts.counts
