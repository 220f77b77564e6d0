"""The controller of retrainings: alerts become decisions, decisions become challengers.

What should happen is a row; each call moves every row one step on, from whatever state a killed
predecessor left: the pipeline run is made under an id chosen beforehand, a worker that died is
started again and continues after its last finished step.
"""

from __future__ import annotations

import logging
import subprocess
from typing import Any

from sqlalchemy.engine import Row

from millwright.automation import service
from millwright.automation.candidates import Registered
from millwright.automation.lifecycle import training_pipeline
from millwright.automation.outlook import retraining_outlook
from millwright.automation.records import Cause
from millwright.automation.sources import ChampionRef, TrainingPlan, retraining_period
from millwright.automation.starting import own_config
from millwright.deployment import (
    Deployment,
    NewCanary,
    running_deployments,
    start_canary,
)
from millwright.kernel import process
from millwright.kernel.access import SYSTEM
from millwright.kernel.clock import parse_duration
from millwright.kernel.config import ProjectConfig
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.projects import config_of
from millwright.kernel.store import Store
from millwright.monitoring import event_time_of, unresolved_alerts
from millwright.pipelines import (
    NewPipelineRun,
    PipelineRunDetail,
    create_run,
    get_run,
    spawn_worker,
    stored_output,
)

_log = logging.getLogger("millwright.automation")
MOST_WORKER_STARTS = 5


class RetrainingController:
    """Starts retrainings as the policy says and follows each to a canary or a refusal."""

    def __init__(self, store: Store, url: str) -> None:
        self._store = store
        self._url = url
        self._workers: dict[str, subprocess.Popen[bytes]] = {}

    def reconcile(self) -> None:
        """Move every running retraining on, then see whether the policy asks for another."""
        running = service.open_retrainings(self._store, "running")
        for found in running:
            self._advance(found)
        for deployment in running_deployments(self._store):
            self._consider(deployment)

    def shutdown(self) -> None:
        """End the workers; what they finished stays, and the next start continues it."""
        for worker in self._workers.values():
            process.stop(worker)
        self._workers.clear()

    def _consider(self, deployment: Deployment) -> None:
        if not unresolved_alerts(self._store, deployment):
            return
        decision = retraining_outlook(self._store, deployment)
        now = event_time_of(self._store, deployment.id)
        if not decision.retrain or now is None:
            return
        cause = Cause(
            trigger=decision.trigger or "manual",
            reason=decision.reason,
            alert_ids=decision.cause_alert_ids,
        )
        service.begin(self._store, SYSTEM, deployment, cause, now)

    def _advance(self, found: Row[Any]) -> None:
        deployment = next(
            (d for d in running_deployments(self._store) if d.id == found.deployment_id), None
        )
        if deployment is None:
            service.settle(self._store, SYSTEM, found, "failed", "The deployment was stopped.")
            return
        try:
            run = self._run_of(found, deployment)
        except (Conflict, InvalidInput, NotFound) as error:
            service.settle(self._store, SYSTEM, found, "failed", str(error))
            return
        if run.status in ("queued", "running"):
            self._keep_working(found)
            return
        worker = self._workers.pop(found.pipeline_run_id, None)
        if worker is not None:
            process.stop(worker)
        if run.status != "succeeded":
            said = run.error.message if run.error is not None else f"The run was {run.status}."
            service.settle(self._store, SYSTEM, found, "failed", said)
            return
        self._conclude(found, deployment, run)

    def _run_of(self, found: Row[Any], deployment: Deployment) -> PipelineRunDetail:
        try:
            return get_run(self._store, found.pipeline_run_id)
        except NotFound:
            return self._queue(found, deployment, own_config(self._store, found.project))

    def _queue(
        self, found: Row[Any], deployment: Deployment, config: ProjectConfig
    ) -> PipelineRunDetail:
        plan = TrainingPlan(
            budget_ms=parse_duration(config.retraining.budget),
            experiment=f"{config.project}-retraining",
            champion=ChampionRef(
                id=deployment.champion_version_id,
                model=deployment.model,
                version=deployment.champion_version,
            ),
            window_ms=parse_duration(config.retraining.window),
            holdout_ms=parse_duration(config.retraining.holdout),
        )
        parameters = {
            "config": config,
            "root": str(self._store.workspace.root),
            "period": retraining_period(config, found.event_time_ms),
            "plan": plan,
        }
        prepared = training_pipeline.prepare(parameters)
        new = NewPipelineRun(
            id=found.pipeline_run_id,
            name=prepared.graph.pipeline,
            entry_point=prepared.entry_point,
            graph=prepared.graph,
            cause={"retraining": found.id},
        )
        return create_run(self._store, SYSTEM, found.project, new)

    def _keep_working(self, found: Row[Any]) -> None:
        worker = self._workers.get(found.pipeline_run_id)
        if worker is not None and worker.poll() is None:
            return
        if found.worker_starts >= MOST_WORKER_STARTS:
            reason = f"The worker ended {MOST_WORKER_STARTS} times before the training was done."
            service.settle(self._store, SYSTEM, found, "failed", reason)
            return
        service.count_worker_start(self._store, found.id)
        self._workers[found.pipeline_run_id] = spawn_worker(
            found.pipeline_run_id, workspace=self._store.workspace, url=self._url
        )

    def _conclude(self, found: Row[Any], deployment: Deployment, run: PipelineRunDetail) -> None:
        made = stored_output(self._store, run, "register_model")
        assert isinstance(made, Registered)
        refusal = _refusal(made)
        if refusal is None and made.comparison is not None:
            config = config_of(self._store, found.project)
            try:
                # Starting it twice is harmless: the row below is moved on once.
                if deployment.canary_version_id != made.version_id:
                    canary = NewCanary(version=made.version, share=config.deployment.canary.share)
                    start_canary(self._store, SYSTEM, found.project, deployment.name, canary)
            except Conflict as conflict:
                refusal = str(conflict)
        service.settle(
            self._store,
            SYSTEM,
            found,
            "canary" if refusal is None else "refused",
            refusal or (made.comparison.reason if made.comparison is not None else ""),
            challenger=(made.version_id, made.version),
            comparison=made.comparison,
        )


def _refusal(made: Registered) -> str | None:
    """Why a challenger may not be tried, or None."""
    if not made.gates_passed:
        return f"It failed {len(made.failed_gates)} of its gates. {' '.join(made.failed_gates)}"
    if made.comparison is None:
        return "It could not be compared with the champion."
    return None if made.comparison.better else made.comparison.reason
