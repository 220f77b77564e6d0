"""The comparison of two versions of a table, in one reading of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from millwright.data.comparison.cells import cell
from millwright.data.comparison.column_changes import PairedColumns
from millwright.data.comparison.pairing import pair, rows_paired
from millwright.data.comparison.records import (
    ChangedRow,
    ColumnChanges,
    KeyOrigin,
    RowExample,
    TableDiff,
)
from millwright.data.comparison.schema_changes import schema_changes
from millwright.data.comparison.table_file import Numbers, TableFile
from millwright.kernel.errors import InvalidInput, nearest


def compare_tables(
    before: TableFile,
    after: TableFile,
    key: Sequence[str],
    *,
    limit: int = 20,
    key_origin: KeyOrigin = "given",
) -> TableDiff:
    """What changed from one version to the other.

    First the keys are read and rows are paired; then each column that both versions have is
    compared over the paired rows, one column at a time. Memory is some 100 bytes for each row of
    the larger version, however many columns there are.

    Args:
        before, after: the versions.
        key: the columns that name a row, in both versions; none to compare whole rows, which are
            then either there or not.
        limit: how many rows of each kind to show.
        key_origin: where the key is from, for the answer.

    Raises:
        InvalidInput: a version lacks a column of the key.
    """
    common = [name for name in after.schema.names if name in before.schema.names]
    whole = not key
    names = list(key) or common
    _refuse_unknown(names, before, after)
    pairing = pair(before, after, names)
    partner = pairing.partner
    compared = [] if whole else [name for name in common if name not in set(key)]
    paired = PairedColumns(before, after, pairing)
    counts, first, altered = _compare_columns(paired, compared, after.rows, limit)
    changed = int(altered.sum())
    shown = np.flatnonzero(altered)[:limit]
    found = int((partner >= 0).sum())
    return TableDiff(
        key=tuple(key),
        key_origin="rows" if whole else key_origin,
        rows_before=before.rows,
        rows_after=after.rows,
        added=after.rows - found,
        removed=before.rows - found,
        changed=changed,
        unchanged=found - changed,
        columns=tuple(counts),
        schema_changes=schema_changes(before, after, partner),
        key_before=pairing.before,
        key_after=pairing.after,
        added_rows=_examples(after, np.flatnonzero(partner < 0)[:limit]),
        removed_rows=_examples(before, np.flatnonzero(~rows_paired(partner, before.rows))[:limit]),
        changed_rows=_changed_rows(before, after, partner, key, first, shown),
    )


def _compare_columns(
    paired: PairedColumns, names: Sequence[str], rows: int, limit: int
) -> tuple[list[ColumnChanges], dict[str, Numbers], Numbers]:
    """For each column how many rows changed and the first of them; and which rows changed at all."""
    altered = np.zeros(rows, np.bool_)
    counts: list[ColumnChanges] = []
    first: dict[str, Numbers] = {}
    for name in names:
        changed = paired.changed(name)
        altered[changed] = True
        counts.append(ColumnChanges(name=name, changed=len(changed)))
        # A row among the first to show is among the first of each column that it changes.
        first[name] = changed[:limit].copy()
    return counts, first, altered


def _refuse_unknown(key: Sequence[str], before: TableFile, after: TableFile) -> None:
    for name in key:
        for file, which in ((before, "earlier"), (after, "later")):
            if name not in file.schema.names:
                guess = nearest(name, file.schema.names)
                raise InvalidInput(
                    "data.unknown_key",
                    f"The {which} version has no column '{name}', which the key names.",
                    hint=f"Did you mean '{guess}'?" if guess else "Give columns of both: --key id",
                    value=name,
                )


def _examples(file: TableFile, rows: Numbers) -> tuple[RowExample, ...]:
    values = file.take(rows, file.schema.names) if len(rows) else {}
    return tuple(
        RowExample(
            row=int(row) + 1, values={name: cell(column[i]) for name, column in values.items()}
        )
        for i, row in enumerate(rows)
    )


def _changed_rows(
    before: TableFile,
    after: TableFile,
    partner: Numbers,
    key: Sequence[str],
    changes: dict[str, Numbers],
    rows: Numbers,
) -> tuple[ChangedRow, ...]:
    cells: list[dict[str, tuple[Any, Any]]] = [{} for _ in rows]
    for name, changed in changes.items():
        here = np.flatnonzero(np.isin(rows, changed))
        if len(here) == 0:
            continue
        new = after.take(rows[here], [name])[name]
        old = before.take(partner[rows[here]], [name])[name]
        for i, was, now in zip(here, old, new, strict=True):
            cells[i][name] = (cell(was), cell(now))
    keys = after.take(rows, key) if len(rows) else {}
    return tuple(
        ChangedRow(
            row_before=int(partner[row]) + 1,
            row_after=int(row) + 1,
            key={name: cell(values[i]) for name, values in keys.items()},
            cells=cells[i],
        )
        for i, row in enumerate(rows)
    )
