"""The merged table, written row group by row group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.data.comparison.cells import cell
from millwright.data.comparison.records import Cell
from millwright.data.comparison.table_file import Numbers, TableFile
from millwright.data.merging.conflicts import RowConflict, Side
from millwright.data.merging.rows import MergePlan, Place, Versions
from millwright.data.parquet import ParquetSink
from millwright.kernel.errors import Conflict

_PIECE = 1 << 16


def resolve(plan: MergePlan, sides: Sequence[Side | None]) -> list[Place]:
    """Apply a decision for each conflict, None for none, and return the conflicts that are left."""
    left: list[Place] = []
    taken: dict[str, list[tuple[int, int]]] = {}
    dropped, appended = [], []
    for place, side in zip(plan.conflicts, sides, strict=True):
        if side is None:
            left.append(place)
        elif side == "theirs" and place.kind == "changed":
            taken.setdefault(str(place.column), []).append((place.ours, place.theirs))
        elif side == "theirs" and place.kind == "removed-by-theirs":
            dropped.append(place.ours)
        elif side == "theirs":
            appended.append(place.theirs)
    for name, pairs in taken.items():
        known = plan.cells.get(name, (np.zeros(0, np.int64), np.zeros(0, np.int64)))
        more = np.array(pairs, np.int64).T
        plan.cells[name] = (
            np.concatenate([known[0], more[0]]),
            np.concatenate([known[1], more[1]]),
        )
    plan.dropped = np.sort(np.concatenate([plan.dropped, np.array(dropped, np.int64)]))
    plan.appended = np.sort(np.concatenate([plan.appended, np.array(appended, np.int64)]))
    return left


def rows_changed(plan: MergePlan) -> int:
    """How many rows of ours get at least one value of theirs."""
    rows = [ours for ours, _ in plan.cells.values() if len(ours)]
    return len(np.unique(np.concatenate(rows))) if rows else 0


def write_merged(plan: MergePlan, versions: Versions, sink: ParquetSink) -> None:
    """Write the result: ours in its order, without what theirs removed; then what theirs added."""
    kinds = {name: _kind(plan, versions, name) for name in plan.columns}
    schema = pa.schema(list(kinds.items()))
    cells = {name: _by_row(*pair) for name, pair in plan.cells.items() if len(pair[0])}
    ours = versions.ours
    for group in range(ours.groups):
        inside = ours.rows_of(group)
        rows = np.arange(inside.start, inside.stop)
        columns = [_column(plan, versions, name, kinds[name], group, rows, cells) for name in kinds]
        table = pa.table(columns, schema=schema)
        here = plan.dropped[(plan.dropped >= inside.start) & (plan.dropped < inside.stop)]
        if len(here):
            keep = np.ones(len(rows), np.bool_)
            keep[here - inside.start] = False
            table = table.filter(pa.array(keep))
        sink.write(table)
    for start in range(0, len(plan.appended), _PIECE):
        rows = plan.appended[start : start + _PIECE]
        sink.write(pa.table([_appended(versions, n, rows, kinds[n]) for n in kinds], schema=schema))


def _kind(plan: MergePlan, versions: Versions, name: str) -> pa.DataType:
    file = versions.theirs if name in plan.from_theirs else versions.ours
    return file.schema.field(name).type


def _column(
    plan: MergePlan,
    versions: Versions,
    name: str,
    kind: pa.DataType,
    group: int,
    rows: Numbers,
    cells: dict[str, tuple[Numbers, Numbers]],
) -> pa.ChunkedArray:
    ours, theirs = versions.ours, versions.theirs
    if name not in ours.schema.names:
        return _theirs_column(theirs, name, plan.partner[rows])
    column = _cast(_plain(ours.column(group, name)), kind, name)
    if name not in cells:
        return column
    mine, other = cells[name]
    first, last = np.searchsorted(mine, [rows[0], rows[-1] + 1])
    if first == last:
        return column
    mask = np.zeros(len(rows), np.bool_)
    mask[mine[first:last] - rows[0]] = True
    values = _cast(_plain(theirs.at(other[first:last], name)), kind, name)
    return pa.chunked_array([pc.replace_with_mask(_one(column), pa.array(mask), _one(values))])


def _theirs_column(file: TableFile, name: str, partner: Numbers) -> pa.ChunkedArray:
    """A column that only theirs has, in the rows of ours; nothing where they have no row."""
    known = partner >= 0
    values = _one(_plain(file.at(partner[known], name)))
    places = np.cumsum(known) - 1
    return pa.chunked_array([values.take(pa.array(places, mask=~known))])


def _appended(versions: Versions, name: str, rows: Numbers, kind: pa.DataType) -> pa.ChunkedArray:
    if name not in versions.theirs.schema.names:
        return pa.chunked_array([pa.nulls(len(rows), kind)])
    return _cast(_plain(versions.theirs.at(rows, name)), kind, name)


def _by_row(ours: Numbers, theirs: Numbers) -> tuple[Numbers, Numbers]:
    order = np.argsort(ours, kind="stable")
    return ours[order], theirs[order]


def _cast(values: pa.ChunkedArray, kind: pa.DataType, name: str) -> pa.ChunkedArray:
    try:
        return values.cast(kind)
    except pa.ArrowInvalid as cause:
        raise Conflict(
            "data.column_conflict",
            f"Column '{name}' became {kind} on one side, and the other has a value that is none: "
            f"{cause}.",
            hint="Mend the value, or bring both sides to one type, and merge again.",
            value=name,
        ) from cause


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values


def _one(values: pa.ChunkedArray) -> pa.Array:
    found = values.combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)


def describe(places: Sequence[Place], versions: Versions, key: Sequence[str]) -> list[RowConflict]:
    """Conflicts with their keys and values, for people and for resolutions."""
    keys = [_key_of(place) for place in places]
    named: list[dict[str, Cell]] = [{} for _ in places]
    for number, file in enumerate(versions):
        here = [i for i, (which, _) in enumerate(keys) if which == number]
        found = file.take(np.array([keys[i][1] for i in here], np.int64), key)
        for at, i in enumerate(here):
            named[i] = {name: cell(values[at]) for name, values in found.items()}
    sides = [_values(places, file, number) for number, file in enumerate(versions)]
    return [
        RowConflict(
            kind=place.kind,
            key=named[i],
            column=place.column,
            base=sides[0][i],
            ours=sides[1][i],
            theirs=sides[2][i],
        )
        for i, place in enumerate(places)
    ]


def _key_of(place: Place) -> tuple[int, int]:
    """Which version (0 base, 1 ours, 2 theirs) to read the key from, and in which row."""
    rows = (place.base, place.ours, place.theirs)
    return next((number, row) for number, row in enumerate(rows) if row >= 0)


def _values(places: Sequence[Place], file: TableFile, number: int) -> list[Cell]:
    found: list[Cell] = [None] * len(places)
    wanted: dict[str, list[tuple[int, int]]] = {}
    for i, place in enumerate(places):
        row = (place.base, place.ours, place.theirs)[number]
        if place.column is not None and row >= 0 and place.column in file.schema.names:
            wanted.setdefault(place.column, []).append((i, row))
    for name, cells in wanted.items():
        rows = np.array([row for _, row in cells], np.int64)
        for (i, _), value in zip(cells, file.take(rows, [name])[name], strict=True):
            found[i] = cell(value)
    return found
