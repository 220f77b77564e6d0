"""A project with registered model versions, and a controller whose servers always end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from blake3 import blake3
from onnx import TensorProto, helper, numpy_helper

from millwright.deployment import DeploymentController
from millwright.kernel.access import Actor
from millwright.kernel.model_package import EncodedColumn, Encoding, Field, Manifest
from millwright.kernel.store import Store
from millwright.registry import service as registry
from millwright.registry.records import AliasChange, GateResult, NewVersion

PROJECT = "flights"
MODEL = "delays"
Register = Callable[..., int]


def packaged(seed: int) -> tuple[Manifest, bytes]:
    """A two-column logistic model; each seed another one."""
    weights = np.random.default_rng(seed).normal(size=(2, 2)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["input", "weights"], ["sum"]),
            helper.make_node("Softmax", ["sum"], ["output"], axis=1),
        ],
        "logistic",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [None, 2])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content = bytes(onnx.ModelProto.SerializeToString(model))
    manifest = Manifest(
        model=MODEL,
        task="binary",
        classes=("no", "yes"),
        family="logistic",
        signature=(
            Field(name="distance", kind="numeric", nullable=False),
            Field(name="carrier", kind="categorical"),
        ),
        encoding=Encoding(
            columns=(
                EncodedColumn(field="distance", how="number", scale=1000.0),
                EncodedColumn(field="carrier", how="indicator", levels=("AA",)),
            )
        ),
        parity=0.0,
        digests={"model.onnx": blake3(content).hexdigest()},
        created_at="2024-01-01T00:00:00.000Z",
    )
    return manifest, content


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """That model as a package folder."""
    manifest, content = packaged(1)
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(content)
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return folder


@pytest.fixture
def register(store: Store, actor: Actor) -> Register:
    def one(seed: int, *, passed: bool = True, champion: bool = False) -> int:
        manifest, content = packaged(seed)
        store.objects.of(PROJECT).put(content)
        new = NewVersion(
            manifest=store.objects.of(PROJECT).put(manifest.model_dump_json().encode()),
            gates=(
                GateResult(
                    metric="roc_auc", value=0.7, min=0.6, max=None, passed=passed, reason="Tried."
                ),
            ),
        )
        version = registry.register_version(store, actor, PROJECT, MODEL, new).version
        if champion:
            change = AliasChange(version=version)
            registry.set_alias(store, actor, PROJECT, MODEL, "champion", change)
        return version

    return one


@pytest.fixture
def controller(store: Store) -> Iterator[DeploymentController]:
    made = DeploymentController(store)
    yield made
    made.shutdown()


@pytest.fixture
def reconcile_until(
    controller: DeploymentController,
) -> Callable[[Callable[[], object]], None]:
    """Turn the controller until a condition holds."""

    def turn(condition: Callable[[], object], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "condition not met in time"
            controller.reconcile()
            time.sleep(0.02)

    return turn


@pytest.fixture
def state(workspace: object) -> Path:
    return workspace.state  # type: ignore[attr-defined]
