"""``mw export mlflow``: what a project has tracked, to a tracking server, by REST.

A server gives its own ids to runs and logged models, so each gets a tag with its id here, by which
the next export finds it again; traces keep their ids. Nothing is sent twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from millwright.kernel import clock
from millwright.kernel.door import Door
from millwright.kernel.errors import MillwrightError
from millwright.kernel.record import Record
from millwright.tracking import client
from millwright.tracking.exchange.exporting_models import Handed, hand_out_models, hand_out_traces
from millwright.tracking.exchange.target import Target
from millwright.tracking.records import Run

ID_TAG = "millwright.run"
_STATUS = {"finished": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}
_RUNS = "2.0/mlflow/runs"


class ExportReport(Record):
    """What an export did."""

    runs: int
    new_runs: int
    points: int
    artifacts: int
    """Files that were sent."""
    logged_models: int
    """New ones."""
    versions: int
    """New versions of registered models."""
    traces: int
    """New ones."""
    left: tuple[str, ...]
    """What could not go over, each with the reason."""


def hand_out(door: Door, project: str, url: str, say: Callable[[str], object]) -> ExportReport:
    """Bring what a project has tracked to the tracking server at ``url``."""
    there = Target(url)
    handed = Handed()
    total = made = points = 0
    for run in client.each_run(door, project, order_by="created"):
        say(f"Run {run.name}")
        total += 1
        known = _find(there, run)
        made += known is None
        info = known or _create(there, run)
        _datasets(door, project, there, info["run_id"], run)
        handed.runs[run.id] = info
        points += _log(there, info["run_id"], run, _history(door, run))
        _files(door, there, run, info["artifact_uri"], handed)
    say("Models")
    hand_out_models(door, project, there, handed)
    say("Traces")
    hand_out_traces(door, project, there, handed)
    return ExportReport(
        runs=total,
        new_runs=made,
        points=points,
        artifacts=handed.files,
        logged_models=handed.new_models,
        versions=handed.versions,
        traces=handed.traces,
        left=tuple(handed.left),
    )


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


def _files(door: Door, there: Target, run: Run, place: str, handed: Handed) -> None:
    known = there.sizes(place)
    for file in client.list_artifacts(door, run.id):
        if known is None:
            handed.left.append(f"files of run {run.id}: {place} is not kept by the server")
            return
        if known.get(file.name) == file.size:
            continue
        try:
            there.put(place, file.name, client.download_artifact(door, run.id, file.name))
            handed.files += 1
        except MillwrightError as error:
            handed.left.append(f"file {file.name} of run {run.id}: {error}")


def _datasets(door: Door, project: str, there: Target, target: str, run: Run) -> None:
    known = door.mlflow(project, "GET", f"runs/get?run_id={run.id}")["run"]
    used = known.get("inputs", {}).get("dataset_inputs", ())
    if used:
        there.post(f"{_RUNS}/log-inputs", run_id=target, datasets=used)


def _find(there: Target, run: Run) -> dict[str, Any] | None:
    """What the server says of the run that was made from one of ours."""
    answer = there.post(
        f"{_RUNS}/search",
        experiment_ids=[there.experiment(run.experiment)],
        filter=f"tags.`{ID_TAG}` = '{run.id}'",
    )
    runs = answer.get("runs", ())
    return dict(runs[0]["info"]) if runs else None


def _create(there: Target, run: Run) -> dict[str, Any]:
    tags = {**run.tags, ID_TAG: run.id}
    answer = there.post(
        f"{_RUNS}/create",
        experiment_id=there.experiment(run.experiment),
        run_name=run.name,
        start_time=clock.parse_rfc3339(run.created_at),
        tags=[{"key": key, "value": value} for key, value in tags.items()],
    )
    return dict(answer["run"]["info"])


def _log(there: Target, target: str, run: Run, points: Iterator[dict[str, Any]]) -> int:
    """Parameters, points and the end of a run; how many points."""
    params = [{"key": key, "value": str(value)} for key, value in run.params.items()]
    for start in range(0, len(params), 100):
        there.post(f"{_RUNS}/log-batch", run_id=target, params=params[start : start + 100])
    sent = list(points)
    for start in range(0, len(sent), 1_000):
        there.post(f"{_RUNS}/log-batch", run_id=target, metrics=sent[start : start + 1_000])
    if run.status in _STATUS and run.ended_at is not None:
        there.post(
            f"{_RUNS}/update",
            run_id=target,
            status=_STATUS[run.status],
            end_time=clock.parse_rfc3339(run.ended_at),
        )
    return len(sent)
