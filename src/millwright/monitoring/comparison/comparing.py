"""Two tables compared by the rules of a preset."""

from __future__ import annotations

from typing import Literal, get_args

import pyarrow as pa

from millwright.kernel.cells import Column
from millwright.kernel.errors import InvalidInput
from millwright.monitoring.comparison import evidently, nannyml, sound, wholes
from millwright.monitoring.comparison.duplicates import duplicate_finding
from millwright.monitoring.comparison.everything import all_together
from millwright.monitoring.comparison.findings import table_findings
from millwright.monitoring.comparison.records import (
    ColumnComparison,
    Statistics,
    TableComparison,
)
from millwright.monitoring.comparison.samples import is_numeric, levels_of, numbers_of

Preset = Literal["millwright", "evidently", "nannyml"]


def compare_tables(
    reference: pa.Table,
    current: pa.Table,
    preset: Preset = "millwright",
    statistics: Statistics = "usual",
) -> TableComparison:
    """Every column that both tables have, by a preset's choice of statistic and threshold.

    ``statistics="all"`` measures, with the default preset, everything that can be.

    Raises:
        InvalidInput: there is no such preset, or the tables have no column in common.
    """
    if preset not in get_args(Preset):
        raise InvalidInput(
            "monitoring.unknown_preset",
            f"There is no preset '{preset}'.",
            hint=f"Choose one of: {', '.join(get_args(Preset))}.",
            value=preset,
        )
    names = [name for name in reference.column_names if name in set(current.column_names)]
    if not names:
        raise InvalidInput(
            "monitoring.no_common_columns",
            "The tables have no column in common.",
            hint="Give both the same column names; the order does not matter.",
            value=", ".join(current.column_names[:5]),
        )
    columns = tuple(
        _compare(preset, name, reference[name], current[name], len(names), statistics)
        for name in names
    )
    share = sum(column.drifted for column in columns) / len(columns)
    drifted = share >= evidently.DATASET_SHARE if preset == "evidently" else share > 0.0
    findings = table_findings(reference, current)
    if preset == "millwright":
        flat = [
            name
            for name in names
            if not any(pa.types.is_nested(side[name].type) for side in (reference, current))
        ]
        findings += duplicate_finding(reference.select(flat), current.select(flat))
    return TableComparison(
        preset=preset,
        rows=(reference.num_rows, current.num_rows),
        columns=columns,
        drifted_share=share,
        drifted=drifted,
        findings=findings,
        together=all_together(reference, current)
        if statistics == "all" and preset == "millwright"
        else None,
    )


def _compare(
    preset: Preset,
    name: str,
    reference: Column,
    current: Column,
    columns: int,
    statistics: Statistics,
) -> ColumnComparison:
    if preset == "evidently":
        return evidently.compare(name, reference, current)
    if preset == "nannyml":
        return nannyml.compare(name, reference, current)
    # A column that is all missing on one side has lost its type; the other's counts.
    kind = reference.type if not pa.types.is_null(reference.type) else current.type
    if pa.types.is_nested(kind) or pa.types.is_nested(current.type):
        return wholes.compare_embeddings(name, reference, current, columns)
    if is_numeric(kind):
        left, right = numbers_of(reference), numbers_of(current)
        return sound.compare_numbers(name, left, right, columns, statistics)
    then, now = levels_of(reference), levels_of(current)
    found = sound.compare_levels(name, then, now, columns, statistics)
    if then.text and now.text:
        return wholes.compare_texts(found, reference, current, columns)
    return found
