"""Your own training function in place of the search.

In ``millwright.yaml``, ``training.function: "churn:train"`` names ``train`` in ``churn.py`` beside
it::

    import millwright as mw
    from sklearn.ensemble import GradientBoostingClassifier

    def train(data: mw.TrainingData):
        return GradientBoostingClassifier(random_state=data.seed).fit(data.matrix, data.target)
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import pyarrow as pa

from millwright.kernel.encoding import Matrix
from millwright.kernel.errors import InvalidInput, MillwrightError, nearest
from millwright.kernel.model_package import Field, Task
from millwright.training.encoding import Style, fit_encoding
from millwright.training.folds import fold
from millwright.training.model import FittedModel, ParamValue, predict_matrix
from millwright.training.task import Target, TaskSpec, known_rows
from millwright.training.threads import wait_without_spinning

TrainingFunction = Callable[["TrainingData"], Any]


@dataclass(frozen=True)
class TrainingData:
    """What a training function is given.

    ``matrix`` is float32 (rows, columns) without missing values: numbers imputed and standardised,
    categories as indicators. Set ``train.encoding = "tree"`` on your function for raw numbers with
    NaN and category codes instead, or ``"forest"`` for raw numbers without NaN.
    """

    matrix: Matrix
    target: Target
    """Class positions for classification (0 and 1 for binary), numbers for regression."""
    feature_names: tuple[str, ...]
    table: pa.Table
    """The rows before encoding."""
    task: Task
    classes: tuple[str, ...]
    seed: int
    budget_s: float


def load_function(reference: str, folder: Path) -> TrainingFunction:
    """The function that ``module:function`` names, imported from the project folder.

    Raises:
        InvalidInput: the reference, the module or the function is not usable.
    """
    module_name, _, name = reference.partition(":")
    if not module_name or not name:
        raise InvalidInput(
            "training.function",
            f"'{reference}' does not name a function.",
            hint="Write training.function as module:function, for example train:train.",
            value=reference,
        )
    module = _import(module_name, folder)
    function = getattr(module, name, None)
    if function is None:
        guess = nearest(name, [n for n, v in vars(module).items() if callable(v)])
        raise InvalidInput(
            "training.function",
            f"The module '{module_name}' has no function '{name}'.",
            hint=f"Did you mean '{guess}'?" if guess else f"Define {name}(data) in it.",
            value=reference,
        )
    if not callable(function):
        raise InvalidInput(
            "training.function",
            f"'{reference}' is not a function but a value of type {type(function).__name__}.",
            hint="Name a function that takes mw.TrainingData and returns a fitted estimator.",
            value=reference,
        )
    return cast(TrainingFunction, function)


def train_function(
    reference: str,
    folder: Path,
    table: pa.Table,
    fields: tuple[Field, ...],
    spec: TaskSpec,
    seed: int,
    budget_ms: int,
) -> FittedModel:
    """The model that your function trains on all known rows of a table.

    Raises:
        InvalidInput: the function cannot be loaded, it failed, or what it returned cannot predict.
    """
    wait_without_spinning()
    function = load_function(reference, folder)
    style = _style(function, reference)
    known = known_rows(table)
    encoding = fit_encoding(known, fields, style)
    rows = fold(known, encoding, spec)
    data = TrainingData(
        matrix=rows.matrix,
        target=rows.target,
        feature_names=tuple(column.name for column in encoding.columns),
        table=known,
        task=spec.task,
        classes=spec.classes,
        seed=seed,
        budget_s=budget_ms / 1000,
    )
    try:
        estimator = function(data)
    except MillwrightError:
        raise
    except Exception as cause:
        raise InvalidInput(
            "training.function_failed",
            f"Your training function '{reference}' failed: {type(cause).__name__}: {cause}.",
            hint="The traceback is in the run's log.",
        ) from cause
    _check(estimator, reference, data, spec)
    return FittedModel(
        task=spec.task,
        classes=spec.classes,
        family=type(estimator).__name__,
        params=_params(estimator),
        encoding=encoding,
        estimator=estimator,
        fields=fields,
    )


def _import(module_name: str, folder: Path) -> Any:
    path = str(folder.resolve())
    stale = sys.modules.get(module_name)
    if stale is not None and _is_project_code(stale, module_name, path):
        # The file may have changed since a long-lived process first read it.
        del sys.modules[module_name]
    sys.path.insert(0, path)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as cause:
        missing = cause.name or module_name
        found = missing != module_name
        raise InvalidInput(
            "training.function",
            f"The module '{module_name}' imports '{missing}', which is not installed."
            if found
            else f"There is no module '{module_name}' in {folder}.",
            hint=f"Install {missing}." if found else "Check training.function in millwright.yaml.",
            value=module_name,
        ) from cause
    except Exception as cause:
        raise InvalidInput(
            "training.function",
            f"The module '{module_name}' cannot be imported: {type(cause).__name__}: {cause}.",
            hint="Mend it and try again.",
            value=module_name,
        ) from cause
    finally:
        sys.path.remove(path)


def _is_project_code(module: Any, name: str, folder: str) -> bool:
    file = getattr(module, "__file__", None) or ""
    here = Path(folder, *name.split("."))
    in_folder = Path(file) in (here.with_suffix(".py"), here / "__init__.py")
    # A module of the same name in another folder is another project's code.
    return in_folder or here.with_suffix(".py").exists()


def _style(function: TrainingFunction, reference: str) -> Style:
    style = getattr(function, "encoding", "linear")
    if style not in get_args(Style):
        raise InvalidInput(
            "training.function",
            f"'{reference}' asks for the encoding '{style}', which does not exist.",
            hint=f"Use one of: {', '.join(get_args(Style))}.",
            value=style,
        )
    return cast(Style, style)


def _check(estimator: Any, reference: str, data: TrainingData, spec: TaskSpec) -> None:
    method = "predict" if spec.task == "regression" else "predict_proba"
    if not callable(getattr(estimator, method, None)):
        raise InvalidInput(
            "training.function_result",
            f"Your training function '{reference}' returned "
            f"{'nothing' if estimator is None else f'a {type(estimator).__name__}'}, "
            f"which has no {method}.",
            hint=f"Return a fitted estimator with {method}(matrix).",
        )
    sample = data.matrix[:10]
    try:
        prediction = predict_matrix(estimator, sample, spec.task)
    except Exception as cause:
        raise InvalidInput(
            "training.function_result",
            f"The model that '{reference}' returned cannot predict: "
            f"{type(cause).__name__}: {cause}.",
            hint="Return it fitted on data.matrix and data.target.",
        ) from cause
    expected = (len(sample), len(spec.classes)) if spec.task == "multiclass" else (len(sample),)
    if prediction.shape != expected:
        raise InvalidInput(
            "training.function_result",
            f"The model that '{reference}' returned gives predictions of shape "
            f"{prediction.shape}; {expected} was expected.",
            hint="Fit it on every class of data.target.",
        )


def _params(estimator: Any) -> dict[str, ParamValue]:
    if not hasattr(estimator, "get_params"):
        return {}
    given = estimator.get_params(deep=False)
    return {k: v for k, v in given.items() if v is None or isinstance(v, float | int | str | bool)}
