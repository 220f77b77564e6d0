"""The history of every target: each release and each return is one transaction with its event."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Row

from millwright.deployment.tables import deployment_releases
from millwright.deployment.targets.records import NewRelease, ReleaseView, Return
from millwright.deployment.versions import choose_version, require_passed
from millwright.kernel.access import Actor
from millwright.kernel.clock import now_ms, rfc3339
from millwright.kernel.errors import Conflict, NotFound
from millwright.kernel.ids import new_id
from millwright.kernel.store import Store

_TABLE = deployment_releases.c


def record_release(
    store: Store, actor: Actor, project: str, name: str, target: str, new: NewRelease
) -> ReleaseView:
    """Keep that a version is at a target now.

    Raises:
        NotFound: there is no such model or version.
        Conflict: the version failed its gates.
    """
    version = choose_version(store, project, new.model, new)
    require_passed(version)
    release = new_id()
    node = f"release:{release}"
    with store.write(actor, project) as tx:
        tx.execute(
            insert(deployment_releases).values(
                id=release,
                project=project,
                name=name,
                target=target,
                model=new.model,
                version_id=version.id,
                version=version.version,
                settings=new.settings.model_dump_json(),
                made=json.dumps(new.made),
                actor=actor.name,
                created_ms=now_ms(),
                left_ms=None,
                reason="",
            )
        )
        tx.event(
            "deployment.released",
            node,
            {
                "name": name,
                "target": target,
                "kind": new.settings.kind,
                "model": new.model,
                "version": version.version,
                "made": new.made,
            },
            edges=[(f"model-version:{version.id}", node)],
        )
    return find_release(store, project, release)


def record_return(
    store: Store, actor: Actor, project: str, name: str, target: str, back: Return
) -> ReleaseView:
    """Keep that a target serves again what it did before; the release that it serves now.

    Raises:
        NotFound: there is no such release.
        Conflict: another release was made, or taken back, in the meantime.
    """
    with store.write(actor, project) as tx:
        rows = tx.connection.execute(_standing(project, name, target).limit(2)).all()
        if not rows or rows[0].id != back.left or len(rows) < 2:
            raise Conflict(
                "targets.moved_on",
                f"The target '{target}' of '{name}' has changed in the meantime.",
                hint=f"Look first: mw deployments releases {name}",
            )
        tx.execute(
            update(deployment_releases)
            .where(_TABLE.id == back.left)
            .values(left_ms=now_ms(), reason=back.reason)
        )
        made = {**json.loads(rows[1].made), **back.made}
        tx.execute(
            update(deployment_releases).where(_TABLE.id == rows[1].id).values(made=json.dumps(made))
        )
        tx.event(
            "deployment.release-taken-back",
            f"release:{back.left}",
            {
                "name": name,
                "target": target,
                "left": rows[0].version,
                "version": rows[1].version,
                "reason": back.reason,
            },
        )
    return find_release(store, project, rows[1].id)


def list_releases(store: Store, project: str, name: str | None = None) -> tuple[ReleaseView, ...]:
    """The releases of a project, or those of one deployment name, newest first."""
    query = select(deployment_releases).where(_TABLE.project == project)
    if name is not None:
        query = query.where(_TABLE.name == name)
    with store.read() as connection:
        rows = connection.execute(query.order_by(_TABLE.id.desc()).limit(500)).all()
    return tuple(_view(row) for row in rows)


def find_release(store: Store, project: str, release: str) -> ReleaseView:
    """One release; raises ``NotFound``."""
    query = select(deployment_releases).where(_TABLE.project == project, _TABLE.id == release)
    with store.read() as connection:
        row = connection.execute(query).first()
    if row is None:
        raise NotFound("targets.no_release", f"There is no release '{release}'.")
    return _view(row)


def _standing(project: str, name: str, target: str) -> Any:
    """The releases at a target that were not taken back, newest first."""
    return (
        select(deployment_releases)
        .where(
            _TABLE.project == project,
            _TABLE.name == name,
            _TABLE.target == target,
            _TABLE.left_ms.is_(None),
        )
        .order_by(_TABLE.id.desc())
    )


def _view(row: Row[Any]) -> ReleaseView:
    return ReleaseView(
        id=row.id,
        name=row.name,
        target=row.target,
        model=row.model,
        version=row.version,
        version_id=row.version_id,
        settings=json.loads(row.settings),
        made=json.loads(row.made),
        actor=row.actor,
        released_at=rfc3339(row.created_ms),
        left_at=None if row.left_ms is None else rfc3339(row.left_ms),
        reason=row.reason,
    )
