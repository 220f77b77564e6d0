"""What an endpoint is doing right now, from the newest segments of its log."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.clock import rfc3339
from millwright.monitoring.records import Traffic, TrafficPoint
from millwright.monitoring.segments import milliseconds

COLUMNS = ("request_id", "served_at", "latency_us", "variant")
_DELAY_MS = 2_000
"""The log is this far behind: a second in the server's buffer, and the way into the store."""


def traffic_of(deployment: str, segments: Sequence[pa.Table], now_ms: int, seconds: int) -> Traffic:
    """Requests, rows and latency of each of the last ``seconds``, oldest first.

    The seconds end two before now, so that the last point is not half empty.
    """
    until = (now_ms - _DELAY_MS) // 1000 * 1000
    since = until - seconds * 1000
    empty = tuple(_point(since + 1000 * i, 0, np.empty(0)) for i in range(seconds))
    quiet = Traffic(
        deployment=deployment,
        seconds=seconds,
        requests_per_second=0.0,
        rows_per_second=0.0,
        p50_ms=None,
        p95_ms=None,
        canary_share=0.0,
        last_request=None,
        points=empty,
    )
    if not segments:
        return quiet
    rows = pa.concat_tables([_narrow(segment) for segment in segments])
    requests = rows.group_by("request_id").aggregate(
        [("served_at", "max"), ("latency_us", "max"), ("variant", "max"), ("request_id", "count")]
    )
    served = milliseconds(requests["served_at_max"])
    inside = (served >= since) & (served < until)
    last = rfc3339(int(served.max())) if served.size else None
    if not inside.any():
        return quiet.model_copy(update={"last_request": last})
    latency = requests["latency_us_max"].to_numpy()[inside] / 1000.0
    counts = requests["request_id_count"].to_numpy()[inside]
    canary = pc.equal(requests["variant_max"], "canary").to_numpy()[inside]
    second = (served[inside] - since) // 1000
    points = tuple(
        _point(since + 1000 * i, int(counts[second == i].sum()), latency[second == i])
        for i in range(seconds)
    )
    p50, p95 = (float(value) for value in np.percentile(latency, (50, 95)))
    return Traffic(
        deployment=deployment,
        seconds=seconds,
        requests_per_second=round(latency.size / seconds, 3),
        rows_per_second=round(float(counts.sum()) / seconds, 3),
        p50_ms=round(p50, 3),
        p95_ms=round(p95, 3),
        canary_share=round(float(canary.mean()), 4),
        last_request=last,
        points=points,
    )


def _narrow(segment: pa.Table) -> pa.Table:
    narrow = segment.select(list(COLUMNS))
    return narrow.cast(
        pa.schema(
            [
                ("request_id", pa.string()),
                ("served_at", pa.timestamp("us", tz="UTC")),
                ("latency_us", pa.int64()),
                ("variant", pa.string()),
            ]
        )
    )


def _point(at_ms: int, rows: int, latency: npt.NDArray[np.float64]) -> TrafficPoint:
    p50 = p95 = None
    if latency.size:
        p50, p95 = (round(float(value), 3) for value in np.percentile(latency, (50, 95)))
    return TrafficPoint(
        time=rfc3339(at_ms), requests=int(latency.size), rows=rows, p50_ms=p50, p95_ms=p95
    )
