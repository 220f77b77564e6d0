"""Which versions there are, and keeping another: beside the project, or through the door."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from millwright.data import references
from millwright.data.working.journal import Journal, Known
from millwright.data.working.place import Place
from millwright.data.working.telling import tell_server
from millwright.kernel.errors import NotFound, nearest
from millwright.kernel.ids import new_id

_LOCAL_USER = "local"
_COLUMNS = (
    "id, project, name, version, kind, digest, size, files, parents, branch, message, source, "
    "created_ms, created_by, original, rows"
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A version of files that is to be kept."""

    name: str
    root: bytes
    files: int
    size: int
    branch: str
    parents: tuple[str, ...] | None
    """None for the newest of the branch."""
    message: str
    source: str
    swept: int
    """``ProjectObjects.sweeps`` before its bytes were looked for."""


class Ledger(Protocol):
    """The versions of a project's datasets."""

    def versions(self, name: str) -> Sequence[Known]:
        """The versions of a dataset, newest first; none if there is no such dataset."""

    def refs(self, name: str) -> dict[str, str]:
        """Version ids by tag or branch."""

    def branches(self, name: str) -> set[str]:
        """The branches of a dataset."""

    def names(self) -> list[str]:
        """All datasets."""

    def keep(self, draft: Draft) -> tuple[Known, bool]:
        """Keep a version, durable on return, and say whether it is new.

        Raises:
            NotFound: garbage collection took bytes of it that nothing named yet (``COLLECTED``).
        """


def ledger_of(place: Place) -> Ledger:
    """The ledger of a workspace: local files where its database is local, else the door."""
    url = place.workspace.database_url
    if "MILLWRIGHT_URL" in os.environ or not url.startswith("sqlite"):
        from millwright.data.working.remote_ledger import DoorLedger

        return DoorLedger(place)
    return LocalLedger(place, Path(url.removeprefix("sqlite:///")))


def find(ledger: Ledger, name: str, selector: str) -> Known:
    """The version that a reference names.

    Raises:
        NotFound: there is none.
    """
    versions = ledger.versions(name)
    if not versions:
        guess = nearest(name, ledger.names())
        raise NotFound(
            "data.unknown_dataset",
            f"There is no dataset '{name}' here.",
            hint=f"Did you mean '{guess}'?" if guess else "Add one with: mw data add PATH",
            value=name,
        )
    refs = {} if selector.isdecimal() else ledger.refs(name)
    chosen = references.choose(selector, versions, refs)
    if chosen is None:
        raise references.unknown_version(name, selector, versions, ledger.refs(name))
    return chosen


class LocalLedger:
    """The journal, and the metadata database read where it lies."""

    def __init__(self, place: Place, database: Path) -> None:
        self._place = place
        self._database = database
        self._journal = Journal(place.state)

    def versions(self, name: str) -> list[Known]:
        """As ``Ledger`` says."""
        project = self._place.project
        where = "project = ? AND name = ?"
        kept = [
            _known(row)
            for row in self._rows(f"SELECT {_COLUMNS} FROM dataset_versions WHERE {where}", name)  # noqa: S608
        ]
        ids = {version.id for version in kept}
        kept += [v for v in self._journal.versions(project, name) if v.id not in ids]
        return sorted(kept, key=lambda version: version.version, reverse=True)

    def refs(self, name: str) -> dict[str, str]:
        """As ``Ledger`` says."""
        query = "SELECT ref, version_id FROM dataset_refs WHERE project = ? AND name = ?"
        return dict(self._rows(query, name))

    def branches(self, name: str) -> set[str]:
        """As ``Ledger`` says."""
        query = "SELECT ref FROM dataset_refs WHERE project = ? AND name = ? AND kind = 'branch'"
        started = {row[0] for row in self._rows(query, name)}
        return started | {version.branch for version in self.versions(name)}

    def names(self) -> list[str]:
        """As ``Ledger`` says."""
        found = {v.name for v in self._journal.versions(self._place.project)}
        query = "SELECT DISTINCT name FROM dataset_versions WHERE project = ?"
        return sorted(found | {row[0] for row in self._rows(query)})

    def keep(self, draft: Draft) -> tuple[Known, bool]:
        """As ``Ledger`` says."""
        with self._journal.alone():
            versions = self.versions(draft.name)
            head = references.head(draft.branch, versions, self.refs(draft.name))
            if head is not None and head.digest == draft.root.hex():
                return head, False
            parents = draft.parents
            if parents is None:
                parents = () if head is None else (head.id,)
            version = Known(
                id=new_id(),
                project=self._place.project,
                name=draft.name,
                version=versions[0].version + 1 if versions else 1,
                kind="files",
                digest=draft.root.hex(),
                size=draft.size,
                files=draft.files,
                parents=parents,
                branch=draft.branch,
                message=draft.message,
                source=draft.source,
                created_ms=time.time_ns() // 1_000_000,
                created_by=_LOCAL_USER,
            )
            self._must_be_here(version, draft)
            self._journal.append(version)
            self._journal.close()
        tell_server(self._place)
        return version, True

    def _must_be_here(self, version: Known, draft: Draft) -> None:
        objects = self._place.objects
        # Nothing is swept while we are alone.
        if objects.sweeps() != draft.swept:
            from millwright.data.storage.reach import must_be_here

            must_be_here(objects, {"kind": version.kind, "digest": version.digest})

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        if not self._database.exists():
            return []
        connection = sqlite3.connect(self._database, timeout=60)
        try:
            return connection.execute(query, (self._place.project, *values)).fetchall()
        except sqlite3.OperationalError as cause:
            if "no such" not in str(cause):
                raise
        finally:
            connection.close()
        # Written by an earlier Millwright: opening the door brings it up to date.
        from millwright.kernel.door import connect

        with connect(self._place.workspace):
            pass
        with sqlite3.connect(self._database, timeout=60) as connection:
            return connection.execute(query, (self._place.project, *values)).fetchall()


def _known(row: tuple[Any, ...]) -> Known:
    found = Known(*row)
    return replace(found, parents=tuple(json.loads(row[8])))
