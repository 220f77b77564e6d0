"""What a bare estimator and an example of its rows say about signature, encoding and classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import EncodedColumn, Encoding, Field, Task
from millwright.registry.packaging.native import is_foreign

Scalar = bool | int | float | str | None


@dataclass(frozen=True)
class InferredModel:
    """An estimator with the signature and encoding inferred for it."""

    estimator: Any
    task: Task
    classes: tuple[str, ...]
    family: str
    fields: tuple[Field, ...]
    encoding: Encoding
    params: dict[str, Scalar]


def as_table(rows: Any, names: Sequence[str] | None = None) -> pa.Table:
    """A table or a 2-D array as an Arrow table; ``names`` are for the columns of an array.

    Raises:
        InvalidInput: it is neither.
    """
    if isinstance(rows, pa.Table):
        return rows
    if isinstance(rows, pa.RecordBatch):
        return pa.Table.from_batches([rows])
    if hasattr(rows, "__arrow_c_stream__"):
        table = pa.table(rows)
        # pandas hands a nameless row index over as a column of its own.
        index = [name for name in table.column_names if name.startswith("__index_level_")]
        return table.drop_columns(index) if index else table
    array = np.asarray(rows)
    if array.ndim == 2 and array.dtype.kind in "fiub":
        chosen = names or [f"column_{position}" for position in range(array.shape[1])]
        if len(chosen) != array.shape[1]:
            raise InvalidInput(
                "registry.array_width",
                f"The array has {array.shape[1]} columns; the model takes {len(chosen)}.",
                hint=f"They are: {', '.join(chosen[:20])}.",
            )
        return pa.table({name: array[:, position] for position, name in enumerate(chosen)})
    raise InvalidInput(
        "registry.rows",
        f"{type(rows).__name__} is no table.",
        hint="Give a pandas, polars or Arrow table, or a 2-D numeric array.",
    )


def infer_fitted(
    estimator: Any, example: pa.Table, labels: Sequence[str] | None = None
) -> tuple[InferredModel, pa.Table]:
    """The estimator with its inferred signature, and the example reduced to its columns.

    ``labels`` are the classes of a model that does not say them itself.

    Raises:
        InvalidInput: the example lacks a column the model knows, has another number of columns,
            or one of a kind that cannot be encoded; or the estimator is not fitted.
    """
    table = example if is_foreign(estimator) else _own_columns(estimator, example)
    fields = tuple(_field(table.schema.field(name)) for name in table.column_names)
    columns = tuple(_encoded(field, table[field.name]) for field in fields)
    task, classes = _task(estimator, labels)
    fitted = InferredModel(
        estimator=estimator,
        task=task,
        classes=classes,
        family=_family(estimator),
        fields=fields,
        encoding=Encoding(columns=columns),
        params=_params(estimator),
    )
    return fitted, table


def _own_columns(estimator: Any, example: pa.Table) -> pa.Table:
    known = getattr(estimator, "feature_names_in_", None)
    if known is not None and set(map(str, known)) <= set(example.column_names):
        return example.select([str(name) for name in known])
    width = getattr(estimator, "n_features_in_", None)
    if width is None and hasattr(estimator, "num_features"):
        width = estimator.num_features()  # a booster of XGBoost
    if width is None and getattr(estimator, "feature_names_", None):
        width = len(estimator.feature_names_)  # CatBoost
    if width is None and hasattr(estimator, "num_feature"):
        width = estimator.num_feature()  # a booster of LightGBM
    if width is None:
        raise InvalidInput(
            "registry.not_fitted",
            f"{type(estimator).__name__} does not say how many columns it takes.",
            hint="Fit it first; or give it the methods load(folder) and predict(matrix).",
        )
    if int(width) != example.num_columns:
        raise InvalidInput(
            "registry.example_width",
            f"The model takes {int(width)} columns; the example has {example.num_columns}.",
            hint="Give the rows as the model was trained on them, without the target.",
        )
    return example


def _field(column: pa.Field) -> Field:
    kind = column.type
    if pa.types.is_boolean(kind):
        return Field(name=column.name, kind="boolean")
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return Field(name=column.name, kind="numeric")
    if pa.types.is_dictionary(kind):
        return Field(name=column.name, kind="categorical")
    raise InvalidInput(
        "registry.column_kind",
        f"The column '{column.name}' is {kind}, which a bare model cannot take.",
        hint="Encode it as numbers or categories before training, or train with mw run.",
        value=column.name,
    )


def _encoded(field: Field, column: pa.ChunkedArray) -> EncodedColumn:
    if field.kind != "categorical":
        return EncodedColumn(field=field.name, how="number")
    # Trained on a table with categories, LightGBM sees their positions: so does the package.
    levels = column.unify_dictionaries().chunk(0).dictionary.cast(pa.string()).to_pylist()
    return EncodedColumn(field=field.name, how="code", levels=tuple(levels))


def _family(estimator: Any) -> str:
    return "MLflow model" if isinstance(estimator, str | Path) else type(estimator).__name__


def _task(estimator: Any, labels: Sequence[str] | None) -> tuple[Task, tuple[str, ...]]:
    classes = labels if labels is not None else getattr(estimator, "classes_", None)
    if classes is None or len(classes) == 0:
        return "regression", ()
    if len(classes) == 1:
        raise InvalidInput(
            "registry.one_class",
            "A classifier needs two classes or more.",
            hint="Give all labels, or none for a model that predicts numbers.",
        )
    labels = tuple(str(label) for label in classes)
    return ("binary" if len(labels) == 2 else "multiclass"), labels


def _params(estimator: Any) -> dict[str, Scalar]:
    read = getattr(estimator, "get_params", None)
    if not callable(read):
        return {}
    return {
        name: value
        for name, value in read(deep=False).items()
        if value is None or isinstance(value, bool | int | float | str)
    }
