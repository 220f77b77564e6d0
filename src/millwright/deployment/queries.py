"""What deployments there are, without changing any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, or_, select
from sqlalchemy.engine import Row

from millwright.deployment.records import Deployment, Replica, Rollout
from millwright.deployment.tables import deployment_replicas, deployment_rollouts, deployments
from millwright.kernel.errors import NotFound, nearest
from millwright.kernel.nodes import LineageNode, describes, finds
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace


def spool_folder(workspace: Workspace, deployment_id: str) -> Path:
    """Where the inference server of a deployment leaves its prediction log."""
    return workspace.state / "spool" / deployment_id


def find_deployment(store: Store, project: str, name: str) -> Deployment:
    """One deployment by name.

    Raises:
        NotFound: the project has none of that name.
    """
    with store.read() as connection:
        return require_deployment(connection, project, name)


def list_deployments(store: Store, project: str) -> tuple[Deployment, ...]:
    """Every deployment of a project, by name, stopped ones included."""
    query = select(deployments).where(deployments.c.project == project).order_by(deployments.c.name)
    with store.read() as connection:
        return tuple(deployment_of(row) for row in connection.execute(query))


def running_deployments(store: Store) -> tuple[Deployment, ...]:
    """Every deployment that should be running, of all projects."""
    query = select(deployments).where(deployments.c.status == "running").order_by(deployments.c.id)
    with store.read() as connection:
        return tuple(deployment_of(row) for row in connection.execute(query))


def rollouts_of(store: Store, deployment_id: str, *, limit: int = 20) -> tuple[Rollout, ...]:
    """The canaries of a deployment, newest first; the first may still be going on."""
    with store.read() as connection:
        return read_rollouts(connection, deployment_id, limit=limit)


def replica_of(store: Store, deployment_id: str) -> Replica | None:
    """The last that was seen of the process behind a deployment."""
    query = select(deployment_replicas).where(deployment_replicas.c.deployment_id == deployment_id)
    with store.read() as connection:
        row = connection.execute(query).first()
    return None if row is None else Replica(**row._mapping)


def require_deployment(connection: Connection, project: str, name: str) -> Deployment:
    """As ``find_deployment``, within a transaction in progress."""
    found = deployment_named(connection, project, name)
    if found is not None:
        return found
    query = select(deployments.c.name).where(deployments.c.project == project)
    known = list(connection.execute(query).scalars())
    guess = nearest(name, known)
    hint = f"Did you mean '{guess}'?" if guess else "Create one with: mw deploy"
    raise NotFound("deployment.unknown", f"There is no deployment '{name}'.", hint=hint)


def deployment_named(connection: Connection, project: str, name: str) -> Deployment | None:
    """The deployment of that name, if there is one."""
    query = select(deployments).where(deployments.c.project == project, deployments.c.name == name)
    row = connection.execute(query).first()
    return None if row is None else deployment_of(row)


def read_rollouts(
    connection: Connection, deployment_id: str, *, limit: int = 20
) -> tuple[Rollout, ...]:
    """As ``rollouts_of``, within a transaction in progress."""
    query = (
        select(deployment_rollouts)
        .where(deployment_rollouts.c.deployment_id == deployment_id)
        .order_by(deployment_rollouts.c.id.desc())
        .limit(limit)
    )
    return tuple(_rollout(row) for row in connection.execute(query))


def deployment_of(row: Row[Any]) -> Deployment:
    """The record in a row of ``deployments``."""
    fields = dict(row._mapping)
    for name in _AS_JSON:
        fields[name] = None if fields[name] is None else json.loads(fields[name])
    return Deployment.model_validate(fields)


def row_of(deployment: Deployment) -> dict[str, Any]:
    """The values of a row of ``deployments``; ``deployment_of`` gives the record back."""
    fields = deployment.model_dump(mode="json")
    for name in _AS_JSON:
        fields[name] = None if fields[name] is None else json.dumps(fields[name])
    return fields


_AS_JSON = ("variants", "bandit", "serving")


def _rollout(row: Row[Any]) -> Rollout:
    fields = dict(row._mapping)
    return Rollout(**{**fields, "evidence": json.loads(fields["evidence"])})


@finds("deployment")
def _find(connection: Connection, project: str, text: str) -> list[str]:
    table = deployments.c
    query = select(table.id).where(
        table.project == project, or_(table.name == text, table.id == text)
    )
    return list(connection.execute(query).scalars())


@describes("deployment", lasting=True)
def _describe(connection: Connection, project: str, ids: list[str]) -> dict[str, LineageNode]:
    query = select(deployments.c.id, deployments.c.name).where(
        deployments.c.project == project, deployments.c.id.in_(ids)
    )
    return {
        f"deployment:{row.id}": LineageNode(
            id=f"deployment:{row.id}",
            kind="deployment",
            label=row.name,
            href=f"/deployments/{row.name}",
        )
        for row in connection.execute(query)
    }
