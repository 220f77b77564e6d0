"""The versions of a project as rows that travel, and rows that arrived taken in."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from millwright.data.service import take_journal
from millwright.data.storage.fetching import News
from millwright.data.storage.heads import Row, removed
from millwright.data.storage.tables import dataset_rewrites, dropped_versions
from millwright.data.storage.transfers import take_transfers
from millwright.data.tables import dataset_refs, dataset_versions, removed_refs
from millwright.kernel.access import Actor
from millwright.kernel.config import FILE_NAME
from millwright.kernel.errors import Corrupt
from millwright.kernel.store import Store, Transaction

_V = dataset_versions.c
_COLUMNS = {column.name for column in _V} - {"project"}
_REF_COLUMNS = {"kind", "version_id", "updated_ms", "updated_by"}
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def all_versions(store: Store, project: str) -> tuple[list[Row], dict[str, dict[str, Row]]]:
    """Every version of a project, rewritten ones marked, and the refs of each dataset."""
    take_journal(store)
    take_transfers(store)
    with store.read() as connection:
        rows = [
            {name: value for name, value in row._mapping.items() if name != "project"}
            for row in connection.execute(
                select(dataset_versions).where(_V.project == project).order_by(_V.created_ms)
            )
        ]
        for table, column in ((dataset_rewrites, "rewritten_ms"), (dropped_versions, "dropped_ms")):
            query = select(table.c.version_id, table.c[column]).where(table.c.project == project)
            times = {row[0]: row[1] for row in connection.execute(query)}
            for row in rows:
                if row["id"] in times:
                    row[column] = times[row["id"]]
        refs: dict[str, dict[str, Row]] = {}
        for table, mark in ((removed_refs, {"removed": True}), (dataset_refs, {})):
            for found in connection.execute(select(table).where(table.c.project == project)):
                known = dict(found._mapping)
                columns = {column: known[column] for column in sorted(_REF_COLUMNS)}
                refs.setdefault(known["name"], {})[known["ref"]] = {**columns, **mark}
    return rows, refs


def take_news(store: Store, actor: Actor, project: str, found: News, remote: str) -> int:
    """Enter versions and refs that a remote knows; how many versions were new or rewritten.

    Raises:
        Corrupt: what the remote says is not a version.
    """
    name = found.head.name
    for row in found.versions:
        _check(name, row)
    with store.write(actor, project) as tx:
        taken = [row for row in found.versions if _enter(tx, project, row)]
        moved = [ref for ref, row in found.refs.items() if _move(tx, project, name, ref, row)]
        if taken or moved:
            payload = {"remote": remote, "versions": len(taken), "refs": moved}
            tx.event("dataset.versions-pulled", f"dataset:{name}", payload)
    return len(taken)


def _check(name: str, row: Row) -> None:
    digests = [row.get("digest"), row.get("original") or None, row.get("profile_digest") or None]
    good = (
        _NAME.fullmatch(name)
        and row.get("name") == name
        and _ID.fullmatch(str(row.get("id")))
        and row.get("kind") in ("files", "table")
        and isinstance(row.get("version"), int)
        and all(one is None or _DIGEST.fullmatch(str(one)) for one in digests)
        and _DIGEST.fullmatch(str(row.get("digest")))
        and set(row) >= _COLUMNS
    )
    if not good:
        raise Corrupt(
            "remote.head",
            f"What the remote says of dataset '{name[:100]}' is no version.",
            hint=f"Who wrote to it? Is it the remote of another {FILE_NAME}?",
        )


def _enter(tx: Transaction, project: str, row: Row) -> bool:
    values: dict[str, Any] = {key: row[key] for key in _COLUMNS}
    values["project"] = project
    here = (_V.project == project, _V.name == row["name"])
    known = tx.execute(select(_V.id).where(_V.id == row["id"], _V.project == project)).first()
    rewritten = row.get("rewritten_ms", 0)
    if known is not None:
        gone = _drop(tx, project, row)
        return (bool(rewritten) and _rewrite(tx, project, row)) or gone
    if tx.execute(select(_V.id).where(*here, _V.version == row["version"])).first() is not None:
        newest = tx.execute(select(func.max(_V.version)).where(*here)).scalar()
        values["version"] = int(newest or 0) + 1
    tx.execute(insert(dataset_versions).values(values))
    if rewritten:
        _mark(tx, project, row)
    _drop(tx, project, row)
    return True


def _drop(tx: Transaction, project: str, row: Row) -> bool:
    """Take over that retention let the bytes of a version go."""
    d = dropped_versions.c
    known = tx.execute(select(d.version_id).where(d.version_id == row["id"])).first()
    if known is not None or not row.get("dropped_ms"):
        return False
    values = {"version_id": row["id"], "project": project, "dropped_ms": int(row["dropped_ms"])}
    tx.execute(insert(dropped_versions).values(values))
    return True


def _rewrite(tx: Transaction, project: str, row: Row) -> bool:
    """Take over that bytes were erased from a version elsewhere."""
    known = tx.execute(
        select(dataset_rewrites.c.rewritten_ms).where(dataset_rewrites.c.version_id == row["id"])
    ).scalar()
    if known is not None and known >= row["rewritten_ms"]:
        return False
    changed = ("digest", "size", "rows", "files", "profile_digest", "original")
    tx.execute(
        update(dataset_versions)
        .where(_V.id == row["id"], _V.project == project)
        .values({key: row[key] for key in changed})
    )
    _mark(tx, project, row)
    return True


def _mark(tx: Transaction, project: str, row: Row) -> None:
    mark_rewritten(tx, project, row["id"], "elsewhere", row["rewritten_ms"])


def mark_rewritten(
    tx: Transaction, project: str, version_id: str, erasure_id: str, rewritten_ms: int
) -> None:
    """Remember that bytes of a version were erased, so that remotes and clones learn of it."""
    values = {"project": project, "erasure_id": erasure_id, "rewritten_ms": rewritten_ms}
    done = tx.execute(
        update(dataset_rewrites).where(dataset_rewrites.c.version_id == version_id).values(values)
    )
    if not done.rowcount:
        tx.execute(insert(dataset_rewrites).values(version_id=version_id, **values))


def _move(tx: Transaction, project: str, name: str, ref: str, row: Row) -> bool:
    values = {column: value for column, value in row.items() if column != "removed"}
    if not _NAME.fullmatch(ref) or set(values) != _REF_COLUMNS:
        raise Corrupt("remote.head", f"The remote has a tag or branch of '{name}' that is none.")
    for table in (dataset_refs, removed_refs):
        here = [table.c[k] == v for k, v in (("project", project), ("name", name), ("ref", ref))]
        known = tx.execute(select(table.c.updated_ms).where(*here)).scalar()
        if known is not None and known >= row["updated_ms"]:
            return False
        tx.execute(delete(table).where(*here))
    target = removed_refs if removed(row) else dataset_refs
    tx.execute(insert(target).values(project=project, name=name, ref=ref, **values))
    return True
