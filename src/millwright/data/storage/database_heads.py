"""Heads in the database, for stores that ignore conditional writes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update

from millwright.data.storage.head_store import HeadStore, Merge, RemoteHeads
from millwright.data.storage.heads import Head
from millwright.data.storage.opening import OpenedRemote
from millwright.data.storage.tables import remote_heads
from millwright.kernel.remotes import Tagged
from millwright.kernel.store import Store

_H = remote_heads.c


class DatabaseHeads:
    """``HeadStore`` in a table: every workspace that shares the database sees the same heads."""

    def __init__(self, store: Store, address: str, project: str) -> None:
        self._store, self._address, self._project = store, address, project

    def get(self, name: str) -> Tagged | None:
        with self._store.read() as connection:
            row = connection.execute(self._select(name)).first()
        return None if row is None else Tagged(row.document.encode(), str(row.revision))

    def update(self, name: str, merge: Merge) -> Tagged | None:
        # Write transactions are serialised, so nobody changes it between the two statements.
        with self._store.database.write() as connection:
            row = connection.execute(self._select(name)).first()
            now = None if row is None else row.document.encode()
            wanted = merge(now)
            if wanted is None or wanted == now:
                return None if row is None else Tagged(row.document.encode(), str(row.revision))
            if row is None:
                values = {**self._key(name), "revision": 1, "document": wanted.decode()}
                connection.execute(insert(remote_heads).values(values))
                return Tagged(wanted, "1")
            connection.execute(
                update(remote_heads)
                .where(*self._where(name))
                .values(revision=row.revision + 1, document=wanted.decode())
            )
            return Tagged(wanted, str(row.revision + 1))

    def all(self) -> list[Head]:
        here = (_H.address == self._address, _H.project == self._project)
        with self._store.read() as connection:
            rows = connection.execute(select(_H.document).where(*here).order_by(_H.name)).all()
        return [Head.decoded(row.document.encode()) for row in rows]

    def _key(self, name: str) -> dict[str, str]:
        return {"address": self._address, "project": self._project, "name": name}

    def _where(self, name: str) -> tuple[Any, ...]:
        return tuple(_H[column] == value for column, value in self._key(name).items())

    def _select(self, name: str) -> Any:
        return select(_H.document, _H.revision).where(*self._where(name))


def head_store(store: Store, opened: OpenedRemote) -> HeadStore:
    """Where the heads of a remote are, as was found when it was added."""
    if opened.definition.heads == "database":
        return DatabaseHeads(store, opened.definition.address, opened.project)
    return RemoteHeads(opened.remote, opened.prefix)
