"""Deployments over HTTP."""

from __future__ import annotations

from fastapi import Depends

from millwright.deployment import queries, service, traffic
from millwright.deployment.records import (
    Bandit,
    Deployment,
    DeploymentList,
    DeploymentView,
    NewCanary,
    NewDeployment,
    NewVariant,
    Promotion,
    Ruling,
    Weights,
)
from millwright.deployment.views import view_deployment
from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.routing import Call, RoomRouter, current_call

router = RoomRouter(tag="deployment")
_ALL = "/projects/{project}/deployments"
_ONE = _ALL + "/{name}"


@router.put(_ONE, permission=Permission.OPERATE)
def deploy(
    project: Name, name: Name, body: NewDeployment, call: Call = Depends(current_call)
) -> DeploymentView:
    """Serve a version of a model under this name from now on."""
    return _view(call, service.deploy(call.store, call.actor, project, name, body))


@router.get(_ALL, permission=Permission.READ)
def list_deployments(project: Name, call: Call = Depends(current_call)) -> DeploymentList:
    """Every deployment of a project."""
    found = queries.list_deployments(call.store, project)
    return DeploymentList(deployments=tuple(_view(call, one) for one in found))


@router.get(_ONE, permission=Permission.READ)
def get_deployment(project: Name, name: Name, call: Call = Depends(current_call)) -> DeploymentView:
    """One deployment: what should be served, and what is."""
    return _view(call, queries.find_deployment(call.store, project, name))


@router.post(_ONE + "/canary", permission=Permission.OPERATE)
def start_canary(
    project: Name, name: Name, body: NewCanary, call: Call = Depends(current_call)
) -> DeploymentView:
    """Try a challenger on a share of the traffic."""
    return _view(call, service.start_canary(call.store, call.actor, project, name, body))


@router.post(_ONE + "/promote", permission=Permission.OPERATE)
def promote(
    project: Name, name: Name, body: Promotion | None = None, call: Call = Depends(current_call)
) -> DeploymentView:
    """Make a variant, by default the canary, the champion."""
    promotion = body or Promotion()
    return _view(call, service.promote(call.store, call.actor, project, name, promotion))


@router.post(_ONE + "/rollback", permission=Permission.OPERATE)
def roll_back(
    project: Name, name: Name, body: Ruling | None = None, call: Call = Depends(current_call)
) -> DeploymentView:
    """End the canary, or return to the champion before the present one."""
    ruling = body or Ruling()
    return _view(call, service.roll_back(call.store, call.actor, project, name, ruling))


@router.put(_ONE + "/variants/{variant}", permission=Permission.OPERATE)
def put_variant(
    project: Name,
    name: Name,
    variant: Name,
    body: NewVariant,
    call: Call = Depends(current_call),
) -> DeploymentView:
    """Let a version take part in the traffic: with a weight it answers, with a mirror it is
    compared."""
    return _view(call, traffic.put_variant(call.store, call.actor, project, name, variant, body))


@router.delete(_ONE + "/variants/{variant}", permission=Permission.OPERATE)
def remove_variant(
    project: Name, name: Name, variant: Name, call: Call = Depends(current_call)
) -> DeploymentView:
    """Take a variant out of the traffic."""
    return _view(call, traffic.remove_variant(call.store, call.actor, project, name, variant))


@router.put(_ONE + "/weights", permission=Permission.OPERATE)
def set_weights(
    project: Name, name: Name, body: Weights, call: Call = Depends(current_call)
) -> DeploymentView:
    """Share the requests among the variants in other proportions."""
    return _view(call, traffic.set_weights(call.store, call.actor, project, name, body))


@router.put(_ONE + "/bandit", permission=Permission.OPERATE)
def set_bandit(
    project: Name, name: Name, body: Bandit, call: Call = Depends(current_call)
) -> DeploymentView:
    """Let the weights of the arms follow their rewards."""
    return _view(call, traffic.set_bandit(call.store, call.actor, project, name, body))


@router.delete(_ONE + "/bandit", permission=Permission.OPERATE)
def remove_bandit(project: Name, name: Name, call: Call = Depends(current_call)) -> DeploymentView:
    """Keep the weights as they are from now on."""
    return _view(call, traffic.set_bandit(call.store, call.actor, project, name, None))


@router.delete(_ONE, permission=Permission.OPERATE)
def stop_deployment(
    project: Name, name: Name, call: Call = Depends(current_call)
) -> DeploymentView:
    """Stop serving; the history of the deployment stays."""
    return _view(call, service.stop_deployment(call.store, call.actor, project, name))


def _view(call: Call, deployment: Deployment) -> DeploymentView:
    return view_deployment(call.store, deployment)
