"""What the policies say at this moment: the same functions decide for the controllers and answer
people who ask."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from millwright.automation import policy, service
from millwright.automation.records import OPEN, Cause, NewRetraining, Retraining
from millwright.automation.starting import own_config
from millwright.deployment import (
    Decision,
    Deployment,
    Rollout,
    analyse_canary,
    rollouts_of,
    row_losses,
)
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.config import CanaryConfig, FeaturesConfig, ProjectConfig
from millwright.kernel.errors import Conflict, MillwrightError, NotFound
from millwright.kernel.projects import config_of
from millwright.kernel.store import Store
from millwright.monitoring import (
    Trial,
    event_time_of,
    first_event_time_of,
    labels_between,
    list_windows,
    trial_of,
    unresolved_alerts,
)
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
    return policy.decide(
        config.retraining,
        unresolved_alerts(store, deployment),
        situation(store, deployment, config, now),
    )


def situation(
    store: Store, deployment: Deployment, config: ProjectConfig, now_ms: int
) -> policy.Situation:
    """What the retraining policy has to know of a deployment besides its alerts."""
    open_here = {
        status: any(
            found.deployment_id == deployment.id
            for found in service.open_retrainings(store, status)
        )
        for status in OPEN
    }
    past = service.past_retrainings(store, deployment.id)
    last = past[-1].event_time_ms if past else None
    began = first_event_time_of(store, deployment.id) if last is None else last
    counts_labels = config.retraining.labels is not None or config.retraining.earned_by is not None
    return policy.Situation(
        now_ms=now_ms,
        last_ms=last,
        since_ms=began,
        labels=labels_between(store, deployment.id, [found.created_ms for found in past])
        if counts_labels
        else (),
        recent=tuple((found.event_time_ms, found.took_ms) for found in past),
        features_changed=config.retraining.on_features
        and service.features_changed(store, deployment, features_now(store, config)),
        rollout_active=open_here["canary"] or deployment.canary_version_id is not None,
        running=open_here["running"],
        gain=_gain(store, deployment)
        if config.retraining.cost is not None or config.retraining.settle
        else None,
    )


def features_now(store: Store, config: ProjectConfig) -> FeaturesConfig:
    """What this workspace's file says of features; of a project elsewhere, what it last ran with."""
    try:
        return own_config(store, config.project).features
    except MillwrightError:
        return config.features


def _gain(store: Store, deployment: Deployment) -> policy.Gain | None:
    """By how much errors rose in the windows of the version that serves, where labels say so."""
    found = [
        window
        for window in list_windows(store, deployment.project, deployment.name)
        if window.champion_version_id == deployment.champion_version_id
    ]
    if not found or found[-1].loss is None:
        return None
    days = (found[-1].end_ms - found[0].start_ms) / 86_400_000
    return policy.Gain(
        rise=max(found[-1].loss.after - found[-1].loss.before, 0.0),
        rows_per_day=sum(window.n for window in found) / days,
        rows=found[-1].loss.rows,
    )


def begin_by_hand(
    store: Store, actor: Actor, deployment: Deployment, wish: NewRetraining
) -> Retraining:
    """Begin a retraining because a person asks for it.

    Raises:
        Conflict: one is running, or a challenger is on trial.
    """
    now = event_time_of(store, deployment.id)
    config = config_of(store, deployment.project)
    seen = situation(store, deployment, config, clock.now_ms() if now is None else now)
    identifier = None
    if not (seen.running or seen.rollout_active):
        cause, known = Cause(trigger="manual", reason=wish.reason), len(seen.recent)
        identifier = service.begin(store, actor, deployment, cause, seen.now_ms, known=known)
    if identifier is None:
        raise Conflict(
            "retraining.busy",
            "A challenger is on trial; its outcome comes first."
            if seen.rollout_active
            else "A retraining is already running.",
            hint="Follow it with: mw retrainings",
            value=deployment.name,
        )
    return service.get_retraining(store, deployment.project, identifier)


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
