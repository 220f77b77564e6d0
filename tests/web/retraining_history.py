"""Retrainings as the controller records them, for a seeded workspace."""

from __future__ import annotations

from flights_world import START, WEEK
from sqlalchemy import func, select

from millwright.automation.records import Cause, HeldOutComparison
from millwright.automation.service import begin, settle
from millwright.automation.tables import retrainings
from millwright.deployment import Deployment
from millwright.evaluation import Evaluation
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
    challenger: ModelVersion,
    evaluation: Evaluation,
    *,
    better: bool,
) -> None:
    """Write one decision of the policy with its outcome."""
    found = evaluation.comparison
    assert found is not None
    reason = (
        "The challenger was better on live traffic and took over."
        if better
        else "The challenger is not better than the champion on the same held-out rows."
    )
    comparison = HeldOutComparison(
        **found.model_dump(exclude={"probability_better"}), better=better, reason=reason
    )
    with store.read() as connection:
        known = connection.execute(select(func.count()).select_from(retrainings)).scalar_one()
    identifier = begin(store, SYSTEM, deployment, CAUSE, START + week * WEEK, known=known)
    with store.read() as connection:
        row = connection.execute(select(retrainings).where(retrainings.c.id == identifier)).one()
    settle(
        store,
        SYSTEM,
        row,
        "promoted" if better else "refused",
        reason,
        challenger=(challenger.id, challenger.version),
        comparison=comparison,
    )
