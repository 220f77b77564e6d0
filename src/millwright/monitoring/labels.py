"""Ground truth, which arrives late, out of order and more than once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.model_package import Task
from millwright.monitoring.records import Label

SCHEMA = pa.schema(
    [
        pa.field("prediction_id", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("observed_at", pa.string()),
    ]
)
_TRUE, _FALSE = ("true", "1", "1.0"), ("false", "0", "0.0")


def label_table(labels: Sequence[Label]) -> pa.Table:
    """Labels in the order of their arrival, as they are stored."""
    columns = {
        "prediction_id": [label.prediction_id for label in labels],
        "value": [label_text(label.value) for label in labels],
        "observed_at": [label.observed_at for label in labels],
    }
    return pa.table(columns, schema=SCHEMA)


def label_text(value: bool | float | str) -> str:
    """A label as text: ``true``, ``3``, ``0.5``, ``late``; whole floats without their fraction.

    >>> [label_text(value) for value in (True, 3.0, 0.5, "late")]
    ['true', '3', '0.5', 'late']
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def join_labels(prediction_ids: pa.ChunkedArray, labels: pa.Table) -> pa.ChunkedArray:
    """The label of each prediction as text, null where there is none; the last posted wins."""
    if labels.num_rows == 0:
        return pa.nulls(len(prediction_ids), pa.string())
    # Reversed, so that the first occurrence, which the lookup finds, is the last one posted.
    newest_first = labels.take(np.arange(labels.num_rows - 1, -1, -1))
    at = pc.index_in(prediction_ids, value_set=newest_first["prediction_id"].combine_chunks())
    return newest_first["value"].take(at)


def any_of(prediction_ids: pa.ChunkedArray, labels: pa.Table) -> bool:
    """Whether some label is about one of these predictions."""
    if labels.num_rows == 0 or len(prediction_ids) == 0:
        return False
    known = pc.is_in(labels["prediction_id"], value_set=prediction_ids.combine_chunks())
    return bool(pc.any(known).as_py())


def class_codes(
    actual: pa.Array | pa.ChunkedArray, classes: Sequence[str]
) -> npt.NDArray[np.int64]:
    """The position of each label among the classes, -1 where it is missing or none of them.

    The spelling is forgiven where it is unambiguous: ``true`` for a class ``1`` or ``True``,
    ``1.0`` for ``1``.
    """
    encoded = actual.combine_chunks() if isinstance(actual, pa.ChunkedArray) else actual
    encoded = encoded.dictionary_encode()
    known = _spellings(classes)
    codes = np.array(
        [known.get(text, known.get(text.lower(), -1)) for text in encoded.dictionary.to_pylist()]
        + [-1],
        dtype=np.int64,
    )
    at = encoded.indices.fill_null(len(codes) - 1).to_numpy(zero_copy_only=False)
    found: npt.NDArray[np.int64] = codes[at]
    return found


def numbers(actual: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Labels of a regression as floats, NaN where missing or no number."""
    return np.array([_number(text) for text in actual.to_pylist()], dtype=np.float64)


def actual_values(
    actual: pa.Array | pa.ChunkedArray, task: Task, classes: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Labels as floats: the value, or the position of the class; NaN where there is none."""
    if task == "regression":
        return numbers(actual)
    codes = class_codes(actual, classes)
    return np.where(codes >= 0, codes, np.nan).astype(np.float64)


def _spellings(classes: Sequence[str]) -> dict[str, int]:
    exact = {label: index for index, label in enumerate(classes)}
    known: dict[str, int] = {}
    for label, index in exact.items():
        lowered = label.lower()
        group = next((words for words in (_TRUE, _FALSE) if lowered in words), (lowered,))
        for word in (*group, label_text(_number(label))):
            known.setdefault(word, index)
    known.pop("nan", None)
    return known | exact


def _number(text: str | None) -> float:
    try:
        return float("nan") if text is None else float(text)
    except ValueError:
        return float("nan")
