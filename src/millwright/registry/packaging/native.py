"""Models that keep the form of the library that trained them.

A model goes this way where it has no ONNX form, or where that form answers differently. Formats
that hold no code are preferred (see ``millwright.kernel.runtimes``).
"""

from __future__ import annotations

import importlib.metadata
import inspect
import io
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from millwright.kernel.encoding import Matrix
from millwright.kernel.errors import InvalidInput, Unavailable
from millwright.kernel.model_package import RuntimeName, Task

Answers = Callable[[Matrix], npt.NDArray[Any]]
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class NativeForm:
    """A model as its own library keeps it.

    Attributes:
        content: the bytes of the model file.
        requires: what has to be installed to run it, as pip takes it.
        entry: the class in a Python module.
        answers: the trained model's own raw answers for a matrix; None where only the packaged
            form can say (it is the same model).
    """

    runtime: RuntimeName
    content: bytes
    requires: tuple[str, ...] = ()
    entry: str | None = None
    answers: Answers | None = field(default=None, compare=False)


def is_foreign(model: Any) -> bool:
    """Whether a model is no estimator of columns that says what it takes: its caller has to."""
    return _library(model) in ("torch", "python") or isinstance(model, str | Path)


def export_native(model: Any, columns: int, task: Task) -> NativeForm:
    """The model in its own library's form.

    Args:
        model: an estimator of scikit-learn, LightGBM, XGBoost or CatBoost; a PyTorch module; the
            folder of an MLflow model; or an instance of any class with ``load`` and ``predict``.
        columns: how many it takes.
        task: what it predicts.

    Raises:
        InvalidInput: it is none of these, or its library cannot write it.
    """
    if isinstance(model, str | Path):
        return _pyfunc(Path(model))
    writers: dict[str, Callable[[], NativeForm]] = {
        "lightgbm": lambda: _lightgbm(model),
        "xgboost": lambda: _xgboost(model),
        "catboost": lambda: _catboost(model),
        "torch": lambda: _torch(model, columns),
        "sklearn": lambda: _scikit_learn(model, task),
        "python": lambda: _python(model),
    }
    library = _library(model)
    if library is None:
        raise InvalidInput(
            "registry.unknown_model",
            f"{type(model).__name__} is no model that can be packaged.",
            hint="Give it the methods load(folder) and predict(matrix), or wrap it in such a class.",
        )
    return writers[library]()


def _library(model: Any) -> str | None:
    for kind in type(model).__mro__:
        root = kind.__module__.partition(".")[0]
        if root in ("lightgbm", "xgboost", "catboost", "torch", "sklearn"):
            return root
    if callable(getattr(model, "load", None)) and callable(getattr(model, "predict", None)):
        return "python"
    return None


def _pinned(*names: str) -> tuple[str, ...]:
    """The first of the distributions that is installed, with its version."""
    for name in names:
        try:
            return (f"{name}=={importlib.metadata.version(name)}",)
        except importlib.metadata.PackageNotFoundError:
            continue
    return names[:1]


def _lightgbm(model: Any) -> NativeForm:
    booster = getattr(model, "booster_", model)
    best = getattr(model, "best_iteration_", None) or getattr(booster, "best_iteration", -1)
    text = booster.model_to_string(num_iteration=best if best and best > 0 else -1)
    return NativeForm("lightgbm", text.encode(), _pinned("lightgbm"), answers=booster.predict)


def _xgboost(model: Any) -> NativeForm:
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    best = getattr(model, "best_iteration", None) if booster is not model else None
    if best is not None:
        booster = booster[: best + 1]
    content = bytes(booster.save_raw("ubj"))

    def answers(matrix: Matrix) -> npt.NDArray[Any]:
        return np.asarray(booster.inplace_predict(matrix, validate_features=False))

    return NativeForm("xgboost", content, _pinned("xgboost", "xgboost-cpu"), answers=answers)


def _catboost(model: Any) -> NativeForm:
    with tempfile.TemporaryDirectory(prefix="millwright-") as folder:
        path = Path(folder) / "model.cbm"
        model.save_model(str(path), format="cbm")
        return NativeForm("catboost", path.read_bytes(), _pinned("catboost"))


def _torch(model: Any, columns: int) -> NativeForm:
    import torch

    model = model.eval()
    # Two rows: an example of one would fix the number of rows.
    example = torch.zeros((2, columns), dtype=torch.float32)
    try:
        program = torch.export.export(
            model, (example,), dynamic_shapes=({0: torch.export.Dim("rows")},)
        )
    except Exception as cause:
        reason = str(cause).splitlines()[0][:300] if str(cause) else type(cause).__name__
        raise InvalidInput(
            "registry.not_exportable",
            f"{type(model).__name__} cannot be exported: {reason}",
            hint="It has to take one float32 tensor [rows, columns] of any number of rows.",
        ) from cause
    sink = io.BytesIO()
    torch.export.save(program, sink)

    def answers(matrix: Matrix) -> npt.NDArray[Any]:
        with torch.inference_mode():
            return np.asarray(model(torch.from_numpy(matrix)).numpy())

    return NativeForm("torch", sink.getvalue(), _pinned("torch"), answers=answers)


def _scikit_learn(model: Any, task: Task) -> NativeForm:
    if task != "regression" and not hasattr(model, "predict_proba"):
        raise InvalidInput(
            "registry.no_probabilities",
            f"{type(model).__name__} gives no probabilities.",
            hint="Wrap it in sklearn.calibration.CalibratedClassifierCV, or use another family.",
        )
    try:
        from skops.io import dumps

        from millwright.kernel.runtimes.scikit_learn import foreign_types
    except ImportError as cause:
        raise Unavailable(
            "registry.no_skops",
            f"Keeping {type(model).__name__} as scikit-learn has it needs skops.",
            hint="Install it with: pip install 'millwright[train]'",
        ) from cause
    try:
        content = dumps(model)
    except Exception as cause:
        raise InvalidInput(
            "registry.not_storable",
            f"{type(model).__name__} holds something that skops cannot write: {cause}",
            hint="Register a class with load and predict in its place.",
        ) from cause
    if foreign := foreign_types(content):
        raise InvalidInput(
            "registry.foreign_types",
            f"{type(model).__name__} holds types that may run code: {', '.join(foreign[:5])}.",
            hint="Register a class with load and predict in its place, and trust it.",
        )
    return NativeForm("scikit-learn", content, (*_pinned("scikit-learn"), *_pinned("skops")))


def _python(model: Any) -> NativeForm:
    kind = type(model)
    try:
        source = Path(inspect.getfile(kind)).read_bytes()
    except (OSError, TypeError) as cause:
        raise InvalidInput(
            "registry.no_source",
            f"The source of the class {kind.__name__} cannot be found.",
            hint="Write the class into a module (a .py file) of its own.",
        ) from cause
    return NativeForm("python", source, entry=kind.__qualname__, answers=model.predict)


def _pyfunc(folder: Path) -> NativeForm:
    if not (folder / "MLmodel").is_file():
        raise InvalidInput(
            "registry.no_mlmodel",
            f"There is no MLflow model in {folder}.",
            hint="Give the folder that holds the file MLmodel.",
        )
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                # One time for all: the same model gives the same bytes.
                name = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
                archive.writestr(name, path.read_bytes(), zipfile.ZIP_DEFLATED)
    required = folder / "requirements.txt"
    lines = required.read_text("utf-8").splitlines() if required.is_file() else ["mlflow"]
    return NativeForm("pyfunc", sink.getvalue(), tuple(line for line in lines if line.strip()))
