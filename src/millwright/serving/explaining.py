"""Why a model gave its answer: what the score loses when one field takes its usual value.

The usual value is the median or the most frequent one of the training rows in the package. This is
leave-one-covariate-out towards a baseline: exact for sums of effects of single fields, and for
interactions it credits each field with all that would vanish without it (Lei et al. 2018,
doi:10.1080/01621459.2017.1307116).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.errors import Conflict
from millwright.kernel.model_package import REFERENCE, Field
from millwright.serving.outcome import Outcome
from millwright.serving.signature import Rows
from millwright.serving.variant import Variant

_AT_ONCE = 512
"""Rows that are scored between two looks at the clock."""


class Explanation(msgspec.Struct, frozen=True):
    """Contributions to the score of each row.

    Attributes:
        scores: of the rows as they came.
        fields: names, in the order of ``contributions``' columns.
        contributions: by row, then field; positive where the field raised the score.
        left_out: fields for which there was no time.
    """

    scores: list[float]
    fields: list[str]
    contributions: list[list[float]]
    left_out: list[str]


class Explainer:
    """Explains the answers of one variant."""

    def __init__(self, variant: Variant, reference: pa.Table, fields: Sequence[Field]) -> None:
        """Learn the usual value of each field that ``reference`` has."""
        self._variant = variant
        self._usual: list[tuple[int, str, Any]] = []
        for position, field in enumerate(fields):
            if field.name in reference.column_names:
                usual = _usual(reference[field.name], field)
                self._usual.append((position, field.name, usual))

    @classmethod
    def open(cls, variant: Variant, fields: Sequence[Field]) -> Explainer:
        """The explainer of a variant whose package was verified.

        Raises:
            Conflict: the package holds no sample of its training rows.
        """
        path = Path(variant.config.package) / REFERENCE
        if REFERENCE not in variant.manifest.digests or not path.is_file():
            raise Conflict(
                "serving.no_reference",
                "The model's package has no sample of its training rows, which says what is usual.",
                hint="Register the model again.",
            )
        with pa.memory_map(str(path)) as file:
            return cls(variant, pa.ipc.open_file(file).read_all(), fields)

    def explain(self, rows: Rows, budget_seconds: float) -> Explanation:
        """Explain each row, field after field, for as long as the budget lasts.

        Raises:
            InvalidInput: the model does not take the rows.
        """
        ends = time.monotonic() + budget_seconds
        answer = self._variant.score(rows)
        best = _best(answer)
        scores = _of_class(answer, best)
        done: list[str] = []
        contributions: list[list[float]] = [[] for _ in range(rows.count)]
        together = max(1, _AT_ONCE // rows.count)
        for start in range(0, len(self._usual), together):
            if start and time.monotonic() > ends:
                break
            part = self._usual[start : start + together]
            without = self._variant.score(_replaced(rows, part))
            found = _of_class(without, best * len(part))
            for index, (_, name, _) in enumerate(part):
                done.append(name)
                for row in range(rows.count):
                    changed = found[index * rows.count + row]
                    contributions[row].append(scores[row] - changed)
        left_out = [name for _, name, _ in self._usual[len(done) :]]
        return Explanation(scores, done, contributions, left_out)


def write_explanation(explanation: Explanation, model: str, version: str, request_id: str) -> bytes:
    """The reply, in the form of an inference response."""
    count, width = len(explanation.scores), len(explanation.fields)
    flat = [value for row in explanation.contributions for value in row]
    return orjson.dumps(
        {
            "model_name": model,
            "model_version": version,
            "id": request_id,
            "parameters": {
                "complete": not explanation.left_out,
                "left_out": ",".join(explanation.left_out),
            },
            "outputs": [
                _output("score", "FP64", [count], explanation.scores),
                _output("field", "BYTES", [width], explanation.fields),
                _output("contribution", "FP64", [count, width], flat),
            ],
        }
    )


def _output(name: str, datatype: str, shape: list[int], data: object) -> dict[str, object]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def _usual(column: pa.ChunkedArray, field: Field) -> Any:
    known = column.drop_null()
    if len(known) == 0:
        return None
    if field.kind == "numeric":
        return float(pc.quantile(known.cast(pa.float64()), 0.5, interpolation="nearest")[0].as_py())
    most = pc.mode(known) if field.kind == "boolean" else pc.value_counts(known)
    if field.kind == "boolean":
        return float(most[0].as_py()["mode"])
    counted = most.to_pylist()
    return str(max(counted, key=lambda one: (one["counts"], str(one["values"])))["values"])


def _replaced(rows: Rows, part: Sequence[tuple[int, str, Any]]) -> Rows:
    """All rows once for each field of ``part``, that field at its usual value."""
    values: list[Any] = []
    for position, _, usual in part:
        copy = list(rows.values)
        copy[position :: rows.width] = [usual] * rows.count
        values += copy
    return Rows(rows.count * len(part), rows.width, values)


def _best(answer: Outcome) -> list[int]:
    """The class that each row was given; only multiclass answers need it."""
    if answer.probabilities is None:
        return [0] * len(answer.scores)
    return [row.index(max(row)) for row in answer.probabilities]


def _of_class(answer: Outcome, best: Sequence[int]) -> list[float]:
    if answer.probabilities is None:
        return answer.scores
    return [row[index] for row, index in zip(answer.probabilities, best, strict=True)]
