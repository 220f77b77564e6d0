"""What the controller saw of the processes, written down for those who ask."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import delete, insert, update

from millwright.deployment.queries import replica_of
from millwright.deployment.records import Deployment, Replica
from millwright.deployment.tables import deployment_replicas, deployments
from millwright.kernel.access import SYSTEM
from millwright.kernel.clock import now_ms
from millwright.kernel.store import Store

_EVENTS = {"ready": "deployment.replica-ready", "failed": "deployment.replica-failed"}


def record_replica(store: Store, deployment: Deployment, seen: Replica) -> None:
    """Keep what was seen, with an event when a process became ready or failed.

    Seeing the same again writes nothing.
    """
    before = replica_of(store, deployment.id)
    unchanged = before is not None and seen == before.model_copy(
        update={"updated_ms": seen.updated_ms}
    )
    if unchanged:
        return
    with store.write(SYSTEM, deployment.project) as tx:
        tx.execute(
            delete(deployment_replicas).where(deployment_replicas.c.deployment_id == deployment.id)
        )
        tx.execute(insert(deployment_replicas).values(**seen.model_dump()))
        if seen.state in _EVENTS:
            payload = {
                "name": deployment.name,
                "pid": seen.pid,
                "port": seen.port,
                "revision": seen.revision,
                "message": seen.message,
            }
            tx.event(_EVENTS[seen.state], f"deployment:{deployment.id}", payload)


def forget_replica(store: Store, deployment_id: str, project: str) -> None:
    """There is no process any more, on purpose."""
    if replica_of(store, deployment_id) is None:
        return
    with store.write(SYSTEM, project) as tx:
        tx.execute(
            delete(deployment_replicas).where(deployment_replicas.c.deployment_id == deployment_id)
        )
        tx.event("deployment.replica-ended", f"deployment:{deployment_id}")


def record_port(store: Store, deployment: Deployment, port: int) -> None:
    """Keep the port that was found free; the desired revision stays as it is."""
    with store.write(SYSTEM, deployment.project) as tx:
        tx.execute(
            update(deployments)
            .where(deployments.c.id == deployment.id)
            .values(port=port, updated_ms=now_ms())
        )
        tx.event(
            "deployment.port-chosen",
            f"deployment:{deployment.id}",
            {"name": deployment.name, "port": port, "before": deployment.port or None},
        )


def is_alive(pid: int | None) -> bool:
    """Whether a process is there: a killed control plane could not take back what it had said.

    One that has ended and waits for its parent to notice does not count.
    """
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        status = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return True
    # The state follows the program's name, which stands in brackets and may hold any character.
    return status.rpartition(")")[2].split()[0] != "Z"
