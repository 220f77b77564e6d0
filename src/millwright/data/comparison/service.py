"""Rows of kept versions: compared, and looked at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from millwright.data import service
from millwright.data.comparison.comparing import compare_tables
from millwright.data.comparison.preview import preview_rows
from millwright.data.comparison.records import KeyOrigin, Preview, TableDiff
from millwright.data.comparison.table_file import TableFile
from millwright.data.records import DatasetVersion
from millwright.kernel.errors import InvalidInput
from millwright.kernel.store import Store

_KEPT: Final = 32
_known: OrderedDict[tuple[object, ...], TableDiff] = OrderedDict()
_lock = threading.Lock()


def compare_versions(
    store: Store,
    project: str,
    name: str,
    before: str,
    after: str,
    key: Sequence[str] = (),
    limit: int = 20,
) -> TableDiff:
    """How one version of a table became another, row by row and column by column.

    Args:
        store, project, name: the dataset.
        before, after: which versions, as ``get_version`` takes them.
        key: columns that name a row. When none are given: the key that was declared for the later
            version, else a column of ids that is unique in both, else whole rows.
        limit: how many rows of each kind to show.

    Raises:
        NotFound: there is no such version.
        InvalidInput: one is no table, or a version lacks a column of the key.
    """
    old = table_version(store, project, name, before)
    new = table_version(store, project, name, after)
    columns, origin = choose_key(old, new, key)
    asked = (str(store.objects.root), project, old.digest, new.digest, columns, origin, limit)
    with _lock:
        found = _known.get(asked)
    if found is None:
        # Versions never change, so neither does what differs between two of them.
        objects = store.objects.of(project)
        with objects.open(old.digest) as left, objects.open(new.digest) as right:
            found = compare_tables(
                TableFile(left), TableFile(right), columns, limit=limit, key_origin=origin
            )
        with _lock:
            _known[asked] = found
            while len(_known) > _KEPT:
                _known.popitem(last=False)
    return found.model_copy(update={"before": old.reference, "after": new.reference})


def preview(
    store: Store,
    project: str,
    name: str,
    version: str,
    offset: int,
    limit: int,
    columns: Sequence[str] | None = None,
) -> Preview:
    """Some rows of a version, read without the rest of it.

    Raises:
        NotFound: there is no such version.
        InvalidInput: it is no table, or has no such column.
    """
    found = table_version(store, project, name, version)
    with store.objects.of(project).open(found.digest) as stream:
        return preview_rows(TableFile(stream), offset, limit, columns)


def table_version(store: Store, project: str, name: str, version: str) -> DatasetVersion:
    """A version that is a table.

    Raises:
        NotFound: there is no such version.
        InvalidInput: it is files.
    """
    found = service.get_version(store, project, name, version)
    if found.kind != "table":
        raise InvalidInput(
            "data.no_table",
            f"{found.reference} is files, not a table, so it has no rows.",
            hint=f"See its files with: mw data ls {found.reference}",
            value=found.reference,
        )
    return found


def choose_key(
    old: DatasetVersion, new: DatasetVersion, given: Sequence[str]
) -> tuple[tuple[str, ...], KeyOrigin]:
    """The columns that name a row, and where they are known from."""
    if given:
        return tuple(given), "given"
    for version in (new, old):
        if version.key and set(version.key) <= _names(old) & _names(new):
            return version.key, "declared"
    unique = _unique_ids(old) & _unique_ids(new)
    found = next((column.name for column in new.columns if column.name in unique), None)
    return ((found,), "found") if found is not None else ((), "rows")


def _names(version: DatasetVersion) -> set[str]:
    return {column.name for column in version.columns}


def _unique_ids(version: DatasetVersion) -> set[str]:
    return {
        column.name
        for column in version.columns
        if column.kind == "id" and column.nulls == 0 and column.distinct == version.rows
    }
