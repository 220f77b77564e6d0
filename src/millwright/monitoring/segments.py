"""Segments of the prediction log as tables."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.errors import Corrupt
from millwright.monitoring.windows import watermark

FEATURE_PREFIX = "f."
REQUIRED = (
    "prediction_id",
    "request_id",
    "event_time",
    "served_at",
    "variant",
    "version_id",
    "latency_us",
    "score",
)


@dataclass(frozen=True)
class SegmentFacts:
    """What is known of a segment without reading it again; times in milliseconds."""

    rows: int
    min_event_ms: int
    max_event_ms: int
    watermark_ms: int | None
    max_served_ms: int


def read_segment(source: bytes | BinaryIO) -> pa.Table:
    """The rows of an Arrow file.

    Raises:
        Corrupt: the bytes are no whole Arrow file, or columns that every segment has are missing.
    """
    try:
        content = source if isinstance(source, bytes) else source.read()
        table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
        table.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OSError, EOFError) as cause:
        raise Corrupt(
            "monitoring.segment", f"The segment is no whole Arrow file: {cause}"
        ) from cause
    missing = [name for name in REQUIRED if name not in table.column_names]
    if missing:
        raise Corrupt("monitoring.segment", f"The segment lacks the columns {', '.join(missing)}.")
    for name in ("event_time", "served_at"):
        if not pa.types.is_timestamp(table.schema.field(name).type) or table[name].null_count:
            raise Corrupt("monitoring.segment", f"The column {name} does not hold times.")
    return table


def milliseconds(times: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Timestamps as milliseconds since 1970, rounded down."""
    micros = times.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
    found: npt.NDArray[np.int64] = micros // 1000
    return found


def facts_of(segment: pa.Table) -> SegmentFacts:
    """The ranges of a segment, which has at least one row."""
    events, served = milliseconds(segment["event_time"]), milliseconds(segment["served_at"])
    return SegmentFacts(
        rows=segment.num_rows,
        min_event_ms=int(events.min()),
        max_event_ms=int(events.max()),
        watermark_ms=watermark(events, served),
        max_served_ms=int(served.max()),
    )


def rows_between(segments: Iterable[pa.Table], start_ms: int, end_ms: int) -> pa.Table | None:
    """The rows whose event time lies in ``[start, end)``; None without any.

    Segments of different model versions may have different columns; the union is taken.
    """
    low = pa.scalar(start_ms * 1000, pa.timestamp("us", tz="UTC"))
    high = pa.scalar(end_ms * 1000, pa.timestamp("us", tz="UTC"))
    kept = []
    for segment in segments:
        times = segment["event_time"]
        inside = segment.filter(pc.and_(pc.greater_equal(times, low), pc.less(times, high)))
        if inside.num_rows:
            kept.append(inside)
    if not kept:
        return None
    return pa.concat_tables(kept, promote_options="permissive").combine_chunks()


class SegmentCache:
    """Decoded segments by digest, the least recently used dropped beyond ``max_bytes``.

    Safe to use from several threads.
    """

    def __init__(self, max_bytes: int = 64 << 20) -> None:
        self._max = max_bytes
        self._held: OrderedDict[str, pa.Table] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """Bytes of the tables that are held."""
        return self._bytes

    def get(self, digest: str) -> pa.Table | None:
        """The table of this digest, if it is held."""
        with self._lock:
            table = self._held.get(digest)
            if table is not None:
                self._held.move_to_end(digest)
            return table

    def put(self, digest: str, table: pa.Table) -> None:
        """Hold a table, and drop others if that is too much."""
        with self._lock:
            if digest in self._held:
                return
            self._held[digest] = table
            self._bytes += table.nbytes
            while self._bytes > self._max and len(self._held) > 1:
                _, dropped = self._held.popitem(last=False)
                self._bytes -= dropped.nbytes
