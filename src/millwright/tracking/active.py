"""Which run is the active one: the innermost ``with``, else the process's implicit run."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from millwright.tracking.session import RunSession

_here: ContextVar[tuple[RunSession, ...]] = ContextVar("millwright_runs", default=())
_everywhere: list[RunSession] = []
_lock = threading.Lock()


def push(session: RunSession) -> None:
    """Make a run the active one."""
    _here.set((*_here.get(), session))
    with _lock:
        _everywhere.append(session)


def pop(session: RunSession) -> None:
    """Make a run no longer active."""
    _here.set(tuple(other for other in _here.get() if other is not session))
    with _lock:
        if session in _everywhere:
            _everywhere.remove(session)


def innermost() -> RunSession | None:
    """The active run here; in a thread started inside a run, the run started last."""
    mine = _here.get()
    if mine:
        return mine[-1]
    with _lock:
        return _everywhere[-1] if _everywhere else None
