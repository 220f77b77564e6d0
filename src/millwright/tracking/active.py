"""Which run is the active one, and what becomes of runs that are open when the process ends."""

from __future__ import annotations

import atexit
import sys
import threading
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING

from millwright.kernel.errors import MillwrightError

if TYPE_CHECKING:
    from millwright.tracking.session import RunSession

_here: ContextVar[tuple[RunSession, ...]] = ContextVar("millwright_runs", default=())
_everywhere: list[RunSession] = []
_lock = threading.Lock()
_uncaught: list[str] = []
_watching = False


def push(session: RunSession) -> None:
    """Make a run the active one."""
    _here.set((*_here.get(), session))
    with _lock:
        _everywhere.append(session)
    _watch_process_end()


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


def _watch_process_end() -> None:
    """End open runs when Python ends; an uncaught error marks them failed."""
    global _watching
    with _lock:
        if _watching:
            return
        _watching = True
    before = sys.excepthook

    def remember(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        _uncaught.append(f"{kind.__name__}: {error}"[:5000])
        before(kind, error, trace)

    sys.excepthook = remember
    atexit.register(_end_all)


def _end_all() -> None:
    for session in reversed(list(_everywhere)):
        try:
            if _uncaught:
                session.end("failed", _uncaught[-1])
            else:
                session.end()
        except MillwrightError as error:
            sys.stderr.write(f"The run {session.record.name} is incomplete: {error}\n")
