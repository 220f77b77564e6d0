"""Targeted erasure: bytes leave every kept version, and every place where they were kept.

What is to be done is written down; versions are rewritten and the erasure is recorded in one
transaction; then bytes are destroyed here, then on the remotes; then everything is searched
(``erasure_finishing``). After a kill in between, nothing names the bytes any more, the record says
``proven: false``, and ``resume_erasures`` brings it to its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, insert, select, update

from millwright.data.storage.database_heads import head_store
from millwright.data.storage.definitions import read_definitions
from millwright.data.storage.destroying import chunks_of
from millwright.data.storage.erasure_finishing import finish
from millwright.data.storage.erasure_intent import Intent, keep_intent
from millwright.data.storage.erasure_plan import Rewrite, plan
from millwright.data.storage.fetching import fetch_bytes, look, news
from millwright.data.storage.opening import OpenedRemote, open_defined
from millwright.data.storage.records import ErasedVersion, ErasureReport, ErasureRequest
from millwright.data.storage.tables import erasures
from millwright.data.storage.versions_service import all_versions, mark_rewritten, take_news
from millwright.data.tables import dataset_versions
from millwright.data.trees import Tombstone
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.errors import NotFound
from millwright.kernel.graph import impact_of
from millwright.kernel.ids import new_id
from millwright.kernel.locks import exclusive
from millwright.kernel.store import Store, Transaction
from millwright.kernel.tables import metadata


def erase(store: Store, actor: Actor, project: str, request: ErasureRequest) -> ErasureReport:
    """Erase from every kept version, here and on the remotes; or say what that would do.

    Raises:
        NotFound: no version has what is to be erased.
        InvalidInput: not exactly one of path, digest and rows is given.
    """
    remotes = _remotes(store, project) if request.remotes else []
    for opened in remotes:
        _learn(store, actor, project, opened)
    now = clock.now_ms()
    tombstone = Tombstone(clock.rfc3339(now), request.reason, actor.name, 0)
    rows, _ = all_versions(store, project)
    objects = store.objects.of(project)
    found = plan(objects, rows, request, tombstone)
    if not found.rewrites:
        raise NotFound(
            "erase.nothing",
            "No version has what is to be erased.",
            hint="Look at what is there with: mw data ls NAME@VERSION",
        )
    versions = tuple(_affected(store, project, one) for one in found.rewrites)
    if request.dry_run:
        return ErasureReport(
            id=None, dry_run=True, versions=versions, objects=len(found.erased), freed=0,
            remotes=tuple(one.definition.name for one in remotes), still_found=(), searched=0,
            proven=False,
        )  # fmt: skip
    intent = Intent(
        id=new_id(),
        project=project,
        remotes=tuple(one.definition.name for one in remotes),
        plan=found,
        chunks=frozenset(chunks_of(objects, found.before | found.erased)),
    )
    with exclusive(store.workspace.state / "erasures.lock"):
        keep_intent(store.workspace.state, intent)
        _record(store, actor, intent, request, versions, now)
        return finish(store, actor, intent)


def list_erasures(store: Store, project: str) -> list[ErasureReport]:
    """The erasures of a project, newest first; of one that was cut off, what it set out to do."""
    query = select(erasures.c.report).where(erasures.c.project == project)
    with store.read() as connection:
        found = connection.execute(query.order_by(erasures.c.created_ms.desc())).scalars()
        return [ErasureReport.model_validate_json(report) for report in found]


def _record(
    store: Store,
    actor: Actor,
    intent: Intent,
    request: ErasureRequest,
    versions: tuple[ErasedVersion, ...],
    now: int,
) -> None:
    erasure_id, project = intent.id, intent.project
    kind = "path" if request.path else "digest" if request.digest else "rows"
    begun = ErasureReport(
        id=erasure_id, dry_run=False, versions=versions, objects=0, freed=0, remotes=(),
        still_found=(), searched=0, proven=False,
    )  # fmt: skip
    with store.write(actor, project) as tx:
        values = {
            "id": erasure_id,
            "project": project,
            "kind": kind,
            "reason": request.reason,
            "report": begun.model_dump_json(),
            "created_ms": now,
            "created_by": actor.name,
        }
        tx.execute(insert(erasures).values(values))
        for one in intent.plan.rewrites:
            _rewrite(tx, project, erasure_id, one, now)
        payload = {
            "kind": kind,
            "reason": request.reason,
            "versions": [one.reference for one in versions][:500],
        }
        tx.event("dataset.erased", f"erasure:{erasure_id}", payload)


def _rewrite(tx: Transaction, project: str, erasure_id: str, one: Rewrite, now: int) -> None:
    values: dict[str, Any] = one.values
    tx.execute(
        update(dataset_versions).where(dataset_versions.c.id == one.row["id"]).values(values)
    )
    mark_rewritten(tx, project, one.row["id"], erasure_id, now)
    # What was checked of the version shows examples of its rows, and quarantines hold some.
    checks = metadata.tables.get("dataset_checks")
    if checks is not None and one.rows:
        tx.execute(delete(checks).where(checks.c.version_id == one.row["id"]))


def _affected(store: Store, project: str, one: Rewrite) -> ErasedVersion:
    row = one.row
    with store.read() as connection:
        came = impact_of(connection, project, f"dataset:{row['id']}")
    return ErasedVersion(
        reference=f"{row['name']}@{row['version']}",
        paths=one.paths,
        rows=one.rows,
        runs=tuple(node.label for node in came.of_kind("run")),
        models=tuple(node.label for node in came.of_kind("model-version")),
        deployments=tuple(node.label for node in came.of_kind("deployment")),
    )


def _remotes(store: Store, project: str) -> list[OpenedRemote]:
    state = store.workspace.state
    writable = (one for one in read_definitions(state) if not one.read_only)
    return [open_defined(state, one, project) for one in writable]


def _learn(store: Store, actor: Actor, project: str, opened: OpenedRemote) -> None:
    """Take in the versions that others pushed, with their bytes: they may hold it too."""
    rows, refs = all_versions(store, project)
    fresh: list[dict[str, Any]] = []
    for head in look(head_store(store, opened), None):
        found = news(head, rows, refs.get(head.name, {}))
        if found:
            take_news(store, actor, project, found, opened.definition.name)
            fresh.extend(found.versions)
    _fetch(store, project, opened, fresh)


def _fetch(
    store: Store, project: str, opened: OpenedRemote, rows: Iterable[dict[str, Any]]
) -> None:
    fetch_bytes(opened, store.objects.of(project), rows)
