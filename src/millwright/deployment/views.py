"""Deployments as people see them: desired and actual state together, with an example to copy."""

from __future__ import annotations

import json
import shlex

from millwright.deployment.observed import is_alive
from millwright.deployment.queries import replica_of, rollouts_of
from millwright.deployment.records import (
    Deployment,
    DeploymentView,
    Health,
    Replica,
    ReplicaView,
    Rollout,
    RolloutView,
    VariantView,
)
from millwright.deployment.versions import example_row, version_of
from millwright.kernel.clock import rfc3339
from millwright.kernel.model_package import Field
from millwright.kernel.store import Store


def view_deployment(store: Store, deployment: Deployment) -> DeploymentView:
    """A deployment with its endpoint, variants, process and rollouts."""
    replica = replica_of(store, deployment.id)
    if replica is not None and not is_alive(replica.pid):
        replica = None if replica.state != "failed" else replica
    endpoint = f"http://127.0.0.1:{deployment.port}" if deployment.port else None
    infer = None if endpoint is None else f"{endpoint}/v2/models/{deployment.model}/infer"
    champion = version_of(store, deployment, deployment.variants[0])
    return DeploymentView(
        id=deployment.id,
        project=deployment.project,
        name=deployment.name,
        model=deployment.model,
        status=deployment.status,
        health=health(deployment, replica),
        revision=deployment.revision,
        endpoint=endpoint,
        infer_url=infer,
        example=None
        if infer is None
        else example_request(infer, champion.signature, example_row(store, champion)),
        variants=variants_of(deployment),
        bandit=deployment.bandit,
        serving=deployment.serving.model_copy(update={"keys": ()}),
        keys=tuple(key.name for key in deployment.serving.keys),
        replicas=() if replica is None else (_replica(replica),),
        rollouts=tuple(_rollout(one) for one in rollouts_of(store, deployment.id)),
        created_at=rfc3339(deployment.created_ms),
        updated_at=rfc3339(deployment.updated_ms),
    )


def health(deployment: Deployment, replica: Replica | None) -> Health:
    """What is true of a deployment in one word; ``waiting`` is for a control plane to start it."""
    if deployment.status == "stopped":
        return "stopped"
    if replica is None:
        return "waiting"
    if replica.state == "ready":
        return "ready" if replica.revision == deployment.revision else "updating"
    return replica.state


def variants_of(deployment: Deployment) -> tuple[VariantView, ...]:
    """The versions behind the endpoint and the shares of traffic that they answer."""
    return tuple(
        VariantView(**variant.model_dump(), share=round(deployment.share(variant), 6))
        for variant in deployment.variants
    )


def example_request(url: str, signature: tuple[Field, ...], row: dict[str, object]) -> str:
    """A curl command that asks for one prediction: of ``row``, by field name."""
    inputs = [
        {
            "name": field.name,
            "shape": [1],
            "datatype": field.datatype,
            "data": [row.get(field.name)],
        }
        for field in signature
    ]
    body = shlex.quote(json.dumps({"inputs": inputs}))
    return f"curl {url} -H 'Content-Type: application/json' -d {body}"


def _replica(replica: Replica) -> ReplicaView:
    return ReplicaView(
        pid=replica.pid,
        port=replica.port,
        state=replica.state,
        revision=replica.revision,
        message=replica.message,
        updated_at=rfc3339(replica.updated_ms),
    )


def _rollout(rollout: Rollout) -> RolloutView:
    return RolloutView(
        id=rollout.id,
        champion_version=rollout.champion_version,
        canary_version=rollout.canary_version,
        share=rollout.share,
        started_at=rfc3339(rollout.started_ms),
        decided_at=None if rollout.decided_ms is None else rfc3339(rollout.decided_ms),
        outcome=rollout.outcome,
        reason=rollout.reason,
        evidence=rollout.evidence,
    )
