"""Retrainings as the controller records them, for a seeded workspace."""

from __future__ import annotations

from flights_world import START, WEEK
from sqlalchemy import select

from millwright.automation.records import Cause, HeldOutComparison
from millwright.automation.service import begin, settle
from millwright.automation.tables import retrainings
from millwright.deployment import Deployment
from millwright.kernel.access import SYSTEM
from millwright.kernel.store import Store
from millwright.registry import ModelVersion

CAUSE = Cause(
    trigger="data_drift", reason="3 of 7 features drifted in two windows: temp, hour, carrier."
)


def record_retraining(
    store: Store,
    deployment: Deployment,
    week: int,
    versions: tuple[ModelVersion, ModelVersion],
    *,
    better: bool,
) -> None:
    """Write one decision of the policy with its outcome."""
    champion, challenger = (version.metrics["roc_auc"] for version in versions)
    reason = (
        "The challenger was better on live traffic and took over."
        if better
        else "The challenger is not better than the champion on the same held-out rows."
    )
    comparison = HeldOutComparison(
        metric="roc_auc",
        rows=3000,
        champion=champion,
        challenger=challenger,
        difference=challenger - champion,
        low=challenger - champion - 0.012,
        high=challenger - champion + 0.012,
        better=better,
        reason=reason,
    )
    identifier = begin(store, SYSTEM, deployment, CAUSE, START + week * WEEK)
    with store.read() as connection:
        row = connection.execute(select(retrainings).where(retrainings.c.id == identifier)).one()
    settle(
        store,
        SYSTEM,
        row,
        "promoted" if better else "refused",
        reason,
        challenger=(versions[1].id, versions[1].version),
        comparison=comparison,
    )
