"""From a check to what has to be remembered of a scan, and what is then concluded."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

import numpy as np
import pyarrow as pa

from millwright.data.quality import against_others, parsing_text
from millwright.data.quality import arguments as given
from millwright.data.quality.direct_reading import Shaped, TextColumns
from millwright.data.quality.divergence import of_divergence
from millwright.data.quality.expressions import identifier
from millwright.data.quality.findings import (
    Finding,
    of_most_common,
    of_ranges,
    of_rows,
    of_sets,
    of_value,
)
from millwright.data.quality.records import Check
from millwright.data.quality.reducers import (
    MOST_DISTINCT,
    BrokenRows,
    Counts,
    Flags,
    Hashes,
    Judged,
    Moments,
    Neighbours,
    Numbers,
    Range,
    Reducer,
    Total,
)
from millwright.data.quality.row_sql import (
    Families,
    broken_sql,
    ignored_sql,
    require_columns,
    within,
)
from millwright.data.quality.text_shapes import shape_of
from millwright.data.quality.types import is_type
from millwright.data.quality.vocabulary import parsed_arguments
from millwright.data.quality.world import World
from millwright.kernel.errors import InvalidInput

Conclusion = Callable[[], Finding]
R = TypeVar("R", bound=Reducer)


@dataclass(slots=True)
class Scene:
    """One table about to be scanned, and the reducers that its checks share."""

    schema: pa.Schema
    families: Families
    rows: int
    limit: int
    """Broken rows of which the numbers are kept, for each check."""
    world: World
    texts: TextColumns | None = None
    """Columns of texts that can be read as they lie in a file."""
    reducers: dict[tuple[str, ...], Reducer] = field(default_factory=dict)
    marks: Any = None

    def shared(self, kind: type[R], sql: str) -> R:
        """The reducer of that kind over that SQL, one for all checks."""
        key = (kind.__name__, sql)
        if key not in self.reducers:
            self.reducers[key] = kind(sql)  # type: ignore[call-arg]
        return cast(R, self.reducers[key])

    def own(self, check: Check, reducer: R) -> R:
        """A reducer of one check alone."""
        self.reducers[("own", check.id)] = reducer
        return reducer

    def identity(self, column: str) -> str:
        """SQL for a number that is equal for equal values of a column, null for missing ones."""
        value = identifier(column)
        # Whole numbers are their own; hashing them would cost, and hide that they rise.
        if pa.types.is_integer(self.schema.field(column).type):
            return value
        return f"CASE WHEN {value} IS NOT NULL THEN hash({value}) END"

    def broken(self) -> BrokenRows:
        """A place for the rows that break one check."""
        rows = BrokenRows(self.limit)
        rows.marks = self.marks
        return rows


def plan(check: Check, scene: Scene) -> Conclusion:
    """Put the check's reducers into the scene.

    Returns:
        what concludes, to be called after the scan.

    Raises:
        InvalidInput: the check does not fit the table.
        Unavailable, NotFound: something outside the table that it needs is not there.
    """
    wanted = parsed_arguments(check.kind, check.arguments)
    if check.kind != "column_exists":
        require_columns(check, scene.families)
    shaped = _shaped(check, wanted, scene)
    if shaped is not None:
        return shaped
    sql = broken_sql(check, scene.families)
    if sql is None and check.kind == "foreign_key":
        sql = within(check, against_others.foreign_key_sql(check, scene.world), scene.families)
    if sql is not None:
        flags = scene.own(check, Flags(sql, scene.broken()))
        return lambda: of_rows(flags.broken, flags.counted, check.mostly)
    return _PLANS[check.kind](check, wanted, scene)


def _shaped(check: Check, wanted: Any, scene: Scene) -> Conclusion | None:
    """A regular expression of a simple shape over short texts, which needs no engine."""
    if check.kind not in ("matches", "not_matches") or check.where or scene.texts is None:
        return None
    shape = shape_of(wanted.patterns[0]) if len(wanted.patterns) == 1 else None
    column = check.columns[0]
    if shape is None or not scene.texts.are_short(column):
        return None
    reducer = scene.own(check, Shaped(column, shape, check.kind == "matches", scene.broken()))
    return lambda: of_rows(reducer.broken, reducer.counted, check.mostly)


def _value(check: Check, scene: Scene) -> str:
    return within(check, identifier(check.columns[0]), scene.families)


def _number(check: Check, scene: Scene) -> str:
    if scene.families[check.columns[0]] not in ("number", "boolean"):
        raise InvalidInput(
            "data.not_numbers",
            f"Column '{check.columns[0]}' does not hold numbers.",
            hint="Check it with a kind for what it holds.",
            value=check.columns[0],
        )
    return _value(check, scene)


def _text(check: Check, scene: Scene) -> str:
    if scene.families[check.columns[0]] != "text":
        raise InvalidInput(
            "data.not_text",
            f"Column '{check.columns[0]}' does not hold text.",
            hint="This check reads text; a column of dates is one already.",
            value=check.columns[0],
        )
    return _value(check, scene)


def _unique(check: Check, wanted: given.Unique, scene: Scene) -> Conclusion:
    value = within(check, scene.identity(check.columns[0]), scene.families)
    return _repetitions(check, value, wanted.count, scene)


def _columns_unique(check: Check, wanted: given.Several, scene: Scene) -> Conclusion:
    columns = [identifier(column) for column in check.columns]
    # Each value with whether it is missing, so that a missing one is like another missing one only.
    parts = ", ".join(f"{column}, {column} IS NULL" for column in columns)
    left_out = ignored_sql(columns, wanted.ignore)
    hashed = f"hash({parts})"
    if left_out is not None:
        hashed = f"CASE WHEN NOT {left_out} THEN {hashed} END"
    return _repetitions(check, within(check, hashed, scene.families), "members", scene)


def _repetitions(check: Check, sql: str, count: str, scene: Scene) -> Conclusion:
    hashes = scene.shared(Hashes, sql)
    broken = scene.broken()

    def conclude() -> Finding:
        hashes.repeated_rows(count == "surplus", broken)
        found = of_rows(broken, hashes.count, check.mostly)
        if found.failed_rows == 0:
            return found
        surplus = hashes.count - hashes.distinct
        what = "rows share their value with another" if count == "members" else "rows are surplus"
        text = f"{broken.count:,} of {hashes.count:,} {what}; {surplus:,} too many."
        return Finding(found.passed, found.rows, broken.count, surplus, text, broken)

    return conclude


def _order(check: Check, wanted: given.Order, scene: Scene) -> Conclusion:
    rising = check.kind == "increasing"
    sql = _value(check, scene)
    reducer = scene.own(check, Neighbours(sql, rising, wanted.strictly, scene.broken()))
    return lambda: of_rows(reducer.broken, reducer.counted, check.mostly)


def _judged(check: Check, holds: Callable[[Any], bool], scene: Scene) -> Conclusion:
    reducer = scene.own(check, Judged(_text(check, scene), holds, scene.broken()))
    return lambda: of_rows(reducer.broken, reducer.counted, check.mostly)


def _json(check: Check, _: given.NoArguments, scene: Scene) -> Conclusion:
    return _judged(check, parsing_text.is_json, scene)


def _json_schema(check: Check, wanted: given.JsonSchema, scene: Scene) -> Conclusion:
    return _judged(check, parsing_text.follows(wanted.json_schema), scene)


def _date_text(check: Check, _: given.NoArguments, scene: Scene) -> Conclusion:
    return _judged(check, parsing_text.date_reader(), scene)


def _date_format(check: Check, wanted: given.TimeFormat, scene: Scene) -> Conclusion:
    return _judged(check, parsing_text.format_reader(wanted.format), scene)


def _z_score(check: Check, wanted: given.ZScore, scene: Scene) -> Conclusion:
    sql = _number(check, scene)
    moments, numbers, broken = (
        scene.shared(Moments, sql),
        scene.shared(Numbers, sql),
        scene.broken(),
    )

    def conclude() -> Finding:
        spread = moments.deviation
        if spread is not None and spread > 0 and math.isfinite(spread):

            def wrong(values: Any) -> Any:
                scores = (values - moments.mean) / spread
                if wanted.double_sided:
                    return np.abs(scores) >= abs(wanted.threshold)
                return scores >= wanted.threshold

            numbers.rows_where(wrong, broken)
        return of_rows(broken, numbers.count, check.mostly)

    return conclude


def _outliers(check: Check, wanted: given.Outliers, scene: Scene) -> Conclusion:
    sql = _number(check, scene)
    moments, numbers, broken = (
        scene.shared(Moments, sql),
        scene.shared(Numbers, sql),
        scene.broken(),
    )

    def conclude() -> Finding:
        wrong = _beyond(moments, numbers, wanted)
        if wrong is not None:
            numbers.rows_where(wrong, broken)
        return of_rows(broken, numbers.count, check.mostly)

    return conclude


def _beyond(moments: Moments, numbers: Numbers, wanted: given.Outliers) -> Any:
    if wanted.method == "iqr":
        first, third = numbers.quantile(0.25), numbers.quantile(0.75)
        if first is None or third is None:
            return None
        reach = wanted.multiplier * (third - first)
        return lambda values: (values < first - reach) | (values > third + reach)
    if moments.deviation is None:
        return None
    distance, mean = wanted.multiplier * moments.deviation, moments.mean
    if distance <= 0:
        return lambda values: values != mean
    return lambda values: np.abs(values - mean) >= distance


_STATISTICS: Final[dict[str, tuple[type[Any], str]]] = {
    "minimum_between": (Range, "least"),
    "maximum_between": (Range, "greatest"),
    "mean_between": (Total, "mean"),
    "sum_between": (Total, "total"),
    "deviation_between": (Moments, "deviation"),
}


def _statistic(check: Check, wanted: given.Bounds, scene: Scene) -> Conclusion:
    kind, name = _STATISTICS[check.kind]
    of_numbers = kind is not Range
    sql = _number(check, scene) if of_numbers else _value(check, scene)
    family = "number" if of_numbers else scene.families[check.columns[0]]
    reducer = scene.shared(kind, sql)
    return lambda: of_value(getattr(reducer, name), wanted, family, reducer.count)


def _median(check: Check, wanted: given.Bounds, scene: Scene) -> Conclusion:
    numbers = scene.shared(Numbers, _number(check, scene))
    return lambda: of_value(numbers.quantile(0.5), wanted, "number", numbers.count)


def _quantiles(check: Check, wanted: given.Quantiles, scene: Scene) -> Conclusion:
    numbers = scene.shared(Numbers, _number(check, scene))

    def conclude() -> Finding:
        if numbers.count == 0:
            return of_ranges([None] * len(wanted.quantiles), wanted, 0)
        # Halves round to even, as in pandas' "nearest".
        ranks = [round(share * (numbers.count - 1)) for share in wanted.quantiles]
        found: list[float | None] = [*numbers.ranked(ranks)]
        return of_ranges(found, wanted, numbers.count)

    return conclude


def _distinct(check: Check, wanted: given.Bounds, scene: Scene) -> Conclusion:
    value = within(check, scene.identity(check.columns[0]), scene.families)
    hashes = scene.shared(Hashes, value)
    if check.kind == "distinct_between":
        return lambda: of_value(hashes.distinct, wanted, "number", hashes.count)

    def share() -> Finding:
        observed = hashes.distinct / hashes.count if hashes.count else 0.0
        return of_value(observed, wanted, "number", hashes.count)

    return share


def _not_null_share(check: Check, wanted: given.Bounds, scene: Scene) -> Conclusion:
    there = f"({identifier(check.columns[0])} IS NULL)"
    flags = scene.own(check, Flags(within(check, there, scene.families), BrokenRows(0)))

    def conclude() -> Finding:
        share = 1 - flags.broken.count / flags.counted if flags.counted else None
        return of_value(share, wanted, "number", flags.counted)

    return conclude


def _counted(check: Check, counts: Counts) -> Counts:
    if counts.too_many:
        raise InvalidInput(
            "data.too_many_values",
            f"Column '{check.columns[0]}' has more than {MOST_DISTINCT:,} distinct values.",
            hint="Bound their number (distinct_between), or check each row (in_set).",
        )
    return counts


def _most_common(check: Check, wanted: given.MostCommon, scene: Scene) -> Conclusion:
    counts = scene.shared(Counts, _value(check, scene))
    family = scene.families[check.columns[0]]
    return lambda: of_most_common(_counted(check, counts).counts, wanted, family)


def _sets(check: Check, wanted: given.Members, scene: Scene) -> Conclusion:
    counts = scene.shared(Counts, _value(check, scene))
    family = scene.families[check.columns[0]]
    return lambda: of_sets(check.kind, _counted(check, counts).counts, wanted, family)


def _divergence(check: Check, wanted: given.Divergence, scene: Scene) -> Conclusion:
    if wanted.partition is not None and wanted.partition.bins:
        numbers = scene.shared(Numbers, _number(check, scene))
        return lambda: of_divergence(wanted, None, list(numbers.parts()))
    counts = scene.shared(Counts, _value(check, scene))
    return lambda: of_divergence(wanted, _counted(check, counts).counts, [])


def _type(check: Check, wanted: given.Types, scene: Scene) -> Conclusion:
    held = scene.schema.field(check.columns[0]).type
    flags = Flags(f"({identifier(check.columns[0])} IS NOT NULL)", BrokenRows(0))
    scene.own(check, flags)

    def conclude() -> Finding:
        # A column without values has no type to be wrong about.
        unknown = scene.rows > 0 and flags.broken.count == 0
        fits = unknown or any(is_type(held, name) for name in wanted.types)
        failed = 0 if fits else flags.broken.count
        return Finding(fits, scene.rows, failed, str(held), f"It holds {held}.")

    return conclude


def _exists(check: Check, wanted: given.Position, scene: Scene) -> Conclusion:
    names = scene.schema.names
    at = names.index(check.columns[0]) if check.columns[0] in names else None
    passed = at is not None and (wanted.index is None or wanted.index == at)
    told = "There is no such column." if at is None else f"It is column {at}, counted from 0."
    return lambda: Finding(passed, scene.rows, 0, at, told)


def _column_count(check: Check, wanted: given.Bounds, scene: Scene) -> Conclusion:
    count = len(scene.schema.names)
    return lambda: of_value(count, wanted, "number", scene.rows, " columns")


def _columns_are(check: Check, wanted: given.ColumnNames, scene: Scene) -> Conclusion:
    names = scene.schema.names
    lacking = [name for name in wanted.names if name not in names]
    foreign = [name for name in names if name not in wanted.names]
    passed = not lacking and not (foreign and wanted.exact)
    if check.kind == "columns_ordered":
        passed = list(wanted.names) == names
    parts = [f"It lacks {', '.join(lacking)}."] * bool(lacking)
    parts += [f"It also has {', '.join(foreign)}."] * bool(foreign)
    return lambda: Finding(passed, scene.rows, 0, len(names), " ".join(parts) or "They are those.")


def _row_count(check: Check, wanted: given.Bounds, scene: Scene) -> Conclusion:
    if not check.where:
        return lambda: of_value(scene.rows, wanted, "number", scene.rows, " rows")
    flags = scene.own(check, Flags(within(check, "true", scene.families), BrokenRows(0)))
    return lambda: of_value(flags.broken.count, wanted, "number", flags.broken.count, " rows")


_PLANS: Final[dict[str, Callable[[Check, Any, Scene], Conclusion]]] = {
    "unique": _unique,
    "columns_unique": _columns_unique,
    "increasing": _order,
    "decreasing": _order,
    "json": _json,
    "json_schema": _json_schema,
    "date_text": _date_text,
    "date_format": _date_format,
    "z_score_below": _z_score,
    "no_outliers": _outliers,
    **dict.fromkeys(_STATISTICS, _statistic),
    "median_between": _median,
    "quantiles_between": _quantiles,
    "distinct_between": _distinct,
    "distinct_share_between": _distinct,
    "not_null_share_between": _not_null_share,
    "most_common_in_set": _most_common,
    "distinct_in_set": _sets,
    "distinct_contain": _sets,
    "distinct_equal": _sets,
    "divergence_below": _divergence,
    "has_type": _type,
    "column_exists": _exists,
    "column_count_between": _column_count,
    "columns_ordered": _columns_are,
    "columns_set": _columns_are,
    "row_count_between": _row_count,
    **against_others.PLANS,
}
