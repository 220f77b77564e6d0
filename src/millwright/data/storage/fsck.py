"""fsck: every stored byte read again, damage named by what needs it, and repaired from a remote."""

from __future__ import annotations

from collections import defaultdict

from millwright.data.storage.definitions import find_definition, read_definitions
from millwright.data.storage.marking import dropped_ids
from millwright.data.storage.opening import open_defined
from millwright.data.storage.reach import objects_of, plain_objects
from millwright.data.storage.records import DamagedChunk, FsckReport, FsckRequest
from millwright.data.storage.versions_service import all_versions
from millwright.data.tree_store import TreeStore
from millwright.kernel.access import Actor
from millwright.kernel.errors import Corrupt, NotFound, Unavailable
from millwright.kernel.objects import Damage, ProjectObjects
from millwright.kernel.objects.codec import decode
from millwright.kernel.store import Store


def check(store: Store, actor: Actor, project: str, request: FsckRequest) -> FsckReport:
    """Read all chunks again; with ``repair_from``, put good copies in place of damaged ones.

    Raises:
        NotFound: there is no such remote.
    """
    objects = store.objects.of(project)
    damaged = _verified(objects)
    repaired: set[str] = set()
    if damaged and request.repair_from is not None:
        repaired = _repair(store, project, request.repair_from, damaged)
    users, missing = _users(store, project, objects)
    found = tuple(
        DamagedChunk(
            chunk=one.chunk,
            path=str(one.path),
            versions=tuple(sorted({name for user in one.objects for name in users.get(user, ())})),
            repaired=one.chunk in repaired,
        )
        for one in damaged
    )
    if found:
        with store.write(actor, project) as tx:
            payload = {"damaged": len(found), "repaired": len(repaired)}
            tx.event("storage.damage-found", f"project:{project}", payload)
    places = [place for place in objects.chunks() if place.source != 0]
    return FsckReport(
        chunks=len(places),
        size=sum(place.stored for place in places),
        damaged=found,
        missing=tuple(sorted(missing)),
        ok=all(one.repaired for one in found) and not missing,
    )


def _verified(objects: ProjectObjects) -> list[Damage]:
    try:
        return objects.verify()
    except Corrupt as cause:
        if cause.code != "objects.index":
            raise
        # The index is only an aid: everything it says stands in the packs and links too.
        objects.rebuild()
        return objects.verify()


def _users(
    store: Store, project: str, objects: ProjectObjects
) -> tuple[dict[str, set[str]], set[str]]:
    """Which versions need each object, and which lack one."""
    rows, _ = all_versions(store, project)
    dropped = dropped_ids(store, project)
    users: dict[str, set[str]] = defaultdict(set)
    missing: set[str] = set()
    for row in rows:
        if row["id"] in dropped:
            continue
        reference = f"{row['name']}@{row['version']}"
        try:
            needed = objects_of(TreeStore(objects), [row])
        except (NotFound, Unavailable, Corrupt):
            # Of a version that was never fetched, only its own row is known here.
            needed = plain_objects(row)
        for digest in needed:
            users[digest.hex()].add(reference)
        recipes = objects.recipes(needed)
        chunks = {part for one in recipes.values() for part, _ in one.chunks}
        chunks.update(digest for digest in needed if digest not in recipes)
        absent = chunks - objects.locate(chunks).keys()
        if absent and not _on_a_remote(store, project, absent):
            missing.add(reference)
    return users, missing


def _on_a_remote(store: Store, project: str, wanted: set[bytes]) -> bool:
    """Whether one remote, as last heard, has all of these chunks or objects."""
    state = store.workspace.state
    for definition in read_definitions(state):
        if not (state / "remotes" / definition.name / project / "catalogue.db").exists():
            continue
        catalogue = open_defined(state, definition, project).catalogue()
        try:
            found = catalogue.places(wanted).keys() | catalogue.recipes(wanted).keys()
        finally:
            catalogue.close()
        if found >= wanted:
            return True
    return False


def _repair(store: Store, project: str, remote: str, damaged: list[Damage]) -> set[str]:
    state = store.workspace.state
    opened = open_defined(state, find_definition(state, remote), project)
    objects = store.objects.of(project)
    catalogue = opened.catalogue()
    repaired = set()
    try:
        catalogue.refresh()
        places = catalogue.places(bytes.fromhex(one.chunk) for one in damaged)
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
