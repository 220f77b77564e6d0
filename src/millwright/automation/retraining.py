"""The controller of retrainings: alerts become decisions, decisions become challengers.

What should happen is a row; each call moves every row one step on, from whatever state a killed
predecessor left: the pipeline run is launched under an id chosen beforehand, in the transaction that
says so, and followed to its end.
"""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy.engine import Row

from millwright.automation import service
from millwright.automation.candidates import Registered
from millwright.automation.launching.service import launch
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
from millwright.kernel.access import SYSTEM
from millwright.kernel.clock import parse_duration
from millwright.kernel.config import ProjectConfig
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.projects import config_of
from millwright.kernel.store import Store
from millwright.monitoring import began_of, event_time_of, unresolved_alerts
from millwright.pipelines import (
    NewPipelineRun,
    PipelineRunDetail,
    get_run,
    stored_output,
)

_log = logging.getLogger("millwright.automation")


class RetrainingController:
    """Starts retrainings as the policy says and follows each to a canary or a refusal."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def reconcile(self) -> None:
        """Move every running retraining on, then see whether the policy asks for another."""
        running = service.open_retrainings(self._store, "running")
        for found in running:
            self._advance(found)
        for deployment in running_deployments(self._store):
            self._consider(deployment)

    def shutdown(self) -> None:
        """Nothing to end: all that it knows is stored."""

    def _consider(self, deployment: Deployment) -> None:
        if not (unresolved_alerts(self._store, deployment) or self._has_clock(deployment)):
            return
        known = len(service.past_retrainings(self._store, deployment.id))
        decision = retraining_outlook(self._store, deployment)
        now = event_time_of(self._store, deployment.id)
        if not decision.retrain or now is None:
            return
        cause = Cause(
            trigger=decision.trigger or "manual",
            reason=decision.reason,
            alert_ids=decision.cause_alert_ids,
        )
        service.begin(self._store, SYSTEM, deployment, cause, now, known=known)

    def _has_clock(self, deployment: Deployment) -> bool:
        """Whether the policy acts without an alert."""
        try:
            policy = config_of(self._store, deployment.project).retraining
        except NotFound:
            return False
        asks = (policy.every, policy.labels, policy.earned_by)
        return policy.on_features or any(value is not None for value in asks)

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
        if run.status in ("queued", "running", "waiting"):
            return
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
            windowing=config.retraining.windowing,
            half_life_ms=None
            if config.retraining.half_life is None
            else parse_duration(config.retraining.half_life),
            since_ms=self._drift_began(found),
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
        lane = f"retraining:{deployment.id}"
        with self._store.write(SYSTEM, found.project) as tx:
            run_id = launch(tx, found.project, new, lane=lane, max_active=1)
        return get_run(self._store, run_id)

    def _drift_began(self, found: Row[Any]) -> int | None:
        """Since when what caused a retraining was so; None where no alert did."""
        cause = Cause.model_validate_json(found.cause)
        began = began_of(self._store, cause.alert_ids)
        return min(began, default=None)

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
