"""The control loop: every controller in a thread of its own, woken by each committed change.

Only the holder of the lease acts, so that any number of control planes may share one database.
A controller that fails is tried again at the next turn; what it had done stays done.
"""

from __future__ import annotations

import logging
import threading

from millwright.automation.controller import Controller
from millwright.kernel import leases
from millwright.kernel.ids import new_id
from millwright.kernel.locks import exclusive
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace

_log = logging.getLogger("millwright.automation")
_LEASE = "controllers"
_LEASE_SECONDS = 15.0
_RENEW_SECONDS = 4.0
_LOOK_SECONDS = 0.5
"""How long a controller sleeps when nothing rings: it also watches processes and folders."""
_PROMPT = ("launches", "triggers")
"""Somebody waits for these, so they look at every ring. The others let the bell ring for a while and
look once, so that what was asked for has the processor first."""
_WHILE_SECONDS = 0.2


class ControlLoop:
    """Runs the controllers of a control plane that answers at ``url``."""

    def __init__(self, store: Store, url: str) -> None:
        self._store = store
        self._owner = _identity(store.workspace)
        self._stopping = threading.Event()
        self._leading = threading.Event()
        self._url = url
        self._controllers: dict[str, Controller] = {}
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to act as soon as the lease is held."""
        self._begin("lease", self._hold_lease)
        self._begin("maker", self._make)

    def stop(self) -> None:
        """Stop acting, end what the controllers started, give the lease back."""
        self._stopping.set()
        self._store.changes.ring()
        for thread in self._threads:
            thread.join()
        for name, controller in self._controllers.items():
            try:
                controller.shutdown()
            except Exception:
                _log.exception("the %s controller did not shut down cleanly", name)
        leases.release(self._store, _LEASE, self._owner)

    def _begin(self, name: str, work: object) -> None:
        thread = threading.Thread(target=work, name=f"controller-{name}", daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _make(self) -> None:
        # What the controllers import takes as long as all of the server: nobody who asks waits for it.
        from millwright.automation.controllers import controllers

        for name, make in controllers().items():
            if self._stopping.is_set():
                return
            self._controllers[name] = controller = make(self._store, self._url)
            self._begin(name, lambda name=name, c=controller: self._turn(name, c))

    def _hold_lease(self) -> None:
        while not self._stopping.is_set():
            try:
                held = leases.acquire(self._store, _LEASE, self._owner, seconds=_LEASE_SECONDS)
            except Exception:
                _log.exception("the controllers' lease could not be renewed")
                held = False
            if held:
                self._leading.set()
            else:
                self._leading.clear()
            self._stopping.wait(_RENEW_SECONDS)

    def _turn(self, name: str, controller: Controller) -> None:
        changes = self._store.changes
        seen = -1
        while not self._stopping.is_set():
            if not self._leading.wait(_LOOK_SECONDS):
                continue
            heard = changes.wait(seen, seconds=_LOOK_SECONDS)
            if name not in _PROMPT and heard != seen:
                self._stopping.wait(_WHILE_SECONDS)
            seen = max(heard, changes.count)
            if self._stopping.is_set():
                return
            try:
                controller.reconcile()
            except Exception:
                _log.exception("the %s controller failed and tries again", name)
                self._stopping.wait(_LOOK_SECONDS)


def _identity(workspace: Workspace) -> str:
    """This workspace's name among lease holders: the same after a restart, so it need not wait."""
    path = workspace.folder() / "node-id"
    with exclusive(workspace.folder() / "node-id.lock"):
        if not path.exists():
            path.write_text(new_id(), "utf-8")
        return path.read_text("utf-8").strip()
