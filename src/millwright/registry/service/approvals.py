"""Approvals: who says that a version may take a name, and the policy that asks for it.

The policy stands in ``millwright.yaml`` (``registry.approvals``). Whoever registered a version may
approve it too, but never alone: what the policy asks for is counted among the others.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.config import RegistryConfig
from millwright.kernel.errors import Conflict
from millwright.kernel.store import Store, Transaction
from millwright.registry.records import Approval, ApprovalState, NewApproval
from millwright.registry.service.policy import policy_of
from millwright.registry.service.versions import resolve, version_row
from millwright.registry.tables import model_approvals


def approve(
    store: Store, actor: Actor, project: str, model: str, which: str, new: NewApproval
) -> ApprovalState:
    """Record what an actor says of a version taking an alias; said again, the later word counts.

    Raises:
        NotFound: there is no such model or version.
    """
    with store.write(actor, project) as tx:
        number = resolve(tx.connection, project, model, which)
        row = version_row(tx.connection, project, model, number)
        table = model_approvals.c
        mine = (table.version == row.id, table.alias == new.alias, table.actor == actor.name)
        tx.execute(delete(model_approvals).where(*mine))
        values = {
            "version": row.id,
            "alias": new.alias,
            "actor": actor.name,
            "verdict": new.verdict,
            "comment": new.comment,
            "created_ms": clock.now_ms(),
        }
        tx.execute(insert(model_approvals).values(**values))
        payload = {"model": model, "version": number, "alias": new.alias, "comment": new.comment}
        tx.event(f"model.{new.verdict}", f"model-version:{row.id}", payload)
        return state_of(tx.connection, row, new.alias, policy_of(store, project))


def approvals(store: Store, project: str, model: str, which: str, alias: str) -> ApprovalState:
    """Who said what of a version taking an alias, and whether that is enough."""
    policy = policy_of(store, project)
    with store.read() as connection:
        number = resolve(connection, project, model, which)
        return state_of(connection, version_row(connection, project, model, number), alias, policy)


def require_approved(tx: Transaction, policy: RegistryConfig, row: Row[Any], alias: str) -> None:
    """Refuse an alias that the policy names until enough others approved.

    Raises:
        Conflict: approvals are missing, or somebody rejected the version.
    """
    state = state_of(tx.connection, row, alias, policy)
    if state.granted:
        return
    refused = [each.actor for each in state.said if each.verdict == "rejected"]
    why = (
        f"{', '.join(refused)} rejected it."
        if refused
        else f"It has {state.counted} of {state.required} approvals by others than its author."
    )
    raise Conflict(
        "registry.not_approved",
        f"{row.model} version {row.version} may not become '{alias}' yet. {why}",
        hint=f"Approve it with: mw models approve {row.model} {row.version} --alias {alias}",
        value=alias,
    )


def state_of(
    connection: Connection, row: Row[Any], alias: str, policy: RegistryConfig
) -> ApprovalState:
    """Who said what of the version of a row taking an alias, and whether that is enough."""
    table = model_approvals.c
    query = (
        select(model_approvals)
        .where(table.version == row.id, table.alias == alias)
        .order_by(table.created_ms)
    )
    said = tuple(
        Approval(
            actor=each.actor,
            verdict=each.verdict,
            comment=each.comment,
            at=clock.rfc3339(each.created_ms),
            by_author=each.actor == row.actor,
        )
        for each in connection.execute(query)
    )
    required = policy.approvals.get(alias, 0)
    counted = sum(each.verdict == "approved" and not each.by_author for each in said)
    rejected = any(each.verdict == "rejected" for each in said)
    return ApprovalState(
        model=row.model,
        version=row.version,
        alias=alias,
        required=required,
        counted=counted,
        granted=required == 0 or (counted >= required and not rejected),
        said=said,
    )
