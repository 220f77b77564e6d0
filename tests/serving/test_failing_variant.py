"""A version that fails on some rows costs only its own callers, and its failures are on record."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
from blake3 import blake3
from onnx import TensorProto, helper, numpy_helper

FAR = 3000.0


def make_fragile(package: Path) -> None:
    """Let a package's model look a value up by its first input, which fails far outside."""
    table = np.zeros((8, 2), dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["input", "zero"], ["first"], axis=1),
            helper.make_node("Cast", ["first"], ["index"], to=TensorProto.INT64),
            helper.make_node("Gather", ["table", "index"], ["sum"], axis=0),
            helper.make_node("Softmax", ["sum"], ["output"], axis=1),
        ],
        "fragile",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [None, 2])],
        [
            numpy_helper.from_array(np.array(0, dtype=np.int64), "zero"),
            numpy_helper.from_array(table, "table"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content = bytes(onnx.ModelProto.SerializeToString(model))
    (package / "model.onnx").write_bytes(content)
    manifest = json.loads((package / "manifest.json").read_text())
    manifest["digests"]["model.onnx"] = blake3(content).hexdigest()
    (package / "manifest.json").write_text(json.dumps(manifest))


def test_a_failing_challenger_fails_only_its_own_callers_and_is_counted(
    tmp_path, start_server, make_package, one_champion, ask
):
    spool = tmp_path / "spool"
    config = one_champion(make_package(), spool)
    fragile = make_package(name="second")
    make_fragile(fragile)
    canary = {**config["variants"][0], "name": "canary", "version_id": "v2", "version": 2}
    canary["package"] = str(fragile)
    server = start_server({**config, "variants": [*config["variants"], canary]})
    statuses = {}
    for number in range(60):
        name = f"request-{number}"
        statuses[name] = server.infer(ask(distance=FAR, id=name)).status_code
    assert set(statuses.values()) == {200, 500}
    assert server.infer(ask(id="near")).status_code == 200
    server.process.terminate()
    assert server.process.wait(10) == 0
    files = sorted(spool.glob("*.arrow"))
    logged = pa.concat_tables([pa.ipc.open_file(file).read_all() for file in files])
    rows = {row["request_id"]: row for row in logged.to_pylist()}
    assert len(rows) == 61
    for name, status in statuses.items():
        row = rows[name]
        assert (row["status"] == "error") == (status == 500)
        assert (row["variant"] == "canary") == (status == 500)
        assert (row["score"] is None) == (status == 500)
        assert row["f.distance"] == FAR
