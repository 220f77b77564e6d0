"""Every pipeline run is a tracked run, and every trial of its search a run under it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np

from millwright.kernel.door import Door
from millwright.kernel.errors import MillwrightError
from millwright.pipelines import StepContext, progress
from millwright.tracking import (
    FeatureSet,
    MetricPoint,
    NewRun,
    RunEnvironment,
    SystemMetrics,
    command_line,
    create_run,
    end_run,
    keep_source,
    log_artifact,
    log_metrics,
    packages,
    run_environment,
    source_here,
    system_metrics_wanted,
)
from millwright.training import TrialArtifacts, TrialRecord, best_threshold


def start_tracking(
    context: StepContext,
    experiment: str,
    inputs: tuple[str, ...],
    seed: int,
    columns: tuple[str, ...],
) -> str:
    """Open the tracked run of this pipeline run; it has the same id, so a repeat finds it."""
    source = source_here()
    new = NewRun(
        id=context.run_id,
        experiment=experiment,
        name=f"{experiment}-{context.run_id[-6:]}",
        seed=seed,
        inputs=inputs,
        features=FeatureSet(name=context.project, columns=columns, sources=inputs),
        origin=f"pipeline-run:{context.run_id}",
        code=source.version,
        environment=_environment(context.door, context.project),
        command=command_line(),
    )
    run = create_run(context.door, context.project, new).id
    keep_source(context.door, context.project, run, source)
    return run


@contextmanager
def watched(context: StepContext) -> Iterator[None]:
    """Log how the machine is used while the block runs, to the tracked run of this pipeline run."""
    if not system_metrics_wanted():
        yield
        return

    def log(points: Sequence[MetricPoint]) -> None:
        # What the machine did is worth no failed training.
        with suppress(MillwrightError):
            log_metrics(context.door, context.run_id, points)

    metrics = SystemMetrics(log)
    try:
        yield
    finally:
        metrics.stop()


class TrialLog:
    """Records trials as they end; remembers what the best one predicted on its validation rows."""

    def __init__(self, context: StepContext, experiment: str, inputs: tuple[str, ...], seed: int):
        self._context = context
        self._experiment = experiment
        self._inputs = inputs
        self._seed = seed
        self._environment = _environment(context.door, context.project)
        self._code = source_here().version
        self._count = 0
        self.threshold = 0.5

    def __call__(self, trial: TrialRecord, left: TrialArtifacts) -> None:
        """Record one trial as a run with its parameters, metrics and a report."""
        self._count += 1
        context = self._context
        run = create_run(context.door, context.project, self._new_run(trial)).id
        self._log(run, trial, left)
        end_run(
            context.door, run, "finished" if trial.status == "ok" else "failed", error=trial.error
        )
        if trial.best and left.valid_prediction is not None:
            self._remember(trial, left)
        value = "failed" if trial.value is None else f"{trial.metric} {trial.value:.4f}"
        progress(self._count, note=f"{trial.family}: {value}")

    def _new_run(self, trial: TrialRecord) -> NewRun:
        return NewRun(
            experiment=self._experiment,
            name=f"{trial.family}-{trial.number}",
            parent=self._context.run_id,
            seed=self._seed,
            inputs=self._inputs,
            code=self._code,
            environment=self._environment,
            params={"family": trial.family, **trial.params},
            tags={"kind": "trial"},
        )

    def _log(self, run: str, trial: TrialRecord, left: TrialArtifacts) -> None:
        door = self._context.door
        points = [
            MetricPoint(key="train_seconds", value=trial.train_seconds),
            MetricPoint(key="train_rows", value=trial.rows),
        ]
        if trial.value is not None:
            points.append(MetricPoint(key=trial.metric, value=trial.value))
        points += [
            MetricPoint(key="valid_loss", value=loss, step=round_)
            for round_, loss in enumerate(left.curve)
        ]
        log_metrics(door, run, points)
        report = json.loads(trial.model_dump_json())
        if left.model is not None:
            report["columns"] = [column.name for column in left.model.encoding.columns]
        log_artifact(
            door,
            self._context.project,
            run,
            "trial.json",
            json.dumps(report, indent=1).encode(),
            media_type="application/json",
        )

    def _remember(self, trial: TrialRecord, left: TrialArtifacts) -> None:
        assert left.valid_prediction is not None
        if left.model is not None and left.model.task == "binary":
            prediction = np.asarray(left.valid_prediction, dtype=np.float64)
            self.threshold = best_threshold(left.valid_target, prediction)


def _environment(door: Door, project: str) -> RunEnvironment:
    return run_environment(door.upload(project, packages().encode()))
