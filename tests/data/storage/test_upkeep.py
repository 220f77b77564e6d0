"""Garbage goes and nothing else does; damage is named by what needs it, and repaired."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, String, delete, insert
from storage_bench import Bench, random_files

from millwright.data.storage import fsck, garbage
from millwright.data.storage.definitions import drop_definition
from millwright.data.storage.head_store import Merge, RemoteHeads
from millwright.data.storage.heads import Head
from millwright.data.storage.marking import live_of
from millwright.data.storage.opening import OpenedRemote
from millwright.data.storage.pushing import push
from millwright.data.storage.reach import tree_objects
from millwright.data.storage.records import FsckRequest, GarbageRequest
from millwright.data.storage.remote_garbage import collect_remote
from millwright.data.storage.versions_service import all_versions
from millwright.data.tables import dataset_versions
from millwright.data.tree_store import TreeStore
from millwright.kernel.access import Actor
from millwright.kernel.errors import Conflict, NotFound, Unavailable
from millwright.kernel.objects import digest_of
from millwright.kernel.references import references
from millwright.kernel.remotes import Tagged
from millwright.kernel.remotes.sending import send
from millwright.kernel.store import Store
from millwright.kernel.tables import event_head, events, lineage, lineage_nodes, metadata
from millwright.server.opening import open_store

Make = Callable[[str], Bench]


@pytest.fixture
def opened(bench: Make) -> Iterator[tuple[Bench, Store]]:
    one = bench("here")
    store = open_store(one.place.workspace)
    # A writer keeps its pack open for more; one process, one writer.
    one.place.__dict__["objects"] = store.objects.of("p")
    yield one, store
    store.close()


def age(one: Bench, seconds: float = 100_000) -> None:
    """Make everything stored so far old."""
    one.place.objects.close()
    import sqlite3

    with sqlite3.connect(one.place.objects.root / "index.db") as connection:
        for table in ("chunks", "objects"):
            connection.execute(f"UPDATE {table} SET added = added - {seconds}")


def test_garbage_goes_and_what_is_named_stays(opened: tuple[Bench, Store], actor: Actor) -> None:
    one, store = opened
    files = random_files(50, 5_000)
    one.keep("photos", {**files, "big": random.Random(1).randbytes(500_000)})
    artifact = one.place.objects.put(b"an artifact that a table names")
    one.place.objects.put(random.Random(2).randbytes(2_000_000))
    one.place.objects.put_many([b"garbage %d" % n for n in range(100)])
    with store.write(actor, "p") as tx:
        tx.execute(
            insert(metadata.tables["projects"]).values(
                name="p", config_digest=artifact, created_ms=1, updated_ms=1
            )
        )
    age(one)

    would = garbage.collect(store, actor, "p", GarbageRequest(dry_run=True))
    assert would.chunks > 100
    assert would.freed == 0
    done = garbage.collect(store, actor, "p", GarbageRequest(dry_run=False))

    assert done.chunks == would.chunks
    assert done.freed > 1_900_000
    assert one.place.objects.read(artifact) == b"an artifact that a table names"
    assert one.files("photos") == {**files, "big": random.Random(1).randbytes(500_000)}
    assert fsck.check(store, actor, "p", FsckRequest()).ok
    assert garbage.collect(store, actor, "p", GarbageRequest(dry_run=True)).chunks == 0


def test_what_is_young_stays_and_what_is_gone_is_named(
    opened: tuple[Bench, Store], actor: Actor
) -> None:
    one, store = opened
    kept = one.keep("photos", {"a": b"1" * 1000})
    from millwright.data.service import take_journal

    take_journal(store)
    with store.write(actor, "p") as tx:
        tx.execute(delete(dataset_versions).where(dataset_versions.c.id == kept.id))
    assert garbage.collect(store, actor, "p", GarbageRequest()).chunks == 0
    age(one)
    found = garbage.collect(store, actor, "p", GarbageRequest())
    assert found.chunks == 2
    told = f"{kept.reference}, dataset:{kept.id} "
    assert any(one.was.startswith(told) for one in found.named)


def test_a_digest_in_any_column_of_any_table_is_a_reference(
    opened: tuple[Bench, Store], actor: Actor
) -> None:
    _, store = opened
    planted: dict[str, str] = {}
    with store.database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN")
        for table in metadata.sorted_tables:
            if table.name in (events.name, event_head.name, lineage.name, lineage_nodes.name):
                continue
            row: dict[str, object] = {}
            for column in table.columns:
                kind, digest = column.type, os.urandom(32)
                text = isinstance(kind, String) and (kind.length is None or kind.length >= 64)
                row[column.name] = _filler(column)
                if text or isinstance(kind, LargeBinary):
                    row[column.name] = digest.hex() if text else digest
                    planted[digest.hex()] = f"{table.name}.{column.name}"
            connection.execute(insert(table).values(row))
        found = {one.digest for one in references(connection)}
        connection.rollback()
    assert [where for digest, where in planted.items() if digest not in found] == []
    assert len(planted) > 50


def _filler(column: object) -> object:
    kind = column.type  # type: ignore[attr-defined]
    if isinstance(kind, String):
        return "x"
    if isinstance(kind, LargeBinary):
        return b"x"
    return 1


def test_writers_beside_garbage_collection_lose_nothing(
    opened: tuple[Bench, Store], actor: Actor
) -> None:
    import threading

    one, store = opened
    one.keep("photos", random_files(30, 2_000))
    age(one)
    stop, failures = threading.Event(), []

    def collect() -> None:
        while not stop.is_set():
            try:
                garbage.collect(store, actor, "p", GarbageRequest(dry_run=False))
            except BaseException as cause:
                failures.append(cause)
                return

    thread = threading.Thread(target=collect)
    thread.start()
    for number in range(25):
        one.place.objects.put_many([b"garbage %d" % number])
        one.keep("photos", random_files(5, 20_000, seed=number % 4))
    stop.set()
    thread.join()
    assert failures == []
    for number in range(25):
        assert one.files("photos", number + 2) == random_files(5, 20_000, seed=number % 4)


def test_packs_that_no_version_on_a_remote_needs_go(
    opened: tuple[Bench, Store], bench: Make, address: dict[str, str]
) -> None:
    one, _ = opened
    remote = one.remote(**address)
    files = random_files(20, 10_000)
    one.keep("photos", files)
    one.push()
    needless = one.place.objects.put(random.Random(9).randbytes(300_000))
    catalogue = remote.catalogue()
    send(one.place.objects, catalogue, [bytes.fromhex(needless)])
    catalogue.close()
    heads = RemoteHeads(remote.remote, remote.prefix)

    def collect(grace: float, *, dry_run: bool) -> int:
        found = collect_remote(
            remote, heads, one.place.objects, grace_seconds=grace, dry_run=dry_run
        )
        return len(found.packs)

    assert collect(900, dry_run=False) == 0
    assert collect(-60, dry_run=True) == 1
    assert collect(-60, dry_run=False) == 1
    assert collect(-60, dry_run=True) == 0
    for number in range(33):
        one.keep("notes", {"note": b"%d" % number})
        one.push()
    assert len(list(remote.remote.list("p/index/"))) > 33
    assert collect(900, dry_run=False) == 0
    assert len(list(remote.remote.list("p/index/"))) == 1
    remote.remote.put("p/collecting", str(int(time.time())).encode())
    with pytest.raises(Conflict, match="Somebody else"):
        collect(900, dry_run=False)
    remote.remote.put("p/collecting", b"1")
    assert collect(900, dry_run=True) == 0
    there = bench("there")
    there.remote(**address)
    there.fetch()
    assert there.files("photos") == files
    assert there.files("notes", 34 - 1) == {"note": b"32"}


def test_packs_that_are_mostly_garbage_are_written_anew(
    opened: tuple[Bench, Store], bench: Make, address: dict[str, str], actor: Actor
) -> None:
    one, store = opened
    remote = one.remote(**address)
    kept = random_files(4, 10_000)
    digest = one.place.objects.put(random.Random(9).randbytes(400_000))
    one.keep("photos", kept)
    rows, refs = all_versions(store, "p")
    catalogue = remote.catalogue()
    # In one pack: what a version needs, and what none does.
    roots = [bytes.fromhex(row["digest"]) for row in rows]
    send(
        one.place.objects,
        catalogue,
        [*tree_objects(TreeStore(one.place.objects), roots[0], set()), bytes.fromhex(digest)],
    )
    catalogue.close()
    heads = RemoteHeads(remote.remote, remote.prefix)
    assert push(remote, heads, one.place.objects, rows, refs).chunks == 0
    whole = sum(entry.size for entry in remote.remote.list("p/packs/"))

    # Another workspace has heard the catalogue as it is now, and fetches after the collection.
    there = bench("there")
    far = there.remote(**address)
    copy = far.catalogue()
    copy.refresh()
    copy.close()

    would = collect_remote(remote, heads, one.place.objects, grace_seconds=-60, dry_run=True)
    assert [0 < pack.live < pack.size / 2 for pack in would.packs] == [True]
    assert sum(entry.size for entry in remote.remote.list("p/packs/")) == whole
    done = collect_remote(remote, heads, one.place.objects, grace_seconds=-60, dry_run=False)
    assert done.freed == would.freed > 390_000
    assert sum(entry.size for entry in remote.remote.list("p/packs/")) < whole - 390_000
    assert (
        collect_remote(remote, heads, one.place.objects, grace_seconds=-60, dry_run=True).packs
        == ()
    )
    there.fetch()
    assert there.files("photos") == kept


class Interrupted(RemoteHeads):
    """Heads around whose use something else happens, at the worst moment."""

    def __init__(
        self, remote: OpenedRemote, name: str, turn: int, act: Callable[[], object]
    ) -> None:
        super().__init__(remote.remote, remote.prefix)
        self._name, self._turn, self._act = name, turn, act

    def update(self, name: str, merge: Merge) -> Tagged | None:
        self._meet("update")
        return super().update(name, merge)

    def all(self) -> list[Head]:
        self._meet("all")
        return super().all()

    def _meet(self, name: str) -> None:
        if name == self._name:
            self._turn -= 1
            if self._turn == 0:
                self._act()


def test_a_push_that_counts_on_garbage_while_it_is_collected_sends_it_again(
    opened: tuple[Bench, Store], bench: Make, address: dict[str, str]
) -> None:
    one, store = opened
    remote = one.remote(**address)
    files = _garbage_on(one, remote)
    other = bench("other")
    far = other.remote(**address)
    heads = RemoteHeads(far.remote, far.prefix)

    def collect() -> None:
        swept = collect_remote(far, heads, other.place.objects, grace_seconds=-60, dry_run=False)
        assert swept.packs

    # All chunks are there when the push looks, and gone when it names them.
    one.keep("photos", files)
    rows, refs = all_versions(store, "p")
    push(remote, Interrupted(remote, "update", 1, collect), one.place.objects, rows, refs)
    there = bench("there")
    there.remote(**address)
    there.fetch()
    assert there.files("photos") == files


def test_a_collection_that_meets_a_push_keeps_what_it_counts_on(
    opened: tuple[Bench, Store], bench: Make, address: dict[str, str]
) -> None:
    one, _ = opened
    remote = one.remote(**address)
    files = _garbage_on(one, remote)
    one.keep("photos", files)
    heads = Interrupted(remote, "all", 2, one.push)
    collect_remote(remote, heads, one.place.objects, grace_seconds=-60, dry_run=False)
    there = bench("there")
    there.remote(**address)
    there.fetch()
    assert there.files("photos") == files


def _garbage_on(one: Bench, remote: OpenedRemote) -> dict[str, bytes]:
    """Bring files to a remote that no version names yet."""
    files = random_files(5, 10_000)
    digests = one.place.objects.put_many(files.values())
    catalogue = remote.catalogue()
    send(one.place.objects, catalogue, [bytes.fromhex(digest) for digest in digests])
    catalogue.close()
    return files


def test_damage_is_named_by_the_versions_that_need_it_and_repaired(
    opened: tuple[Bench, Store], actor: Actor, tmp_path: Path
) -> None:
    one, store = opened
    one.remote(str(tmp_path / "remote"))
    one.keep("photos", {"a": random.Random(1).randbytes(50_000), "b": b"whole"})
    one.keep("photos", {"b": b"whole"})
    one.push()
    one.place.objects.close()
    pack = next((one.place.state / "objects").rglob("*.pack"))
    content = bytearray(pack.read_bytes())
    content[25_000] ^= 1
    pack.write_bytes(content)

    with pytest.raises(NotFound, match="nowhere"):
        fsck.check(store, actor, "p", FsckRequest(repair_from="nowhere"))
    found = fsck.check(store, actor, "p", FsckRequest())
    assert not found.ok
    assert [one.versions for one in found.damaged] == [("photos@1",)]
    repaired = fsck.check(store, actor, "p", FsckRequest(repair_from="origin"))
    assert repaired.ok
    assert [(one.repaired, one.versions) for one in repaired.damaged] == [(True, ("photos@1",))]
    assert fsck.check(store, actor, "p", FsckRequest()).damaged == ()
    assert one.files("photos", 1)["a"] == random.Random(1).randbytes(50_000)


def test_nothing_goes_while_a_manifest_cannot_be_read(
    opened: tuple[Bench, Store], actor: Actor
) -> None:
    one, store = opened
    kept = one.keep("photos", {"a": b"1" * 1000})
    age(one)
    place = one.place.objects.locate([bytes.fromhex(kept.digest)])[bytes.fromhex(kept.digest)]
    path = Path(one.place.objects.name_of(place))
    one.place.objects.close()
    content = bytearray(path.read_bytes())
    content[place.offset + place.stored // 2] ^= 1
    path.write_bytes(content)

    assert garbage.collect(store, actor, "p", GarbageRequest()).unreadable == (kept.digest,)
    with pytest.raises(Unavailable, match="nothing was removed"):
        garbage.collect(store, actor, "p", GarbageRequest(dry_run=False))
    assert one.place.objects.has(digest_of(b"1" * 1000))
    given_up = GarbageRequest(dry_run=False, despite_damage=True)
    assert garbage.collect(store, actor, "p", given_up).chunks == 1


def test_a_damaged_list_of_chunks_is_repaired_too(
    opened: tuple[Bench, Store], actor: Actor, tmp_path: Path
) -> None:
    one, store = opened
    one.remote(str(tmp_path / "remote"))
    # Of so many chunks that the list of them stands in a pack and not in the index.
    content = random.Random(1).randbytes(12_000_000)
    one.keep("photos", {"a": content})
    one.push()
    one.place.objects.close()
    import sqlite3

    with sqlite3.connect(one.place.objects.root / "index.db") as connection:
        connection.execute("UPDATE objects SET recipe = NULL WHERE source > 0")
        offset, stored, source = connection.execute(
            "SELECT offset, stored, source FROM objects WHERE source > 0 ORDER BY stored DESC"
        ).fetchone()
        name = connection.execute("SELECT name FROM packs WHERE id = ?", (source,)).fetchone()[0]
    path = one.place.objects.root / "packs" / f"{name}.pack"
    with path.open("r+b") as file:
        file.seek(offset + stored // 2)
        file.write(b"damage")
    found = fsck.check(store, actor, "p", FsckRequest())
    assert [one.kind for one in found.damaged] == ["recipe"]
    assert fsck.check(store, actor, "p", FsckRequest(repair_from="origin")).ok
    assert fsck.check(store, actor, "p", FsckRequest()).damaged == ()
    assert one.files("photos") == {"a": content}


def test_damage_on_a_remote_is_found_and_mended_from_here(
    opened: tuple[Bench, Store], bench: Make, address: dict[str, str], actor: Actor
) -> None:
    one, store = opened
    remote = one.remote(**address)
    files = random_files(6, 30_000)
    one.keep("photos", files)
    one.keep("photos", {**files, "more": random.Random(3).randbytes(90_000)})
    one.push()
    assert fsck.check(store, actor, "p", FsckRequest(remote="origin")).ok
    (pack,) = [entry.key for entry in remote.remote.list("p/packs/")]
    content = bytearray(remote.remote.get(pack) or b"")
    content[10_000] ^= 1
    remote.remote.put(pack, bytes(content))

    found = fsck.check(store, actor, "p", FsckRequest(remote="origin"))
    assert not found.ok
    assert {one.versions for one in found.damaged} == {("photos@1", "photos@2")}
    mended = fsck.check(store, actor, "p", FsckRequest(remote="origin", repair=True))
    assert mended.ok
    assert fsck.check(store, actor, "p", FsckRequest(remote="origin")).damaged == ()
    there = bench("there")
    there.remote(**address)
    there.fetch("photos@1")
    assert there.files("photos", 1) == files

    remote.remote.delete([entry.key for entry in remote.remote.list("p/packs/")])
    assert not fsck.check(store, actor, "p", FsckRequest(remote="origin")).ok
    assert fsck.check(store, actor, "p", FsckRequest(remote="origin", repair=True)).ok
    there.fetch(every=True)
    assert len(there.files("photos", 2)) == 7


def test_bytes_that_are_gone_altogether_are_missed(
    opened: tuple[Bench, Store], actor: Actor, tmp_path: Path
) -> None:
    one, store = opened
    one.remote(str(tmp_path / "remote"))
    one.keep("photos", {"a": random.Random(1).randbytes(50_000)})
    one.push()
    drop_definition(one.place.state, "origin")
    shutil.rmtree(one.place.state / "remotes")
    assert fsck.check(store, actor, "p", FsckRequest()).ok
    one.place.objects.close()
    store.objects.of("p").close()
    for path in (one.place.state / "objects").rglob("*"):
        if path.suffix == ".pack" or path.name.startswith("index.db"):
            path.unlink()
    found = fsck.check(store, actor, "p", FsckRequest())
    assert found.missing == ("photos@1",)
    assert not found.ok
    # A remote that has them brings them back.
    one.remote(str(tmp_path / "remote"))
    assert fsck.check(store, actor, "p", FsckRequest(repair_from="origin")).ok
    assert one.files("photos") == {"a": random.Random(1).randbytes(50_000)}


def test_versions_that_retention_drops_lose_their_bytes_but_not_their_names(
    opened: tuple[Bench, Store], actor: Actor
) -> None:
    one, store = opened
    (one.place.root / "millwright.yaml").write_text(
        "project: p\ndata: {source: a.csv, target: x}\nretention: {keep_last: 1}\n"
    )
    for number in range(3):
        one.keep("photos", {"a": random.Random(number).randbytes(10_000)})
    from millwright.data.service import list_versions, take_journal

    take_journal(store)
    age(one)
    found = garbage.collect(store, actor, "p", GarbageRequest(dry_run=False))
    assert found.expired == ("photos@1", "photos@2")
    assert len(list_versions(store, "p", "photos")) == 3
    assert one.files("photos", 3) == {"a": random.Random(2).randbytes(10_000)}
    assert live_of(store, "p").objects.isdisjoint(
        {bytes.fromhex(v.digest) for v in list_versions(store, "p", "photos") if v.version < 3}
    )
    assert fsck.check(store, actor, "p", FsckRequest()).ok
