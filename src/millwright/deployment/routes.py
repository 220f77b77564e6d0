"""Deployments over HTTP."""

from __future__ import annotations

from fastapi import Depends

from millwright.deployment import queries, service
from millwright.deployment.records import (
    Deployment,
    DeploymentList,
    DeploymentView,
    NewCanary,
    NewDeployment,
    Ruling,
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
    project: Name, name: Name, body: Ruling | None = None, call: Call = Depends(current_call)
) -> DeploymentView:
    """Make the canary the champion."""
    ruling = body or Ruling()
    return _view(call, service.promote(call.store, call.actor, project, name, ruling))


@router.post(_ONE + "/rollback", permission=Permission.OPERATE)
def roll_back(
    project: Name, name: Name, body: Ruling | None = None, call: Call = Depends(current_call)
) -> DeploymentView:
    """End the canary, or return to the champion before the present one."""
    ruling = body or Ruling()
    return _view(call, service.roll_back(call.store, call.actor, project, name, ruling))


@router.delete(_ONE, permission=Permission.OPERATE)
def stop_deployment(
    project: Name, name: Name, call: Call = Depends(current_call)
) -> DeploymentView:
    """Stop serving; the history of the deployment stays."""
    return _view(call, service.stop_deployment(call.store, call.actor, project, name))


def _view(call: Call, deployment: Deployment) -> DeploymentView:
    return view_deployment(call.store, deployment)
