"""Garbage collection: what nothing refers to goes, after a time of grace, while others write.

Mark: everything that the database, the working copies and the objects themselves name. Sweep: the
rest, but for what was added or met again within the grace. The sweep happens within a write
transaction, after what was named meanwhile was marked too: whoever keeps a version comes before, and
is seen, or after, and sees by the count of sweeps that its objects have to be looked at again. On
PostgreSQL that transaction also waits for a commit that a killed client had sent. Then packs of which
much is gone are rewritten, and files that a killed writer left behind are removed.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import select

from millwright.data.service.intake import numbering
from millwright.data.storage.marking import Live, catch_up, live_of
from millwright.data.storage.records import Collected, GarbageRequest, GoneObject
from millwright.data.storage.retention import drop_expired, expired_versions
from millwright.kernel.access import Actor
from millwright.kernel.errors import Unavailable
from millwright.kernel.objects import ProjectObjects
from millwright.kernel.references import digests_in_text
from millwright.kernel.store import Store
from millwright.kernel.tables import events

_WORTH_REWRITING = 0.25
_NAMED = 200


def collect(store: Store, actor: Actor, project: str, request: GarbageRequest) -> Collected:
    """Collect a project's garbage, or say what would be (``dry_run``).

    Versions that the retention rules of ``millwright.yaml`` no longer keep lose their bytes, not
    their names: their rows, and what came of them, stay known.

    Raises:
        Unavailable: a manifest cannot be read now, so that what it needs is not known.
    """
    before = time.time() - request.grace_seconds
    expired = expired_versions(store, project)
    objects = store.objects.of(project)
    if request.dry_run:
        live = live_of(store, project, without={one.id for one in expired})
        found = objects.unreferenced(live.objects, live.chunks, before=before)
        freed = 0
    else:
        drop_expired(store, actor, project, expired)
        live = live_of(store, project)
        _refuse_unknown(live, request)
        found = objects.unreferenced(live.objects, live.chunks, before=before)
        with numbering(store), store.write(actor, project) as tx:
            # Whoever keeps a version now waits, and what a client that died had sent is done.
            catch_up(store, project, live)
            _refuse_unknown(live, request)
            found = objects.sweep(found, live.objects, live.chunks)
            if found.objects or found.chunks:
                payload = {"chunks": len(found.chunks), "size": found.size}
                tx.event("storage.collected", f"project:{project}", payload)
        freed = objects.release_links() + compact(objects)
        freed += objects.reclaim(objects.orphans(), before=before) + _clear_cache(
            objects, live, before
        )
    gone = named(store, project, [*found.objects, *found.chunks])
    return Collected(
        dry_run=request.dry_run,
        expired=tuple(f"{one.name}@{one.version}" for one in expired),
        objects=len(found.objects),
        chunks=len(found.chunks),
        size=found.size,
        freed=freed,
        named=tuple(gone),
        kept=live.because,
        unreadable=tuple(live.unreadable[:_NAMED]),
    )


def _refuse_unknown(live: Live, request: GarbageRequest) -> None:
    if not live.unreadable or request.despite_damage:
        return
    raise Unavailable(
        "gc.unreadable",
        f"{len(live.unreadable)} of the stored manifests cannot be read, so what they need is not "
        "known; nothing was removed.",
        hint="Reach the remote, or mend them with: mw data fsck --repair-from REMOTE; else give "
        "them up with: mw data gc --yes --despite-damage",
        value=live.unreadable[0],
    )


def compact(objects: ProjectObjects, worth: float = _WORTH_REWRITING) -> int:
    """Rewrite packs of which at least this share is unreferenced; bytes freed."""
    objects.seal()
    # Listed before the chunks: a pack that somebody makes meanwhile is not taken for garbage.
    packs = objects.packs()
    used: dict[int, int] = defaultdict(int)
    for place in objects.chunks():
        used[place.source] += place.stored
    freed = 0
    for pack in packs:
        if pack.size - used[pack.id] > worth * pack.size:
            freed += objects.rewrite_pack(pack)
    return freed


def _clear_cache(objects: ProjectObjects, live: Live, before: float) -> int:
    """Remove files that were written out for readers of objects that are gone."""
    freed = 0
    for path in (objects.root / "cache").glob("*"):
        if len(path.name) == 64 and bytes.fromhex(path.name) in live.objects:
            continue
        state = path.stat()
        if state.st_ctime < before:
            objects.discard(path)
            freed += state.st_size
    return freed


def named(store: Store, project: str, gone: Iterable[bytes]) -> list[GoneObject]:
    """What the objects once were, as far as the events tell."""
    wanted = {digest.hex() for digest in gone}
    if not wanted:
        return []
    found: dict[str, GoneObject] = {}
    query = select(events.c.kind, events.c.subject, events.c.payload).where(
        events.c.project == project
    )
    with store.read() as connection:
        for kind, subject, payload in connection.execute(query):
            for digest in digests_in_text(payload):
                if digest in wanted and len(found) < _NAMED:
                    told = json.loads(payload)
                    # A version is known by its number to people, not by its id.
                    known = kind == "dataset.version-created" and {"name", "version"} <= told.keys()
                    was = f"{told['name']}@{told['version']}, {subject}" if known else subject
                    found[digest] = GoneObject(digest=digest, was=f"{was} ({kind})")
    return list(found.values())
