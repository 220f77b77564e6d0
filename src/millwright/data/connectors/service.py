"""Sources of versions: recorded, listed, and seen to change."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select

from millwright.data import service
from millwright.data.connectors.addresses import refuse_secrets
from millwright.data.connectors.records import (
    DatasetSource,
    NewSource,
    Observation,
    Observed,
    SourceOptions,
    SourceState,
)
from millwright.data.connectors.tables import dataset_sources
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.errors import NotFound
from millwright.kernel.external import DATASET, dataset_place, external_node
from millwright.kernel.store import Node, Store

_S = dataset_sources.c


def record_source(
    store: Store, actor: Actor, project: str, name: str, version: str, new: NewSource
) -> DatasetSource:
    """Say where a version came from. Said again of the same version, the newest word counts.

    Raises:
        NotFound: there is no such version.
        InvalidInput: the address holds a password.
    """
    refuse_secrets(new.url)
    found = service.get_version(store, project, name, version)
    row = {
        "version_id": found.id,
        "project": project,
        "name": name,
        "url": new.url,
        "options": new.options.model_dump_json(),
        "state_kind": new.state.kind,
        "state_value": new.state.value,
        "recorded_ms": clock.now_ms(),
        "recorded_by": actor.name,
    }
    with store.write(actor, project) as tx:
        tx.execute(delete(dataset_sources).where(_S.version_id == found.id))
        tx.execute(insert(dataset_sources).values(row))
        payload = {"name": name, "version": found.version, "url": new.url}
        payload |= {"state": new.state.model_dump()}
        node = f"dataset:{found.id}"
        outside = _outside(new)
        edges = [(one.name, node) for one in outside]
        tx.event("dataset.source-recorded", node, payload, edges=edges, nodes=outside)
    return _record(row, found.version)


def _outside(new: NewSource) -> list[Node]:
    place = dataset_place(new.url, new.options.table)
    return [] if place is None else [external_node(DATASET, *place)]


def source_of(store: Store, project: str, name: str, version: str) -> DatasetSource:
    """Where a version came from.

    Raises:
        NotFound: there is no such version, or nobody said.
    """
    found = service.get_version(store, project, name, version)
    with store.read() as connection:
        row = connection.execute(select(dataset_sources).where(_S.version_id == found.id)).first()
    if row is None:
        raise NotFound(
            "data.no_source",
            f"Nothing is recorded of the source of {found.reference}.",
            hint=f"Import it again with: mw data import {name} SOURCE",
            value=found.reference,
        )
    return _record(row._mapping, found.version)


def list_sources(store: Store, project: str) -> list[DatasetSource]:
    """The source of every dataset that has one: that of its newest imported version."""
    newest: dict[str, DatasetSource] = {}
    query = select(dataset_sources).where(_S.project == project).order_by(_S.recorded_ms)
    with store.read() as connection:
        rows = connection.execute(query).all()
    numbers = {
        version.id: version.version
        for name in {row.name for row in rows}
        for version in service.list_versions(store, project, name)
    }
    for row in rows:
        if row.version_id in numbers:
            newest[row.name] = _record(row._mapping, numbers[row.version_id])
    return [newest[name] for name in sorted(newest)]


def observe(
    store: Store, actor: Actor, project: str, name: str, observation: Observation
) -> Observed:
    """Hear which state a source is in now; another one than was imported is an event.

    Raises:
        NotFound: the dataset has no source.
    """
    known = next((s for s in list_sources(store, project) if s.name == name), None)
    if known is None:
        raise NotFound(
            "data.no_source",
            f"Dataset '{name}' was not imported from anywhere.",
            hint=f"Import it with: mw data import {name} SOURCE",
            value=name,
        )
    changed = known.state != observation.state
    if changed:
        with store.write(actor, project) as tx:
            payload: dict[str, Any] = {"name": name, "version": known.version, "url": known.url}
            payload |= {"before": known.state.model_dump(), "after": observation.state.model_dump()}
            tx.event("dataset.source-changed", f"dataset:{known.version_id}", payload)
    return Observed(changed=changed, before=known.state)


def _record(row: Any, version: int) -> DatasetSource:
    return DatasetSource(
        name=row["name"],
        version=version,
        version_id=row["version_id"],
        url=row["url"],
        options=SourceOptions.model_validate_json(row["options"]),
        state=SourceState(kind=row["state_kind"], value=row["state_value"]),
        recorded_at=clock.rfc3339(row["recorded_ms"]),
        recorded_by=row["recorded_by"],
    )
