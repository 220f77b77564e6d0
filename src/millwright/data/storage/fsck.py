"""fsck: every stored byte read again, damage named by what needs it, and repaired from a remote.

The same for a remote, repaired from here (``remote_fsck``).
"""

from __future__ import annotations

from contextlib import suppress

from millwright.data.storage.database_heads import head_store
from millwright.data.storage.definitions import find_definition
from millwright.data.storage.fetching import fetch_bytes
from millwright.data.storage.needing import needing
from millwright.data.storage.opening import open_defined
from millwright.data.storage.records import DamagedChunk, FsckReport, FsckRequest
from millwright.data.storage.remote_fsck import read_remote, repair_remote
from millwright.data.storage.versions_service import all_versions
from millwright.kernel.access import Actor
from millwright.kernel.errors import Corrupt, NotFound
from millwright.kernel.objects import Damage, ProjectObjects
from millwright.kernel.objects.codec import decode
from millwright.kernel.store import Store


def check(store: Store, actor: Actor, project: str, request: FsckRequest) -> FsckReport:
    """Read all chunks again, here or on a remote; damaged ones are replaced where that is asked.

    Raises:
        NotFound: there is no such remote.
    """
    if request.remote is not None:
        return _check_remote(store, actor, project, request.remote, repair=request.repair)
    if request.repair_from is not None:
        find_definition(store.workspace.state, request.repair_from)
    objects = store.objects.of(project)
    damaged = _verified(objects)
    # Lists of chunks are made again from files that are here, whether a remote was named or not.
    lists = [one.chunk for one in damaged if one.kind == "recipe"]
    repaired = {digest for digest in lists if objects.mend_recipe(digest)}
    users, missing = needing(store, project, objects, damaged, repaired)
    if request.repair_from is not None and (damaged or missing):
        repaired |= _repair(store, project, request.repair_from, damaged)
        _bring(store, project, request.repair_from, missing)
        users, missing = needing(store, project, objects, damaged, repaired)
    found = tuple(
        DamagedChunk(
            chunk=one.chunk,
            kind="recipe" if one.kind == "recipe" else "chunk",
            path=str(one.path),
            versions=tuple(sorted({name for user in one.objects for name in users.get(user, ())})),
            repaired=one.chunk in repaired,
        )
        for one in damaged
    )
    _tell(store, actor, project, f"project:{project}", found)
    chunks = size = 0
    for place in objects.chunks():
        if place.source != 0:
            chunks, size = chunks + 1, size + place.stored
    return FsckReport(
        chunks=chunks,
        size=size,
        damaged=found,
        missing=tuple(sorted(missing)),
        ok=all(one.repaired for one in found) and not missing,
    )


def _check_remote(
    store: Store, actor: Actor, project: str, remote: str, *, repair: bool
) -> FsckReport:
    state = store.workspace.state
    opened = open_defined(state, find_definition(state, remote), project)
    heads, objects = head_store(store, opened), store.objects.of(project)
    state_there = read_remote(opened, heads, objects)
    repaired: set[bytes] = set()
    missing = state_there.missing
    if repair and (state_there.damaged or missing):
        rows, refs = all_versions(store, project)
        repaired = repair_remote(opened, heads, objects, rows, refs, state_there.damaged)
        missing = read_remote(opened, heads, objects).missing
    found = tuple(
        DamagedChunk(
            chunk=chunk.hex(),
            kind="chunk",
            path=f"{remote}: pack {pack}",
            versions=tuple(sorted(state_there.users.get(chunk, ()))),
            repaired=chunk in repaired,
        )
        for chunk, pack in state_there.damaged.items()
    )
    _tell(store, actor, project, f"remote:{remote}", found)
    return FsckReport(
        chunks=state_there.chunks,
        size=state_there.size,
        damaged=found,
        missing=tuple(sorted(missing)),
        ok=all(one.repaired for one in found) and not missing,
    )


def _tell(
    store: Store, actor: Actor, project: str, subject: str, found: tuple[DamagedChunk, ...]
) -> None:
    if not found:
        return
    with store.write(actor, project) as tx:
        payload = {"damaged": len(found), "repaired": sum(one.repaired for one in found)}
        tx.event("storage.damage-found", subject, payload)


def _bring(store: Store, project: str, remote: str, missing: set[str]) -> None:
    """Fetch the bytes of versions that lack some, where the remote has them."""
    rows, _ = all_versions(store, project)
    state = store.workspace.state
    opened = open_defined(state, find_definition(state, remote), project)
    for row in rows:
        if f"{row['name']}@{row['version']}" in missing:
            # What the remote lacks as well stays missing, and is reported as that.
            with suppress(NotFound):
                fetch_bytes(opened, store.objects.of(project), [row])


def _verified(objects: ProjectObjects) -> list[Damage]:
    try:
        return objects.verify()
    except Corrupt as cause:
        if cause.code != "objects.index":
            raise
        # The index is only an aid: everything it says stands in the packs and links too.
        objects.rebuild()
        return objects.verify()


def _repair(store: Store, project: str, remote: str, damaged: list[Damage]) -> set[str]:
    state = store.workspace.state
    opened = open_defined(state, find_definition(state, remote), project)
    objects = store.objects.of(project)
    catalogue = opened.catalogue()
    repaired = set()
    try:
        catalogue.refresh()
        chunks = [one.chunk for one in damaged if one.kind == "chunk"]
        places = catalogue.places(bytes.fromhex(one) for one in chunks)
        lists = [one.chunk for one in damaged if one.kind == "recipe"]
        for name, recipe in catalogue.recipes(bytes.fromhex(one) for one in lists).items():
            objects.add_recipe(name.hex(), objects.opened(recipe))
            repaired.add(name.hex())
        for chunk, place in places.items():
            key = catalogue.pack_key(place.pack)
            payload = opened.remote.get_range(key, place.offset, place.stored)
            try:
                objects.replace_chunk(chunk, decode(place.codec, payload, place.size))
            except (ValueError, Corrupt):
                continue
            repaired.add(chunk.hex())
    finally:
        catalogue.close()
    return repaired
