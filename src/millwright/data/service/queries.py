"""Finding dataset versions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.engine import Row

from millwright.data import references
from millwright.data.quality.exchange import Standing
from millwright.data.quality.profile_records import TableProfile
from millwright.data.quality.standing import standings
from millwright.data.records import Dataset, DatasetVersion
from millwright.data.schema import Column
from millwright.data.service.intake import take_journal
from millwright.data.tables import dataset_refs, dataset_versions
from millwright.kernel import clock
from millwright.kernel.errors import InvalidInput, NotFound, nearest
from millwright.kernel.store import Store

_V = dataset_versions.c


def list_datasets(store: Store, project: str) -> list[Dataset]:
    """Every dataset of a project with its latest version, by name."""
    take_journal(store)
    counts = (
        select(_V.name, func.max(_V.version).label("last"), func.count().label("count"))
        .where(_V.project == project)
        .group_by(_V.name)
        .subquery()
    )
    query = (
        select(dataset_versions, counts.c.count)
        .join(counts, (_V.name == counts.c.name) & (_V.version == counts.c.last))
        .where(_V.project == project)
        .order_by(_V.name)
    )
    with store.read() as connection:
        rows = connection.execute(query).all()
        found = as_records(connection, rows)
        return [
            Dataset(name=row.name, versions=row.count, latest=version)
            for row, version in zip(rows, found, strict=True)
        ]


def list_versions(store: Store, project: str, name: str) -> list[DatasetVersion]:
    """All versions of a dataset, newest first; ``NotFound`` if there is none."""
    take_journal(store)
    with store.read() as connection:
        found = as_records(connection, connection.execute(_all(project, name)).all())
        if not found:
            raise unknown_dataset(connection, project, name)
    return found


def get_version(store: Store, project: str, name: str, version: str) -> DatasetVersion:
    """One version by number, tag, branch, beginning of its digest, or ``latest``.

    Raises:
        NotFound: there is none.
        InvalidInput: several digests begin so.
    """
    take_journal(store)
    with store.read() as connection:
        return as_records(connection, [find_row(connection, project, name, version)])[0]


def find_row(connection: Connection, project: str, name: str, selector: str) -> Row[Any]:
    """The row of the version that a selector names; raises as ``get_version`` does."""
    if selector.isdecimal() and len(selector) < 10:
        numbered = _all(project, name).where(_V.version == int(selector))
        row = connection.execute(numbered).first()
        if row is not None:
            return row
    elif selector == references.LATEST:
        # The newest version nearly always is on the main branch: no need to read them all.
        row = connection.execute(_all(project, name).limit(1)).first()
        if row is not None and row.branch == references.MAIN:
            return row
    versions = _brief(connection, project, name)
    if not versions:
        raise unknown_dataset(connection, project, name)
    refs = refs_of(connection, project, name)
    chosen = references.choose(selector, versions, refs)
    if chosen is None:
        raise references.unknown_version(name, selector, versions, refs)
    return connection.execute(by_id(chosen.id)).one()


def head_row(connection: Connection, project: str, name: str, branch: str) -> Row[Any] | None:
    """The row of the version that a branch is at; None where it has none."""
    newest = _all(project, name).where(_V.branch == branch).limit(1)
    row = connection.execute(newest).first()
    if row is not None:
        return row
    started = refs_of(connection, project, name).get(branch)
    return None if started is None else connection.execute(by_id(started)).first()


def get_profile(store: Store, project: str, name: str, version: str) -> TableProfile:
    """The profile of a version of a table."""
    found = get_version(store, project, name, version)
    if found.kind != "table":
        raise InvalidInput(
            "data.no_table",
            f"{found.reference} is files, not a table, so it has no profile.",
            hint=f"See its files with: mw data ls {found.reference}",
            value=found.reference,
        )
    return TableProfile.model_validate_json(store.objects.of(project).read(found.profile_digest))


def unknown_dataset(connection: Connection, project: str, name: str) -> NotFound:
    """The error for a dataset that does not exist, with the nearest name that does."""
    names = connection.execute(select(_V.name).where(_V.project == project).distinct()).scalars()
    guess = nearest(name, names)
    return NotFound(
        "data.unknown_dataset",
        f"There is no dataset '{name}' in project '{project}'.",
        hint=f"Did you mean '{guess}'?" if guess else "Add one with: mw data add PATH",
        value=name,
    )


def refs_of(connection: Connection, project: str, name: str) -> dict[str, str]:
    """The version ids of a dataset's tags and branches."""
    r = dataset_refs.c
    query = select(r.ref, r.version_id).where(r.project == project, r.name == name)
    return {row.ref: row.version_id for row in connection.execute(query)}


def by_id(version_id: str) -> Select[Any]:
    """The query for one version."""
    return select(dataset_versions).where(_V.id == version_id)


def as_records(connection: Connection, rows: Iterable[Row[Any]]) -> list[DatasetVersion]:
    """Rows of versions as records, with their tags."""
    found = list(rows)
    tags: dict[str, list[str]] = {}
    r = dataset_refs.c
    for start in range(0, len(found), 500):
        ids = [row.id for row in found[start : start + 500]]
        query = select(r.ref, r.version_id).where(r.version_id.in_(ids), r.kind == "tag")
        for ref in connection.execute(query.order_by(r.ref)):
            tags.setdefault(ref.version_id, []).append(ref.ref)
    stands = standings(connection, [row.id for row in found])
    return [
        _record(row, tuple(tags.get(row.id, ())), stands.get(row.id, Standing())) for row in found
    ]


def _all(project: str, name: str) -> Select[Any]:
    return (
        select(dataset_versions)
        .where(_V.project == project, _V.name == name)
        .order_by(_V.version.desc())
    )


def _brief(connection: Connection, project: str, name: str) -> list[Any]:
    query = (
        select(_V.id, _V.version, _V.digest, _V.branch)
        .where(_V.project == project, _V.name == name)
        .order_by(_V.version.desc())
    )
    return list(connection.execute(query))


def _record(row: Row[Any], tags: tuple[str, ...], standing: Standing) -> DatasetVersion:
    return DatasetVersion(
        id=row.id,
        project=row.project,
        name=row.name,
        version=row.version,
        kind=row.kind,
        digest=row.digest,
        tree=row.digest if row.kind == "files" else None,
        size=row.size,
        rows=row.rows,
        columns=tuple(Column.model_validate(column) for column in json.loads(row.columns)),
        profile_digest=row.profile_digest,
        files=row.files,
        parents=tuple(json.loads(row.parents)),
        branch=row.branch,
        tags=tags,
        message=row.message,
        key=tuple(json.loads(row.key)),
        original=row.original,
        source=row.source,
        standing=standing,
        created_at=clock.rfc3339(row.created_ms),
        created_by=row.created_by,
    )
