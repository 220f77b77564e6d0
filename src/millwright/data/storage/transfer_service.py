"""Push and fetch as requests: each turn moves what its time allows, and the next goes on."""

from __future__ import annotations

from collections.abc import Callable

from millwright.data.references import split
from millwright.data.storage.choosing import chosen
from millwright.data.storage.database_heads import head_store
from millwright.data.storage.definitions import find_definition
from millwright.data.storage.fetching import fetch_bytes, look, news
from millwright.data.storage.opening import OpenedRemote, open_defined
from millwright.data.storage.pushing import push
from millwright.data.storage.records import Transfer, Transferred
from millwright.data.storage.transfers import record_transfer, transfer_note
from millwright.data.storage.versions_service import all_versions, take_news
from millwright.kernel.access import Actor
from millwright.kernel.remotes.progress import Moved
from millwright.kernel.store import Store

Tell = Callable[[Moved], None]


def push_versions(
    store: Store, actor: Actor, project: str, request: Transfer, tell: Tell | None = None
) -> Transferred:
    """Bring versions, tags and branches to a remote; an event says what each turn moved.

    Raises:
        NotFound: a dataset or remote is not known.
        Corrupt: bytes here are damaged; nothing damaged is sent.
    """
    opened = _opened(store, project, request)
    rows, refs = all_versions(store, project)
    if request.references:
        rows = chosen(request.references, rows, refs, every=True)
        refs = {name: refs.get(name, {}) for name in {row["name"] for row in rows}}
    done = push(
        opened,
        head_store(store, opened),
        store.objects.of(project),
        rows,
        refs,
        recheck=request.every,
        jobs=request.jobs,
        seconds=request.seconds,
        tell=tell,
    )
    turn = Transferred(
        remote=done.remote,
        versions=done.versions,
        chunks=done.chunks,
        packs=done.packs,
        size=done.size,
        complete=done.complete,
    )
    if done.chunks or done.versions:
        _record(store, actor, project, "push", turn)
    return turn


def fetch_versions(
    store: Store, actor: Actor, project: str, request: Transfer, tell: Tell | None = None
) -> Transferred:
    """Learn of versions that others pushed, and bring bytes here.

    Raises:
        NotFound: a dataset, version or remote is not known, or the remote lacks bytes of it.
    """
    opened = _opened(store, project, request)
    rows, refs = all_versions(store, project)
    names = [split(reference)[0] for reference in request.references] or None
    heads = look(head_store(store, opened), names)
    for head in heads:
        found = news(head, rows, refs.get(head.name, {}))
        if found:
            take_news(store, actor, project, found, opened.definition.name)
    rows, refs = all_versions(store, project)
    there = {head.name for head in heads}
    rows = [row for row in rows if names is not None or row["name"] in there]
    wanted = chosen(request.references, rows, refs, every=request.every)
    moved = fetch_bytes(
        opened,
        store.objects.of(project),
        wanted,
        jobs=request.jobs,
        seconds=request.seconds,
        tell=tell,
    )
    turn = Transferred(
        remote=opened.definition.name,
        versions=tuple(f"{row['name']}@{row['version']}" for row in wanted),
        chunks=moved.chunks,
        packs=moved.packs,
        size=moved.size,
        complete=moved.complete,
    )
    if moved.chunks:
        _record(store, actor, project, "fetch", turn)
    return turn


def _record(store: Store, actor: Actor, project: str, way: str, turn: Transferred) -> None:
    note = transfer_note(project, turn.remote, way, turn.versions, turn.chunks, turn.size)
    with store.write(actor, project) as tx:
        record_transfer(tx, note)


def _opened(store: Store, project: str, request: Transfer) -> OpenedRemote:
    state = store.workspace.state
    return open_defined(state, find_definition(state, request.remote), project)
