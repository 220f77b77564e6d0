"""Logging over the MLflow protocol: metrics, parameters, tags, inputs, outputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection
from sqlalchemy.engine import Row

from millwright.kernel.access import Permission
from millwright.kernel.store import Transaction
from millwright.tracking.mlflow.endpoints import Endpoints, MlflowCall
from millwright.tracking.mlflow.entities import active_run, refused
from millwright.tracking.mlflow.errors import invalid, missing
from millwright.tracking.mlflow.limits import (
    MAX_BATCH_BYTES,
    at_most,
    checked_batch,
    checked_metric,
    checked_metrics,
    checked_param,
    checked_run_id,
    checked_tag,
)
from millwright.tracking.mlflow.runs import OneRun, put_tags
from millwright.tracking.mlflow.wire import NO_ANSWER, Int64, KeyValue, MetricSent
from millwright.tracking.service import inputs
from millwright.tracking.service.details import insert_params, known_params
from millwright.tracking.service.metric_points import MetricWrite, points_of

MODEL_HISTORY = "mlflow.log-model.history"
endpoints = Endpoints()
ModelMetrics = Callable[[Transaction, Row[Any], list[MetricSent]], None]
model_metrics: list[ModelMetrics] = []
"""Called, in the transaction that logs them, with the metrics of a run that name a logged model."""


class LoggedMetric(OneRun):
    """What ``runs/log-metric`` takes."""

    key: str = ""
    value: float | None = None
    timestamp: Int64 | None = None
    step: Int64 = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class Batch(OneRun):
    """What ``runs/log-batch`` takes."""

    metrics: list[MetricSent] = msgspec.field(default_factory=list)
    params: list[KeyValue] = msgspec.field(default_factory=list)
    tags: list[KeyValue] = msgspec.field(default_factory=list)


class LoggedParam(OneRun):
    """What ``runs/log-parameter`` takes."""

    key: str = ""
    value: str = ""


class ModelSent(Struct):
    """A logged model that a run read or wrote."""

    model_id: str
    step: Int64 = 0


class LoggedInputs(OneRun):
    """What ``runs/log-inputs`` takes."""

    datasets: list[inputs.DatasetUse] = msgspec.field(default_factory=list)
    models: list[ModelSent] = msgspec.field(default_factory=list)


class LoggedOutputs(OneRun):
    """What ``runs/outputs`` takes."""

    models: list[ModelSent] | None = None


class LoggedModelJson(OneRun):
    """What ``runs/log-model`` takes."""

    model_json: str = ""


@endpoints.post("runs/log-metric", permission=Permission.WRITE)
async def log_metric(call: MlflowCall) -> object:
    """Log one point of a metric."""
    asked = call.read(LoggedMetric)
    run = asked.id
    if not asked.key:
        raise missing("key")
    if asked.value is None:
        raise missing("value")
    if asked.timestamp is None:
        raise missing("timestamp")
    checked_metric(asked.key, asked.value, asked.timestamp, asked.step)
    sent = MetricSent(
        asked.key,
        asked.value,
        asked.timestamp,
        asked.step,
        asked.model_id,
        asked.dataset_name,
        asked.dataset_digest,
    )
    await call.write(_points(call, run, [sent]), brief=True)
    return NO_ANSWER


@endpoints.post("runs/log-batch", permission=Permission.WRITE)
async def log_batch(call: MlflowCall) -> object:
    """Log many points, parameters and tags; all of them or, where one is refused, none."""
    if len(call.body) > MAX_BATCH_BYTES:
        raise invalid(
            f"Batched logging API requests must be at most {MAX_BATCH_BYTES} bytes, got a "
            f"request of size {len(call.body)}."
        )
    asked = call.read(Batch)
    run = checked_run_id(asked.id)
    checked_metrics(asked.metrics)
    checked_batch(len(asked.metrics), [param.key for param in asked.params], len(asked.tags))
    params = _params(asked.params)
    tags = {t.key: checked_tag(t.key, t.value, f"tags[{i}]") for i, t in enumerate(asked.tags)}
    points = _points(call, run, asked.metrics)
    if params or tags:

        def beside(tx: Transaction, row: Any) -> None:
            if params:
                put_params(tx, row, params)
            if tags:
                put_tags(tx, active_run(tx.connection, call.project, run), tags)

        if asked.metrics:
            await call.write(points.with_more(beside), brief=True)
        else:

            def work(tx: Transaction) -> None:
                beside(tx, active_run(tx.connection, call.project, run))

            await call.write(work, brief=True)
    else:
        await call.write(points, brief=True)
    return NO_ANSWER


@endpoints.post("runs/log-parameter", permission=Permission.WRITE)
async def log_parameter(call: MlflowCall) -> object:
    """Log one parameter."""
    asked = call.read(LoggedParam)
    run = asked.id
    if not asked.key:
        raise missing("key")
    params = {asked.key: checked_param(asked.key, asked.value)}

    def work(tx: Transaction) -> None:
        put_params(tx, active_run(tx.connection, call.project, run), params, single=True)

    await call.write(work, brief=True)
    return NO_ANSWER


@endpoints.post("runs/log-inputs", permission=Permission.WRITE)
async def log_inputs(call: MlflowCall) -> object:
    """Name the datasets and models that a run reads."""
    asked = call.read(LoggedInputs)
    run = checked_run_id(asked.id)
    for use in asked.datasets:
        _checked_dataset(use)

    def work(tx: Transaction) -> None:
        row = active_run(tx.connection, call.project, run)
        inputs.log_datasets(tx, row, _experiment_no(tx.connection, row.no), asked.datasets)
        inputs.log_models(tx, row, "input", [(model.model_id, 0) for model in asked.models])

    await call.write(work)
    return NO_ANSWER


@endpoints.post("runs/outputs", permission=Permission.WRITE)
async def log_outputs(call: MlflowCall) -> object:
    """Name the models that a run wrote."""
    asked = call.read(LoggedOutputs)
    run = checked_run_id(asked.id)
    if asked.models is None:
        raise missing("models")
    models = asked.models

    def work(tx: Transaction) -> None:
        row = active_run(tx.connection, call.project, run)
        written = [(model.model_id, model.step) for model in models]
        inputs.log_models(tx, row, "output", written)

    await call.write(work)
    return NO_ANSWER


@endpoints.post("runs/log-model", permission=Permission.WRITE)
async def log_model(call: MlflowCall) -> object:
    """Remember a model that a client of MLflow 2 logged among the run's artifacts."""
    asked = call.read(LoggedModelJson)
    run = asked.id
    if not asked.model_json:
        raise missing("model_json")
    model = _model(asked.model_json)

    def work(tx: Transaction) -> None:
        row = active_run(tx.connection, call.project, run)
        known = inputs.tag_value(tx.connection, row.no, MODEL_HISTORY)
        value = json.dumps([*(json.loads(known) if known else []), model])
        put_tags(tx, row, {MODEL_HISTORY: checked_tag(MODEL_HISTORY, value)})

    await call.write(work)
    return NO_ANSWER


