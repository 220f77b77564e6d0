"""Three-way merge of tables: rows by key, and within a row column by column.

A row or value that only one side changed is taken from that side. Where both sides changed the same
value of a row differently, or one removed a row that the other changed, there is a conflict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from millwright.data.comparison.column_changes import PairedColumns
from millwright.data.comparison.pairing import Pairing, pair
from millwright.data.comparison.records import KeyFacts
from millwright.data.comparison.table_file import Numbers, TableFile
from millwright.data.comparison.words import differ, family_of
from millwright.kernel.errors import Conflict, InvalidInput

ConflictKind = Literal["changed", "removed-by-ours", "removed-by-theirs"]


class Versions(NamedTuple):
    """The three tables of a merge."""

    base: TableFile
    ours: TableFile
    theirs: TableFile


class Place(NamedTuple):
    """A conflict: its rows (-1 where a version has none) and column."""

    kind: ConflictKind
    base: int
    ours: int
    theirs: int
    column: str | None


@dataclass
class MergePlan:
    """What the merged table is made of; conflicts hold ours until something says otherwise."""

    columns: list[str]
    """The columns of the result."""
    from_theirs: set[str] = field(default_factory=set)
    """Columns that only theirs has, or whose type theirs changed."""
    cells: dict[str, tuple[Numbers, Numbers]] = field(default_factory=dict)
    """For each column: rows of ours, and the rows of theirs whose values they get."""
    dropped: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    """Rows of ours that are left out."""
    appended: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    """Rows of theirs that are added at the end."""
    partner: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    """The row of theirs for each row of ours; -1 for none."""
    conflicts: list[Place] = field(default_factory=list)


def plan_merge(versions: Versions, key: Sequence[str]) -> MergePlan:
    """What a merge has to do, and where it needs a decision.

    Raises:
        Conflict: the key does not name rows uniquely, or both sides changed a column differently.
        InvalidInput: there is no key, or it is not in all versions.
    """
    _check_key(versions, key)
    base, ours, theirs = versions
    to_ours = _unique(pair(base, ours, key), key)
    to_theirs = _unique(pair(base, theirs, key), key)
    across = pair(theirs, ours, key).partner
    plan = MergePlan(columns=_merged_columns(versions), partner=across)
    plan.from_theirs = {name for name in plan.columns if _is_theirs(versions, name)}
    back = np.full(theirs.rows, -1, np.int64)
    back[across[across >= 0]] = np.flatnonzero(across >= 0)
    mine, other = (
        PairedColumns(base, ours, to_ours),
        PairedColumns(base, theirs, to_theirs),
    )
    altered_mine = np.zeros(ours.rows, np.bool_)
    altered_theirs = np.zeros(theirs.rows, np.bool_)
    _refuse_lost_work(versions, mine, other)
    for name in plan.columns:
        if name in key or not all(name in file.schema.names for file in versions):
            continue
        in_ours, in_theirs = mine.changed(name), other.changed(name)
        altered_mine[in_ours] = True
        altered_theirs[in_theirs] = True
        _merge_cells(plan, versions, name, in_ours, in_theirs, back, to_ours.partner)
    _merge_both_added(plan, versions, key, across, to_ours.partner)
    _merge_new_columns(plan, versions, across, to_ours.partner)
    _merge_removed(plan, versions, to_ours, to_theirs, across, back, altered_mine, altered_theirs)
    return plan


def _merge_cells(
    plan: MergePlan,
    versions: Versions,
    name: str,
    in_ours: Numbers,
    in_theirs: Numbers,
    back: Numbers,
    base_of: Numbers,
) -> None:
    here = back[in_theirs]
    theirs_rows, ours_rows = in_theirs[here >= 0], here[here >= 0]
    both = np.isin(ours_rows, in_ours)
    plan.cells[name] = (ours_rows[~both], theirs_rows[~both])
    if not both.any():
        return
    at, other = ours_rows[both], theirs_rows[both]
    apart = differ(versions.ours.words_at(at, name), versions.theirs.words_at(other, name))
    for mine, his in zip(at[apart].tolist(), other[apart].tolist(), strict=True):
        plan.conflicts.append(Place("changed", int(base_of[mine]), mine, his, name))


def _merge_both_added(
    plan: MergePlan, versions: Versions, key: Sequence[str], across: Numbers, base_of: Numbers
) -> None:
    """Rows that both sides added: equal values are one, others conflict."""
    rows = np.flatnonzero((across >= 0) & (base_of < 0))
    if len(rows) == 0:
        return
    shared = [
        n for n in plan.columns if n not in key and all(n in f.schema.names for f in versions[1:])
    ]
    for name in shared:
        mine, other = (
            versions.ours.words_at(rows, name),
            versions.theirs.words_at(across[rows], name),
        )
        for row in rows[differ(mine, other)].tolist():
            plan.conflicts.append(Place("changed", -1, row, int(across[row]), name))


def _merge_new_columns(
    plan: MergePlan, versions: Versions, across: Numbers, base_of: Numbers
) -> None:
    """Columns that both sides added under one name: other values in one row conflict."""
    base, ours, theirs = versions
    crossing = Pairing(np.where(base_of >= 0, across, -1), KeyFacts(), KeyFacts())
    between = PairedColumns(theirs, ours, crossing)
    for name in plan.columns:
        if name in base.schema.names or not (
            name in ours.schema.names and name in theirs.schema.names
        ):
            continue
        for row in between.changed(name).tolist():
            place = Place("changed", int(base_of[row]), row, int(across[row]), name)
            plan.conflicts.append(place)


def _refuse_lost_work(versions: Versions, mine: PairedColumns, other: PairedColumns) -> None:
    """Raise when one side removed a column in which the other changed values."""
    base, ours, theirs = (set(file.schema.names) for file in versions)
    for name in sorted(base & (ours ^ theirs)):
        changed = (mine if name in ours else other).changed(name)
        if len(changed):
            raise Conflict(
                "data.column_conflict",
                f"One side removed column '{name}', the other changed {len(changed):,} values of it.",
                hint="Remove the column on both sides, or add it again, and merge then.",
                value=name,
            )


def _merge_removed(
    plan: MergePlan,
    versions: Versions,
    to_ours: Pairing,
    to_theirs: Pairing,
    across: Numbers,
    back: Numbers,
    altered_mine: Numbers,
    altered_theirs: Numbers,
) -> None:
    gone_from_theirs = (across < 0) & (to_ours.partner >= 0)
    plan.dropped = np.flatnonzero(gone_from_theirs & ~altered_mine)
    for row in np.flatnonzero(gone_from_theirs & altered_mine).tolist():
        place = Place("removed-by-theirs", int(to_ours.partner[row]), row, -1, None)
        plan.conflicts.append(place)
    only_theirs = back < 0
    plan.appended = np.flatnonzero(only_theirs & (to_theirs.partner < 0))
    for row in np.flatnonzero(only_theirs & (to_theirs.partner >= 0) & altered_theirs).tolist():
        place = Place("removed-by-ours", int(to_theirs.partner[row]), -1, row, None)
        plan.conflicts.append(place)


def _check_key(versions: Versions, key: Sequence[str]) -> None:
    if not key:
        raise InvalidInput(
            "data.no_key",
            "Rows can be merged only by a key, and none is known.",
            hint="Name the columns that identify a row: --key id",
        )
    for name in key:
        missing = [file for file in versions if name not in file.schema.names]
        families = {family_of(f.schema.field(name).type) for f in versions if f not in missing}
        if missing or len(families - {"null"}) > 1:
            raise InvalidInput(
                "data.unknown_key",
                f"The key column '{name}' is not in all three versions with one type.",
                hint="Choose a key that all of them have.",
                value=name,
            )


def _unique(pairing: Pairing, key: Sequence[str]) -> Pairing:
    repeated = pairing.before.surplus_rows + pairing.after.surplus_rows
    if repeated:
        raise Conflict(
            "data.key_not_unique",
            f"{repeated:,} rows repeat a key of {', '.join(key)}, so rows cannot be told apart.",
            hint="Add a column to the key, or remove the repeated rows first.",
        )
    return pairing


def _merged_columns(versions: Versions) -> list[str]:
    """Ours, without what theirs removed, and what theirs added."""
    base, ours, theirs = (file.schema for file in versions)
    kept = [n for n in ours.names if n in theirs.names or n not in base.names]
    added = [n for n in theirs.names if n not in ours.names and n not in base.names]
    for name in [n for n in kept if n in theirs.names]:
        kinds = [schema.field(name).type for schema in (ours, theirs)]
        unchanged = [n in base.names and base.field(n).type in kinds for n in (name,)]
        if kinds[0] != kinds[1] and not all(unchanged):
            raise Conflict(
                "data.column_conflict",
                f"Column '{name}' became {kinds[0]} here and {kinds[1]} there.",
                hint="Bring one of them to the type of the other, and merge again.",
                value=name,
            )
    return kept + added


def _is_theirs(versions: Versions, name: str) -> bool:
    base, ours, theirs = (file.schema for file in versions)
    if name not in ours.names:
        return True
    if name not in theirs.names or name not in base.names:
        return False
    return bool(ours.field(name).type == base.field(name).type != theirs.field(name).type)
