"""Requests and answers of the tracking endpoints, as their JSON has them."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

Int64 = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
INFINITE = 1.7976931348623157e308
"""What MLflow's SQL store answers for infinity."""


class KeyValue(Struct):
    """A parameter or a tag."""

    key: str
    value: str = ""


class MetricSent(Struct):
    """A metric point as clients send it: NaN and infinity come as text."""

    key: str
    value: float
    timestamp: Int64
    step: Int64 = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class MetricOut(Struct, omit_defaults=True):
    """A metric point as clients read it."""

    key: str
    value: float | str
    timestamp: int
    step: int
    run_id: str | None = None


class RunInfo(Struct, omit_defaults=True):
    """The facts of a run."""

    run_uuid: str
    run_name: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    artifact_uri: str
    lifecycle_stage: str
    run_id: str
    end_time: int | None = None


class RunData(Struct, omit_defaults=True):
    """What was logged to a run."""

    metrics: list[MetricOut] = []
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


class DatasetOut(Struct, omit_defaults=True):
    """A dataset that a run names as its input."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Struct, omit_defaults=True):
    """A dataset with the tags of its use."""

    dataset: DatasetOut
    tags: list[KeyValue] = []


class ModelUse(Struct, omit_defaults=True):
    """A logged model that a run read or wrote."""

    model_id: str
    step: int | None = None


class RunInputs(Struct, omit_defaults=True):
    """What a run read."""

    dataset_inputs: list[DatasetInput] = []
    model_inputs: list[ModelUse] = []


class RunOutputs(Struct, omit_defaults=True):
    """What a run wrote."""

    model_outputs: list[ModelUse] = []


class RunOut(Struct):
    """A run, whole."""

    info: RunInfo
    data: RunData
    inputs: RunInputs
    outputs: RunOutputs


class ExperimentOut(Struct, omit_defaults=True):
    """An experiment."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    last_update_time: int
    creation_time: int
    tags: list[KeyValue] = []


STATUS_OUT = {
    "running": "RUNNING",
    "scheduled": "SCHEDULED",
    "finished": "FINISHED",
    "failed": "FAILED",
    "cancelled": "KILLED",
}
"""A run's status in MLflow's words."""
STATUS_IN = {word: status for status, word in STATUS_OUT.items()}
NO_ANSWER: dict[str, object] = {}


def number(value: float, is_nan: int) -> float | str:
    """A metric's value in JSON.

    >>> number(0.0, 1), number(float("inf"), 0), number(0.5, 0)
    ('NaN', 1.7976931348623157e+308, 0.5)
    """
    if is_nan:
        return "NaN"
    if math.isinf(value):
        return INFINITE if value > 0 else -INFINITE
    return value


def pairs(found: dict[str, str]) -> list[KeyValue]:
    """Tags or parameters as a list."""
    return [KeyValue(key, value) for key, value in found.items()]


def encoded(answer: object) -> bytes:
    """An answer's JSON."""
    return msgspec.json.encode(answer)
