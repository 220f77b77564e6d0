"""Real, tiny model packages, and real server processes that serve them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import pyarrow as pa
import pytest
from blake3 import blake3
from onnx import TensorProto, helper, numpy_helper

from millwright.kernel.model_package import EncodedColumn, Encoding, Field, Manifest, Task
from millwright.kernel.scoring import read_manifest

FIELDS = (
    Field(name="distance", kind="numeric"),
    Field(name="carrier", kind="categorical"),
    Field(name="holiday", kind="boolean", nullable=False),
)
COLUMNS = (
    EncodedColumn(field="distance", how="number", fill=500.0, shift=500.0, scale=250.0),
    EncodedColumn(field="distance", how="missing"),
    EncodedColumn(field="carrier", how="indicator", levels=("AA",)),
    EncodedColumn(field="holiday", how="number"),
)
CLASSES: dict[Task, tuple[str, ...]] = {
    "binary": ("no", "yes"),
    "multiclass": ("early", "late", "on time"),
    "regression": (),
}
MakePackage = Callable[..., Path]


def linear_onnx(task: Task, weights: np.ndarray, bias: np.ndarray) -> bytes:
    """A linear model with the output that ``task`` promises, written node by node."""
    nodes = [
        helper.make_node("MatMul", ["input", "weights"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["sum"]),
    ]
    if task == "regression":
        nodes.append(helper.make_node("Identity", ["sum"], ["output"]))
    else:
        nodes.append(helper.make_node("Softmax", ["sum"], ["output"], axis=1))
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, len(weights)])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [None, len(bias)])],
        [
            numpy_helper.from_array(weights.astype(np.float32), "weights"),
            numpy_helper.from_array(bias.astype(np.float32), "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(onnx.ModelProto.SerializeToString(model))


@pytest.fixture
def make_package(tmp_path: Path) -> MakePackage:
    def make(
        task: Task = "binary",
        name: str = "package",
        fields: tuple[Field, ...] = FIELDS,
        columns: tuple[EncodedColumn, ...] = COLUMNS,
        seed: int = 1,
    ) -> Path:
        width = max(1, len(CLASSES[task]))
        random = np.random.default_rng(seed)
        model = linear_onnx(task, random.normal(size=(len(columns), width)), np.zeros(width))
        folder = tmp_path / name
        folder.mkdir()
        (folder / "model.onnx").write_bytes(model)
        manifest = Manifest(
            model="delays",
            task=task,
            classes=CLASSES[task],
            family="linear",
            signature=fields,
            encoding=Encoding(columns=columns),
            parity=0.0,
            digests={"model.onnx": blake3(model).hexdigest()},
            created_at="2024-01-01T00:00:00.000Z",
        )
        (folder / "manifest.json").write_text(manifest.model_dump_json())
        return folder

    return make


@pytest.fixture
def sampled_package(make_package: MakePackage) -> Path:
    """A package with a sample of its training rows."""
    folder = make_package()
    sample = pa.table(
        {
            "distance": [100.0, 500.0, None, 1100.0],
            "carrier": ["AA", "UA", None, "AA"],
            "holiday": [True, False, True, False],
            "score": [0.1, 0.2, 0.3, 0.4],
        }
    )
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, sample.schema) as writer:
        writer.write_table(sample)
    (folder / "reference.arrow").write_bytes(sink.getvalue())
    manifest = read_manifest(folder)
    digests = {**manifest.digests, "reference.arrow": blake3(sink.getvalue()).hexdigest()}
    changed = manifest.model_copy(update={"digests": digests})
    (folder / "manifest.json").write_text(changed.model_dump_json())
    return folder


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    url: str
    client: httpx.Client

    def infer(self, body: Any, path: str = "/v2/models/delays/infer", **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json", **headers}
        return self.client.post(self.url + path, content=content, headers=sent)

    def get(self, path: str) -> httpx.Response:
        return self.client.get(self.url + path)


StartServer = Callable[..., Server]


@pytest.fixture(params=["uvicorn", "granian"])
def program(request: pytest.FixtureRequest) -> str:
    """What answers HTTP: every test of a server runs on each."""
    if request.param == "granian":
        pytest.importorskip("granian")
    return str(request.param)


@pytest.fixture
def start_server(tmp_path: Path, program: str) -> Iterator[StartServer]:
    running: list[Server] = []

    def start(
        config: Mapping[str, Any], *options: str, environment: Mapping[str, str] | None = None
    ) -> Server:
        file = tmp_path / f"config-{len(running)}.json"
        file.write_text(json.dumps(config))
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "millwright.serving",
                "--config",
                str(file),
                "--server",
                program,
                *options,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "MILLWRIGHT_ADMIN_TOKEN": "secret", **(environment or {})},
        )
        assert process.stdout is not None
        said = process.stdout.readline().decode()
        assert "http://" in said, said
        server = Server(process, said.split()[-1], httpx.Client(timeout=20, trust_env=False))
        running.append(server)
        return server

    yield start
    for server in running:
        server.client.close()
        server.process.kill()
        server.process.wait()


@pytest.fixture
def mw_serve() -> Iterator[Callable[..., str]]:
    """``mw serve`` with these arguments; gives its address."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> str:
        code = "from millwright.serving.commands import serve; serve()"
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments, "--port", "0"], stdout=subprocess.PIPE
        )
        running.append(process)
        assert process.stdout is not None
        said = process.stdout.readline().decode()
        assert "http://" in said, said
        return said.split()[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


def config_of(package: Path, spool: Path | None = None, **more: Any) -> dict[str, Any]:
    """A configuration that serves one champion."""
    champion = {
        "name": "champion",
        "package": str(package),
        "version_id": "v1",
        "version": 1,
        "weight": 1.0,
    }
    return {
        "deployment": "delays",
        "model_name": "delays",
        "spool": str(spool) if spool else None,
        "variants": [champion],
        **more,
    }


def question(
    distance: Any = 100.0, carrier: Any = "AA", holiday: Any = True, **more: Any
) -> dict[str, Any]:
    """A well-formed request for one row."""
    return {
        "inputs": [
            {"name": "distance", "shape": [1], "datatype": "FP64", "data": [distance]},
            {"name": "carrier", "shape": [1], "datatype": "BYTES", "data": [carrier]},
            {"name": "holiday", "shape": [1], "datatype": "BOOL", "data": [holiday]},
        ],
        **more,
    }


@pytest.fixture
def one_champion() -> Callable[..., dict[str, Any]]:
    return config_of


@pytest.fixture
def ask() -> Callable[..., dict[str, Any]]:
    return question


STREAMING = """
import pathlib, time
import numpy as np

class Slowly:
    def load(self, folder):
        self.seen = folder / "seen"

    def predict(self, matrix):
        return matrix[:, 0] * 10

    def predict_stream(self, matrix):
        kind, steps = int(matrix[0, 0]), int(matrix[0, 1])
        if kind == 1:
            raise RuntimeError("at once")
        try:
            for step in range(steps):
                with self.seen.open("a") as file:
                    file.write(f"{step}\\n")
                if kind == 2 and step == 2:
                    raise RuntimeError("in the middle")
                if kind == 3:
                    time.sleep(0.02)
                if kind == 4:
                    yield f"word{step} "
                else:
                    yield matrix[:, 0] + step
        finally:
            with self.seen.open("a") as file:
                file.write("closed\\n")
"""
"""What the first column is says what happens, the second how often."""


@pytest.fixture
def slowly(make_package) -> Path:
    """A package with a Python class that streams."""
    from millwright.kernel.model_package import EncodedColumn, Field

    fields = tuple(Field(name=name, kind="numeric") for name in ("kind", "steps"))
    columns = tuple(EncodedColumn(field=one.name, how="number") for one in fields)
    folder: Path = make_package("regression", fields=fields, columns=columns)
    (folder / "model.py").write_text(STREAMING)
    (folder / "model.onnx").unlink()
    digests = {"model.py": blake3(STREAMING.encode()).hexdigest()}
    changed = {"runtime": "python", "entry": "Slowly", "digests": digests}
    manifest = read_manifest(folder).model_copy(update=changed)
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return folder
