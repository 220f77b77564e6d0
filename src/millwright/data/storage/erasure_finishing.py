"""The second half of an erasure: bytes destroyed here and on remotes, then looked for everywhere.

Each step can be done again, so after a kill all of them are, from what was written down.
"""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import select, update

from millwright.data.storage.alone import alone_on
from millwright.data.storage.database_heads import head_store
from millwright.data.storage.definitions import find_definition
from millwright.data.storage.destroying import destroy_local, destroy_remote, scrub_database
from millwright.data.storage.erasure_intent import Intent, drop_intent, pending_intents
from millwright.data.storage.marking import live_of
from millwright.data.storage.opening import open_defined
from millwright.data.storage.proving import (
    Search,
    search_database,
    search_objects,
    search_remote,
)
from millwright.data.storage.pushing import push
from millwright.data.storage.records import ErasureReport
from millwright.data.storage.redacting import redact_suites
from millwright.data.storage.tables import erasures
from millwright.data.storage.versions_service import all_versions
from millwright.data.storage.working_files import erase_working_files
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.locks import exclusive
from millwright.kernel.objects import ProjectObjects
from millwright.kernel.store import Store


def resume_erasures(store: Store, actor: Actor, project: str) -> list[ErasureReport]:
    """Bring the erasures of a project to their end that a kill or an error cut off.

    Raises:
        Unavailable, Conflict: a remote cannot be reached or written to now; nothing is forgotten.
    """
    state = store.workspace.state
    # One process on this machine: others wait, and then find nothing left to do.
    with exclusive(state / "erasures.lock"):
        return [
            finish(store, actor, intent)
            for intent in pending_intents(state, project)
            if _was_recorded(store, intent)
        ]


def finish(store: Store, actor: Actor, intent: Intent) -> ErasureReport:
    """Destroy the bytes of a recorded erasure, search for them, and record what that found."""
    project, state = intent.project, store.workspace.state
    objects = store.objects.of(project)
    remotes = [open_defined(state, find_definition(state, n), project) for n in intent.remotes]
    working_files = erase_working_files(store, project, intent.plan)
    live = live_of(store, project)
    gone = {one for one in intent.plan.before | intent.plan.erased if one not in live.objects}
    dead = {chunk for chunk in intent.chunks | gone if chunk not in live.chunks}
    freed = destroy_local(objects, gone, dead)
    search = Search(intent.plan.samples, dead)
    _discard_orphans(objects, search)
    datasets = {one.row["name"] for one in intent.plan.rewrites if one.rows}
    redact_suites(store, actor, project, datasets, _texts(intent.plan.samples))
    scrub_database(store.database)
    rows, refs = all_versions(store, project)
    for opened in remotes:
        push(opened, head_store(store, opened), objects, rows, refs)
        with alone_on(opened):
            destroy_remote(opened, gone, dead)
    if remotes:
        scrub_database(store.database)
    search_objects(objects, search)
    search_database(store, search)
    for opened in remotes:
        search_remote(opened, search)
    report = _begun(store, intent.id).model_copy(
        update={
            "objects": len(gone),
            "freed": freed,
            "remotes": intent.remotes,
            "still_found": tuple(search.found),
            "searched": search.searched,
            "proven": not search.found,
            "working_files": tuple(working_files),
        }
    )
    with store.write(actor, project) as tx:
        values = {"report": report.model_dump_json(), "finished_ms": clock.now_ms()}
        tx.execute(update(erasures).where(erasures.c.id == intent.id).values(values))
        payload = {"objects": len(gone), "proven": report.proven, "found": len(search.found)}
        tx.event("dataset.erasure-finished", f"erasure:{intent.id}", payload)
    if report.proven:
        drop_intent(state, intent.id)
    return report


def _texts(samples: set[bytes]) -> list[str]:
    """Samples that are text, the longest first, so that none is cut by a shorter one."""
    texts = []
    for sample in sorted(samples, key=len, reverse=True):
        with suppress(UnicodeDecodeError):
            texts.append(sample.decode())
    return texts


def _discard_orphans(objects: ProjectObjects, search: Search) -> None:
    """Remove files of the store that no row refers to and that hold erased bytes.

    A kill between forgetting a file and removing it leaves one.
    """
    found = objects.orphans()
    for path in (*found.links, *found.packs, *found.temporary):
        before = len(search.found)
        search.look_in_file(str(path), path)
        if len(search.found) > before:
            objects.discard(path)
            search.found.pop(str(path))


def _was_recorded(store: Store, intent: Intent) -> bool:
    query = select(erasures.c.id).where(erasures.c.id == intent.id)
    with store.read() as connection:
        known = connection.execute(query).first() is not None
    if not known:
        # The kill came before anything was changed.
        drop_intent(store.workspace.state, intent.id)
    return known


def _begun(store: Store, erasure_id: str) -> ErasureReport:
    query = select(erasures.c.report).where(erasures.c.id == erasure_id)
    with store.read() as connection:
        return ErasureReport.model_validate_json(connection.execute(query).scalar_one())
