"""Requests per second of Millwright beside MLServer and Triton, the same graph and row, under wrk.

One row of thirty numbers as one JSON tensor, a LightGBM classifier of a hundred trees as ONNX, one
worker each, 64 connections. MLServer runs the graph in a class of its kind, Triton through pytriton
in a Python function that takes batches. Millwright runs on granian with everything on.

    python benchmarks/serving/peers.py [--turns 3] [--seconds 4] [--connections 64]

Each is asked in turns, so that what else the machine does meets all of them; the medians count.

Needs wrk (Debian: ``apt-get install wrk``), the extras ``train`` and ``granian``, and the peers
``ci/peer mlserver`` and ``ci/peer pytriton`` (``PYTHON=/usr/bin/python3.11`` before the latter where
the usual Python is a later 3.11: the interpreter within Triton is an early one).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
from throughput import ask, build, running, wrk_script

PEERS = Path(__file__).parents[2] / ".peers"
MLSERVER_MODEL = """
import numpy as np, onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

class Graph(MLModel):
    async def load(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(self.settings.parameters.uri, options)
        self.input = self.session.get_inputs()[0].name
        self.output = [self.session.get_outputs()[-1].name]
        return True

    async def predict(self, payload):
        rows = NumpyCodec.decode_input(payload.inputs[0]).astype(np.float32)
        found = self.session.run(self.output, {self.input: rows})[0]
        scores = np.asarray(found)[:, -1:]
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output("probability", scores)]
        )
"""
TRITON_MODEL = """
import sys
import numpy as np, onnxruntime
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options)
name, output = session.get_inputs()[0].name, [session.get_outputs()[-1].name]

@batch
def score(input):
    return [np.asarray(session.run(output, {name: input})[0])[:, -1:].astype(np.float32)]

config = TritonConfig(http_port=int(sys.argv[2]), grpc_port=int(sys.argv[3]), metrics_port=int(sys.argv[4]))
with Triton(config=config) as triton:
    triton.bind(
        model_name="bench", infer_func=score,
        inputs=[Tensor(name="input", dtype=np.float32, shape=(30,))],
        outputs=[Tensor(name="probability", dtype=np.float32, shape=(1,))],
        config=ModelConfig(max_batch_size=128),
    )
    triton.serve()
"""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def peer(command: list[str], folder: Path, url: str, title: str) -> Iterator[None]:
    """A peer's process, once it is ready."""
    with (folder / f"{title}.log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
        try:
            for _ in range(600):
                try:
                    if httpx.get(url, trust_env=False).status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                if server.poll() is not None:
                    raise RuntimeError((folder / f"{title}.log").read_text()[-2000:])
                time.sleep(0.1)
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)


def mlserver(folder: Path, graph: Path) -> tuple[list[str], str]:
    """The command and the address of MLServer, its settings written to ``folder``."""
    folder.mkdir()
    http, grpc, metrics = free_ports(3)
    (folder / "graph_model.py").write_text(MLSERVER_MODEL)
    settings = {
        "http_port": http,
        "grpc_port": grpc,
        "metrics_port": metrics,
        "parallel_workers": 0,
        "debug": False,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {
        "name": "bench",
        "implementation": "graph_model.Graph",
        "parameters": {"uri": str(graph)},
    }
    (folder / "model-settings.json").write_text(json.dumps(model))
    return [str(PEERS / "mlserver/bin/mlserver"), "start", "."], f"http://127.0.0.1:{http}"


def triton(folder: Path, graph: Path) -> tuple[list[str], str]:
    """The command and the address of Triton, through pytriton."""
    folder.mkdir()
    ports = free_ports(3)
    (folder / "serve.py").write_text(TRITON_MODEL)
    command = [str(PEERS / "pytriton/bin/python"), "serve.py", str(graph), *map(str, ports)]
    return command, f"http://127.0.0.1:{ports[0]}"


def main() -> None:
    """Print a line for each server and how many times as much ours answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as servers:
        folder = Path(name)
        build(folder / "package", "lightgbm")
        graph = folder / "package" / "model.onnx"
        variant = {"name": "champion", "package": str(folder / "package"), "version_id": "v"}
        config = {
            "deployment": "bench",
            "model_name": "bench",
            "spool": str(folder / "spool"),
            "variants": [{**variant, "version": 1}],
        }
        (folder / "config.json").write_text(json.dumps(config))
        ours = ["-m", "millwright.serving", "--config", str(folder / "config.json")]
        _, address = servers.enter_context(running([*ours, "--server", "granian"]))
        addresses = {"Millwright": address}
        for title, made in (("MLServer", mlserver), ("Triton (pytriton)", triton)):
            command, address = made(folder / title, graph)
            if not Path(command[0]).exists():
                print(f"{title} is not installed: ci/peer {Path(command[0]).parents[1].name}")
                continue
            ready = f"{address}/v2/models/bench/ready"
            servers.enter_context(peer(command, folder / title, ready, title))
            addresses[title] = address
        script, found = wrk_script(folder), {title: [] for title in addresses}
        for address in addresses.values():
            ask(f"{address}/v2/models/bench/infer", script, options.connections, 1)
        for _ in range(options.turns):
            for title, address in addresses.items():
                url = f"{address}/v2/models/bench/infer"
                _, rate, _ = ask(url, script, options.connections, options.seconds)
                found[title].append(rate)
    best = statistics.median(found["Millwright"])
    for title, rates in found.items():
        rate = statistics.median(rates)
        print(f"{title:20}{rate:>10,.0f} requests/s{best / rate:>8.1f}x")


if __name__ == "__main__":
    main()
