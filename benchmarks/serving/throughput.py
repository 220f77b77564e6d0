"""Requests per second of the inference server beside what its parts could do at best, under wrk.

One row of thirty numbers as one JSON tensor, a LightGBM classifier of a hundred trees as ONNX, one
process, everything on: validation, metrics, prediction log, a token. Beside it in the same run: a
bare loop on granian that decodes, scores and answers and does nothing else, and a bare echo.

    python benchmarks/serving/throughput.py [--connections 1 64] [--seconds 5] [--model hist]

``--model hist`` serves scikit-learn's histogram boosting as scikit-learn runs it, without the bare loops.

Needs wrk (Debian: ``apt-get install wrk``) and the extras ``train`` and ``granian``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

WIDTH = 30
TOKEN = "benchmark"
_TICKS = os.sysconf("SC_CLK_TCK")
BARE = """
import asyncio, socket, sys
import msgspec, numpy as np, onnxruntime
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

class Tensor(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: list[float]

class Request(msgspec.Struct):
    inputs: list[Tensor]

decode = msgspec.json.Decoder(Request).decode
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options)
name = session.get_inputs()[0].name
outputs = [session.get_outputs()[-1].name]
headers = [("content-type", "application/json")]

async def score(scope, protocol):
    body = await protocol()
    row = np.asarray(decode(body).inputs[0].data, dtype=np.float32).reshape(1, -1)
    found = session.run(outputs, {name: row})[0]
    protocol.response_bytes(200, headers, msgspec.json.encode({"p": float(found[0][-1])}))

async def echo(scope, protocol):
    protocol.response_bytes(200, headers, await protocol())

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
server = Server(score if sys.argv[2] == "score" else echo, port=port, interface=Interfaces.RSGI,
                http=HTTPModes.http1, websockets=False, log_enabled=False)
print(f"http://127.0.0.1:{port}", flush=True)
import uvloop
uvloop.run(server.serve())
"""


@dataclass(frozen=True)
class Measured:
    """What wrk saw, and what the server's process used."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def build(directory: Path, kind: str) -> None:
    """A classifier of thirty numbers as a package: ``lightgbm`` as a graph, ``hist`` as it is."""
    from lightgbm import LGBMClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier

    from millwright.kernel.encoding import encode
    from millwright.kernel.model_package import EncodedColumn, Encoding, Field
    from millwright.registry import build_package
    from millwright.training.model import FittedModel

    random = np.random.default_rng(7)
    table = pa.table({f"n{i}": random.normal(size=5_000) for i in range(WIDTH)})
    fields = tuple(Field(name=name, kind="numeric") for name in table.column_names)
    encoding = Encoding(columns=tuple(EncodedColumn(field=f.name, how="number") for f in fields))
    matrix = encode(table, encoding)
    target = matrix[:, 0] + matrix[:, 1] * matrix[:, 2] + random.normal(size=5_000) > 0
    estimator = (
        LGBMClassifier(n_estimators=100, num_leaves=31, n_jobs=1, verbose=-1)
        if kind == "lightgbm"
        else HistGradientBoostingClassifier(max_iter=100, early_stopping=False)
    )
    estimator.fit(matrix, target)
    fitted = FittedModel(
        task="binary",
        classes=("no", "yes"),
        family=kind,
        params={},
        encoding=encoding,
        estimator=estimator,
        fields=fields,
    )
    # Nothing is as near as 0, so the model keeps its own form.
    near = {} if kind == "lightgbm" else {"tolerance": 0.0}
    build_package(directory, fitted, model="bench", reference=table, environment="", **near)


def wrk_script(folder: Path) -> Path:
    """The request, as wrk takes it."""
    values = [round(0.1 * i, 2) for i in range(WIDTH)]
    tensor = {"name": "input", "shape": [1, WIDTH], "datatype": "FP32", "data": values}
    script = folder / "request.lua"
    script.write_text(
        'wrk.method = "POST"\n'
        'wrk.headers["Content-Type"] = "application/json"\n'
        f'wrk.headers["Authorization"] = "Bearer {TOKEN}"\n'
        f"wrk.body = [[{json.dumps({'inputs': [tensor]})}]]\n"
    )
    return script


@contextmanager
def running(command: list[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process and its address, from the last word of the line it says first."""
    environment = {**os.environ, "MILLWRIGHT_SERVING_TOKEN": TOKEN}
    server = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert server.stdout is not None
        yield server, server.stdout.readline().split()[-1]
    finally:
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()


def ask(
    url: str, script: Path, connections: int, seconds: int, *, refuse: bool = True
) -> tuple[int, float, str]:
    """Answers, answers per second and wrk's own report; raises where one failed, if ``refuse``."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "-s", str(script)]
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if refuse and "Non-2xx" in said:
        raise RuntimeError(said)
    answered = int(_found(r"(\d+) requests in", said))
    return answered, float(_found(r"Requests/sec:\s+([\d.]+)", said)), said


def measure(
    server: subprocess.Popen[str], url: str, script: Path, connections: int, seconds: int
) -> Measured:
    """One load, after a second of warming up."""
    for _ in range(100):
        try:
            ask(url, script, connections, 1)
            break
        except RuntimeError:
            time.sleep(0.05)
    before = _cpu_seconds(server.pid)
    answered, rate, said = ask(url, script, connections, seconds)
    used = _cpu_seconds(server.pid) - before
    return Measured(
        rate, _milliseconds("50%", said), _milliseconds("99%", said), used / answered * 1e6
    )


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(text)
    return match[1]


def _milliseconds(percentile: str, said: str) -> float:
    shown = _found(rf"\n\s+{percentile}\s+([\d.]+[a-z]+)", said)
    number = float(shown.rstrip("mus"))
    return (
        number / 1000 if shown.endswith("us") else number if shown.endswith("ms") else number * 1000
    )


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def main() -> None:
    """Print a line for each server and number of connections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--model", choices=["lightgbm", "hist"], default="lightgbm")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder / "package", options.model)
        variant = {"name": "champion", "package": str(folder / "package"), "version_id": "v"}
        config = {
            "deployment": "bench",
            "model_name": "bench",
            "spool": str(folder / "spool"),
            "variants": [{**variant, "version": 1}],
        }
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "bare.py").write_text(BARE)
        ours = ["-m", "millwright.serving", "--config", str(folder / "config.json"), "--server"]
        bare = [str(folder / "bare.py"), str(folder / "package" / "model.onnx")]
        servers = {
            "millwright on uvicorn": [*ours, "uvicorn"],
            "millwright on granian": [*ours, "granian"],
            "bare loop on granian": [*bare, "score"],
            "bare echo on granian": [*bare, "echo"],
        }
        if options.model != "lightgbm":
            servers = {title: one for title, one in servers.items() if "bare" not in title}
        script = wrk_script(folder)
        print(
            f"{'':24}{'connections':>12}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>9}"
        )
        for title, command in servers.items():
            with running(command) as (server, address):
                for connections in options.connections:
                    url = f"{address}/v2/models/bench/infer"
                    found = measure(server, url, script, connections, options.seconds)
                    print(
                        f"{title:24}{connections:>12}{found.requests_per_second:>12,.0f}"
                        f"{found.p50_ms:>9.2f}{found.p99_ms:>9.2f}{found.cpu_us:>9.0f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
