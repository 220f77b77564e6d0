"""Group commit: concurrent small writes share one transaction, and one flush of the disk.

A thread takes whatever waits, does it in one transaction and commits; meanwhile the next group
gathers by itself. Nobody is answered before the commit that holds their write, so what was
acknowledged survives a crash, and a lone writer waits no longer than without groups.

A write that fails takes nothing else with it: it is undone to its savepoint. Metric points of all
waiting requests go into one statement (``metric_points``).

Waking the thread and being woken by it costs more than a brief write does. On SQLite the event loop
does those itself, all that came in the same turn together, as long as nobody else writes and the
disk is quick; otherwise they go to the thread.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from millwright.kernel.access import Actor
from millwright.kernel.database import Occupied, Writer, explained
from millwright.kernel.errors import Unavailable
from millwright.kernel.store import Store, Transaction
from millwright.tracking.service.metric_points import MetricWrite, Reports, write_points

T = TypeVar("T")
Work = Callable[[Transaction], Any]
MAX_GROUP = 512
"""Writes in one transaction at most, so that one slow group delays nobody for long."""
MAX_POINTS = 200_000
RING_SECONDS = 0.25
"""Those who wait for events are woken at most this often: each of them looks around for a while."""
MAX_BRIEF_POINTS = 100
SLOW_SECONDS = 0.01
"""A brief write that took longer shows a slow disk: for a while the loop leaves writing be."""
_RESTS = 20
"""How many times as long as it took: so slow writes hold the loop up for a twentieth of the time at
most."""
_BRIEF_IN_A_ROW = 48
"""After so many commits on the loop one goes to the thread, which moves the write-ahead log into the
database where it has grown."""
_NAME = "tracking-writer"


@dataclass(slots=True)
class _Waiting:
    actor: Actor
    project: str
    work: Work | MetricWrite
    future: asyncio.Future[Any] | Future[Any]
    loop: asyncio.AbstractEventLoop | None
    result: Any = None
    error: BaseException | None = None


class GroupWriter:
    """The one thread that writes for tracking; made by ``writer_of``, closed with the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writer = Writer(store.database)
        self._impatient = Writer(store.database, impatient=True)
        self._brief: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
        self._brief_commits = 0
        self._rests_until = 0.0
        self._writing = False
        self._sleeps_until = math.inf
        self._queue: deque[_Waiting] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._reports = Reports()
        self._rung = 0.0
        self._unheard = False
        self._thread = threading.Thread(target=self._run, name=_NAME, daemon=True)
        self._thread.start()

    def do(self, actor: Actor, project: str, work: Work | MetricWrite) -> Any:
        """Write and wait until it is durable; what ``work`` raises is raised here."""
        future: Future[Any] = Future()
        self._add(_Waiting(actor, project, work, future, None))
        return future.result()

    async def done(
        self, actor: Actor, project: str, work: Work | MetricWrite, *, brief: bool = False
    ) -> Any:
        """As ``do``, for coroutines.

        ``brief``: it changes a few rows and looks up a few, so that the loop may do it itself.
        """
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        item = _Waiting(actor, project, work, future, loop)
        if brief and self._store.database.is_sqlite and _points(work) <= MAX_BRIEF_POINTS:
            waiting = self._brief.setdefault(loop, [])
            waiting.append(item)
            if len(waiting) == 1:
                loop.call_soon(self._write_brief, loop)
        else:
            self._add(item)
        return await future

    def close(self) -> None:
        """Write what waits, then end the thread."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _add(self, item: _Waiting) -> None:
        with self._wake:
            if self._closed:
                raise _closed()
            self._queue.append(item)
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._writing = False
                while not self._queue and not self._closed and not self._due():
                    self._sleep()
                group = self._take()
                closing = self._closed and not self._queue and not group
                self._writing = True
            if group or self._reports.due() or closing:
                self._write(self._writer, group, closing=closing)
                _answer(group)
            self._ring(now=closing)
            if closing:
                self._writer.close()
                self._impatient.close()
                return

    def _sleep(self) -> None:
        left = self._seconds_left()
        self._sleeps_until = math.inf if left is None else time.monotonic() + left
        self._wake.wait(left)
        self._sleeps_until = -math.inf

    def _write_brief(self, loop: asyncio.AbstractEventLoop) -> None:
        """What came in this turn of the loop, done here or handed to the thread."""
        group = self._brief.pop(loop)
        if self._written_here(group):
            _settle_all(group)
            return
        self._brief_commits = 0
        with self._wake:
            closed = self._closed
            if not closed:
                self._queue.extend(group)
                self._wake.notify()
        if closed:
            for item in group:
                item.error = _closed()
            _settle_all(group)

    def _written_here(self, group: list[_Waiting]) -> bool:
        began = time.monotonic()
        if self._brief_commits >= _BRIEF_IN_A_ROW or began < self._rests_until:
            return False
        if not self._wake.acquire(blocking=False):
            return False
        try:
            if self._writing or self._queue or self._closed:
                return False
            if not self._write(self._impatient, group):
                return False
            left = self._seconds_left()
            if left is not None and time.monotonic() + left < self._sleeps_until:
                self._wake.notify()
        finally:
            self._wake.release()
        self._brief_commits += 1
        ended = time.monotonic()
        if ended - began > SLOW_SECONDS:
            self._rests_until = ended + _RESTS * (ended - began)
        return True

    def _due(self) -> bool:
        left = self._seconds_left()
        return left is not None and left <= 0

    def _seconds_left(self) -> float | None:
        """Until something is to be done of our own accord."""
        left = self._reports.seconds_left()
        if self._unheard:
            ring = self._rung + RING_SECONDS - time.monotonic()
            left = ring if left is None else min(left, ring)
        return left

    def _ring(self, *, now: bool) -> None:
        """Wake those who wait for events, unless that was a moment ago."""
        if self._unheard and (now or time.monotonic() - self._rung >= RING_SECONDS):
            self._rung, self._unheard = time.monotonic(), False
            self._store.changes.ring()

    def _take(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        points = 0
        while self._queue and len(group) < MAX_GROUP and points <= MAX_POINTS:
            item = self._queue.popleft()
            points += _points(item.work)
            group.append(item)
        return group

    def _write(self, writer: Writer, group: list[_Waiting], *, closing: bool = False) -> bool:
        """Do them all in one transaction; False where the thread has to, and nothing was done."""
        if not group and not self._reports.pending:
            return True
        before = self._reports.copied()
        try:
            with writer.write() as connection:
                self._all(connection, group, closing)
            self._unheard = self._unheard or self._reports.wrote or _has_work(group)
        except Occupied:
            return False
        except BaseException as error:
            self._reports = before
            if len(group) > 1:
                if writer is self._impatient:
                    return False
                # One of them broke the transaction itself; each gets one of its own.
                for item in group:
                    item.error = None
                    self._write(writer, [item])
                return True
            for item in group:
                item.error = item.error or error
        return True

    def _all(self, connection: Connection, group: list[_Waiting], closing: bool) -> None:
        points = []
        for item in group:
            if isinstance(item.work, MetricWrite):
                points.append(item)
            else:
                self._one(connection, item, alone=len(group) == 1)
        if points:
            writes = [item.work for item in points if isinstance(item.work, MetricWrite)]
            errors = write_points(connection, writes, self._reports)
            for item, error in zip(points, errors, strict=True):
                item.error = error
        self._reports.record(
            lambda actor, project: Transaction(connection, actor, project), everything=closing
        )

    def _one(self, connection: Connection, item: _Waiting, *, alone: bool) -> None:
        assert not isinstance(item.work, MetricWrite)
        transaction = Transaction(connection, item.actor, item.project)
        if alone:
            item.result = item.work(transaction)
            return
        connection.exec_driver_sql("SAVEPOINT one")
        try:
            item.result = item.work(transaction)
        except Exception as error:
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT one")
            item.error = explained(error)
        connection.exec_driver_sql("RELEASE SAVEPOINT one")


def writer_of(store: Store) -> GroupWriter:
    """The store's writer, started when it is first needed."""
    known = store.companions.get(_NAME)
    if not isinstance(known, GroupWriter):
        with _starting:
            known = store.companions.get(_NAME)
            if not isinstance(known, GroupWriter):
                known = store.companions[_NAME] = GroupWriter(store)
    return known


_starting = threading.Lock()


def _points(work: Work | MetricWrite) -> int:
    return len(work.rows) if isinstance(work, MetricWrite) else 0


def _closed() -> Unavailable:
    return Unavailable("tracking.closed", "The store is closed.", hint="Try again.")


def _has_work(group: list[_Waiting]) -> bool:
    return any(not isinstance(item.work, MetricWrite) for item in group)


def _answer(group: list[_Waiting]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for item in group:
        if item.loop is None:
            _settle(item)
        else:
            loops.setdefault(item.loop, []).append(item)
    for loop, items in loops.items():
        # The loop may have ended while we wrote; then nobody is left to be told.
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle_all, items)


def _settle_all(items: list[_Waiting]) -> None:
    for item in items:
        if not item.future.done():
            _settle(item)


def _settle(item: _Waiting) -> None:
    if item.error is not None:
        item.future.set_exception(item.error)
    else:
        item.future.set_result(item.result)
