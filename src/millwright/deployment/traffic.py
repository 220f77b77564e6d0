"""Every change of who answers: variants, their weights, and the bandit that sets them."""

from __future__ import annotations

from typing import Any

from millwright.deployment import variants as change
from millwright.deployment.queries import require_deployment
from millwright.deployment.records import (
    CANARY,
    CHAMPION,
    Bandit,
    Deployment,
    NewVariant,
    Variant,
    Weights,
)
from millwright.deployment.stored import node, store_change
from millwright.deployment.versions import choose_version, require_passed
from millwright.kernel.access import Actor
from millwright.kernel.errors import Conflict
from millwright.kernel.store import Store


def put_variant(
    store: Store, actor: Actor, project: str, name: str, variant: str, new: NewVariant
) -> Deployment:
    """Let a version take part in the traffic under a name, from now on.

    Raises:
        NotFound: there is no such deployment or version.
        Conflict: the name has another way, the version is served already or failed its gates, or
            the traffic would not add up.
    """
    _refuse_reserved(variant)
    with store.read() as connection:
        model = require_deployment(connection, project, name).model
    version = choose_version(store, project, model, new)
    if new.weight:
        require_passed(version)
    with store.write(actor, project) as tx:
        found = require_deployment(tx.connection, project, name)
        added = Variant(
            name=variant,
            version_id=version.id,
            version=version.version,
            weight=new.weight,
            mirror=new.mirror,
        )
        if added == found.variant(variant):
            return found
        changed = store_change(tx, found, variants=change.with_variant(found.variants, added))
        payload = {"name": name, **added.model_dump(exclude={"name"}), "variant": variant}
        edges = [(f"model-version:{version.id}", node(found))]
        tx.event("deployment.variant-set", node(found), payload, edges=edges)
        return changed


def remove_variant(store: Store, actor: Actor, project: str, name: str, variant: str) -> Deployment:
    """Take a variant out of the traffic.

    Raises:
        NotFound: there is no such deployment or variant.
        Conflict: it is the champion, or a canary, which is rolled back.
    """
    _refuse_reserved(variant)
    with store.write(actor, project) as tx:
        found = require_deployment(tx.connection, project, name)
        gone = change.named(found.variants, variant)
        changed = store_change(tx, found, variants=change.without(found.variants, variant))
        payload = {"name": name, "variant": variant, "version": gone.version}
        tx.event("deployment.variant-removed", node(found), payload)
        return changed


def set_weights(store: Store, actor: Actor, project: str, name: str, new: Weights) -> Deployment:
    """Share the requests among the variants in other proportions.

    Raises:
        NotFound: there is no such deployment or variant.
        Conflict: nobody would answer.
    """
    with store.write(actor, project) as tx:
        found = require_deployment(tx.connection, project, name)
        wanted = change.reweighted(found.variants, new.weights)
        if wanted == found.variants:
            return found
        changed = store_change(tx, found, variants=wanted)
        payload = {
            "name": name,
            "before": _shares(found),
            "shares": _shares(changed),
            "reason": new.reason,
            "evidence": new.evidence,
        }
        tx.event("deployment.weights-changed", node(found), payload)
        return changed


def set_bandit(
    store: Store, actor: Actor, project: str, name: str, bandit: Bandit | None
) -> Deployment:
    """Let the weights of the arms follow their rewards, or stay as they are from now on.

    Raises:
        NotFound: there is no such deployment.
        Conflict: it has one arm only.
    """
    with store.write(actor, project) as tx:
        found = require_deployment(tx.connection, project, name)
        if bandit is not None and len(arms_of(found)) < 2:
            raise Conflict(
                "deployment.one_arm",
                f"Only the champion answers in '{name}', so there is nothing to choose from.",
                hint="Give another variant a weight first: mw deployments variant",
            )
        if bandit == found.bandit:
            return found
        changed = store_change(tx, found, bandit=bandit)
        rule = None if bandit is None else bandit.model_dump()
        tx.event("deployment.bandit-set", node(found), {"name": name, "bandit": rule})
        return changed


def arms_of(deployment: Deployment) -> tuple[Variant, ...]:
    """The variants among which a bandit chooses: who answers, but for a canary on trial."""
    return tuple(one for one in deployment.variants if one.weight and one.name != CANARY)


def _refuse_reserved(variant: str) -> None:
    ways = {
        CHAMPION: "Serve another version with: mw deploy --version N",
        CANARY: (
            "Begin a trial with: mw deployments canary - and end it with: mw deployments rollback"
        ),
    }
    if variant in ways:
        raise Conflict(
            "deployment.reserved", f"'{variant}' is not changed this way.", hint=ways[variant]
        )


def _shares(deployment: Deployment) -> dict[str, Any]:
    return {one.name: round(deployment.share(one), 6) for one in deployment.variants}
