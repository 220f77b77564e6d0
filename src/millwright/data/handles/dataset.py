"""A dataset version in the hands of people's own code: ``mw.dataset("flights@1")``."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast
from urllib.parse import quote

import pyarrow as pa

from millwright.data import references
from millwright.data.client import get_version
from millwright.data.handles.reading import TableReader
from millwright.data.handles.remote_object import RemoteObject
from millwright.data.parquet import from_parquet
from millwright.data.records import DatasetVersion
from millwright.kernel.door import Door
from millwright.kernel.errors import Corrupt, InvalidInput, NotFound, Unavailable, nearest
from millwright.kernel.objects import digest_of
from millwright.kernel.provenance import feeds_run, note_read

if TYPE_CHECKING:
    from millwright.data.handles.files import VersionFiles
    from millwright.data.trees import Entry

Engine = Literal["arrow", "duckdb", "polars"]


class Dataset:
    """A version of a dataset: whole or in part, read when asked for, without a checkout.

    Example:
        >>> flights = mw.dataset("flights@1")                            # doctest: +SKIP
        >>> flights.arrow(columns=["carrier"], rows=slice(0, 1000))      # doctest: +SKIP
        >>> flights.polars(filter="dep_delay > 60 AND carrier = 'UA'")   # doctest: +SKIP
        >>> mw.dataset("photos@2").files("train/**/*.jpg")               # doctest: +SKIP
    """

    def __init__(self, door: Door, project: str, reference: str) -> None:
        name, selector = references.split(reference)
        self._door = door
        path = f"/projects/{project}/datasets/{name}/versions/{quote(selector)}"
        self.version = DatasetVersion.model_validate(door.get(path))
        if feeds_run(project):
            self._require_usable()
        note_read(project, self.version.id)

    @property
    def rows(self) -> int:
        """How many rows a table has; 0 for files."""
        return self.version.rows

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of a table's columns; none for files."""
        return tuple(column.name for column in self.version.columns)

    # Tables

    def arrow(
        self,
        columns: Sequence[str] | None = None,
        rows: slice | None = None,
        filter: Any = None,  # noqa: A002 - as pyarrow names it
        *,
        files: str | None = None,
    ) -> pa.Table:
        """The rows as a ``pyarrow.Table``.

        Without arguments the whole table is brought over at once, verified, and kept. With any of
        them only the columns and row groups that matter are read.

        Args:
            columns: their names; all when None.
            rows: which rows, as a slice without a step.
            filter: which of these rows: a ``pyarrow.compute.Expression``, tuples such as
                ``[("x", ">", 1)]``, or a condition in SQL.
            files: for a version of files: the pattern of its Parquet, Arrow or CSV files.

        Raises:
            InvalidInput: there is no such column, or the version is files and no pattern is given.
            Corrupt: the bytes are not those that were kept.
        """
        if columns is None and rows is None and filter is None and files is None:
            return self._table
        return self._reader(files).read(columns, rows, filter)

    def polars(
        self,
        columns: Sequence[str] | None = None,
        rows: slice | None = None,
        filter: Any = None,  # noqa: A002 - as pyarrow names it
        *,
        files: str | None = None,
    ) -> Any:
        """As ``arrow``, as a polars DataFrame; ``Unavailable`` where polars is not installed."""
        return _require("polars").from_arrow(self.arrow(columns, rows, filter, files=files))

    def pandas(
        self,
        columns: Sequence[str] | None = None,
        rows: slice | None = None,
        filter: Any = None,  # noqa: A002 - as pyarrow names it
        *,
        files: str | None = None,
    ) -> Any:
        """As ``arrow``, as a pandas DataFrame; ``Unavailable`` where pandas is not installed."""
        _require("pandas")
        return self.arrow(columns, rows, filter, files=files).to_pandas()

    def scan(self, engine: Engine = "arrow", *, files: str | None = None) -> Any:
        """The rows for an engine that reads what its query needs.

        Returns:
            a ``pyarrow.dataset.Dataset``, a ``duckdb.DuckDBPyRelation`` or a ``polars.LazyFrame``.
        """
        return self._reader(files).scan(engine)

    def batches(
        self, columns: Sequence[str] | None = None, *, files: str | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows piece by piece, for tables that do not fit into memory."""
        yield from self._reader(files).scan("arrow").to_batches(columns=columns)

    # Files

    def files(self, pattern: str = "**") -> list[str]:
        """The paths that match: ``*`` and ``?`` within a name, ``**`` across folders.

        A table has one file, ``table.parquet``.
        """
        return [path for path, _ in self._files.matching(pattern)]

    def open(self, path: str | None = None) -> BinaryIO:
        """A file of the version (the Parquet file of a table) as a seekable stream.

        Only what is read is brought over.

        Raises:
            NotFound: the version has no such file.
        """
        return cast(BinaryIO, io.BufferedReader(self.raw(path), 1 << 16))

    def raw(self, path: str | None = None) -> RemoteObject:
        """As ``open``, without a buffer between."""
        wanted = path or self._only_file()
        found = self._files.get(wanted)
        if found is None:
            raise self._no_file(wanted)
        return self._object(found)

    def path(self) -> Path:
        """The version on this machine: the Parquet file of a table, a folder of files.

        It is brought over once, verified, and kept read-only in the user's cache folder.

        Raises:
            Corrupt: the bytes are not those that were kept.
        """
        from millwright.data.handles.local_copy import local_file, local_folder

        if self.version.kind == "files":
            return local_folder(self._door, self.version.project, self.version.digest, self._files)
        return local_file(self._door, self.version.project, self.version.digest, ".parquet")

    # As other libraries name it

    def fetched(self) -> Dataset:
        """This dataset with its rows read, so that the door is needed no longer."""
        assert self._table is not None
        return self

    def to_arrow(self) -> pa.Table:
        """The whole table, as ``arrow()``."""
        return self.arrow()

    def to_pandas(self) -> Any:
        """The whole table, as ``pandas()``."""
        return self.pandas()

    def to_polars(self) -> Any:
        """The whole table, as ``polars()``."""
        return self.polars()

    def __repr__(self) -> str:
        version = self.version
        size = f"{version.rows:,} rows" if version.kind == "table" else f"{version.files:,} files"
        return f"Dataset({version.reference}, {size})"

    @functools.cached_property
    def _table(self) -> pa.Table:
        version = self.version
        if version.kind != "table":
            raise self._not_a_table()
        content = self._door.fetch(version.project, version.digest)
        if digest_of(content) != version.digest:
            raise Corrupt(
                "data.corrupt",
                f"Dataset {version.reference} no longer has the bytes that were written.",
                hint="Restore it from a backup; nothing made of it can be trusted.",
            )
        return from_parquet(content)

    @functools.cached_property
    def _files(self) -> VersionFiles:
        from millwright.data.handles.files import VersionFiles

        return VersionFiles(self._door, self.version)

    def _require_usable(self) -> None:
        """Refuse to feed a run with a version that breaks its contract; check it if nobody has."""
        from millwright.data.quality.client import check, get_suite
        from millwright.data.quality.exchange import NewCheck
        from millwright.data.quality.gate import contract_broken

        version = self.version
        where = (self._door, version.project, version.name)
        if version.kind == "table" and version.standing.verdict is None:
            checks = get_suite(*where).suite.checks
            if any(one.status == "confirmed" and one.severity == "block" for one in checks):
                check(*where, version.version, NewCheck())
                self.version = get_version(*where, version.version)
        if not self.version.standing.usable:
            raise contract_broken(version.reference)

    def _reader(self, files: str | None) -> TableReader:
        if self.version.kind == "table":
            return TableReader({"table.parquet": self.raw()})
        if files is None:
            raise self._not_a_table()
        found = {path: self._object(entry) for path, entry in self._files.matching(files)}
        if not found:
            raise self._no_file(files)
        return TableReader(found)

    def _object(self, entry: Entry) -> RemoteObject:
        project = self.version.project
        return RemoteObject(self._door, project, entry.hex, entry.size, owner=self)

    def _only_file(self) -> str:
        if self.version.kind == "table":
            return "table.parquet"
        raise InvalidInput(
            "data.which_file",
            f"{self.version.reference} holds {self.version.files:,} files.",
            hint="Say which: open('path/in/the/version').",
        )

    def _no_file(self, path: str) -> NotFound:
        guess = nearest(path, self.files(f"{path.rpartition('/')[0] or '*'}*")[:1000])
        return NotFound(
            "data.unknown_path",
            f"{self.version.reference} has no '{path}'.",
            hint=f"Did you mean '{guess}'?" if guess else "See what it has with: files().",
            value=path,
        )

    def _not_a_table(self) -> InvalidInput:
        return InvalidInput(
            "data.no_table",
            f"{self.version.reference} is files, not a table.",
            hint="Read its tables with files='**/*.parquet', or its files with open(path).",
            value=self.version.reference,
        )


def _require(library: str) -> Any:
    import importlib

    try:
        return importlib.import_module(library)
    except ImportError as cause:
        raise Unavailable(
            "data.no_library",
            f"{library} is not installed.",
            hint=f"Install it with: pip install {library}",
        ) from cause
