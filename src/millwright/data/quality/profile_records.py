"""The records of a profile: what a table looks like, column by column."""

from __future__ import annotations

from millwright.data.quality.personal_data import PersonalColumn
from millwright.data.schema import Column, ColumnKind
from millwright.kernel.record import Record


class Quantile(Record):
    """The value below which a share of the values lies."""

    share: float
    value: float


class Histogram(Record):
    """Counts between edges of equal distance; one edge more than counts."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class TopValue(Record):
    """A frequent value, as text, and how often it occurs."""

    value: str
    count: int


class ColumnProfile(Record):
    """One column. Times are described in milliseconds since 1970 UTC, in ``minimum``/``maximum``.

    Numbers that are not finite count in ``count`` and in nothing else.
    """

    name: str
    kind: ColumnKind
    type: str
    count: int
    """Rows with a value."""
    nulls: int
    distinct: int
    distinct_estimated: bool = False
    """Whether there are too many values to count them one by one: then to about 0.8 %."""
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    deviation: float | None = None
    """Standard deviation of the population."""
    quantiles: tuple[Quantile, ...] = ()
    histogram: Histogram | None = None
    top: tuple[TopValue, ...] = ()
    """The most frequent values; none of a column whose values are personal."""
    top_sampled: bool = False
    """Whether ``top`` counts rows of the sample (``TableProfile.sampled_rows``), not all."""

    @property
    def column(self) -> Column:
        """What a version says of the column."""
        return Column(
            name=self.name,
            type=self.type,
            kind=self.kind,
            nulls=self.nulls,
            distinct=self.distinct,
        )


class Correlation(Record):
    """Pearson's coefficient of two columns of numbers, over rows in which both have one."""

    left: str
    right: str
    coefficient: float


class TableProfile(Record):
    """All columns of a table."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    duplicates: int | None = None
    """Rows that would have to go for each row to occur once; None where it was not counted."""
    duplicates_estimated: bool = False
    """Whether that is from a sample of the rows that differ."""
    correlations: tuple[Correlation, ...] = ()
    """The strongest, at most 20."""
    personal: tuple[PersonalColumn, ...] = ()
    """Columns that seem to hold personal data."""
    sampled_rows: int | None = None
    """Rows, drawn evenly, that quantiles, histograms, correlations, personal data and frequent
    values of columns with many are of; all of them when None. Counts, missing values, ranges, means,
    deviations and distinct values are always of all rows."""
