"""Delta Lake and Iceberg tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from millwright.data.connectors.interface import TableContent
from millwright.data.connectors.records import SourceState
from millwright.kernel.errors import InvalidInput, NotFound, Unavailable

_CATALOG_HINT = (
    "Write iceberg+catalog:CATALOG/NAMESPACE.TABLE, and say where the catalog is in "
    "~/.pyiceberg.yaml or in PYICEBERG_CATALOG__NAME__URI."
)


class DeltaSource:
    """A Delta Lake table, at its newest version.

    Args:
        place: a folder, or an address that deltalake reads (``s3://…``); credentials are those of
            the environment.
    """

    def __init__(self, place: str) -> None:
        self._place = place if "://" in place else str(Path(place).resolve())

    @property
    def url(self) -> str:
        """``delta:…``."""
        return f"delta:{self._place}"

    def state(self) -> SourceState:
        """The number of the version."""
        return SourceState(kind="delta-version", value=str(self._table().version()))

    def content(self, scratch: Path) -> TableContent:
        """The rows of the newest version."""
        del scratch
        return TableContent(_batches(self._table().to_pyarrow_dataset().to_batches()))

    def _table(self) -> Any:
        try:
            import deltalake
        except ImportError as cause:
            raise _missing_library("deltalake", "delta") from cause
        try:
            return deltalake.DeltaTable(self._place)
        except deltalake.exceptions.TableNotFoundError as cause:
            raise _no_table("Delta Lake", self._place) from cause
        except deltalake.exceptions.DeltaError as cause:
            raise InvalidInput("data.lake", f"The Delta table cannot be read: {cause}.") from cause


class IcebergSource:
    """An Iceberg table, at its current snapshot.

    Args:
        place: the table's folder, one of its metadata files, or ``catalog/namespace.table`` with a
            catalog of pyiceberg's own configuration (``~/.pyiceberg.yaml``, ``PYICEBERG_…``).
    """

    def __init__(self, place: str, *, in_catalog: bool = False) -> None:
        known = "://" in place or in_catalog
        self._place = place if known else str(Path(place).resolve())
        self._in_catalog = in_catalog

    @property
    def url(self) -> str:
        """``iceberg:…`` or ``iceberg+catalog:…``."""
        return f"iceberg{'+catalog' if self._in_catalog else ''}:{self._place}"

    def state(self) -> SourceState:
        """The id of the snapshot."""
        snapshot = self._table().current_snapshot()
        value = "none" if snapshot is None else str(snapshot.snapshot_id)
        return SourceState(kind="iceberg-snapshot", value=value)

    def content(self, scratch: Path) -> TableContent:
        """The rows of the current snapshot."""
        del scratch
        return TableContent(_batches(self._table().scan().to_arrow_batch_reader()))

    def _table(self) -> Any:
        try:
            from pyiceberg.catalog import load_catalog
            from pyiceberg.exceptions import NoSuchTableError
            from pyiceberg.table import StaticTable
        except ImportError as cause:
            raise _missing_library("pyiceberg", "iceberg") from cause
        if self._in_catalog:
            catalog, _, name = self._place.partition("/")
            try:
                return load_catalog(catalog).load_table(name)
            except NoSuchTableError as cause:
                raise _no_table("Iceberg", self._place, _CATALOG_HINT) from cause
            except Exception as cause:
                # Whatever the catalog's own client raises: it is one of six, each with a library.
                raise Unavailable(
                    "data.catalog",
                    f"The Iceberg catalog '{catalog}' cannot be asked: {type(cause).__name__}.",
                    hint=_CATALOG_HINT,
                    value=catalog,
                ) from cause
        try:
            return StaticTable.from_metadata(self._metadata())
        except (FileNotFoundError, ValueError) as cause:
            raise _no_table("Iceberg", self._place) from cause

    def _metadata(self) -> str:
        if "://" in self._place or self._place.endswith(".json"):
            return self._place
        files = sorted((Path(self._place) / "metadata").glob("*.metadata.json"), key=_order)
        if not files:
            raise _no_table("Iceberg", self._place)
        return files[-1].as_uri()


def _order(path: Path) -> tuple[int, float]:
    """Metadata files are numbered, ``00003-….metadata.json`` or ``v3.metadata.json``."""
    digits = path.name.split("-")[0].removeprefix("v").split(".")[0]
    return (int(digits) if digits.isdecimal() else -1, path.stat().st_mtime)


def _batches(batches: Any) -> Iterator[pa.Table]:
    for batch in batches:
        if batch.num_rows:
            yield pa.table(batch)


def _missing_library(library: str, extra: str) -> Unavailable:
    return Unavailable(
        "data.no_library",
        f"{library} is not installed.",
        hint=f"Install it with: pip install 'millwright[{extra}]'",
    )


def _no_table(kind: str, place: str, hint: str = "Give the folder of the table.") -> NotFound:
    return NotFound(
        "data.no_lake_table",
        f"There is no {kind} table at {place}.",
        hint=hint,
        value=place,
    )
