"""Hearing at once of what other processes commit to a PostgreSQL database.

Each transaction with an event notifies a channel (``kernel.chain``); a thread that listens to it
rings the bell of this process. Who missed a notification, because the connection broke, looks at the
log regardless before long.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from millwright.kernel.chain import CHANNEL, this_process
from millwright.kernel.store import Store

_log = logging.getLogger("millwright.kernel")
_LOOK_SECONDS = 0.5
_AGAIN_SECONDS = 2.0


class Ear:
    """Rings the bell of a store for the events of other processes, until it is closed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._closed = threading.Event()
        self.listening = threading.Event()
        """Set while nothing is missed."""
        self._thread = threading.Thread(target=self._listen, name="ear", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        self._thread.join()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                self._hear()
            except Exception:
                self.listening.clear()
                _log.warning("the events of other processes are not heard", exc_info=True)
                self._closed.wait(_AGAIN_SECONDS)

    def _hear(self) -> None:
        pooled = self._store.database.engine.raw_connection()
        try:
            pooled.detach()
            connection: Any = pooled.dbapi_connection
            connection.autocommit = True
            connection.execute(f"LISTEN {CHANNEL}")
            self.listening.set()
            self._store.changes.ring()
            while not self._closed.is_set():
                heard = connection.notifies(timeout=_LOOK_SECONDS, stop_after=1)
                if any(notice.payload != this_process() for notice in heard):
                    self._store.changes.ring()
        finally:
            pooled.close()


def hear_others(store: Store) -> None:
    """Ring the store's bell for other processes too, as long as it is open, where the database
    tells of them."""
    if not store.database.is_sqlite:
        store.companions["ear"] = Ear(store)
