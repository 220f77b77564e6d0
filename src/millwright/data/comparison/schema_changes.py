"""How the columns of two versions differ."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from millwright.data.comparison.records import Renamed, Retyped, SchemaChanges
from millwright.data.comparison.table_file import Numbers, TableFile
from millwright.data.comparison.words import differ, family_of

_SAMPLE: Final = 10_000
"""Paired rows that are looked at before a rename is suggested."""
_ENOUGH: Final = 0.95
_MOST_CANDIDATES: Final = 64


def schema_changes(before: TableFile, after: TableFile, partner: Numbers) -> SchemaChanges:
    """Columns that came, went or changed their type; and which of them may be one, renamed."""
    old, new = before.schema, after.schema
    removed = [name for name in old.names if name not in new.names]
    added = [name for name in new.names if name not in old.names]
    retyped = [
        Retyped(name=name, before=str(old.field(name).type), after=str(new.field(name).type))
        for name in new.names
        if name in old.names and old.field(name).type != new.field(name).type
    ]
    return SchemaChanges(
        added=tuple(added),
        removed=tuple(removed),
        retyped=tuple(retyped),
        renames_suggested=_renames(before, after, partner, removed, added),
    )


def _renames(
    before: TableFile, after: TableFile, partner: Numbers, removed: list[str], added: list[str]
) -> tuple[Renamed, ...]:
    candidates = [
        (old, new)
        for new in added
        for old in removed
        if _comparable(before.schema.field(old).type, after.schema.field(new).type)
    ]
    rows = np.flatnonzero(partner >= 0)[:_SAMPLE]
    if not candidates or len(rows) == 0 or len(candidates) > _MOST_CANDIDATES:
        return ()
    scored = sorted(
        ((_equal_share(before, after, partner, rows, *names), *names) for names in candidates),
        reverse=True,
    )
    found: list[Renamed] = []
    for share, old, new in scored:
        taken = any(old == other.before or new == other.after for other in found)
        if share >= _ENOUGH and not taken:
            found.append(Renamed(before=old, after=new, equal=share))
    return tuple(found)


def _equal_share(
    before: TableFile, after: TableFile, partner: Numbers, rows: Numbers, old: str, new: str
) -> float:
    unequal = differ(before.words_at(partner[rows], old), after.words_at(rows, new))
    return 1.0 - float(unequal.mean())


def _comparable(old: pa.DataType, new: pa.DataType) -> bool:
    return {family_of(old), family_of(new)} in ({"int", "float"}, {family_of(old)})
