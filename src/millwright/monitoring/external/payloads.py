"""KServe's payload logger: a request and its answer, each a CloudEvent, as predictions.

Sources: KServe, inference logger (events ``org.kubeflow.serving.inference.request`` and
``…response`` with one ``id``); CloudEvents 1.0, HTTP protocol binding; V1 and Open Inference
Protocol bodies.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Field
from millwright.monitoring.external.records import ExternalPrediction

Half = Literal["request", "response"]


@dataclass(frozen=True, slots=True)
class Payload:
    """One half of what was asked and answered."""

    id: str
    half: Half
    time: str
    body: dict[str, Any]


def payload_of(headers: Mapping[str, str], content: bytes) -> Payload:
    """A CloudEvent in binary or structured mode.

    Raises:
        InvalidInput: it is none, or of another type than a payload logger sends.
    """
    try:
        body = json.loads(content)
    except ValueError as cause:
        raise _refused("The payload is no JSON.") from cause
    if not isinstance(body, dict):
        raise _refused("The payload is no JSON object.")
    told: Mapping[str, Any] = {k[3:]: v for k, v in headers.items() if k.startswith("ce-")}
    if not told and "specversion" in body:
        told, body = body, body.get("data")
    half = str(told.get("type", "")).rpartition(".")[2]
    if half not in ("request", "response") or not told.get("id") or not isinstance(body, dict):
        raise _refused("The event is not a request or response of KServe's payload logger.")
    time = str(told.get("time", ""))
    return Payload(
        str(told["id"])[:150], "request" if half == "request" else "response", time, body
    )


def predictions_of(
    asked: Payload, answered: Payload, fields: Sequence[Field]
) -> tuple[ExternalPrediction, ...]:
    """The rows of a request with what was answered; ``ID:0`` is the first one's id.

    Raises:
        InvalidInput: rows or answers cannot be made out, or their numbers differ.
    """
    rows, found = _rows(asked.body, fields), _answers(answered.body)
    if len(rows) != len(found):
        raise _refused(f"{len(rows)} rows were asked about and {len(found)} answers came.")
    return tuple(
        ExternalPrediction(
            prediction_id=f"{asked.id}:{place}",
            request_id=asked.id,
            event_time=asked.time or answered.time,
            features=row,
            **answer,
        )
        for place, (row, answer) in enumerate(zip(rows, found, strict=True))
    )


def _rows(body: Mapping[str, Any], fields: Sequence[Field]) -> list[dict[str, Any]]:
    names = [field.name for field in fields]
    if isinstance(body.get("instances"), list):
        return [
            row if isinstance(row, dict) else dict(zip(names, _listed(row), strict=False))
            for row in body["instances"]
        ]
    tensors = [_tensor(each) for each in body.get("inputs") or ()]
    if len(tensors) == 1 and len(tensors[0].shape) == 2 and tensors[0].shape[1] > 1:
        width, data = tensors[0].shape[1], tensors[0].data
        return [
            dict(zip(names, data[start : start + width], strict=False))
            for start in range(0, len(data), width)
        ]
    count = max((len(each.data) for each in tensors), default=0)
    if any(len(each.data) != count for each in tensors):
        raise _refused("The inputs have different numbers of rows.")
    return [{each.name: each.data[place] for each in tensors} for place in range(count)]


def _answers(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    if isinstance(body.get("predictions"), list):
        return [_answer(value) for value in body["predictions"]]
    tensors = [_tensor(each) for each in body.get("outputs") or ()]
    scored = next((t for t in tensors if t.data and isinstance(t.data[0], int | float)), None)
    if scored is None:
        raise _refused("The response has no output of numbers.")
    width = scored.shape[1] if len(scored.shape) == 2 else 1
    data = scored.data
    return [
        _answer(data[start : start + width] if width > 1 else data[start])
        for start in range(0, len(data), width)
    ]


def _answer(value: Any) -> dict[str, Any]:
    """A number is a score; two are those of the classes of a binary model; more, of several."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list):
        numbers = [float(each) for each in value]
        return {"score": numbers[1]} if len(numbers) == 2 else {"scores": tuple(numbers)}
    if isinstance(value, int | float):
        return {"score": float(value)}
    return {"label": str(value)}


@dataclass(frozen=True, slots=True)
class _Tensor:
    name: str
    shape: list[int]
    data: list[Any]


def _tensor(given: Any) -> _Tensor:
    try:
        data, shape = given["data"], [int(size) for size in given["shape"]]
        while data and isinstance(data[0], list):
            data = [value for row in data for value in row]
        return _Tensor(str(given["name"]), shape, data)
    except (KeyError, TypeError, ValueError) as cause:
        raise _refused("A tensor has no name, shape and data in JSON.") from cause


def _listed(row: Any) -> list[Any]:
    return row if isinstance(row, list) else [row]


def _refused(said: str) -> InvalidInput:
    return InvalidInput(
        "monitoring.payload", said, hint="See: https://kserve.github.io, inference logger."
    )
