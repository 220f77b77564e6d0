"""Every change of what should be served: one transaction each, with its event."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, update

from millwright.deployment.queries import deployment_named, require_deployment, row_of
from millwright.deployment.records import (
    CANARY,
    CHAMPION,
    Deployment,
    NewCanary,
    NewDeployment,
    Promotion,
    Ruling,
    Variant,
)
from millwright.deployment.rollouts import (
    begin_rollout,
    champion_before,
    close_rollout,
    end_rollout,
)
from millwright.deployment.stored import node, store_change
from millwright.deployment.tables import deployment_rollouts, deployments
from millwright.deployment.variants import promoted, with_canary, with_champion, without
from millwright.deployment.versions import choose_version, make_champion, require_passed
from millwright.kernel.access import Actor, Permission
from millwright.kernel.clock import now_ms
from millwright.kernel.errors import Conflict, Forbidden
from millwright.kernel.ids import new_id
from millwright.kernel.serving_config import ServingConfig
from millwright.kernel.store import Store, Transaction
from millwright.registry import ModelVersion

_NO_RULING = Ruling()
_THE_CANARY = Promotion()


def deploy(store: Store, actor: Actor, project: str, name: str, new: NewDeployment) -> Deployment:
    """Serve a version under a name from now on; asking for what is so already changes nothing.

    Raises:
        NotFound: there is no such model or version.
        Conflict: the name serves another model, or the version failed its gates.
        Forbidden: packages are to run code, and only an administrator may say so.
    """
    version = choose_version(store, project, new.model, new)
    require_passed(version)
    with store.write(actor, project) as tx:
        found = deployment_named(tx.connection, project, name)
        _require_trust(actor, found, new)
        if found is None:
            return _create(tx, project, name, new, version)
        if found.model != new.model:
            raise Conflict(
                "deployment.other_model",
                f"The deployment '{name}' serves the model '{found.model}', not '{new.model}'.",
                hint="Choose another name for it with --name.",
            )
        return _redeploy(tx, found, new, version)


def start_canary(store: Store, actor: Actor, project: str, name: str, new: NewCanary) -> Deployment:
    """Try a challenger on a share of the traffic; one that is on trial already is superseded.

    Raises:
        NotFound: there is no such deployment or version.
        Conflict: the deployment is stopped, or the version is its champion.
    """
    with store.read() as connection:
        model = require_deployment(connection, project, name).model
    version = choose_version(store, project, model, new)
    with store.write(actor, project) as tx:
        found = require_deployment(tx.connection, project, name)
        if found.status != "running":
            raise Conflict(
                "deployment.stopped",
                f"The deployment '{name}' is stopped.",
                hint=f"Start it first with: mw deploy {found.model} --name {name}",
            )
        wanted = with_canary(found.variants, version.id, version.version, new.share)
        end_rollout(
            tx, found, "superseded", Ruling(reason=f"Version {version.version} came after it.")
        )
        changed = store_change(tx, found, variants=wanted)
        begin_rollout(tx, found, version.id, version.version, new.share)
        tx.event(
            "deployment.canary-started",
            node(found),
            {
                "name": name,
                "champion": found.champion_version,
                "canary": version.version,
                "share": new.share,
            },
            edges=[(f"model-version:{version.id}", node(found))],
        )
        return changed


def promote(
    store: Store, actor: Actor, project: str, name: str, promotion: Promotion = _THE_CANARY
) -> Deployment:
    """Make a variant, by default the canary, the champion: here and in the registry.

    Raises:
        NotFound: there is no such deployment or variant.
        Conflict: no canary is on trial, or the version failed its gates.
    """
    ruling = Ruling(reason=promotion.reason, evidence=promotion.evidence)
    with store.write(actor, project) as tx:
        found = require_deployment(tx.connection, project, name)
        winner = found.variant(promotion.variant)
        if winner is None and promotion.variant == CANARY:
            raise _no_canary(found)
        wanted = promoted(found.variants, promotion.variant)
        if winner is None or winner is found.variants[0]:
            return found
        if winner.name == CANARY:
            end_rollout(tx, found, "promoted", ruling)
        else:
            end_rollout(
                tx, found, "superseded", Ruling(reason=f"The variant '{winner.name}' was promoted.")
            )
            rollout = begin_rollout(
                tx, found, winner.version_id, winner.version, found.share(winner)
            )
            close_rollout(tx, rollout, "promoted", ruling)
        changed = store_change(tx, found, variants=wanted)
        make_champion(tx, project, found.model, winner.version)
        _say_moved(tx, changed, "deployment.promoted", found.champion_version, ruling)
        return changed


def roll_back(
    store: Store, actor: Actor, project: str, name: str, ruling: Ruling = _NO_RULING
) -> Deployment:
    """End the canary; where none is on trial, return to the champion before the present one.

    Raises:
        NotFound: there is no such deployment.
        Conflict: there is neither a canary nor an earlier champion.
    """
    with store.write(actor, project) as tx:
        found = require_deployment(tx.connection, project, name)
        canary = found.variant(CANARY)
        if canary is not None:
            end_rollout(tx, found, "rolled-back", ruling)
            changed = store_change(tx, found, variants=without(found.variants, CANARY))
            _say_moved(tx, changed, "deployment.rolled-back", canary.version, ruling)
            return changed
        before = champion_before(tx, found)
        returned = with_champion(
            found.variants, before.champion_version_id, before.champion_version
        )
        changed = store_change(tx, found, variants=returned)
        tx.execute(
            update(deployment_rollouts)
            .where(deployment_rollouts.c.id == before.id)
            .values(outcome="rolled-back", decided_ms=now_ms(), reason=ruling.reason)
        )
        make_champion(
            tx,
            project,
            found.model,
            before.champion_version,
            restored=ruling.reason or f"Rolled back from version {found.champion_version}.",
        )
        _say_moved(tx, changed, "deployment.rolled-back", found.champion_version, ruling)
        return changed


def stop_deployment(store: Store, actor: Actor, project: str, name: str) -> Deployment:
    """Serve it no longer; its history stays, and ``deploy`` starts it again.

    Raises:
        NotFound: there is no such deployment.
    """
    with store.write(actor, project) as tx:
        found = require_deployment(tx.connection, project, name)
        if found.status == "stopped":
            return found
        end_rollout(tx, found, "superseded", Ruling(reason="The deployment was stopped."))
        left = without(found.variants, CANARY)
        changed = store_change(tx, found, status="stopped", variants=left)
        tx.event("deployment.stopped", node(found), {"name": name, "model": found.model})
        return changed


def _require_trust(actor: Actor, found: Deployment | None, new: NewDeployment) -> None:
    """Code of a package runs as the control plane's user, so who may let it is who may do all."""
    wanted = new.serving is not None and new.serving.trust_code
    if not wanted or actor.may(Permission.ADMIN) or (found and found.serving.trust_code):
        return
    raise Forbidden(
        "deployment.trust_code",
        "The packages of this deployment are to run code that they hold, and letting them takes the "
        "role admin.",
        hint="Ask an administrator to run: mw deploy --trust-code",
    )


