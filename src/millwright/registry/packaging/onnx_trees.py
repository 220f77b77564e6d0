"""A tree ensemble as an ONNX graph (``ai.onnx.ml`` TreeEnsembleRegressor plus its link)."""

from __future__ import annotations

from typing import Any

import numpy as np

from millwright.kernel.model_package import Task
from millwright.registry.packaging.trees import Ensemble, Tree

INPUT, OUTPUT = "input", "output"
OPSETS = (("", 17), ("ai.onnx.ml", 3))
IR_VERSION = 8
_MODES = ("LEAF", "BRANCH_LEQ", "BRANCH_EQ")


def trees_to_onnx(ensemble: Ensemble, columns: int, task: Task) -> Any:
    """The ``onnx.ModelProto`` of an ensemble over ``columns`` float32 inputs.

    Its one output is ``[N, 1]`` values for regression, else ``[N, k]`` probabilities.
    """
    from onnx import TensorProto, helper

    raw = "sum"
    nodes = [_ensemble_node(ensemble, raw)]
    constants: list[Any] = []
    steps = _link_steps(ensemble, task)
    for position, (operator, operands, attributes) in enumerate(steps):
        name = OUTPUT if position == len(steps) - 1 else f"step_{position}"
        inputs = []
        for operand in operands:
            if isinstance(operand, str):
                inputs.append(operand)
                continue
            constants.append(
                helper.make_tensor(f"constant_{len(constants)}", TensorProto.FLOAT, [1], [operand])
            )
            inputs.append(constants[-1].name)
        nodes.append(
            helper.make_node(operator, inputs, [name], name=f"link_{position}", **attributes)
        )
    width = 2 if task == "binary" else ensemble.outputs
    graph = helper.make_graph(
        nodes,
        "millwright",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, width])],
        constants,
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS]
    return helper.make_model(
        graph, producer_name="millwright", opset_imports=opsets, ir_version=IR_VERSION
    )


Step = tuple[str, list[str | float], dict[str, Any]]


def _link_steps(ensemble: Ensemble, task: Task) -> list[Step]:
    """Operators after the sum; each reads ``sum`` or the ``step_<i>`` before it."""
    if task == "binary":
        if ensemble.link == "identity":
            steps: list[Step] = [("Identity", ["sum"], {})]
        else:
            steps = [("Mul", ["sum", ensemble.slope], {}), ("Sigmoid", ["step_0"], {})]
        positive = f"step_{len(steps) - 1}"
        steps.append(("Sub", [1.0, positive], {}))
        steps.append(("Concat", [f"step_{len(steps) - 1}", positive], {"axis": 1}))
        return steps
    if ensemble.link == "softmax":
        return [("Softmax", ["sum"], {"axis": 1})]
    if ensemble.link == "exp":
        return [("Exp", ["sum"], {})]
    if ensemble.link == "logistic":
        return [("Mul", ["sum", ensemble.slope], {}), ("Sigmoid", ["step_0"], {})]
    if ensemble.link == "signed_square":
        return [("Abs", ["sum"], {}), ("Mul", ["sum", "step_0"], {})]
    return [("Identity", ["sum"], {})]


def _ensemble_node(ensemble: Ensemble, output: str) -> Any:
    from onnx import helper

    trees = ensemble.trees
    sizes = [len(tree.mode) for tree in trees]
    modes = np.concatenate([tree.mode for tree in trees])
    node = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        [output],
        name="trees",
        domain="ai.onnx.ml",
        n_targets=ensemble.outputs,
        post_transform="NONE",
        aggregate_function="SUM",
        base_values=[float(value) for value in ensemble.base],
        nodes_modes=[_MODES[mode] for mode in modes],
    )
    integers = {
        "nodes_treeids": np.repeat(np.arange(len(trees)), sizes),
        "nodes_nodeids": np.concatenate([np.arange(size) for size in sizes]),
        "nodes_featureids": np.concatenate([tree.feature for tree in trees]),
        "nodes_truenodeids": np.concatenate([tree.yes for tree in trees]),
        "nodes_falsenodeids": np.concatenate([tree.no for tree in trees]),
        "nodes_missing_value_tracks_true": np.concatenate([tree.missing_yes for tree in trees]),
        "target_treeids": np.repeat(np.arange(len(trees)), [tree.weights.size for tree in trees]),
        "target_nodeids": np.concatenate([_leaf_nodes(tree) for tree in trees]),
        "target_ids": np.concatenate([np.tile(t.targets, len(t.leaves)) for t in trees]),
    }
    floats = {
        "nodes_values": np.concatenate([tree.threshold for tree in trees]),
        "target_weights": np.concatenate([tree.weights.ravel() for tree in trees]),
    }
    for name, values in integers.items():
        node.attribute.append(_attribute(name, ints=values.tolist()))
    for name, values in floats.items():
        node.attribute.append(_attribute(name, floats=values.astype(np.float32).tolist()))
    return node


def _leaf_nodes(tree: Tree) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.repeat(tree.leaves, len(tree.targets))


def _attribute(name: str, ints: list[int] | None = None, floats: list[float] | None = None) -> Any:
    """Filled directly: the helper's per-element checks cost seconds on large forests."""
    from onnx import AttributeProto

    attribute = AttributeProto(name=name)
    if ints is not None:
        attribute.type = AttributeProto.INTS
        attribute.ints.extend(ints)
    else:
        attribute.type = AttributeProto.FLOATS
        attribute.floats.extend(floats or [])
    return attribute
