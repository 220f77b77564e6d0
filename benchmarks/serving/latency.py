"""Requests per second and latency of one inference server, by number of connections.

It packages a LightGBM classifier of thirty columns, starts a real server with everything on
(prediction log, metrics, and with ``--canary`` a shadow), and asks for single rows over raw
sockets, so that the generator costs as little as possible. Both share the machine: what is printed
is what a caller on the same machine sees.

    python benchmarks/serving/latency.py [--connections 1 32] [--seconds 5] [--canary] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

NUMERIC, CATEGORICAL = 25, 5
LEVELS = tuple("abcdefgh")


@dataclass(frozen=True)
class Measured:
    """What one number of connections gave."""

    connections: int
    requests_per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


def build(directory: Path) -> None:
    """A LightGBM model of thirty fields as a package."""
    from lightgbm import LGBMClassifier

    from millwright.kernel.encoding import encode
    from millwright.kernel.model_package import EncodedColumn, Encoding, Field
    from millwright.registry import build_package
    from millwright.training.model import FittedModel

    random = np.random.default_rng(7)
    rows = 20_000
    numbers = {f"number_{i}": random.normal(size=rows) for i in range(NUMERIC)}
    texts = {f"text_{i}": random.choice(LEVELS, size=rows) for i in range(CATEGORICAL)}
    table = pa.table({**numbers, **texts})
    fields = tuple(
        Field(name=name, kind="numeric" if name in numbers else "categorical")
        for name in table.column_names
    )
    encoding = Encoding(
        columns=tuple(
            EncodedColumn(field=f.name, how="number")
            if f.kind == "numeric"
            else EncodedColumn(field=f.name, how="code", levels=LEVELS)
            for f in fields
        )
    )
    matrix = encode(table, encoding)
    target = matrix[:, 0] + matrix[:, 1] * matrix[:, 2] + random.normal(size=rows) > 0
    estimator = LGBMClassifier(n_estimators=200, num_leaves=31, n_jobs=1, verbose=-1)
    estimator.fit(matrix, target)

    fitted = FittedModel(
        task="binary",
        classes=("no", "yes"),
        family="lightgbm",
        params={},
        encoding=encoding,
        estimator=estimator,
        fields=fields,
    )
    build_package(directory, fitted, model="bench", reference=table, environment="")


def request_bytes() -> bytes:
    """One single-row Open Inference request as it goes over the wire."""
    inputs = [
        {"name": f"number_{i}", "shape": [1], "datatype": "FP64", "data": [0.1 * i]}
        for i in range(NUMERIC)
    ]
    inputs += [
        {"name": f"text_{i}", "shape": [1], "datatype": "BYTES", "data": [LEVELS[i]]}
        for i in range(CATEGORICAL)
    ]
    body = json.dumps({"inputs": inputs}).encode()
    head = (
        "POST /v2/models/bench/infer HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def ask(port: int, message: bytes, until: float) -> list[float]:
    """Ask again and again over one connection; seconds of each answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times = []
    while time.perf_counter() < until:
        started = time.perf_counter()
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        times.append(time.perf_counter() - started)
    writer.close()
    return times


async def measure(port: int, connections: int, seconds: float) -> Measured:
    """Ask over so many connections at once."""
    message = request_bytes()
    await ask(port, message, time.perf_counter() + 0.5)
    started = time.perf_counter()
    until = started + seconds
    results = await asyncio.gather(*(ask(port, message, until) for _ in range(connections)))
    elapsed = time.perf_counter() - started
    times = np.concatenate([np.asarray(part) for part in results]) * 1000
    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    return Measured(
        connections,
        round(len(times) / elapsed, 1),
        *(round(float(value), 3) for value in (p50, p95, p99, times.max())),
    )


def config(folder: Path, *, canary: bool) -> dict[str, object]:
    """What the measured server serves."""
    variants = [
        {
            "name": name,
            "package": str(folder / "package"),
            "version_id": name,
            "version": number,
            "mirror": float(name == "canary"),
        }
        for number, name in enumerate(("champion", "canary"), 1)
    ]
    return {
        "deployment": "bench",
        "model_name": "bench",
        "spool": str(folder / "spool"),
        "variants": variants if canary else variants[:1],
    }


def run(connections: list[int], seconds: float, *, canary: bool) -> list[Measured]:
    """Start the server, measure, stop it."""
    import uvloop

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder / "package")
        file = folder / "config.json"
        file.write_text(json.dumps(config(folder, canary=canary)))
        server = subprocess.Popen(
            [sys.executable, "-m", "millwright.serving", "--config", str(file)],
            stdout=subprocess.PIPE,
        )
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline().decode().rsplit(":", 1)[1])
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return [runner.run(measure(port, n, seconds)) for n in connections]
        finally:
            server.terminate()
            server.wait()


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--canary", action="store_true", help="score each request by two models")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    measured = run(options.connections, options.seconds, canary=options.canary)
    if options.json:
        print(json.dumps([asdict(one) for one in measured], indent=1))
        return
    print(
        f"{'connections':>11} {'requests/s':>11} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} {'max ms':>8}"
    )
    for one in measured:
        print(
            f"{one.connections:>11} {one.requests_per_second:>11,.0f} {one.p50_ms:>8.3f} "
            f"{one.p95_ms:>8.3f} {one.p99_ms:>8.3f} {one.max_ms:>8.1f}"
        )


if __name__ == "__main__":
    main()
