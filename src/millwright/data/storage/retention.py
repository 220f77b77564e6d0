"""Retention: which versions keep their bytes, by age, count, tag and use."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import insert, select

from millwright.data.storage.tables import dropped_versions
from millwright.data.tables import dataset_refs, dataset_versions
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.clock import parse_duration
from millwright.kernel.config import FILE_NAME, RetentionConfig
from millwright.kernel.store import Store
from millwright.kernel.tables import lineage

_V = dataset_versions.c


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version as the rules look at it."""

    id: str
    name: str
    version: int
    branch: str
    created_ms: int
    tagged: bool
    used: bool
    """A run, model or anything else came of it."""


def expired(versions: list[Candidate], rules: RetentionConfig, now_ms: int) -> list[Candidate]:
    """The versions that no rule keeps; a branch's newest is always kept.

    >>> expired([], RetentionConfig(keep_last=1), 0)
    []
    """
    if rules.keep_last is None and rules.keep_for is None:
        return []
    groups: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for one in versions:
        groups[one.name, one.branch].append(one)
    oldest = None if rules.keep_for is None else now_ms - parse_duration(rules.keep_for)
    gone = []
    for group in groups.values():
        newest_first = sorted(group, key=lambda one: one.version, reverse=True)
        for place, one in enumerate(newest_first):
            kept = (
                place == 0
                or place < (rules.keep_last or 0)
                or (oldest is not None and one.created_ms >= oldest)
                or (rules.keep_tagged and one.tagged)
                or (rules.keep_used and one.used)
            )
            if not kept:
                gone.append(one)
    return sorted(gone, key=lambda one: (one.name, one.version))


def expired_versions(store: Store, project: str) -> list[Candidate]:
    """The versions of a project that its file no longer keeps."""
    if not (store.workspace.root / FILE_NAME).exists():
        return []
    config = store.workspace.starts()
    if config.project != project:
        return []
    return expired_candidates(store, project, config.retention)


def expired_candidates(store: Store, project: str, rules: RetentionConfig) -> list[Candidate]:
    """The versions of a project that have bytes and that these rules do not keep."""
    return expired(_candidates(store, project), rules, clock.now_ms())


def drop_expired(store: Store, actor: Actor, project: str, gone: list[Candidate]) -> None:
    """Let versions lose their bytes; an event names them."""
    if not gone:
        return
    with store.write(actor, project) as tx:
        rows = [
            {"version_id": one.id, "project": project, "dropped_ms": clock.now_ms()} for one in gone
        ]
        tx.execute(insert(dropped_versions), rows)
        names = [f"{one.name}@{one.version}" for one in gone]
        payload = {"versions": names[:500], "count": len(names)}
        tx.event("dataset.versions-expired", f"project:{project}", payload)


def _candidates(store: Store, project: str) -> list[Candidate]:
    refs, dropped = dataset_refs.c, dropped_versions.c
    with store.read() as connection:
        tagged = set(
            connection.execute(select(refs.version_id).where(refs.project == project)).scalars()
        )
        used = set(
            connection.execute(
                select(lineage.c.source).where(
                    lineage.c.project == project,
                    lineage.c.source.like("dataset:%"),
                    lineage.c.target.not_like("dataset:%"),
                )
            ).scalars()
        )
        gone = select(dropped.version_id).where(dropped.project == project)
        rows = connection.execute(
            select(dataset_versions).where(_V.project == project, _V.id.not_in(gone))
        ).all()
    return [
        Candidate(
            id=row.id,
            name=row.name,
            version=row.version,
            branch=row.branch,
            created_ms=row.created_ms,
            tagged=row.id in tagged,
            used=f"dataset:{row.id}" in used,
        )
        for row in rows
    ]
