"""Garbage collection between the bytes and the row that names them: nothing is lost in any order."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text
from storage_bench import Bench

import postgres_server
from millwright.data import trees
from millwright.data.records import NewVersion
from millwright.data.service import commit_version
from millwright.data.storage import fsck, garbage
from millwright.data.storage.records import FsckRequest, GarbageRequest
from millwright.data.trees import Entry, Kind
from millwright.data.working.adding import add, target_of
from millwright.data.working.index import WorkingIndex
from millwright.data.working.journal import Known
from millwright.data.working.ledger import Draft, Ledger, ledger_of
from millwright.kernel.access import Actor
from millwright.kernel.errors import NotFound
from millwright.kernel.objects import ProjectObjects
from millwright.kernel.store import Store
from millwright.server.opening import open_store
from watching import wait_until

Make = Callable[[str], Bench]
NO_GRACE = GarbageRequest.model_construct(dry_run=False, grace_seconds=-2.0)

on_postgresql = pytest.mark.skipif(
    postgres_server.binaries() is None,
    reason="PostgreSQL is not installed: apt-get install postgresql",
)


class HeldCommits:
    """A way to a PostgreSQL server on which a commit stays under way until it is let go."""

    def __init__(self, server: Path, folder: Path) -> None:
        self._server, self._door = server, socket.socket(socket.AF_UNIX)
        self._door.bind(str(folder / ".s.PGSQL.5432"))
        self._door.listen()
        self.url = f"postgresql+psycopg://millwright@/postgres?host={folder}"
        self.holds, self.let_go = threading.Event(), threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self.let_go.set()
        self._door.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._server / ".s.PGSQL.5432"))
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while content := source.recv(1 << 16):
                if b"COMMIT\0" in content and not self.let_go.is_set():
                    self.holds.set()
                    self.let_go.wait()
                target.sendall(content)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return


@pytest.fixture
def here(bench: Make, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Bench, Store, Path]]:
    """A workspace with its metadata in PostgreSQL, and the folder of the server's socket."""
    with postgres_server.running() as url:
        one = bench("here")
        monkeypatch.setenv("MILLWRIGHT_DATABASE_URL", url)
        store = open_store(one.place.workspace)
        one.place.__dict__["objects"] = store.objects.of("p")
        yield one, store, Path(parse_qs(urlsplit(url).query)["host"][0])
        store.close()


KEEPER = """
import sys
from pathlib import Path
from millwright.data.records import NewVersion
from millwright.data.service import commit_version
from millwright.kernel.access import Actor, Role
from millwright.kernel.workspace import Workspace
from millwright.server.opening import open_store


store = open_store(Workspace(Path(sys.argv[1])))
request = NewVersion(kind="files", digest=sys.argv[2])
commit_version(store, Actor("keeper", Role.ADMIN), "p", "photos", request)
"""


@on_postgresql
def test_a_version_whose_commit_outlives_its_client_keeps_its_bytes(
    here: tuple[Bench, Store, Path], actor: Actor, tmp_path: Path
) -> None:
    """The client has sent COMMIT and is killed; garbage is collected; the server commits."""
    one, store, server = here
    held = HeldCommits(server, tmp_path)
    client = subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(one.place.root), stored(one, {"a": b"1", "b": b"2"})],
        env={**os.environ, "MILLWRIGHT_DATABASE_URL": held.url},
    )
    try:
        wait_until(lambda: held.holds.is_set() or client.poll() is not None)
        assert client.poll() is None
        client.send_signal(signal.SIGKILL)
        client.wait()
        with ThreadPoolExecutor(1) as pool:
            collecting = pool.submit(garbage.collect, store, actor, "p", NO_GRACE)
            wait_until(lambda: waiting_for_lock(store) or collecting.done())
            held.let_go.set()
            assert collecting.result().chunks == 0
    finally:
        held.close()
    assert fsck.check(store, actor, "p", FsckRequest()).ok
    with store.read() as connection:
        (digest,) = connection.execute(text("SELECT digest FROM dataset_versions")).scalars()
    files = trees.walk(one.place.trees, bytes.fromhex(digest))
    assert {path: one.place.objects.read(e.hex) for path, e in files} == {b"a": b"1", b"b": b"2"}


@on_postgresql
def test_a_version_is_not_kept_once_its_bytes_were_collected(
    here: tuple[Bench, Store, Path], actor: Actor
) -> None:
    """They were there when it was looked, and were swept before its turn to write came."""
    one, store, _ = here
    root = stored(one, {"a": b"1"})
    with ThreadPoolExecutor(1) as pool:
        with store.write(actor, "p"):
            request = NewVersion(kind="files", digest=root)
            keeping = pool.submit(commit_version, store, actor, "p", "photos", request)
            wait_until(lambda: waiting_for_lock(store) or keeping.done())
            swept(one.place.objects)
        with pytest.raises(NotFound, match="Garbage collection took"):
            keeping.result()
    stored(one, {"a": b"1"})
    assert commit_version(store, actor, "p", "photos", request).version == 1


def test_what_is_collected_while_it_is_added_is_added_again(bench: Make) -> None:
    one = bench("here")
    folder = one.place.root / "photos"
    folder.mkdir()
    (folder / "a").write_bytes(b"1" * 1000)

    class Sweeping:
        """Garbage is collected before the first version is kept."""

        def __init__(self, ledger: Ledger) -> None:
            self.ledger, self.times = ledger, 0

        def __getattr__(self, name: str) -> object:
            return getattr(self.ledger, name)

        def keep(self, draft: Draft) -> tuple[Known, bool]:
            self.times += 1
            if self.times == 1:
                swept(one.place.objects)
            return self.ledger.keep(draft)

    index, ledger = WorkingIndex(one.place.state), Sweeping(ledger_of(one.place))
    target = target_of(one.place, [folder], None)
    kept = add(one.place, index, cast(Ledger, ledger), target)
    index.close()
    assert (kept.version.version, ledger.times) == (1, 2)
    assert one.files("photos") == {"a": b"1" * 1000}


def stored(one: Bench, files: dict[str, bytes]) -> str:
    """Store files and their manifest, which nothing names."""
    digests = one.place.objects.put_many(files.values())
    entries = {
        path.encode(): Entry(Kind.FILE, len(content), bytes.fromhex(digest))
        for (path, content), digest in zip(files.items(), digests, strict=True)
    }
    return one.place.trees.keep(trees.build(entries))


def swept(objects: ProjectObjects) -> None:
    """Forget everything, as if nothing were named and all were old."""
    objects.sweep(objects.unreferenced((), (), before=2**40), (), ())
    objects.release_links()


def waiting_for_lock(store: Store) -> bool:
    with store.read() as connection:
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return bool(connection.execute(text(query)).scalar())
