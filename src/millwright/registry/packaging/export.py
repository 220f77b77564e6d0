"""A fitted estimator as ONNX bytes: the same model always gives the same bytes."""

from __future__ import annotations

from typing import Any

from millwright.kernel.errors import InvalidInput, Unavailable
from millwright.kernel.model_package import Task
from millwright.registry.packaging.onnx_trees import (
    INPUT,
    IR_VERSION,
    OPSETS,
    OUTPUT,
    trees_to_onnx,
)
from millwright.registry.packaging.trees import Ensemble, ensemble_of
from millwright.registry.packaging.xgboost_trees import xgboost_ensemble


def export_onnx(estimator: Any, columns: int, task: Task) -> bytes:
    """The estimator as a deterministic ONNX model.

    One input ``input`` float32 ``[N, columns]`` and one output ``output`` float32: ``[N, k]``
    probabilities for classifiers, ``[N, 1]`` values for regression.

    Raises:
        InvalidInput: the estimator has no ONNX form.
        Unavailable: the extra ``train`` is not installed.
    """
    try:
        import onnx
    except ImportError as cause:
        raise Unavailable(
            "registry.no_onnx",
            "Packaging a model needs the extra 'train'.",
            hint="Install it with: pip install 'millwright[train]'",
        ) from cause

    ensemble = _of_xgboost(estimator) or ensemble_of(estimator)
    if ensemble is not None:
        model = trees_to_onnx(ensemble, columns, task)
    else:
        model = _from_scikit_learn(estimator, columns, task)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _of_xgboost(estimator: Any) -> Ensemble | None:
    if not type(estimator).__module__.startswith("xgboost"):
        return None
    booster = estimator.get_booster() if hasattr(estimator, "get_booster") else estimator
    best = getattr(estimator, "best_iteration", None) if booster is not estimator else None
    kept = booster if best is None else booster[: best + 1]
    return xgboost_ensemble(bytes(kept.save_raw("json")))


def _from_scikit_learn(estimator: Any, columns: int, task: Task) -> Any:
    """Everything that is no tree ensemble: linear models, networks, whole pipelines."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    classifies = task != "regression"
    if classifies and not hasattr(estimator, "predict_proba"):
        raise InvalidInput(
            "registry.no_probabilities",
            f"{type(estimator).__name__} gives no probabilities.",
            hint="Wrap it in sklearn.calibration.CalibratedClassifierCV, or use another family.",
        )
    try:
        model = convert_sklearn(
            estimator,
            initial_types=[(INPUT, FloatTensorType([None, columns]))],
            options={id(estimator): {"zipmap": False}} if classifies else None,
            target_opset=dict(OPSETS),
        )
    except Exception as cause:
        reason = str(cause).splitlines()[0][:300] if str(cause) else type(cause).__name__
        raise InvalidInput(
            "registry.not_convertible",
            f"{type(estimator).__name__} cannot be converted to ONNX: {reason}",
            hint="Use LightGBM or a scikit-learn estimator that skl2onnx supports.",
        ) from cause
    return _normalised(model)


def _normalised(model: Any) -> Any:
    """Drop what varies between runs and releases, and the label output nobody reads."""
    last = model.graph.output[-1]
    answer = last.name
    for node in model.graph.node:
        for names in (node.input, node.output):
            for position, name in enumerate(names):
                if name == answer:
                    names[position] = OUTPUT
    last.name = OUTPUT
    del model.graph.output[:-1]
    model.graph.name = "millwright"
    model.producer_name, model.producer_version, model.domain = "millwright", "", ""
    model.doc_string = model.graph.doc_string = ""
    model.model_version = 0
    model.ir_version = IR_VERSION
    del model.metadata_props[:]
    return model
