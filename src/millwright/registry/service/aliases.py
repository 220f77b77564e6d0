"""Aliases: names that move from version to version; their history is in the event log."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.config import RegistryConfig
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.store import Store, Transaction
from millwright.registry.records import CHAMPION, AliasChange, AliasState, ModelVersion
from millwright.registry.service.approvals import require_approved
from millwright.registry.service.policy import policy_of
from millwright.registry.service.versions import load_versions, version_row
from millwright.registry.tables import model_aliases


def set_alias(
    store: Store, actor: Actor, project: str, model: str, alias: str, change: AliasChange
) -> AliasState:
    """Point an alias to a version; pointing it where it points already changes nothing.

    Raises:
        NotFound: there is no such model or version.
        Conflict: the alias is not where ``expected`` says, or the version failed its gates and
            would become champion.
        InvalidInput: an override came without a reason.
    """
    policy = policy_of(store, project)
    with store.write(actor, project) as tx:
        return point_alias(tx, project, model, alias, change, policy=policy)


def point_alias(
    tx: Transaction,
    project: str,
    model: str,
    alias: str,
    change: AliasChange,
    *,
    policy: RegistryConfig | None = None,
) -> AliasState:
    """As ``set_alias``, within the caller's transaction; approvals count where a policy is given."""
    if change.override and change.reason is None:
        raise InvalidInput(
            "registry.override_reason",
            "Overriding failed gates needs a reason.",
            hint="Say why, with --reason '…'; the audit trail keeps it.",
        )
    row = version_row(tx.connection, project, model, change.version)
    version = load_versions(tx.connection, [row])[0]
    known = tx.execute(_one(project, model, alias)).first()
    previous = 0 if known is None else int(known.version)
    if change.expected is not None and change.expected != previous:
        raise _moved(model, alias, change.expected, previous)
    failed = [gate.metric for gate in version.gates if not gate.passed]
    if alias == CHAMPION and failed and not change.override:
        raise _gates_failed(version, failed)
    if policy is not None and previous != change.version:
        require_approved(tx, policy, row, alias)
    if known is not None and previous == change.version:
        return _state(known)
    values = {
        "project": project,
        "model": model,
        "alias": alias,
        "version": change.version,
        "set_ms": clock.now_ms(),
        "actor": tx.actor.name,
    }
    tx.execute(delete(model_aliases).where(*_key(project, model, alias)))
    tx.execute(insert(model_aliases).values(**values))
    payload = {
        "model": model,
        "alias": alias,
        "version": change.version,
        "previous": previous or None,
        "reason": change.reason,
        "overridden_gates": failed if alias == CHAMPION else [],
    }
    tx.event("model.alias-set", f"model-version:{version.id}", payload)
    return _state(tx.execute(_one(project, model, alias)).one())


def remove_alias(store: Store, actor: Actor, project: str, model: str, alias: str) -> AliasState:
    """Remove an alias and say where it pointed; raises ``NotFound``."""
    with store.write(actor, project) as tx:
        known = tx.execute(_one(project, model, alias)).first()
        if known is None:
            raise NotFound(
                "registry.unknown_alias",
                f"The model '{model}' has no alias '{alias}'.",
                hint=f"See its aliases with: mw models show {model}",
                value=alias,
            )
        row = version_row(tx.connection, project, model, known.version)
        tx.execute(delete(model_aliases).where(*_key(project, model, alias)))
        payload = {"model": model, "alias": alias, "version": known.version}
        tx.event("model.alias-removed", f"model-version:{row.id}", payload)
        return _state(known)


def _key(project: str, model: str, alias: str) -> tuple[Any, ...]:
    table = model_aliases.c
    return table.project == project, table.model == model, table.alias == alias


def _one(project: str, model: str, alias: str) -> Any:
    return select(model_aliases).where(*_key(project, model, alias))


def _state(row: Row[Any]) -> AliasState:
    return AliasState(
        alias=row.alias,
        model=row.model,
        version=row.version,
        set_at=clock.rfc3339(row.set_ms),
        actor=row.actor,
    )


def _moved(model: str, alias: str, expected: int, found: int) -> Conflict:
    where = f"points to version {found}" if found else "does not exist"
    awaited = f"version {expected}" if expected else "no such alias"
    return Conflict(
        "registry.alias_moved",
        f"The alias '{alias}' of '{model}' {where}; {awaited} was expected.",
        hint="Somebody else changed it. Look again and decide.",
        value=found,
    )


def _gates_failed(version: ModelVersion, failed: list[str]) -> Conflict:
    return Conflict(
        "registry.gates_failed",
        f"{version.model} version {version.version} failed {len(failed)} of "
        f"{len(version.gates)} gates ({', '.join(failed)}) and cannot become champion.",
        hint="Use another version, or override with a reason that the audit trail keeps.",
        value=failed,
    )
