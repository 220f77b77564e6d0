"""What kind of question a target asks: one of two classes, one of several, or a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Task
from millwright.kernel.record import Record

TARGET = "__target"
TIME = "__time"
MIN_ROWS = 30
MIN_CLASS_ROWS = 2
MAX_CLASSES = 200
_POSITIVE_WORDS = frozenset({"true", "1", "yes", "y", "t", "positive", "pos", "1.0"})

Target = npt.NDArray[Any]
"""Class positions (int64) for classification, numbers (float64) for regression."""


class TaskSpec(Record):
    """The question a model answers, and the order in which it names the classes."""

    task: Task
    classes: tuple[str, ...] = ()
    """In the order of the probability columns; for binary the second is the positive one."""

    @property
    def positive(self) -> str | None:
        """The positive class of a binary task."""
        return self.classes[1] if self.task == "binary" else None


def infer_task(target: pa.ChunkedArray) -> TaskSpec:
    """The task that a target column asks for; nulls are unknown and ignored.

    Text and booleans are classes; numbers are a regression unless they have just two values.
    For two classes the positive one is the one that says so (``true``, ``1``, ``yes``), else the
    rarer one, since that is what people usually ask about.

    Raises:
        InvalidInput: nothing is known, too few rows are, there is one class only, a class has
            fewer than two rows, or there are too many classes to learn.

    >>> infer_task(pa.chunked_array([["no", "yes", "no"] * 20])).classes
    ('no', 'yes')
    """
    known = pc.drop_null(target)
    if len(known) == 0:
        raise InvalidInput(
            "training.no_target",
            "The target is unknown (null) in every row.",
            hint="Check that the right column is named as data.target.",
        )
    if len(known) < MIN_ROWS:
        raise InvalidInput(
            "training.too_few_rows",
            f"Only {len(known)} rows have a known target; at least {MIN_ROWS} are needed.",
            hint="Add rows, or label more of those you have.",
            value=len(known),
        )
    if _is_number(known.type) and pc.count_distinct(known).as_py() > 2:
        return TaskSpec(task="regression")
    return _classes(as_labels(known))


def known_rows(table: pa.Table) -> pa.Table:
    """The rows whose target is known."""
    column = table[TARGET]
    keep = pc.is_valid(column)
    if pa.types.is_floating(column.type):
        keep = pc.and_(keep, pc.invert(pc.fill_null(pc.is_nan(column), False)))
    return table if pc.all(keep).as_py() else table.filter(keep)


def as_labels(target: pa.ChunkedArray) -> pa.ChunkedArray:
    """A target column as class labels (text); whole numbers lose their ``.0``."""
    kind = target.type
    if pa.types.is_dictionary(kind):
        return pc.cast(target, pa.string())
    if pa.types.is_floating(kind):
        whole = pc.all(pc.equal(target, pc.floor(target))).as_py()
        target = pc.cast(target, pa.int64()) if whole else target
    return pc.cast(target, pa.string())


def target_values(target: pa.ChunkedArray, spec: TaskSpec) -> Target:
    """A target without nulls as the array that models learn from.

    Raises:
        InvalidInput: a label is none of the task's classes.
    """
    if spec.task == "regression":
        return np.asarray(pc.cast(target, pa.float64()).to_numpy(), dtype=np.float64)
    labels = as_labels(target)
    codes = pc.index_in(labels, value_set=pa.array(spec.classes, pa.string()))
    if codes.null_count:
        unknown = labels.filter(pc.is_null(codes))[0].as_py()
        raise InvalidInput(
            "training.unknown_class",
            f"The target has the class '{unknown}', which is none of {_listed(spec.classes)}.",
            hint="Train again so that the model learns it, or correct the label.",
            value=unknown,
        )
    return np.asarray(codes.to_numpy(), dtype=np.int64)


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)
    )


def _classes(labels: pa.ChunkedArray) -> TaskSpec:
    counts = {
        str(entry["values"]): int(entry["counts"]) for entry in pc.value_counts(labels).to_pylist()
    }
    if len(counts) == 1:
        only = next(iter(counts))
        raise InvalidInput(
            "training.one_class",
            f"The target has one value only, '{only}', so there is nothing to learn.",
            hint="Use rows of a period or place where the outcome varies, or another target.",
            value=only,
        )
    if len(counts) > MAX_CLASSES:
        raise InvalidInput(
            "training.too_many_classes",
            f"The target has {len(counts)} different values, which is too many for classes.",
            hint="If it is a number stored as text, store it as a number; else group the values.",
            value=len(counts),
        )
    rare = sorted(label for label, count in counts.items() if count < MIN_CLASS_ROWS)
    if rare:
        raise InvalidInput(
            "training.rare_class",
            f"The class '{rare[0]}' has a single row; each class needs at least {MIN_CLASS_ROWS}.",
            hint="Add rows of that class, merge it with another, or leave it out.",
            value=rare[0],
        )
    if len(counts) == 2:
        return TaskSpec(task="binary", classes=_binary_order(counts))
    return TaskSpec(task="multiclass", classes=tuple(sorted(counts)))


def _binary_order(counts: dict[str, int]) -> tuple[str, ...]:
    def rank(label: str) -> tuple[bool, int, str]:
        return (label.strip().lower() in _POSITIVE_WORDS, -counts[label], label)

    return tuple(sorted(counts, key=rank))


def _listed(names: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
