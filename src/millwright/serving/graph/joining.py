"""One answer of several, and the rows of several ways put together again."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from millwright.kernel.errors import InvalidInput
from millwright.serving.graph.frame import Columns, Gives
from millwright.serving.graph.spec import Combine

Floats = npt.NDArray[np.float64]


def joiner(
    node: str, combine: Combine, gives: Gives, weights: Sequence[float]
) -> Callable[[Sequence[Columns]], Columns]:
    """How the outputs of an ensemble's nodes, each ``gives``, become one.

    Raises:
        InvalidInput: they cannot be combined so: votes without classes, means of texts, the least of
            several probabilities.
    """
    answers = gives.answers
    if combine == "vote":
        if answers is None or answers.task == "regression":
            raise _cannot(node, "a vote is held among labels of models, and these nodes give none")
        classes = answers.classes
        return lambda given: _voted(given, classes)
    texts = [one.name for one in gives.outputs if one.kind != "numeric"]
    if answers is None and texts:
        raise _cannot(node, f"'{texts[0]}' is no number")
    if combine != "mean" and any(one.width for one in gives.outputs):
        raise _cannot(node, "of several probabilities only the mean, or a vote, is one answer")
    reduce = _reduction(combine, np.asarray(weights, dtype=np.float64))
    numbers = [one.name for one in gives.outputs if one.kind == "numeric"]

    def join(given: Sequence[Columns]) -> Columns:
        joined = {
            name: _plain(reduce(np.asarray([one[name] for one in given], dtype=np.float64)))
            for name in numbers
        }
        if answers is not None and answers.task != "regression":
            joined["label"] = _labels(joined, answers.classes, answers.threshold)
        return joined

    return join


def _reduction(combine: Combine, weights: Floats) -> Callable[[Floats], Floats]:
    if combine == "mean":
        shares = weights / weights.sum()
        return lambda stacked: np.tensordot(shares, stacked, axes=1)
    if combine == "median":
        return lambda stacked: np.asarray(np.median(stacked, axis=0))
    if combine == "least":
        return lambda stacked: np.asarray(stacked.min(axis=0))
    return lambda stacked: np.asarray(stacked.max(axis=0))


def _plain(values: Floats) -> list[Any]:
    listed: list[Any] = values.tolist()
    if values.ndim == 1 and np.isnan(values).any():
        return [None if math.isnan(value) else value for value in listed]
    return listed


def _labels(joined: Mapping[str, Any], classes: Sequence[str], threshold: float) -> list[str]:
    if "probabilities" in joined:
        best = np.asarray(joined["probabilities"]).argmax(axis=1)
        return [classes[index] for index in best.tolist()]
    negative, positive = classes
    return [positive if score >= threshold else negative for score in joined["probability"]]


def _voted(given: Sequence[Columns], classes: Sequence[str]) -> Columns:
    """The label that most nodes give, of a tie the first node's of those; and the share of votes."""
    labels, shares = [], []
    for votes in zip(*(one["label"] for one in given), strict=True):
        counted = Counter(votes)
        labels.append(max(votes, key=counted.__getitem__))
        shares.append([counted[name] / len(votes) for name in classes])
    if "probabilities" in given[0]:
        return {"probabilities": shares, "label": labels}
    return {"probability": [share[1] for share in shares], "label": labels}


def put_together(parts: Sequence[tuple[Sequence[int], Columns]], count: int) -> Columns:
    """Rows that went several ways, in their order again.

    >>> put_together([([1], {"x": [5.0]}), ([0, 2], {"x": [1.0, 2.0]})], 3)
    {'x': [1.0, 5.0, 2.0]}
    """
    whole: Columns = {name: [None] * count for name in parts[0][1]}
    for rows, columns in parts:
        for name, values in columns.items():
            column = whole[name]
            for row, value in zip(rows, values, strict=True):
                column[row] = value
    return whole


def _cannot(node: str, why: str) -> InvalidInput:
    return InvalidInput(
        "serving.graph_combine",
        f"The answers of ensemble '{node}' cannot be combined so: {why}.",
        hint="Leave 'combine' out to know the answer of each, or join them in a function.",
        value=node,
    )
