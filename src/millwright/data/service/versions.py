"""Keeping dataset versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import func, insert, select

from millwright.data.parquet import not_parquet
from millwright.data.quality.inferring import infer_suite
from millwright.data.quality.profiling import Survey, survey
from millwright.data.quality.records import QUARANTINE, Suite
from millwright.data.quality.running import run_checks
from millwright.data.quality.suites_service import keep_proposed
from millwright.data.records import DatasetVersion, NewVersion
from millwright.data.references import MAIN, check_ref_name
from millwright.data.service.files import checked_totals
from millwright.data.service.intake import numbering
from millwright.data.service.queries import as_records, by_id, head_row
from millwright.data.storage.reach import must_be_here
from millwright.data.tables import dataset_versions
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.ids import new_id
from millwright.kernel.projects import begin_project
from millwright.kernel.store import Store, Transaction


def commit_version(
    store: Store, actor: Actor, project: str, name: str, request: NewVersion
) -> DatasetVersion:
    """Keep an uploaded Parquet object, or a manifest of files, as the next version of a dataset.

    What the record says is read from the objects. A key stays declared until another one is. The first version of a table also proposes
    checks. Content that already is the newest of its branch adds nothing: that version is returned.

    Raises:
        NotFound: there is no such object, or no such parent; or garbage collection took objects of
            it before it was kept, so that they have to be uploaded again.
        InvalidInput: the object is not a Parquet table with rows, or not a manifest.
    """
    if request.branch != MAIN:
        check_ref_name(request.branch, "branch")
    with store.read() as connection:
        head = head_row(connection, project, name, request.branch)
        if head is not None and _is_the_same(head, request):
            return as_records(connection, [head])[0]
    objects = store.objects.of(project)
    swept = objects.sweeps()
    # Broken rows are what they are: nothing has to hold for the next ones.
    is_first = head is None and not name.endswith(QUARANTINE)
    if request.kind == "table":
        content, proposed = _table(store, project, name, request, propose=is_first)
    else:
        content, proposed = _files(store, project, request), None
    row: dict[str, Any] = {
        "id": new_id(),
        "project": project,
        "name": name,
        "kind": request.kind,
        "digest": request.digest,
        **content,
        "branch": request.branch,
        "message": request.message,
        "original": request.original,
        "source": request.source,
        "created_ms": clock.now_ms(),
        "created_by": actor.name,
    }
    with numbering(store), store.write(actor, project) as tx:
        # Somebody else may have committed since: only now are head and number certain.
        head = head_row(tx.connection, project, name, request.branch)
        if head is not None and _is_the_same(head, request):
            return as_records(tx.connection, [head])[0]
        if objects.sweeps() != swept:
            must_be_here(objects, row)
        begin_project(tx)
        row["version"] = _next_number(tx, project, name)
        row["key"] = json.dumps(request.key or _key_of(head, content["columns"]))
        row["parents"] = json.dumps(_parents(tx, project, name, request, head))
        tx.execute(insert(dataset_versions).values(row))
        payload = {k: row[k] for k in ("name", "version", "kind", "digest", "rows", "source")}
        tx.event("dataset.version-created", f"dataset:{row['id']}", payload)
        if proposed is not None and row["version"] == 1:
            keep_proposed(tx, name, proposed)
        return as_records(tx.connection, [tx.execute(by_id(row["id"])).one()])[0]


def _is_the_same(head: Any, request: NewVersion) -> bool:
    return (
        head.digest == request.digest
        and request.original in (None, head.original)
        and (not request.key or list(request.key) == json.loads(head.key))
        # A merge says that two lines of work are one, whatever came of it.
        and len(request.parents or ()) < 2
    )


def _key_of(head: Any, columns: str) -> list[str]:
    """The key that the version before declared, where its columns are still there."""
    key: list[str] = [] if head is None else json.loads(head.key)
    there = {column["name"] for column in json.loads(columns)}
    return key if there.issuperset(key) else []


def _table(
    store: Store, project: str, name: str, request: NewVersion, *, propose: bool
) -> tuple[dict[str, Any], Suite | None]:
    objects = store.objects.of(project)
    size = objects.size(request.digest)
    path = objects.local_path(request.digest)
    try:
        found = survey(path)
    except (pa.ArrowInvalid, OSError) as cause:
        raise not_parquet() from cause
    profile = found.profile
    if profile.rows == 0:
        raise InvalidInput("data.empty", f"The new version of '{name}' has no rows.")
    unknown = sorted(set(request.key) - {column.name for column in profile.columns})
    if unknown:
        raise InvalidInput(
            "data.unknown_column",
            f"'{name}' has no column '{unknown[0]}' to be part of its key.",
            hint=f"Its columns are {', '.join(c.name for c in profile.columns)[:300]}.",
            value=unknown[0],
        )
    content = {
        "size": size,
        "files": 0,
        "rows": profile.rows,
        "columns": json.dumps([one.column.model_dump() for one in profile.columns]),
        "profile_digest": objects.put(profile.model_dump_json().encode()),
    }
    return content, _proposed(path, found) if propose else None


def _proposed(path: Path, found: Survey) -> Suite:
    """The checks that a table proposes; those that rest on an estimate only where they hold."""
    suite = infer_suite(found)
    estimated = {one.name for one in found.profile.columns if one.distinct_estimated}
    doubtful = [c for c in suite.checks if c.kind == "unique" and c.column in estimated]
    if not doubtful:
        return suite
    report = run_checks(path, Suite(checks=tuple(doubtful))).report
    broken = {result.check.id for result in report.failures}
    return Suite(checks=tuple(check for check in suite.checks if check.id not in broken))


def _files(store: Store, project: str, request: NewVersion) -> dict[str, Any]:
    found = checked_totals(store, project, request.digest)
    return {
        "size": found.size,
        "files": found.entries,
        "rows": 0,
        "columns": "[]",
        "profile_digest": "",
    }


def _next_number(tx: Transaction, project: str, name: str) -> int:
    v = dataset_versions.c
    newest = tx.execute(select(func.max(v.version)).where(v.project == project, v.name == name))
    return int(newest.scalar() or 0) + 1


def _parents(tx: Transaction, project: str, name: str, request: NewVersion, head: Any) -> list[str]:
    if request.parents is None:
        return [] if head is None else [head.id]
    v = dataset_versions.c
    wanted = list(dict.fromkeys(request.parents))
    query = select(v.id).where(v.project == project, v.name == name, v.id.in_(wanted))
    missing = set(wanted) - set(tx.execute(query).scalars())
    if missing:
        raise NotFound(
            "data.unknown_version",
            f"Dataset '{name}' has no version with the id {sorted(missing)[0]}.",
            hint=f"See its versions with: mw data log {name}",
            value=sorted(missing)[0],
        )
    return wanted
