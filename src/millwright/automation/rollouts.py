"""The controller of canaries: looks at the evidence whenever there is more of it, and decides."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Row

from millwright.automation import service
from millwright.automation.news import newest_of
from millwright.automation.outlook import canary_outlook
from millwright.automation.records import Status
from millwright.deployment import (
    Deployment,
    Promotion,
    Ruling,
    promote,
    roll_back,
    rollouts_of,
    running_deployments,
)
from millwright.kernel.access import SYSTEM
from millwright.kernel.errors import Conflict
from millwright.kernel.store import Store


class RolloutController:
    """Promotes a canary or rolls it back when the evidence says so."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looked: dict[str, tuple[int, int, str]] = {}
        """The last labels and predictions and the canary that were looked at, by deployment."""

    def reconcile(self) -> None:
        """Look at every canary with new evidence; settle retrainings whose canary has ended."""
        for deployment in running_deployments(self._store):
            if deployment.canary_version_id is not None:
                self._look(deployment, deployment.canary_version_id)
        for found in service.open_retrainings(self._store, "canary"):
            self._settle(found)

    def shutdown(self) -> None:
        """Nothing was started."""

    def _look(self, deployment: Deployment, canary: str) -> None:
        # Labels may come before the predictions they belong to, which wait in the spool.
        labels = newest_of(self._store, "labels.added", deployment.id)
        predictions = newest_of(self._store, "predictions.ingested", deployment.id)
        newest = (labels, predictions, canary)
        if self._looked.get(deployment.id) == newest:
            return
        decision = canary_outlook(self._store, deployment)
        self._looked[deployment.id] = newest
        if decision is None or decision.verdict == "continue":
            return
        why = {"reason": decision.reason, "evidence": decision.evidence.model_dump(mode="json")}
        whose = (self._store, SYSTEM, deployment.project, deployment.name)
        try:
            if decision.verdict == "promote":
                promote(*whose, Promotion.model_validate(why))
            else:
                roll_back(*whose, Ruling.model_validate(why))
        except Conflict:
            # A person decided in the meantime; what they said stands.
            return

    def _settle(self, found: Row[Any]) -> None:
        for rollout in rollouts_of(self._store, found.deployment_id):
            if rollout.canary_version_id != found.challenger_version_id or rollout.outcome is None:
                continue
            status: Status = "promoted" if rollout.outcome == "promoted" else "rolled_back"
            reason = rollout.reason or f"The canary was {rollout.outcome}."
            service.settle(self._store, SYSTEM, found, status, reason)
            return
