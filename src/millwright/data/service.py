"""Dataset versions: every change and query."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.engine import Row

from millwright.data.parquet import from_parquet
from millwright.data.profile import TableProfile, profile_table
from millwright.data.records import Dataset, DatasetVersion, NewVersion
from millwright.data.rules import infer_rules
from millwright.data.rules_service import keep_proposed
from millwright.data.schema import Column, infer_schema
from millwright.data.tables import dataset_versions
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.errors import InvalidInput, NotFound, nearest
from millwright.kernel.ids import new_id
from millwright.kernel.nodes import LineageNode, describes
from millwright.kernel.store import Store


def commit_version(
    store: Store, actor: Actor, project: str, name: str, request: NewVersion
) -> DatasetVersion:
    """Keep an uploaded Parquet object as the next version of a dataset.

    Rows, columns and profile are read from the object. The first version of a dataset also
    proposes rules. An object that already is the latest version adds nothing: that version is
    returned.

    Raises:
        NotFound: there is no such object.
        InvalidInput: the object is not a Parquet table with rows.
    """
    with store.read() as connection:
        latest = _latest(connection, project, name)
    if latest is not None and latest.digest == request.digest:
        return _version(latest)
    size = store.objects.size(request.digest)
    table = from_parquet(store.objects.path(request.digest))
    if table.num_rows == 0:
        raise InvalidInput("data.empty", f"The new version of '{name}' has no rows.")
    columns = [column.model_dump() for column in infer_schema(table).columns]
    profile = profile_table(table)
    proposed = infer_rules(table) if latest is None else None
    row: dict[str, Any] = {
        "id": new_id(),
        "project": project,
        "name": name,
        "digest": request.digest,
        "size": size,
        "rows": table.num_rows,
        "columns": json.dumps(columns),
        "profile_digest": store.objects.put(profile.model_dump_json().encode()),
        "source": request.source,
        "created_ms": clock.now_ms(),
        "created_by": actor.name,
    }
    with store.write(actor, project) as tx:
        # Somebody else may have committed since: only now is the number certain.
        latest = _latest(tx.connection, project, name)
        if latest is not None and latest.digest == request.digest:
            return _version(latest)
        row["version"] = 1 if latest is None else latest.version + 1
        tx.execute(insert(dataset_versions).values(row))
        payload = {k: row[k] for k in ("name", "version", "digest", "rows", "source")}
        tx.event("dataset.version-created", f"dataset:{row['id']}", payload)
        if latest is None and proposed is not None:
            keep_proposed(tx, name, proposed)
        created = tx.execute(_by_id(row["id"])).one()
    return _version(created)


def list_datasets(store: Store, project: str) -> list[Dataset]:
    """Every dataset of a project with its latest version, by name."""
    table = dataset_versions
    counts = (
        select(table.c.name, func.max(table.c.version).label("last"), func.count().label("count"))
        .where(table.c.project == project)
        .group_by(table.c.name)
        .subquery()
    )
    query = (
        select(table, counts.c.count)
        .join(counts, (table.c.name == counts.c.name) & (table.c.version == counts.c.last))
        .where(table.c.project == project)
        .order_by(table.c.name)
    )
    with store.read() as connection:
        return [
            Dataset(name=row.name, versions=row.count, latest=_version(row))
            for row in connection.execute(query)
        ]


def list_versions(store: Store, project: str, name: str) -> list[DatasetVersion]:
    """All versions of a dataset, newest first; ``NotFound`` if there is none."""
    table = dataset_versions
    query = (
        select(table)
        .where(table.c.project == project, table.c.name == name)
        .order_by(table.c.version.desc())
    )
    with store.read() as connection:
        found = [_version(row) for row in connection.execute(query)]
        if not found:
            raise unknown_dataset(connection, project, name)
    return found


def get_version(store: Store, project: str, name: str, version: str) -> DatasetVersion:
    """One version by number or ``latest``; ``NotFound`` if there is none."""
    with store.read() as connection:
        latest = _latest(connection, project, name)
        if latest is None:
            raise unknown_dataset(connection, project, name)
        if version == "latest" or version == str(latest.version):
            return _version(latest)
        table = dataset_versions
        row = None
        if version.isdecimal() and len(version) < 10:
            row = connection.execute(
                select(table).where(
                    table.c.project == project,
                    table.c.name == name,
                    table.c.version == int(version),
                )
            ).first()
    if row is None:
        raise NotFound(
            "data.unknown_version",
            f"Dataset '{name}' has no version {version}.",
            hint=f"It has versions 1 to {latest.version}; 'latest' names the newest.",
            value=version,
        )
    return _version(row)


def get_profile(store: Store, project: str, name: str, version: str) -> TableProfile:
    """The profile of a version."""
    found = get_version(store, project, name, version)
    return TableProfile.model_validate_json(store.objects.read(found.profile_digest))


def unknown_dataset(connection: Connection, project: str, name: str) -> NotFound:
    """The error for a dataset that does not exist, with the nearest name that does."""
    table = dataset_versions
    names = connection.execute(
        select(table.c.name).where(table.c.project == project).distinct()
    ).scalars()
    guess = nearest(name, names)
    return NotFound(
        "data.unknown_dataset",
        f"There is no dataset '{name}' in project '{project}'.",
        hint=f"Did you mean '{guess}'?" if guess else "Add one with: mw data add NAME FILE",
        value=name,
    )


@describes("dataset")
def describe(connection: Connection, project: str, ids: list[str]) -> dict[str, LineageNode]:
    """Dataset versions in the lineage graph."""
    table = dataset_versions
    rows = connection.execute(
        select(table.c.id, table.c.name, table.c.version).where(
            table.c.project == project, table.c.id.in_(ids)
        )
    )
    return {
        f"dataset:{row.id}": LineageNode(
            id=f"dataset:{row.id}",
            kind="dataset",
            label=f"{row.name}@{row.version}",
            href=f"/data/{row.name}?version={row.version}",
        )
        for row in rows
    }


def _latest(connection: Connection, project: str, name: str) -> Row[Any] | None:
    table = dataset_versions
    return connection.execute(
        select(table)
        .where(table.c.project == project, table.c.name == name)
        .order_by(table.c.version.desc())
        .limit(1)
    ).first()


def _by_id(version_id: str) -> Any:
    return select(dataset_versions).where(dataset_versions.c.id == version_id)


def _version(row: Row[Any]) -> DatasetVersion:
    return DatasetVersion(
        id=row.id,
        project=row.project,
        name=row.name,
        version=row.version,
        digest=row.digest,
        size=row.size,
        rows=row.rows,
        columns=tuple(Column.model_validate(column) for column in json.loads(row.columns)),
        profile_digest=row.profile_digest,
        source=row.source,
        created_at=clock.rfc3339(row.created_ms),
        created_by=row.created_by,
    )
