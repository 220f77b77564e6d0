"""Deployments: what should be served, and processes made to match it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from millwright.deployment.bandit import ArmEvidence, probabilities_of_best, thompson_shares
    from millwright.deployment.canary import (
        CanaryEvidence,
        Decision,
        Requests,
        analyse_canary,
    )
    from millwright.deployment.controller import DeploymentController
    from millwright.deployment.evidence.means import Interval, confidence_sequence
    from millwright.deployment.losses import row_losses
    from millwright.deployment.queries import (
        find_deployment,
        list_deployments,
        rollouts_of,
        running_deployments,
        spool_folder,
    )
    from millwright.deployment.records import (
        Bandit,
        Deployment,
        DeploymentView,
        NewCanary,
        NewDeployment,
        NewVariant,
        Promotion,
        Replica,
        Rollout,
        Ruling,
        Variant,
        VariantView,
        Weights,
    )
    from millwright.deployment.service import (
        deploy,
        promote,
        roll_back,
        start_canary,
        stop_deployment,
    )
    from millwright.deployment.traffic import (
        arms_of,
        put_variant,
        remove_variant,
        set_bandit,
        set_weights,
    )
    from millwright.deployment.variants import named
    from millwright.deployment.views import view_deployment

_HOMES = {
    "ArmEvidence": "bandit",
    "probabilities_of_best": "bandit",
    "thompson_shares": "bandit",
    "named": "variants",
    "Bandit": "records",
    "NewVariant": "records",
    "Promotion": "records",
    "Variant": "records",
    "Weights": "records",
    "arms_of": "traffic",
    "put_variant": "traffic",
    "remove_variant": "traffic",
    "set_bandit": "traffic",
    "set_weights": "traffic",
    "Decision": "canary",
    "CanaryEvidence": "canary",
    "Deployment": "records",
    "DeploymentController": "controller",
    "DeploymentView": "records",
    "Interval": "evidence.means",
    "NewCanary": "records",
    "NewDeployment": "records",
    "Replica": "records",
    "Rollout": "records",
    "Requests": "canary",
    "Ruling": "records",
    "VariantView": "records",
    "confidence_sequence": "evidence.means",
    "analyse_canary": "canary",
    "deploy": "service",
    "find_deployment": "queries",
    "list_deployments": "queries",
    "promote": "service",
    "roll_back": "service",
    "row_losses": "losses",
    "rollouts_of": "queries",
    "running_deployments": "queries",
    "spool_folder": "queries",
    "start_canary": "service",
    "stop_deployment": "service",
    "view_deployment": "views",
}

__all__ = [
    "ArmEvidence",
    "Bandit",
    "CanaryEvidence",
    "Decision",
    "Deployment",
    "DeploymentController",
    "DeploymentView",
    "Interval",
    "NewCanary",
    "NewDeployment",
    "NewVariant",
    "Promotion",
    "Replica",
    "Requests",
    "Rollout",
    "Ruling",
    "Variant",
    "VariantView",
    "Weights",
    "analyse_canary",
    "arms_of",
    "confidence_sequence",
    "deploy",
    "find_deployment",
    "list_deployments",
    "named",
    "probabilities_of_best",
    "promote",
    "put_variant",
    "remove_variant",
    "roll_back",
    "rollouts_of",
    "row_losses",
    "running_deployments",
    "set_bandit",
    "set_weights",
    "spool_folder",
    "start_canary",
    "stop_deployment",
    "thompson_shares",
    "view_deployment",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
