"""One deployment's row: its changes, each with a new revision, within the caller's transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from millwright.deployment.queries import row_of
from millwright.deployment.records import Deployment
from millwright.deployment.tables import deployments
from millwright.kernel.clock import now_ms
from millwright.kernel.store import Transaction


def store_change(tx: Transaction, found: Deployment, **values: Any) -> Deployment:
    """The deployment with these fields changed, stored; its controller sees the new revision."""
    changed = found.model_copy(
        update={**values, "revision": found.revision + 1, "updated_ms": now_ms()}
    )
    tx.execute(update(deployments).where(deployments.c.id == found.id).values(**row_of(changed)))
    return changed


def node(found: Deployment) -> str:
    """The deployment in events and lineage."""
    return f"deployment:{found.id}"
