"""Orders and layouts that were read a moment ago, kept for whoever scrolls through them.

What is kept is never needed: an order that is gone is read again, by this process or another, and
the answer says with another ``snapshot`` that rows may have moved.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection

from millwright.kernel.store import Store
from millwright.tracking.run_table.layout import Layout, flat, grouped, nested
from millwright.tracking.run_table.ordering import Order, order_of
from millwright.tracking.run_table.records import TableView
from millwright.tracking.service.statements import fetch, marks

T = TypeVar("T")
_COMPANION = "run-table"
_MOST = 48


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The lines of a view at one moment; ``runs`` is how many runs match it."""

    name: str
    runs: int
    layout: Layout


class Snapshots:
    """What was read lately, the least recently used forgotten first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: OrderedDict[str, Order] = OrderedDict()
        self._snapshots: OrderedDict[str, Snapshot] = OrderedDict()

    def find(
        self, connection: Connection, project: str, view: TableView, wanted: str | None
    ) -> Snapshot:
        """The wanted snapshot if it is still of this view, else the view as it is now."""
        shape = _digest(project, view.model_dump_json())
        if wanted is not None and wanted.endswith(shape):
            known = _recent(self._lock, self._snapshots, wanted)
            if known is not None:
                return known
        moment = _moment(connection, project)
        name = f"{moment}-{shape}"
        known = _recent(self._lock, self._snapshots, name)
        if known is not None:
            return known
        unopened = view.model_copy(update={"open": ()}).model_dump_json()
        of_order = f"{moment}-{_digest(project, unopened)}"
        order = _recent(self._lock, self._orders, of_order)
        if order is None:
            order = order_of(connection, project, view)
            _keep(self._lock, self._orders, of_order, order)
        found = Snapshot(name, len(order.numbers), _laid_out(connection, view, order))
        _keep(self._lock, self._snapshots, name, found)
        return found

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._orders.clear()
            self._snapshots.clear()


def snapshots_of(store: Store) -> Snapshots:
    """The store's snapshots; they live as long as it does."""
    found = store.companions.setdefault(_COMPANION, Snapshots())
    assert isinstance(found, Snapshots)
    return found


def _laid_out(connection: Connection, view: TableView, order: Order) -> Layout:
    if view.group is None:
        return flat(order.numbers)
    if view.group != "parent":
        return grouped(order.numbers, order.labels, frozenset(view.open))
    opened: set[int] = set()
    if view.open:
        query = f"SELECT no FROM runs WHERE id IN {marks(len(view.open))}"  # noqa: S608
        opened = {row[0] for row in fetch(connection, query, *view.open)}
    return nested(order.numbers, order.parents, opened)


def _moment(connection: Connection, project: str) -> int:
    """The number of the project's latest event: what was read before it may be stale."""
    query = "SELECT seq FROM events WHERE project = ? ORDER BY seq DESC LIMIT 1"
    found = fetch(connection, query, project)
    return int(found[0][0]) if found else 0


def _digest(project: str, view: str) -> str:
    return hashlib.blake2b(f"{project}\0{view}".encode(), digest_size=12).hexdigest()


def _recent(lock: threading.Lock, kept: OrderedDict[str, T], name: str) -> T | None:
    with lock:
        found = kept.get(name)
        if found is not None:
            kept.move_to_end(name)
        return found


def _keep(lock: threading.Lock, kept: OrderedDict[str, T], name: str, value: T) -> None:
    with lock:
        kept[name] = value
        kept.move_to_end(name)
        while len(kept) > _MOST:
            kept.popitem(last=False)
