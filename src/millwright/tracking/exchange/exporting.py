"""``mw export mlflow``: our experiments and runs to a tracking server, by REST.

A server gives its own ids to runs, so each gets a tag with its id here, by which the next export
finds it again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from millwright.kernel import clock
from millwright.kernel.door import Door
from millwright.kernel.errors import Unavailable
from millwright.kernel.record import Record
from millwright.tracking import client
from millwright.tracking.records import Run

ID_TAG = "millwright.run"
_STATUS = {"finished": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}


class ExportReport(Record):
    """What an export did."""

    runs: int
    new_runs: int
    points: int


def hand_out(door: Door, project: str, url: str, say: Callable[[str], object]) -> ExportReport:
    """Bring the runs of a project to the tracking server at ``url``."""
    there = _There(url.rstrip("/"))
    total = made = points = 0
    for run in client.each_run(door, project, order_by="created"):
        say(f"Run {run.name}")
        total += 1
        experiment = there.experiment(run.experiment)
        known = there.find(experiment, run.id)
        made += known is None
        target = known or there.create(experiment, run)
        points += there.log(target, run, _history(door, run))
    return ExportReport(runs=total, new_runs=made, points=points)


def _history(door: Door, run: Run) -> Iterator[dict[str, Any]]:
    for key in run.metrics:
        for point in client.metric_history(door, run.id, key, limit=100_000):
            sent = point.model_dump(mode="json")
            yield {
                "key": key,
                "value": sent["value"],
                "timestamp": point.time_ms,
                "step": point.step,
            }


class _There:
    """The server that is written to."""

    def __init__(self, url: str) -> None:
        token = os.environ.get("MLFLOW_TRACKING_TOKEN")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        user = os.environ.get("MLFLOW_TRACKING_USERNAME")
        auth = (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", "")) if user else None
        self._url = url
        self._http = httpx.Client(timeout=120, headers=headers, auth=auth)
        self._experiments: dict[str, str] = {}

    def experiment(self, name: str) -> str:
        """The id of the experiment with this name, made where it is missing."""
        if name not in self._experiments:
            answer = self._http.get(
                f"{self._url}/api/2.0/mlflow/experiments/get-by-name",
                params={"experiment_name": name},
            )
            if answer.status_code == 404:
                found = self._call("experiments/create", name=name)["experiment_id"]
            else:
                found = self._checked(answer)["experiment"]["experiment_id"]
            self._experiments[name] = str(found)
        return self._experiments[name]

    def find(self, experiment: str, run: str) -> str | None:
        """The run there that was made from one of ours."""
        answer = self._call(
            "runs/search", experiment_ids=[experiment], filter=f"tags.`{ID_TAG}` = '{run}'"
        )
        runs = answer.get("runs", ())
        return str(runs[0]["info"]["run_id"]) if runs else None

    def create(self, experiment: str, run: Run) -> str:
        """A run like ours."""
        tags = {**run.tags, ID_TAG: run.id}
        answer = self._call(
            "runs/create",
            experiment_id=experiment,
            run_name=run.name,
            start_time=clock.parse_rfc3339(run.created_at),
            tags=[{"key": key, "value": value} for key, value in tags.items()],
        )
        return str(answer["run"]["info"]["run_id"])

    def log(self, target: str, run: Run, points: Iterator[dict[str, Any]]) -> int:
        """Parameters, points and the end of a run; how many points."""
        params = [{"key": key, "value": str(value)} for key, value in run.params.items()]
        for start in range(0, len(params), 100):
            self._call("runs/log-batch", run_id=target, params=params[start : start + 100])
        sent = list(points)
        for start in range(0, len(sent), 1_000):
            self._call("runs/log-batch", run_id=target, metrics=sent[start : start + 1_000])
        if run.status in _STATUS and run.ended_at is not None:
            self._call(
                "runs/update",
                run_id=target,
                status=_STATUS[run.status],
                end_time=clock.parse_rfc3339(run.ended_at),
            )
        return len(sent)

    def _call(self, path: str, **body: Any) -> Any:
        try:
            return self._checked(self._http.post(f"{self._url}/api/2.0/mlflow/{path}", json=body))
        except httpx.TransportError as cause:
            raise Unavailable(
                "tracking.target_unreachable", f"Nothing answers at {self._url}: {cause}"
            ) from cause

    def _checked(self, answer: httpx.Response) -> Any:
        if answer.status_code >= 400:
            raise Unavailable(
                "tracking.target_refused",
                f"{self._url} answered {answer.status_code}: {answer.text[:300]}",
            )
        return answer.json()
