"""What checks take: one typed record per shape of arguments."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, model_validator

from millwright.kernel.record import Record

Scalar: TypeAlias = bool | int | float | str | None
Ignored = Literal["all", "any", "never"]


class NoArguments(Record):
    """A check that takes nothing besides its columns."""


class Bounds(Record):
    """From ``minimum`` to ``maximum``, both allowed unless strict; what is left out is open.

    Moments are written as RFC 3339 text.
    """

    minimum: Scalar = None
    maximum: Scalar = None
    strict_minimum: bool = False
    strict_maximum: bool = False


class Members(Record):
    """A set of values."""

    values: tuple[Scalar, ...]


class MostCommon(Members):
    """A set of values, and whether several may be equally common."""

    ties: bool = False


class Types(Record):
    """Names of types: Arrow's, or those that pandas, Spark and SQL have for them."""

    types: tuple[str, ...]


class Patterns(Record):
    """Regular expressions (RE2) or LIKE patterns; any of them, or all, have to hold."""

    patterns: tuple[Annotated[str, Field(max_length=1000)], ...]
    match: Literal["any", "all"] = "any"


class LikePatterns(Patterns):
    """LIKE patterns with ``%`` and ``_``, and the character that takes their meaning away."""

    escape: Annotated[str, Field(max_length=1)] = ""


class Unique(Record):
    """How repetitions are counted.

    ``members`` counts every row whose value occurs more than once (as Great Expectations does);
    ``surplus`` counts the rows that would have to go for each value to occur once.
    """

    count: Literal["members", "surplus"] = "members"


class TimeFormat(Record):
    """A format of ``strptime``."""

    format: Annotated[str, Field(max_length=200)]


class JsonSchema(Record):
    """A JSON Schema that each value, read as JSON, has to follow."""

    json_schema: dict[str, Any]


class Order(Record):
    """Whether equal neighbours break the order."""

    strictly: bool = False


class ZScore(Record):
    """Standard deviations from the mean, on both sides or only above."""

    threshold: float
    double_sided: bool = True


class Outliers(Record):
    """Tukey's fences (``iqr``) or standard deviations (``std``), times ``multiplier``."""

    method: Literal["iqr", "std"] = "iqr"
    multiplier: float = 1.5


class Pair(Record):
    """Two columns: rows without a value in all, any or none of them are left out."""

    or_equal: bool = False
    ignore: Ignored = "all"


class PairMembers(Record):
    """The pairs that two columns may hold."""

    pairs: tuple[tuple[Scalar, Scalar], ...]
    ignore: Ignored = "all"


class Several(Record):
    """Several columns: rows without a value in all, any or none of them are left out."""

    ignore: Ignored = "all"


class Total(Several):
    """What several columns add up to."""

    total: float


class Quantiles(Record):
    """Shares of the rows, and the range that each quantile lies in (``null`` for open ends)."""

    quantiles: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    ranges: tuple[tuple[float | None, float | None], ...]

    @model_validator(mode="after")
    def _one_range_each(self) -> Quantiles:
        if len(self.quantiles) != len(self.ranges):
            raise ValueError("give one range for each quantile")
        return self


class ColumnNames(Record):
    """Names of the table's columns; ``exact`` allows no others."""

    names: tuple[str, ...]
    exact: bool = True


class Position(Record):
    """Where a column stands, counted from 0; anywhere if left out."""

    index: int | None = None


class Partition(Record):
    """Expected shares: of ``values``, or between ``bins`` (with ``tail_weights`` outside them)."""

    values: tuple[Scalar, ...] = ()
    bins: tuple[float, ...] = ()
    weights: tuple[float, ...]
    tail_weights: tuple[float, float] | None = None


class Divergence(Record):
    """The largest Kullback–Leibler divergence (nats) of the column from a partition.

    Without a partition the column is compared with itself, so only the observed shares are told.
    The holdouts give weight to what the partition does not know.
    """

    threshold: float | None = None
    partition: Partition | None = None
    tail_weight_holdout: Annotated[float, Field(ge=0, le=1)] = 0.0
    internal_weight_holdout: Annotated[float, Field(ge=0, le=1)] = 0.0


class Expression(Record):
    """An expression over the columns that has to hold (see ``quality.expressions``)."""

    expression: Annotated[str, Field(max_length=10_000)]


class OtherDataset(Record):
    """Another dataset version: ``name``, ``name@latest`` or ``name@3``."""

    dataset: str


class ForeignKey(OtherDataset):
    """The columns of another dataset version in which the values have to occur."""

    key: tuple[str, ...] = ()


class SameRows(OtherDataset):
    """Another dataset whose rows have to be the same; ``mostly`` is the share that has to match."""

    other_columns: tuple[str, ...] = ()
    other_where: str = ""


class Fresh(Record):
    """How old the newest moment may be when the check runs, such as ``2d`` or ``6h``."""

    within: str


class Volume(Record):
    """Rows compared with the version before: the least and the most, as a share of its rows."""

    minimum: float = 0.5
    maximum: float = 2.0


class Anomaly(Record):
    """A statistic compared with the same one of earlier versions.

    Broken when it lies more than ``factor`` robust standard deviations (1.4826 times the median
    absolute deviation) from their median, and more than ``least`` times the median's size. Needs
    ``history`` versions.
    """

    statistic: Literal["rows", "nulls", "distinct", "mean", "minimum", "maximum", "deviation"]
    factor: float = 5.0
    least: float = 0.05
    history: Annotated[int, Field(ge=3)] = 3


class Distribution(Record):
    """A distance between this version's values and those of a reference version.

    ``ks`` is the Kolmogorov–Smirnov distance, ``psi`` the population stability index, ``js`` the
    Jensen–Shannon distance (base 2), ``chi_square`` Cramér's V of the two counts. The reference is
    the dataset's version before unless ``dataset`` names another.
    """

    statistic: Literal["ks", "psi", "js", "chi_square"] = "js"
    threshold: float = 0.1
    dataset: str = ""


class Personal(Record):
    """Kinds of personal data, or columns, that are allowed here; the share that makes a kind."""

    allow: tuple[str, ...] = ()
    least: Annotated[float, Field(ge=0, le=1)] = 0.01
