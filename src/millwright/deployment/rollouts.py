"""The history of canaries: each begins, and ends in one outcome. Within the caller's transaction."""

from __future__ import annotations

import json

from sqlalchemy import insert, update

from millwright.deployment.queries import read_rollouts
from millwright.deployment.records import Deployment, Outcome, Rollout, Ruling
from millwright.deployment.tables import deployment_rollouts
from millwright.kernel.clock import now_ms
from millwright.kernel.errors import Conflict
from millwright.kernel.ids import new_id
from millwright.kernel.store import Transaction


def begin_rollout(
    tx: Transaction, found: Deployment, version_id: str, version: int, share: float
) -> str:
    """Record that a version goes on trial; the id of the rollout."""
    rollout = new_id()
    tx.execute(
        insert(deployment_rollouts).values(
            id=rollout,
            deployment_id=found.id,
            champion_version_id=found.champion_version_id,
            champion_version=found.champion_version,
            canary_version_id=version_id,
            canary_version=version,
            share=share,
            started_ms=now_ms(),
            reason="",
            evidence="{}",
        )
    )
    return rollout


def end_rollout(tx: Transaction, found: Deployment, outcome: Outcome, ruling: Ruling) -> None:
    """Close the rollout that is going on, if one is."""
    for rollout in read_rollouts(tx.connection, found.id, limit=1):
        if rollout.outcome is None:
            close_rollout(tx, rollout.id, outcome, ruling)


def close_rollout(tx: Transaction, rollout: str, outcome: Outcome, ruling: Ruling) -> None:
    """Record how a rollout ended and why."""
    tx.execute(
        update(deployment_rollouts)
        .where(deployment_rollouts.c.id == rollout)
        .values(
            outcome=outcome,
            decided_ms=now_ms(),
            reason=ruling.reason,
            evidence=json.dumps(ruling.evidence),
        )
    )


def champion_before(tx: Transaction, found: Deployment) -> Rollout:
    """The rollout that made the present champion; raises ``Conflict`` if none did."""
    for rollout in read_rollouts(tx.connection, found.id, limit=1000):
        promoted = rollout.outcome == "promoted"
        if promoted and rollout.canary_version_id == found.champion_version_id:
            return rollout
    raise Conflict(
        "deployment.nothing_before",
        f"'{found.name}' has no canary and served no version before {found.champion_version}.",
        hint=f"Deploy the version you want: mw deploy {found.model} --version N",
    )
