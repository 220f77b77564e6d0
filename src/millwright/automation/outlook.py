"""What the policies say at this moment: the same functions decide for the controllers and answer
people who ask."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from millwright.automation import policy, service
from millwright.automation.records import OPEN
from millwright.deployment import (
    Decision,
    Deployment,
    Rollout,
    analyse_canary,
    rollouts_of,
    row_losses,
)
from millwright.kernel.config import CanaryConfig
from millwright.kernel.errors import NotFound
from millwright.kernel.projects import config_of
from millwright.kernel.store import Store
from millwright.monitoring import Trial, event_time_of, trial_of, unresolved_alerts
from millwright.registry import ModelVersion, find_version

Floats = npt.NDArray[np.float64]


def retraining_outlook(store: Store, deployment: Deployment) -> policy.Decision:
    """Whether the retraining policy asks for a challenger now, and why or why not."""
    now = event_time_of(store, deployment.id)
    if now is None:
        return policy.Decision(retrain=False, reason="No prediction has been logged yet.")
    try:
        config = config_of(store, deployment.project)
    except NotFound:
        return policy.Decision(retrain=False, reason="The project has no millwright.yaml.")
    open_here = {
        status: any(
            found.deployment_id == deployment.id
            for found in service.open_retrainings(store, status)
        )
        for status in OPEN
    }
    return policy.decide(
        config.retraining,
        unresolved_alerts(store, deployment),
        service.last_event_time(store, deployment.id),
        now,
        rollout_active=open_here["canary"] or deployment.canary_version_id is not None,
        running=open_here["running"],
    )


def canary_outlook(store: Store, deployment: Deployment) -> Decision | None:
    """What the evidence says of the canary on trial; None where none is."""
    if deployment.canary_version_id is None:
        return None
    rollout = rollouts_of(store, deployment.id, limit=1)[0]
    if rollout.outcome is not None:
        return None
    trial = trial_of(store, deployment, rollout.canary_version_id, rollout.started_ms)
    return _analyse(store, deployment, rollout, trial)


def _analyse(store: Store, deployment: Deployment, rollout: Rollout, trial: Trial) -> Decision:
    version = find_version(
        store, deployment.project, deployment.model, str(rollout.champion_version)
    )
    truth = _truth(trial, version)
    return analyse_canary(
        row_losses(version.served_task, truth, trial.champion, version.classes),
        row_losses(version.served_task, truth, trial.challenger, version.classes),
        _canary_policy(store, deployment.project),
        windows=trial.windows,
        requests=trial.requests,
        loss="squared error" if version.task == "regression" else "Brier score",
    )


def _canary_policy(store: Store, project: str) -> CanaryConfig:
    try:
        return config_of(store, project).deployment.canary
    except NotFound:
        return CanaryConfig()


def _truth(trial: Trial, version: ModelVersion) -> list[str | float | None] | Floats:
    """The truth of the trial's rows as ``row_losses`` takes it: for several classes, their names."""
    if version.task != "multiclass":
        return trial.actual
    return [version.classes[int(position)] for position in trial.actual]
