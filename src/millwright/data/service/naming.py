"""Tags and branches: names for versions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select, update

from millwright.data.records import DatasetRef, NewRef
from millwright.data.references import check_ref_name
from millwright.data.service.intake import take_journal
from millwright.data.service.queries import find_row, unknown_dataset
from millwright.data.tables import dataset_refs, dataset_versions, removed_refs
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.errors import Conflict, NotFound
from millwright.kernel.store import Store

_R = dataset_refs.c


def put_ref(
    store: Store, actor: Actor, project: str, name: str, ref: str, request: NewRef
) -> DatasetRef:
    """Name a version. The same name for the same version changes nothing.

    Raises:
        InvalidInput: the name could be taken for something else.
        NotFound: there is no such version.
        Conflict: the name is taken.
    """
    check_ref_name(ref, request.kind)
    take_journal(store)
    with store.write(actor, project) as tx:
        version = find_row(tx.connection, project, name, request.version)
        here = (_R.project == project, _R.name == name, _R.ref == ref)
        known = tx.execute(select(dataset_refs).where(*here)).first()
        if known is not None and (known.kind, known.version_id) == (request.kind, version.id):
            return _record(known, version.version)
        v = dataset_versions.c
        used = select(v.id).where(v.project == project, v.name == name, v.branch == ref).limit(1)
        taken = known is not None and (known.kind != request.kind or not request.move)
        if taken or (request.move is False and tx.execute(used).first() is not None):
            raise Conflict(
                "data.ref_exists",
                f"'{ref}' already is a {known.kind if known else 'branch'} of '{name}'.",
                hint="Take another name, or move a tag with --move.",
                value=ref,
            )
        row: dict[str, Any] = {
            "kind": request.kind,
            "version_id": version.id,
            "updated_ms": clock.now_ms(),
            "updated_by": actor.name,
        }
        tx.execute(delete(removed_refs).where(*_removed(project, name, ref)))
        if known is None:
            row |= {"project": project, "name": name, "ref": ref}
            tx.execute(insert(dataset_refs).values(row))
        else:
            tx.execute(update(dataset_refs).where(*here).values(row))
        what = "tagged" if request.kind == "tag" else "branched"
        payload = {"name": name, "ref": ref, "version": version.version}
        tx.event(f"dataset.{what}", f"dataset:{version.id}", payload)
        kept = tx.execute(select(dataset_refs).where(*here)).one()
    return _record(kept, version.version)


def list_refs(store: Store, project: str, name: str) -> list[DatasetRef]:
    """The tags and branches of a dataset, by name; branches with their newest version."""
    take_journal(store)
    v = dataset_versions.c
    with store.read() as connection:
        query = (
            select(v.id, v.version, v.branch)
            .where(v.project == project, v.name == name)
            .order_by(v.version)
        )
        versions = connection.execute(query).all()
        if not versions:
            raise unknown_dataset(connection, project, name)
        numbers = {row.id: row.version for row in versions}
        refs = connection.execute(
            select(dataset_refs).where(_R.project == project, _R.name == name)
        ).all()
    found = {ref.ref: _record(ref, numbers.get(ref.version_id, 0)) for ref in refs}
    for row in versions:
        found[row.branch] = DatasetRef(
            name=name, ref=row.branch, kind="branch", version=row.version, version_id=row.id
        )
    return [found[ref] for ref in sorted(found)]


def delete_ref(store: Store, actor: Actor, project: str, name: str, ref: str) -> None:
    """Take a name away; versions are never deleted by it.

    Raises:
        NotFound: there is no such tag or branch without versions of its own.
    """
    with store.write(actor, project) as tx:
        here = (_R.project == project, _R.name == name, _R.ref == ref)
        known = tx.execute(select(dataset_refs).where(*here)).first()
        if known is None:
            raise NotFound(
                "data.unknown_ref",
                f"'{name}' has no tag '{ref}'.",
                hint=f"See its tags and branches with: mw data log {name}",
                value=ref,
            )
        tx.execute(delete(dataset_refs).where(*here))
        row = {**known._mapping, "updated_ms": clock.now_ms(), "updated_by": actor.name}
        tx.execute(insert(removed_refs).values(row))
        payload = {"name": name, "ref": ref, "kind": known.kind}
        tx.event("dataset.name-removed", f"dataset:{known.version_id}", payload)


def _removed(project: str, name: str, ref: str) -> tuple[Any, ...]:
    r = removed_refs.c
    return r.project == project, r.name == name, r.ref == ref


def _record(row: Any, version: int) -> DatasetRef:
    return DatasetRef(
        name=row.name,
        ref=row.ref,
        kind=row.kind,
        version=version,
        version_id=row.version_id,
        updated_at=clock.rfc3339(row.updated_ms),
        updated_by=row.updated_by,
    )
