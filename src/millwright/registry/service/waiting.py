"""What waits for somebody's word: versions that a policy holds back from an alias."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.engine import Row

from millwright.kernel.access import Actor, Permission
from millwright.kernel.store import Store
from millwright.registry.records import ApprovalState, ModelVersion, WaitingApproval
from millwright.registry.service.approvals import state_of
from millwright.registry.service.policy import policy_of
from millwright.registry.service.versions import load_versions
from millwright.registry.tables import model_aliases, model_approvals, model_versions

_MOST_VERSIONS = 200


def waiting(store: Store, actor: Actor, project: str) -> list[WaitingApproval]:
    """The versions that approvals are asked for, newest first.

    For each alias of the policy: the newest version of a model that is newer than the one that has
    the alias, and every other such version that somebody has spoken of. Versions whose gates failed
    are not among them, nor those that have all the approvals they need.
    """
    policy = policy_of(store, project)
    aliases = [alias for alias, count in policy.approvals.items() if count > 0]
    if not aliases:
        return []
    found = []
    with store.read() as connection:
        for alias in aliases:
            for row in _held_back(connection, project, alias):
                state = state_of(connection, row, alias, policy)
                if not state.granted:
                    version = load_versions(connection, [row])[0]
                    found.append(_entry(actor, version, state))
    return sorted(found, key=lambda entry: entry.version.created_at, reverse=True)


def _held_back(connection: Connection, project: str, alias: str) -> Iterable[Row[Any]]:
    table = model_versions.c
    query = (
        select(model_versions)
        .where(table.project == project, table.deleted_ms.is_(None), table.status != "rejected")
        .order_by(table.updated_ms.desc())
        .limit(_MOST_VERSIONS)
    )
    holders = select(model_aliases.c.model, model_aliases.c.version).where(
        model_aliases.c.project == project, model_aliases.c.alias == alias
    )
    holder = {row.model: row.version for row in connection.execute(holders)}
    later = [row for row in connection.execute(query) if row.version > holder.get(row.model, 0)]
    newest: dict[str, int] = {}
    for row in later:
        newest[row.model] = max(newest.get(row.model, 0), row.version)
    spoken = select(model_approvals.c.version).where(
        model_approvals.c.alias == alias,
        model_approvals.c.version.in_([row.id for row in later]),
    )
    said = {row.version for row in connection.execute(spoken)}
    return [row for row in later if row.version == newest[row.model] or row.id in said]


def _entry(actor: Actor, version: ModelVersion, state: ApprovalState) -> WaitingApproval:
    mine = next((each.verdict for each in state.said if each.actor == actor.name), None)
    if not actor.may(Permission.OPERATE):
        may, why = False, f"Your role is {actor.role}; to decide takes the role operator."
    elif version.actor == actor.name:
        may, why = False, "You registered this version, so somebody else has to decide."
    elif mine is not None:
        may, why = True, f"You have {mine} it; you can change your mind."
    else:
        may, why = True, ""
    return WaitingApproval(version=version, state=state, may_decide=may, why=why, mine=mine)
