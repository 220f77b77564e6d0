"""The prediction log: answered requests, buffered in memory, written as Arrow files to a spool.

Promises, in this order: a reply never waits for the log; memory is bounded; nothing is lost
silently. While the disk fails, requests stay in the buffer and are tried again every second; when
the buffer is full, new ones are dropped and counted. A segment appears under its final name only
when it is complete and on disk. A ``kill -9`` loses at most the last second.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from millwright.serving.segments import Logged, to_table

FLUSH_ROWS = 512
FLUSH_SECONDS = 1.0
_STALE_SECONDS = 60.0
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
"""Whoever keeps the log compresses it better, once. Here it takes time from callers, and threads for
columns of a few kilobytes take more of it than they save."""


class PredictionLog:
    """Writer of one spool folder. ``append`` may be called from any thread."""

    def __init__(self, spool: Path | None, *, capacity_rows: int = 100_000) -> None:
        """Prepare a log into ``spool``; without a spool nothing is kept. Call ``start`` next."""
        self.spool = spool
        self.capacity_rows = capacity_rows
        self.written_rows = 0
        self.written_segments = 0
        self.dropped_rows = 0
        self.failed_writes = 0
        self._buffer: list[Logged] = []
        self._held_rows = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._sequence = itertools.count()
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)

    @property
    def held_rows(self) -> int:
        """Rows that are in memory and not yet on disk."""
        return self._held_rows

    def start(self) -> None:
        """Create the spool, clear what a killed predecessor left half-written, begin writing.

        Raises:
            OSError: the spool cannot be created.
        """
        if self.spool is None:
            return
        self.spool.mkdir(parents=True, exist_ok=True)
        _remove_stale(self.spool)
        self._thread.start()

    def append(self, request: Logged) -> None:
        """Keep a request for the log, or count it as dropped if the buffer is full."""
        if self.spool is None:
            return
        count = request.rows.count
        with self._lock:
            if self._held_rows + count > self.capacity_rows:
                self.dropped_rows += count
                return
            self._buffer.append(request)
            self._held_rows += count
        if self._held_rows >= FLUSH_ROWS and not self._wake.is_set():
            self._wake.set()

    def close(self, timeout: float = 5.0) -> None:
        """Write what is held and stop; what the disk refuses then is counted as dropped."""
        if self.spool is None or not self._thread.is_alive():
            return
        self._closing = True
        self._wake.set()
        self._thread.join(timeout)
        if self._held_rows:
            self.dropped_rows += self._held_rows
            _say(f"{self._held_rows} predictions were not logged: the spool cannot be written.")

    def _run(self) -> None:
        healthy = True
        while True:
            # After a failure the flush threshold must not turn the retry into a busy loop.
            self._wake.wait(FLUSH_SECONDS) if healthy else self._pause()
            closing = self._closing
            self._wake.clear()
            failure = self._flush()
            if failure is not None and healthy:
                _say(f"The prediction log cannot be written to {self.spool}: {failure}.")
            if failure is None and not healthy:
                _say(f"The prediction log is written to {self.spool} again.")
            healthy = failure is None
            if closing:
                return

    def _pause(self) -> None:
        deadline = time.monotonic() + FLUSH_SECONDS
        while not self._closing and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.05))

    def _flush(self) -> OSError | None:
        with self._lock:
            taken, self._buffer = self._buffer, []
        # A configuration swap changes the columns; each segment holds one schema.
        groups = [list(group) for _, group in itertools.groupby(taken, key=lambda r: id(r.schema))]
        for index, group in enumerate(groups):
            rows = sum(request.rows.count for request in group)
            try:
                self._write(group)
            except OSError as failure:
                self.failed_writes += 1
                unwritten = list(itertools.chain.from_iterable(groups[index:]))
                with self._lock:
                    self._buffer[:0] = unwritten
                return failure
            self.written_segments += 1
            self.written_rows += rows
            with self._lock:
                self._held_rows -= rows
        return None

    def _write(self, requests: Sequence[Logged]) -> None:
        assert self.spool is not None
        name = f"{time.time_ns() // 1_000_000:013d}-{next(self._sequence):06d}-{os.getpid()}"
        temporary = self.spool / f".{name}.tmp"
        table = to_table(requests)
        try:
            # In one piece: Arrow would write each of some hundred buffers by itself, in Python.
            sink = pa.BufferOutputStream()
            with pa.ipc.new_file(sink, table.schema, options=_OPTIONS) as writer:
                writer.write_table(table)
            with temporary.open("wb") as file:
                file.write(sink.getvalue())
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self.spool / f"{name}.arrow")
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(self.spool)


def _sync_folder(folder: Path) -> None:
    # The segment is in place already: raising here would write it a second time.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_stale(spool: Path) -> None:
    for path in spool.glob(".*.tmp"):
        try:
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                path.unlink()
        except FileNotFoundError:
            continue


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()
