"""Remotes of the workspace: added, looked at, removed.

A remote's address is somewhere that the *server* connects to, so adding one needs the permission to
operate the installation: a user who may only write data cannot make it reach into a network.
"""

from __future__ import annotations

from millwright.data.storage.database_heads import head_store
from millwright.data.storage.definitions import (
    RemoteDefinition,
    checked_definition,
    drop_definition,
    find_definition,
    keep_definition,
    read_definitions,
)
from millwright.data.storage.garbage import named
from millwright.data.storage.opening import open_defined, probed, publish
from millwright.data.storage.records import (
    GonePack,
    NewRemote,
    RemoteCollected,
    RemoteContents,
    RemoteGarbageRequest,
    RemoteInfo,
    RemotePublished,
)
from millwright.data.storage.remote_garbage import collect_remote
from millwright.kernel.access import Actor
from millwright.kernel.errors import Conflict
from millwright.kernel.store import Store


def add_remote(store: Store, actor: Actor, project: str, request: NewRemote) -> RemoteInfo:
    """Add a remote once its store was reached and probed.

    Raises:
        InvalidInput: the address is none, or the store belongs to another key or format.
        Conflict: there is a remote of that name.
        Unavailable, Forbidden: the store cannot be reached, or refuses the credentials.
    """
    state = store.workspace.state
    if any(one.name == request.name for one in read_definitions(state)):
        raise Conflict(
            "remote.exists",
            f"There is a remote '{request.name}' already.",
            hint=f"Remove it first with: mw data remote remove {request.name}",
            value=request.name,
        )
    definition = probed(
        checked_definition(
            store.workspace.root,
            request.name,
            request.address,
            request.endpoint,
            request.key,
            default=request.default,
        )
    )
    with store.write(actor, project) as tx:
        kept = keep_definition(state, definition)
        payload = {"address": kept.address, "heads": kept.heads, "encrypted": kept.key is not None}
        tx.event("remote.added", f"remote:{kept.name}", payload)
    return _info(kept)


def list_remotes(store: Store) -> list[RemoteInfo]:
    """The remotes of the workspace, by name."""
    return [_info(one) for one in read_definitions(store.workspace.state)]


def show_remote(store: Store, project: str, name: str) -> RemoteContents:
    """What a project has on a remote, asked of the remote now."""
    definition = find_definition(store.workspace.state, name)
    opened = open_defined(store.workspace.state, definition, project)
    heads = head_store(store, opened).all()
    catalogue = opened.catalogue()
    try:
        catalogue.refresh()
        packs, chunks, size = catalogue.totals()
    finally:
        catalogue.close()
    return RemoteContents(
        remote=_info(definition),
        datasets=len(heads),
        versions=sum(len(head.versions) for head in heads),
        packs=packs,
        chunks=chunks,
        size=size,
    )


def collect_on_remote(
    store: Store, actor: Actor, project: str, name: str, request: RemoteGarbageRequest
) -> RemoteCollected:
    """Remove what no version on the remote needs, whoever pushed it; or say what that would be."""
    definition = find_definition(store.workspace.state, name)
    opened = open_defined(store.workspace.state, definition, project)
    found = collect_remote(
        opened,
        head_store(store, opened),
        store.objects.of(project),
        grace_seconds=request.grace_seconds,
        dry_run=request.dry_run,
    )
    packs = tuple(
        GonePack(name=one.key.rpartition("/")[2], size=one.size, kept=one.live)
        for one in found.packs
    )
    if packs and not request.dry_run:
        with store.write(actor, project) as tx:
            payload = {"packs": len(packs), "chunks": len(found.dead), "freed": found.freed}
            tx.event("remote.collected", f"remote:{name}", payload)
    return RemoteCollected(
        remote=name,
        dry_run=request.dry_run,
        packs=packs,
        chunks=len(found.dead),
        freed=found.freed,
        named=tuple(named(store, project, found.dead)),
    )


def publish_remote(store: Store, actor: Actor, project: str, name: str) -> RemotePublished:
    """Keep a list of a remote's objects on it, from which plain HTTP can read it.

    Raises:
        Forbidden: it can only be read.
    """
    definition = find_definition(store.workspace.state, name)
    objects = publish(definition)
    with store.write(actor, project) as tx:
        payload = {"address": definition.address, "objects": objects}
        tx.event("remote.published", f"remote:{name}", payload)
    return RemotePublished(remote=name, address=definition.address, objects=objects)


def remove_remote(store: Store, actor: Actor, project: str, name: str) -> RemoteInfo:
    """Forget a remote; what is stored there stays."""
    find_definition(store.workspace.state, name)
    with store.write(actor, project) as tx:
        gone = drop_definition(store.workspace.state, name)
        tx.event("remote.removed", f"remote:{name}", {"address": gone.address})
    return _info(gone)


def _info(one: RemoteDefinition) -> RemoteInfo:
    return RemoteInfo(
        name=one.name,
        address=one.address,
        endpoint=one.endpoint,
        default=one.default,
        encrypted=one.key is not None,
        heads="database" if one.heads == "database" else "remote",
    )
