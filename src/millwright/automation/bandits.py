"""The controller of bandits: weights follow the rewards whenever there are more of them."""

from __future__ import annotations

import numpy as np

from millwright.automation.news import newest_of
from millwright.deployment import (
    ArmEvidence,
    Bandit,
    Deployment,
    Weights,
    arms_of,
    probabilities_of_best,
    running_deployments,
    set_weights,
    thompson_shares,
)
from millwright.kernel import events
from millwright.kernel.access import SYSTEM
from millwright.kernel.clock import parse_rfc3339
from millwright.kernel.errors import Conflict, NotFound
from millwright.kernel.store import Store
from millwright.monitoring import rewards_of

STEP = 0.01
"""Shares move when one of them would by so much: each change is an event, and callers move."""


class BanditController:
    """Sets the weights of deployments that have a bandit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looked: dict[str, tuple[int, int, int]] = {}
        """The last labels, predictions and revision that were looked at, by deployment."""

    def reconcile(self) -> None:
        """Look at every bandit with new rewards."""
        for deployment in running_deployments(self._store):
            if deployment.bandit is not None:
                self._look(deployment, deployment.bandit)

    def shutdown(self) -> None:
        """Nothing was started."""

    def _look(self, deployment: Deployment, bandit: Bandit) -> None:
        newest = (
            newest_of(self._store, "labels.added", deployment.id),
            newest_of(self._store, "predictions.ingested", deployment.id),
            deployment.revision,
        )
        if self._looked.get(deployment.id) == newest:
            return
        self._looked[deployment.id] = newest
        evidence = bandit_outlook(self._store, deployment, bandit)
        arms = {one.name: deployment.share(one) for one in arms_of(deployment)}
        free = sum(arms.values())
        # Never 0, which would take an arm out for good.
        wanted = {one.variant: max(one.share * free, 1e-6) for one in evidence}
        if max(abs(wanted[name] - share) for name, share in arms.items()) < STEP:
            return
        # Whatever else answers keeps its share, since all weights are given as shares.
        others = {
            one.name: deployment.share(one) for one in deployment.variants if one.name not in arms
        }
        new = Weights(
            weights={**others, **wanted},
            reason="The weights follow the rewards.",
            evidence={"arms": [one.model_dump() for one in evidence]},
        )
        try:
            set_weights(self._store, SYSTEM, deployment.project, deployment.name, new)
        except (Conflict, NotFound):
            # A person changed the variants in the meantime; the next look sees theirs.
            return


def bandit_outlook(store: Store, deployment: Deployment, bandit: Bandit) -> tuple[ArmEvidence, ...]:
    """What the rewards say of each arm now."""
    arms = arms_of(deployment)
    rewards = rewards_of(
        store,
        deployment,
        [one.version_id for one in arms],
        bandit.reward,
        since_ms=_began(store, deployment),
        memory=bandit.memory,
    )
    counts = np.array([len(one) for one in rewards], dtype=np.float64)
    sums = np.array([float(one.sum()) for one in rewards])
    best = probabilities_of_best(counts, sums)
    shares = thompson_shares(counts, sums, bandit.floor)
    return tuple(
        ArmEvidence(
            variant=arm.name,
            version=arm.version,
            rewarded=int(counts[i]),
            mean=float(sums[i] / counts[i]) if counts[i] else None,
            best=round(float(best[i]), 6),
            share=round(float(shares[i]), 6),
        )
        for i, arm in enumerate(arms)
    )


def _began(store: Store, deployment: Deployment) -> int:
    """When the bandit was set, in milliseconds since 1970."""
    with store.read() as connection:
        found = events.read(
            connection,
            kind="deployment.bandit-set",
            subject=f"deployment:{deployment.id}",
            newest_first=True,
            limit=1,
        )
    return parse_rfc3339(found[0].time) if found else 0