def put_params(tx: Transaction, row: Any, params: dict[str, str], *, single: bool = False) -> None:
    """Record parameters; each keeps its first value. Raises ``MlflowError`` for another one."""
    known = known_params(tx.connection, row.no, params)
    other = [
        {"key": key, "old_value": known[key], "new_value": value}
        for key, value in params.items()
        if known.get(key, value) != value
    ]
    if other and single:
        raise invalid(
            f"Changing param values is not allowed. Param with key='{other[0]['key']}' was already"
            f" logged with value='{other[0]['old_value']}' for run ID='{row.id}'. Attempted logging"
            f" new value '{other[0]['new_value']}'."
        )
    if other:
        raise invalid(
            "Changing param values is not allowed. Params were already"
            f" logged='{other}' for run ID='{row.id}'."
        )
    fresh = {key: value for key, value in params.items() if key not in known}
    if fresh:
        insert_params(tx.connection, row.no, fresh)
        tx.event("run.params-logged", f"run:{row.id}", {"keys": sorted(fresh)})


def _points(call: MlflowCall, run: str, sent: list[MetricSent]) -> MetricWrite:
    rows = points_of([(m.key, m.step, m.timestamp, m.value) for m in sent])
    write = MetricWrite(call.actor, call.project, run, rows, refused)
    of_models = [metric for metric in sent if metric.model_id]
    if of_models and model_metrics:

        def beside(tx: Transaction, row: Any) -> None:
            for record in model_metrics:
                record(tx, row, of_models)

        write = write.with_more(beside)
    return write


def _params(sent: list[KeyValue]) -> dict[str, str]:
    return {p.key: checked_param(p.key, p.value, f"params[{i}]") for i, p in enumerate(sent)}


def _checked_dataset(use: inputs.DatasetUse) -> None:
    dataset = use.dataset
    for name, value, limit in (
        ("name", dataset.name, 500),
        ("digest", dataset.digest, 36),
        ("source", dataset.source, 65_535),
        ("schema", dataset.schema or "", 1_048_575),
        ("profile", dataset.profile or "", 16_777_215),
    ):
        at_most(name, limit, value)
    for tag in use.tags:
        at_most("key", 255, tag.key)
        at_most("value", 500, tag.value)


def _experiment_no(connection: Connection, run_no: int) -> int:
    return inputs.experiment_of(connection, run_no)


def _model(text: str) -> dict[str, Any]:
    try:
        model = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        model = None
    if not isinstance(model, dict):
        raise invalid(f"Malformed model info. \n {text[:500]} \n is not a valid JSON.")
    wanted = ("artifact_path", "flavors", "utc_time_created", "run_id")
    lacking = {field for field in wanted if field not in model}
    if lacking:
        raise invalid(f"Model json is missing mandatory fields: {lacking}")
    return {key: value for key, value in model.items() if key != "signature"}
