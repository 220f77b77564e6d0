"""What watching costs a server: metrics and the prediction log for each request, and a scrape.

    python benchmarks/monitoring/request_cost.py

Three bars: metrics and log together cost at most 3 µs of CPU a request beside I/O; a scrape of
10,000 series from 16 workers is added up within 100 ms; a burst of 1,000,000 predictions within a
minute loses none, or counts exactly those that were dropped.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import pyarrow as pa

from millwright.kernel.model_package import Field
from millwright.serving.metrics import Metrics
from millwright.serving.outcome import Outcome
from millwright.serving.prediction_log import PredictionLog
from millwright.serving.replicas.totals import added_up
from millwright.serving.segments import Logged, segment_schema, to_table
from millwright.serving.signature import Rows

SIGNATURE = tuple(Field(name=f"x{i}", kind="numeric") for i in range(8))
SCHEMA = segment_schema(SIGNATURE)
REQUESTS = 100_000
BURST = 1_000_000


def logged(number: int) -> Logged:
    """A request of one row as the server hands it to the log."""
    name = f"r{number}"
    return Logged(
        schema=SCHEMA,
        request_id=name,
        prediction_ids=(name,),
        event_times_us=(1_700_000_000_000_000 + number,),
        served_at_us=1_700_000_000_000_000 + number,
        variant="champion",
        version_id="v1",
        latency_us=900,
        rows=Rows(count=1, width=len(SIGNATURE), values=[0.5] * len(SIGNATURE)),
        outcome=Outcome(scores=[0.3], probabilities=None, labels=["0"]),
        shadow_version_id=None,
        shadow=None,
    )


def cost_of_requests() -> None:
    """CPU of the event loop's part, and of the columns that the log's thread makes."""
    requests = [logged(number) for number in range(REQUESTS)]
    metrics, log = Metrics(), PredictionLog(Path("unused"), capacity_rows=REQUESTS)
    to_table(requests[:10])  # loads what Arrow needs
    began = time.process_time()
    for request in requests:
        metrics.request("v2", 200, 0.001)
        log.append(request)
    counted = (time.process_time() - began) / REQUESTS * 1e6
    began = time.process_time()
    for start in range(0, REQUESTS, 4_096):
        to_table(requests[start : start + 4_096])
    columns = (time.process_time() - began) / REQUESTS * 1e6
    print(
        f"metrics and log: {counted:.2f} µs a request in its path; columns of 4,096: {columns:.2f}"
    )


def scrape() -> None:
    """16 workers, 10,000 series in all, and 10,000 in each."""
    for each in (625, 10_000):
        texts = [
            "# HELP a_total Things.\n# TYPE a_total counter\n"
            + "".join(f'a_total{{model="m",field="{i}"}} {i + worker}\n' for i in range(each))
            for worker in range(16)
        ]
        began = time.process_time()
        found = added_up(texts)
        seconds = time.process_time() - began
        print(f"scrape: 16 workers with {each:,} series: {seconds * 1000:.0f} ms, {len(found):,} B")


def burst() -> None:
    """As fast as one thread can, into a folder: written + dropped must be all."""
    with tempfile.TemporaryDirectory() as folder:
        log = PredictionLog(Path(folder))
        log.start()
        template = [logged(number) for number in range(1_000)]
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
        pace = 50.0 / BURST
        for number in range(BURST):
            log.append(template[number % 1_000])
            if number % 1_000 == 999:
                left = began + number * pace - time.monotonic()
                if left > 0:
                    time.sleep(left)
        sent = time.monotonic() - began
        log.close(timeout=60)
        used = resource.getrusage(resource.RUSAGE_SELF)
        rows = sum(
            pa.ipc.open_file(path).read_all().num_rows for path in Path(folder).glob("*.arrow")
        )
        cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        print(
            f"burst: {BURST:,} in {sent:.0f} s: {rows:,} rows in {log.written_segments} files,"
            f" {log.dropped_rows:,} dropped, {BURST - rows - log.dropped_rows} unaccounted;"
            f" {cpu:.1f} CPU-s"
        )


if __name__ == "__main__":
    cost_of_requests()
    scrape()
    burst()
