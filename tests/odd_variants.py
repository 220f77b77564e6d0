"""Versions of a model that are slow, or fail: what a server must bear beside a champion."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from blake3 import blake3
from onnx import TensorProto, helper, numpy_helper

from millwright.kernel.scoring import read_manifest

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


SLOW = """
import time
import numpy as np

class Slow:
    def load(self, folder):
        pass

    def predict(self, rows):
        time.sleep(0.05)
        return np.full((len(rows), 2), 0.5)
"""


def slow(package: Path) -> Path:
    """The package, its model replaced by one that takes 50 ms."""
    (package / "model.onnx").unlink()
    (package / "model.py").write_text(SLOW)
    changed = {
        "runtime": "python",
        "entry": "Slow",
        "digests": {"model.py": blake3(SLOW.encode()).hexdigest()},
    }
    manifest = read_manifest(package).model_copy(update=changed)
    (package / "manifest.json").write_text(manifest.model_dump_json())
    return package


def variant_of(package, name: str, number: int, weight: float, mirror: float) -> dict:
    return {
        "name": name,
        "package": str(package),
        "version_id": f"v{number}",
        "version": number,
        "weight": weight,
        "mirror": mirror,
    }
