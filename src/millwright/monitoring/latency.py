"""How long callers waited."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.monitoring.records import Latency


def latency_of(rows: pa.Table) -> Latency:
    """Percentiles over requests, in milliseconds at the server.

    Rows of one request share its latency, so a large batch counts once. Percentiles are None
    without any request.
    """
    if rows.num_rows == 0:
        return Latency(requests=0, rows=0)
    per_request = rows.group_by("request_id").aggregate([("latency_us", "max")])
    times = pc.drop_null(per_request["latency_us_max"]).to_numpy() / 1000.0
    if times.size == 0:
        return Latency(requests=per_request.num_rows, rows=rows.num_rows)
    p50, p95, p99 = (float(value) for value in np.percentile(times, (50, 95, 99)))
    return Latency(
        requests=per_request.num_rows,
        rows=rows.num_rows,
        p50_ms=round(p50, 3),
        p95_ms=round(p95, 3),
        p99_ms=round(p99, 3),
    )
