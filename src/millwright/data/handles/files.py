"""The files of a version, found through the door by reading only the manifest nodes they are in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from millwright.data import trees
from millwright.data.records import DatasetVersion
from millwright.data.trees import Entry, Kind
from millwright.kernel.door import Door

TABLE = "table.parquet"
"""The one file of a version that is a table."""


class VersionFiles:
    """Paths and entries of a version."""

    def __init__(self, door: Door, version: DatasetVersion) -> None:
        self._version = version
        self._nodes = _NodesBehindDoor(door, version.project)
        self._root = bytes.fromhex(version.digest)

    def matching(self, pattern: str) -> Iterator[tuple[str, Entry]]:
        """Files that match a pattern, by path; links and empty folders are left out."""
        if self._version.kind == "table":
            if fnmatchcase(TABLE, pattern.replace("**/", "").replace("**", "*")):
                yield TABLE, self._table()
            return
        for key, entry in trees.glob(self._nodes, self._root, pattern):
            if entry.kind in (Kind.FILE, Kind.EXECUTABLE):
                yield key.decode(), entry

    def get(self, path: str) -> Entry | None:
        """The file at a path; None where there is none."""
        if self._version.kind == "table":
            return self._table() if path == TABLE else None
        entry = trees.lookup(self._nodes, self._root, path.encode())
        return entry if entry is not None and entry.kind in (Kind.FILE, Kind.EXECUTABLE) else None

    def listing(self, folder: str) -> list[tuple[str, int, bool]]:
        """Names in a folder, each with its bytes and whether it is a folder."""
        if self._version.kind == "table":
            return [] if folder else [(TABLE, self._version.size, False)]
        found = []
        for item in trees.list_folder(self._nodes, self._root, folder.encode()):
            if item.below is not None:
                found.append((item.name, 0, True))
            elif item.entry is not None:
                found.append((item.name, item.entry.size, item.entry.kind == Kind.FOLDER))
        return found

    def all(self) -> Iterator[tuple[str, Entry]]:
        """Everything, links and empty folders too."""
        for key, entry in trees.walk(self._nodes, self._root):
            yield key.decode(), entry

    def _table(self) -> Entry:
        return Entry(Kind.FILE, self._version.size, self._root)


class _NodesBehindDoor:
    """Manifest nodes read through the door; those read once stay."""

    def __init__(self, door: Door, project: str) -> None:
        self._door, self._project = door, project
        self._kept: dict[bytes, bytes] = {}

    def read_many(self, digests: Sequence[bytes]) -> list[bytes]:
        for digest in digests:
            if digest not in self._kept:
                self._kept[digest] = self._door.fetch(self._project, digest.hex())
        return [self._kept[digest] for digest in digests]
