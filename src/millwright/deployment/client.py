"""Deployments through the one door."""

from __future__ import annotations

from urllib.parse import quote

from millwright.deployment.records import (
    Bandit,
    DeploymentList,
    DeploymentView,
    NewCanary,
    NewDeployment,
    NewVariant,
    Promotion,
    Ruling,
    Weights,
)
from millwright.kernel.door import Door


def deploy(door: Door, project: str, name: str, new: NewDeployment) -> DeploymentView:
    """Serve a version of a model under a name from now on.

    Raises:
        NotFound: there is no such model or version.
        Conflict: the name serves another model.
    """
    return DeploymentView.model_validate(door.put(_path(project, name), new))


def list_deployments(door: Door, project: str) -> tuple[DeploymentView, ...]:
    """Every deployment of a project, by name."""
    answer = door.get(f"/projects/{project}/deployments")
    return DeploymentList.model_validate(answer).deployments


def get_deployment(door: Door, project: str, name: str) -> DeploymentView:
    """One deployment; raises ``NotFound``."""
    return DeploymentView.model_validate(door.get(_path(project, name)))


def start_canary(door: Door, project: str, name: str, new: NewCanary) -> DeploymentView:
    """Try a challenger on a share of the traffic; raises ``NotFound`` or ``Conflict``."""
    return DeploymentView.model_validate(door.post(f"{_path(project, name)}/canary", new))


def promote(door: Door, project: str, name: str, promotion: Promotion) -> DeploymentView:
    """Make a variant the champion; raises ``NotFound`` or ``Conflict``."""
    return DeploymentView.model_validate(door.post(f"{_path(project, name)}/promote", promotion))


def put_variant(
    door: Door, project: str, name: str, variant: str, new: NewVariant
) -> DeploymentView:
    """Let a version take part in the traffic; raises ``NotFound`` or ``Conflict``."""
    path = f"{_path(project, name)}/variants/{quote(variant, safe='')}"
    return DeploymentView.model_validate(door.put(path, new))


def remove_variant(door: Door, project: str, name: str, variant: str) -> DeploymentView:
    """Take a variant out of the traffic; raises ``NotFound`` or ``Conflict``."""
    path = f"{_path(project, name)}/variants/{quote(variant, safe='')}"
    return DeploymentView.model_validate(door.delete(path))


def set_weights(door: Door, project: str, name: str, new: Weights) -> DeploymentView:
    """Share the requests in other proportions; raises ``NotFound`` or ``Conflict``."""
    return DeploymentView.model_validate(door.put(f"{_path(project, name)}/weights", new))


def set_bandit(door: Door, project: str, name: str, bandit: Bandit | None) -> DeploymentView:
    """Let the weights follow rewards, or with None no longer; raises ``NotFound``, ``Conflict``."""
    path = f"{_path(project, name)}/bandit"
    return DeploymentView.model_validate(
        door.delete(path) if bandit is None else door.put(path, bandit)
    )


def roll_back(door: Door, project: str, name: str, ruling: Ruling) -> DeploymentView:
    """End the canary or return to the champion before; raises ``NotFound`` or ``Conflict``."""
    return DeploymentView.model_validate(door.post(f"{_path(project, name)}/rollback", ruling))


def stop_deployment(door: Door, project: str, name: str) -> DeploymentView:
    """Stop serving; raises ``NotFound``."""
    return DeploymentView.model_validate(door.delete(_path(project, name)))


def _path(project: str, name: str) -> str:
    return f"/projects/{project}/deployments/{quote(name, safe='')}"
