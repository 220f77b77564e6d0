"""What the monitor watches: the deployments that run, and what it needs to know of their models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from millwright.deployment import Deployment, spool_folder
from millwright.kernel.config import MonitoringConfig
from millwright.kernel.store import Store
from millwright.monitoring.performance import WatchedModel


@dataclass(frozen=True)
class WatchedDeployment:
    """A deployment whose prediction log is evaluated."""

    id: str
    project: str
    name: str
    model: str
    champion_version_id: str
    spool: Path


class Catalog(Protocol):
    """Where the monitor learns what is deployed."""

    def deployments(self) -> Sequence[WatchedDeployment]:
        """The deployments to watch."""

    def policy(self, project: str) -> MonitoringConfig:
        """The project's thresholds."""

    def model(self, deployment: WatchedDeployment, version_id: str) -> WatchedModel | None:
        """What a version promises; None when that cannot be known."""


def watched(store: Store, deployment: Deployment) -> WatchedDeployment:
    """A deployment as the monitor sees it."""
    return WatchedDeployment(
        id=deployment.id,
        project=deployment.project,
        name=deployment.name,
        model=deployment.model,
        champion_version_id=deployment.champion_version_id,
        spool=spool_folder(store.workspace, deployment.id),
    )