def _create(
    tx: Transaction, project: str, name: str, new: NewDeployment, version: ModelVersion
) -> Deployment:
    now = now_ms()
    created = Deployment(
        id=new_id(),
        project=project,
        name=name,
        model=new.model,
        variants=(
            Variant(name=CHAMPION, version_id=version.id, version=version.version, weight=1.0),
        ),
        serving=new.serving or ServingConfig(),
        port=new.port,
        status="running",
        revision=1,
        created_ms=now,
        updated_ms=now,
    )
    tx.execute(insert(deployments).values(**row_of(created)))
    tx.event(
        "deployment.created",
        node(created),
        {"name": name, "model": new.model, "version": version.version},
        edges=[(f"model-version:{version.id}", node(created))],
    )
    return created


def _redeploy(
    tx: Transaction, found: Deployment, new: NewDeployment, version: ModelVersion
) -> Deployment:
    port = new.port or found.port
    serving = new.serving or found.serving
    same_champion = version.id == found.champion_version_id
    same_settings = port == found.port and serving == found.serving
    if same_champion and found.status == "running" and same_settings:
        return found
    changes: dict[str, Any] = {"status": "running", "port": port, "serving": serving}
    if not same_champion:
        end_rollout(
            tx, found, "superseded", Ruling(reason=f"Version {version.version} was deployed.")
        )
        changes["variants"] = with_champion(found.variants, version.id, version.version)
        # Kept as a rollout of everything at once, so that it too can be rolled back.
        rollout = begin_rollout(tx, found, version.id, version.version, 1.0)
        close_rollout(tx, rollout, "promoted", Ruling(reason="Deployed directly."))
    changed = store_change(tx, found, **changes)
    tx.event(
        "deployment.updated",
        node(found),
        {"name": found.name, "model": found.model, "version": version.version},
        edges=[(f"model-version:{version.id}", node(found))],
    )
    return changed


def _say_moved(tx: Transaction, changed: Deployment, kind: str, left: int, ruling: Ruling) -> None:
    payload = {
        "name": changed.name,
        "champion": changed.champion_version,
        "left": left,
        "reason": ruling.reason,
    }
    edges = [(f"model-version:{changed.champion_version_id}", node(changed))]
    tx.event(kind, node(changed), payload, edges=edges)


def _no_canary(found: Deployment) -> Conflict:
    return Conflict(
        "deployment.no_canary",
        f"No canary is on trial in '{found.name}'.",
        hint="Start one first: POST …/deployments/NAME/canary, or deploy the version directly.",
    )
