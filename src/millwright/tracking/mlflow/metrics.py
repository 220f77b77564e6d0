"""Metric histories over the MLflow protocol: whole, in pages, or thinned to what a chart can show."""

from __future__ import annotations

import base64
import json
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection

from millwright.kernel.access import Permission
from millwright.tracking.mlflow.endpoints import Endpoints, MlflowCall
from millwright.tracking.mlflow.errors import invalid, missing
from millwright.tracking.mlflow.paging import offset_of
from millwright.tracking.mlflow.runs import OneRun
from millwright.tracking.mlflow.wire import Int64, MetricOut, number
from millwright.tracking.service.decimation import sampled
from millwright.tracking.service.statements import fetch, run_row

MAX_BULK = 25_000
MAX_BULK_RUNS = 100
MAX_PER_RUN = 2_500
_HISTORY = "SELECT time_ms, step, value, is_nan FROM run_metrics WHERE run_no = ? AND key = ?"
endpoints = Endpoints()


class History(OneRun):
    """What ``metrics/get-history`` takes."""

    metric_key: str = ""
    max_results: int | None = None
    page_token: str | None = None


class Bulk(Struct):
    """What ``metrics/get-history-bulk`` takes."""

    run_id: list[str] = []
    metric_key: str | None = None
    max_results: int = MAX_BULK


class Interval(Struct):
    """What ``metrics/get-history-bulk-interval`` takes."""

    run_ids: list[str] = []
    metric_key: str = ""
    start_step: Int64 | None = None
    end_step: Int64 | None = None
    max_results: int = MAX_PER_RUN


class HistoryFound(Struct, omit_defaults=True):
    """Points, and what asks for more."""

    metrics: list[MetricOut] = []
    next_page_token: str | None = None


@endpoints.get("metrics/get-history", permission=Permission.READ)
def get_history(call: MlflowCall) -> object:
    """Every point of a metric, by time; a page of them where asked for."""
    asked = call.read(History)
    wanted = asked.id
    if not asked.metric_key:
        raise missing("metric_key")
    if asked.max_results is not None and asked.max_results <= 0:
        raise invalid(
            f"Invalid value {asked.max_results} for parameter 'max_results' supplied. "
            "It must be a positive integer."
        )
    offset = offset_of(asked.page_token)
    with call.store.read() as connection:
        points = _points(connection, _number(connection, call.project, wanted), asked.metric_key)
    last = len(points) if asked.max_results is None else offset + asked.max_results
    token = None
    if last < len(points):
        token = base64.b64encode(json.dumps({"offset": last}).encode()).decode()
    return HistoryFound(_out(asked.metric_key, points[offset:last]), token)


@endpoints.get("metrics/get-history-bulk", permission=Permission.READ)
def get_history_bulk(call: MlflowCall) -> object:
    """Points of one metric of several runs."""
    asked = call.read(Bulk)
    if not asked.run_id:
        raise invalid("GetMetricHistoryBulk request must specify at least one run_id.")
    if len(asked.run_id) > MAX_BULK_RUNS:
        raise invalid(
            f"GetMetricHistoryBulk request cannot specify more than {MAX_BULK_RUNS} run_ids. "
            f"Received {len(asked.run_id)} run_ids."
        )
    if asked.metric_key is None:
        raise invalid("GetMetricHistoryBulk request must specify a metric_key.")
    most = max(0, min(asked.max_results, MAX_BULK))
    found: list[MetricOut] = []
    with call.store.read() as connection:
        for run in sorted(set(asked.run_id)):
            no = _number(connection, call.project, run)
            points = _points(connection, no, asked.metric_key)[: most - len(found)]
            found.extend(_out(asked.metric_key, points, run))
    return {"metrics": found}


@endpoints.get("metrics/get-history-bulk-interval", permission=Permission.READ)
def get_history_bulk_interval(call: MlflowCall) -> object:
    """Points of one metric of several runs, sampled evenly, of all steps or some."""
    asked = call.read(Interval)
    if not asked.run_ids:
        raise missing("run_ids")
    if len(asked.run_ids) > MAX_BULK_RUNS:
        raise invalid(
            f"GetMetricHistoryBulkInterval request must specify at most {MAX_BULK_RUNS} run_ids. "
            f"Received {len(asked.run_ids)} run_ids."
        )
    if not asked.metric_key:
        raise missing("metric_key")
    if not 1 <= asked.max_results <= MAX_PER_RUN:
        raise invalid(f"max_results must be between 1 and {MAX_PER_RUN}.")
    if (asked.start_step is None) != (asked.end_step is None):
        raise invalid("If either start step or end step are specified, both must be specified.")
    steps = None
    if asked.start_step is not None and asked.end_step is not None:
        if asked.start_step > asked.end_step:
            raise invalid(
                "end_step must be greater than start_step. "
                f"Found start_step={asked.start_step} and end_step={asked.end_step}."
            )
        steps = (asked.start_step, asked.end_step)
    found: list[MetricOut] = []
    with call.store.read() as connection:
        numbers = [_number(connection, call.project, run) for run in asked.run_ids]
        for run, no in zip(asked.run_ids, numbers, strict=True):
            points = _points(connection, no, asked.metric_key, steps)
            points.sort(key=lambda point: (point[1], point[0], point[2], point[3]))
            chosen = [points[at] for at in sampled(len(points), asked.max_results)]
            found.extend(_out(asked.metric_key, chosen, run))
    return {"metrics": found} if found else {}


def _number(connection: Connection, project: str, run: str) -> int | None:
    """The number of a run; none for one that is not of the project, which MLflow finds no points of."""
    row = run_row(connection, run)
    return row.no if row is not None and row.project == project else None


def _points(
    connection: Connection, no: int | None, key: str, steps: tuple[int, int] | None = None
) -> list[tuple[Any, ...]]:
    """Time, step, value, whether it is NaN; in that order."""
    if steps is None:
        rows = fetch(connection, _HISTORY, no, key)
    else:
        rows = fetch(connection, f"{_HISTORY} AND step BETWEEN ? AND ?", no, key, *steps)
    rows.sort()
    return rows


def _out(key: str, points: list[tuple[Any, ...]], run: str | None = None) -> list[MetricOut]:
    return [
        MetricOut(key, number(value, is_nan), time_ms, step, run)
        for time_ms, step, value, is_nan in points
    ]
