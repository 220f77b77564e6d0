"""The controller of deployments: makes processes match what should be served."""

from __future__ import annotations

import logging

from sqlalchemy import select

from millwright.deployment.observed import forget_replica
from millwright.deployment.processes import ProcessTarget
from millwright.deployment.queries import running_deployments
from millwright.deployment.tables import deployment_replicas, deployments
from millwright.kernel.store import Store

_log = logging.getLogger("millwright.deployment")


class DeploymentController:
    """Looks after the inference servers of one workspace.

    ``reconcile`` is called about twice a second; ``shutdown`` once at the end. The servers are
    children with a lifeline: should this process be killed, they end by themselves.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._targets: dict[str, tuple[str, ProcessTarget]] = {}
        """By deployment: its project and its process."""

    def reconcile(self) -> None:
        """Take the next step for every deployment; one that fails does not hold up the others."""
        running = {deployment.id: deployment for deployment in running_deployments(self._store)}
        for gone in [known for known in self._targets if known not in running]:
            project, target = self._targets.pop(gone)
            target.stop(project)
        self._forget_strangers(set(running))
        for deployment in running.values():
            if deployment.id not in self._targets:
                target = ProcessTarget(self._store, deployment.id)
                self._targets[deployment.id] = (deployment.project, target)
            try:
                self._targets[deployment.id][1].reconcile(deployment)
            except Exception:
                _log.exception("%s could not be looked after and is tried again", deployment.name)

    def shutdown(self) -> None:
        """End every server; they drain side by side."""
        for _, target in self._targets.values():
            target.begin_stop()
        while self._targets:
            _, (project, target) = self._targets.popitem()
            target.stop(project)

    def _forget_strangers(self, running: set[str]) -> None:
        """Take back what a killed predecessor said of deployments that were stopped since."""
        query = select(deployment_replicas.c.deployment_id, deployments.c.project).join(
            deployments, deployments.c.id == deployment_replicas.c.deployment_id
        )
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            if row.deployment_id not in running:
                forget_replica(self._store, row.deployment_id, row.project)
