"""What a comparison of two tables says, column by column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import orjson

from millwright.monitoring.comparison.samples import Kind

Tier = Literal["page", "warn", "none"]
Statistics = Literal["usual", "all"]
"""How much is measured besides what decides."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Shares of both sides over the same cells.

    ``edges`` (one more than cells) for numbers, ``levels`` for categories; of many levels the most
    frequent, and the others together under the last name.
    """

    reference: tuple[float, ...]
    current: tuple[float, ...]
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnComparison:
    """One column of two tables.

    Attributes:
        name: of the column.
        kind: how it was compared.
        method: the statistic that decided.
        value: its value: an effect size, or a p-value with presets that decide by those.
        threshold: what ``value`` was held against.
        drifted: the verdict.
        tier: ``page`` and ``warn`` are told apart by the default preset only.
        p_value: evidence, where the decision used any.
        statistics: everything measured, by name.
        rows: rows of the reference and of the current table.
        missing: shares of missing values, then and now.
        distribution: what to draw.
        findings: what is wrong besides: new categories, ranges left, constants; full sentences.
        chunks: value of each consecutive part of the current table, for presets that cut it.
        alarms: which of these parts crossed the threshold.
    """

    name: str
    kind: Kind
    method: str
    value: float | None
    threshold: float | None
    drifted: bool
    tier: Tier = "none"
    p_value: float | None = None
    statistics: Mapping[str, float] = field(default_factory=dict)
    rows: tuple[int, int] = (0, 0)
    missing: tuple[float, float] = (0.0, 0.0)
    distribution: Distribution | None = None
    findings: tuple[str, ...] = ()
    chunks: tuple[float, ...] = ()
    alarms: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class TableComparison:
    """Two tables compared.

    Attributes:
        preset: whose rules decided.
        rows: rows of the reference and of the current table.
        columns: one entry per column that both have.
        drifted_share: share of columns that drifted.
        drifted: whether the table as a whole did, by the preset's rule.
        findings: what concerns the whole table: columns lost or new, duplicate rows.
        together: statistics of whole rows of numbers, with ``statistics="all"``.
    """

    preset: str
    rows: tuple[int, int]
    columns: tuple[ColumnComparison, ...]
    drifted_share: float
    drifted: bool
    findings: tuple[str, ...] = ()
    together: Mapping[str, float] | None = None

    def __getitem__(self, name: str) -> ColumnComparison:
        """The column of that name; raises ``KeyError``."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def ranked(self) -> tuple[ColumnComparison, ...]:
        """The columns, the one most surely moved first; where that is equal, the farthest."""
        return tuple(sorted(self.columns, key=_rank))

    def to_json(self) -> str:
        """Everything as JSON; infinities and undefined numbers are null."""
        return orjson.dumps(self, option=orjson.OPT_SERIALIZE_NUMPY).decode()

    def to_html(self, title: str = "Drift report") -> str:
        """One self-contained page."""
        from millwright.monitoring.comparison.report import to_html

        return to_html(self, title)


def _rank(column: ColumnComparison) -> tuple[bool, float, float, str]:
    p = column.p_value if column.p_value is not None else 1.0
    return not column.drifted, p, -(column.value or 0.0), column.name
