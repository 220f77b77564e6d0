"""Versions as a graph: the journal comes in exactly once, names, files over HTTP, and what came of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from millwright.data import snapshot, take_journal, trees
from millwright.data.client import (
    diff_files,
    get_version,
    list_files,
    list_refs,
    list_versions,
    put_ref,
)
from millwright.data.records import NewRef
from millwright.data.trees import Entry, Kind
from millwright.data.working.adding import add, target_of
from millwright.data.working.copies import WorkingCopy
from millwright.data.working.journal import Journal
from millwright.kernel import events
from millwright.kernel.access import Actor
from millwright.kernel.door import Door, connect
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.graph_client import get_impact
from millwright.kernel.objects import digest_of
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace

MW = str(Path(sys.executable).parent / "mw")
ROWS = pa.table({"day": ["a", "b"] * 50, "n": list(range(100))})


@pytest.fixture(autouse=True)
def folder(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace of project 'p' is the working folder."""
    monkeypatch.delenv("MILLWRIGHT_DATABASE_URL", raising=False)
    monkeypatch.setenv("MILLWRIGHT_PROTECT", "mode")
    monkeypatch.chdir(workspace.root)
    (workspace.folder() / "project").write_text("p\n")
    return workspace.root


def put(path: str, content: str) -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_text(content)


def keep(path: str = "photos", message: str = "") -> int:
    with WorkingCopy.opened() as copy:
        target = target_of(copy.place, [Path(path)], None)
        return add(copy.place, copy.index, copy.ledger, target, message=message).version.version


def created(store: Store) -> list[str]:
    with store.read() as connection:
        return [e.subject for e in events.read(connection, kind="dataset.version-created")]


def test_what_was_kept_without_a_door_is_there_when_one_opens(workspace: Workspace) -> None:
    put("photos/a", "1")
    keep(message="first")
    put("photos/b", "2")
    keep(message="second")
    with connect(workspace) as door:
        second, first = list_versions(door, "p", "photos")
    assert (first.version, first.message, first.kind, first.files) == (1, "first", "files", 1)
    assert (second.parents, second.files, second.tree) == ((first.id,), 2, second.digest)


def test_the_journal_is_taken_exactly_once_even_if_killed_in_between(store: Store) -> None:
    put("photos/a", "1")
    keep()
    (waiting,) = Journal(store.workspace.state).waiting()
    assert take_journal(store) == 1
    # As if killed after the metadata were committed and before the journal said so.
    journal = Journal(store.workspace.state)
    with journal._open() as connection:
        connection.execute("UPDATE versions SET taken = 0")
    journal.close()
    assert take_journal(store) == 1
    assert created(store) == [f"dataset:{waiting.id}"]
    assert take_journal(store) == 0


def test_versions_of_both_ways_share_one_count(door: Door) -> None:
    put("photos/a", "1")
    assert keep() == 1
    tagged = put_ref(door, "p", "photos", "gold", NewRef(version="1"))
    assert tagged.version == 1
    put("photos/a", "2")
    assert keep() == 2
    assert get_version(door, "p", "photos").version == 2
    assert get_version(door, "p", "photos", "gold").version == 1
    snapshot(door, "p", "rows", ROWS, "")
    with WorkingCopy.opened() as copy:
        assert [v.version for v in copy.ledger.versions("rows")] == [1]


@pytest.mark.slow
def test_a_running_server_is_told(workspace: Workspace, folder: Path) -> None:
    environment = {**os.environ, "MILLWRIGHT_PROTECT": "mode"}
    server = subprocess.Popen(
        [MW, "server", "--port", "0"], cwd=folder, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while workspace.running_url() is None and time.monotonic() < deadline:
            assert server.poll() is None
            time.sleep(0.05)
        put("photos/a", "1")
        keep()
        # Told, not asked: nothing waits in the journal once `add` is back.
        with connect(workspace, patience_seconds=30) as door:
            if Journal(workspace.state).waiting():
                door.post("/datasets/journal", {})
            assert [v.version for v in list_versions(door, "p", "photos")] == [1]
            kinds = [e["kind"] for e in door.get("/events", limit=50)]
        assert kinds.count("dataset.version-created") == 1
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def test_concurrent_adds_wait_for_each_other_and_lose_nothing(workspace: Workspace) -> None:
    for number in range(4):
        put(f"d{number}/f", f"{number}")
    environment = {**os.environ, "MILLWRIGHT_PROTECT": "mode"}
    running = [
        subprocess.Popen([MW, "data", "add", f"d{number}"], env=environment, stdout=subprocess.PIPE)
        for number in range(4)
    ]
    same = [
        subprocess.Popen(
            [MW, "data", "add", "d0", "--json"], env=environment, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    answers = [process.communicate()[0] for process in running + same]
    assert [process.returncode for process in running + same] == [0] * 6
    assert {json.loads(answer)["version"] for answer in answers[4:]} == {1}
    with connect(workspace) as door:
        for number in range(4):
            assert [v.version for v in list_versions(door, "p", f"d{number}")] == [1]


@pytest.mark.slow
def test_no_kill_loses_an_acknowledged_version(workspace: Workspace, folder: Path) -> None:
    acknowledged = 0
    environment = {**os.environ, "MILLWRIGHT_PROTECT": "mode"}
    put("first/f", "how long it takes when nobody is killed")
    start = time.monotonic()
    subprocess.run([MW, "data", "add", "first"], env=environment, check=True, capture_output=True)
    undisturbed = time.monotonic() - start
    for number in range(25):
        for file in range(20):
            put(f"photos/{file}", f"{number} {file}")
        process = subprocess.Popen(
            [MW, "data", "add", "photos", "--json"], env=environment, stdout=subprocess.PIPE
        )
        try:
            answer, _ = process.communicate(timeout=undisturbed * (0.3 + number / 16))
        except subprocess.TimeoutExpired:
            process.kill()
            answer, _ = process.communicate()
        if process.returncode == 0:
            acknowledged = json.loads(answer)["version"]
        with WorkingCopy.opened() as copy:
            known = copy.ledger.versions("photos")
            assert max([v.version for v in known], default=0) >= acknowledged
            for version in known[:1]:
                nodes, root = copy.tree_of(version)
                for _, entry in trees.walk(nodes, root):
                    assert digest_of(copy.place.objects.read(entry.hex)) == entry.hex
    last = keep()
    with connect(workspace) as door:
        numbers = [v.version for v in list_versions(door, "p", "photos")]
        assert numbers == list(range(last, 0, -1))
        assert door.get("/audit/verify")["ok"]
    assert acknowledged >= 1


def test_files_and_differences_over_http(door: Door) -> None:
    put("photos/a", "1")
    put("photos/sub/b", "22")
    keep()
    put("photos/a", "changed")
    Path("photos/sub/b").rename("photos/sub/c")
    keep()
    top = list_files(door, "p", "photos", 1)
    assert [(i.name, i.kind, i.size, i.files) for i in top] == [
        ("a", "file", 1, 0), ("sub", "folder", 2, 1),
    ]  # fmt: skip
    assert [i.name for i in list_files(door, "p", "photos", "latest", "sub")] == ["c"]
    assert door.fetch("p", top[0].digest or "") == b"1"
    found = diff_files(door, "p", "photos", 1, 2)
    assert (found.modified, found.renamed, found.added, found.removed) == (1, 1, 0, 0)
    assert [(c.change, c.path, c.before) for c in found.changes] == [
        ("modified", "a", None), ("renamed", "sub/c", "sub/b"),
    ]  # fmt: skip
    with pytest.raises(NotFound, match="has no 'nope'"):
        list_files(door, "p", "photos", 1, "nope")


def test_a_long_folder_is_listed_in_pages(door: Door) -> None:
    for number in range(12):
        put(f"photos/{number:02d}", "x")
        put(f"photos/d{number:02d}/f", "y")
    keep()
    address = "/projects/p/datasets/photos/versions/1/files"
    names, after = [], ""
    while after is not None:
        page = door.get(address, after=after, limit=5)
        names += [item["name"] for item in page["items"]]
        after = page["after"]
    assert names == [f"{n:02d}" for n in range(12)] + [f"d{n:02d}" for n in range(12)]


def test_an_uploaded_manifest_is_believed_only_when_all_of_it_is_here(door: Door) -> None:
    content = door.upload("p", b"bytes")

    def commit(name: bytes, digest: str, kind: int = Kind.FILE) -> object:
        built = trees.build({name: Entry(kind, 5, bytes.fromhex(digest))})
        for node in built.nodes.values():
            door.upload("p", node)
        body = {"digest": built.root.hex(), "kind": "files"}
        return door.post("/projects/p/datasets/up/versions", body)

    commit(b"fine", content)
    assert get_version(door, "p", "up").files == 1
    with pytest.raises(NotFound, match="not in the store"):
        commit(b"gone", "0" * 64)
    for hostile in (b"../../etc/passwd", b"/abs", b".git/hooks/x", b"a/./b"):
        with pytest.raises(InvalidInput):
            commit(hostile, content)
    with pytest.raises(InvalidInput, match="not inside"):
        commit(b"link", door.upload("p", b"../outside"), Kind.LINK)
    assert get_version(door, "p", "up").version == 1


def test_tags_stay_branches_move_and_names_that_could_mean_two_things_are_refused(
    door: Door, store: Store
) -> None:
    for number in (1, 2):
        snapshot(door, "p", "rows", ROWS.slice(0, 50 * number), "")
    put_ref(door, "p", "rows", "gold", NewRef(version="1"))
    with pytest.raises(Conflict, match="already"):
        put_ref(door, "p", "rows", "gold", NewRef(version="2"))
    moved = put_ref(door, "p", "rows", "gold", NewRef(version="2", move=True))
    assert moved.version == 2
    put_ref(door, "p", "rows", "trial", NewRef(kind="branch", version="1"))
    on_branch = snapshot(door, "p", "rows", ROWS.slice(0, 70), "", branch="trial")
    first = get_version(door, "p", "rows", 1)
    assert on_branch.parents == (first.id,)
    assert get_version(door, "p", "rows", "trial").version == 3
    assert get_version(door, "p", "rows").version == 2
    assert get_version(door, "p", "rows", "gold").tags == ("gold",)
    assert {(r.ref, r.kind, r.version) for r in list_refs(door, "p", "rows")} == {
        ("gold", "tag", 2), ("main", "branch", 2), ("trial", "branch", 3),
    }  # fmt: skip
    for name in ("latest", "main", "7", "abcdef12", "deadbeef"):
        with pytest.raises(InvalidInput):
            put_ref(door, "p", "rows", name, NewRef(version="1"))
    door.delete("/projects/p/datasets/rows/refs/gold")
    with pytest.raises(NotFound):
        get_version(door, "p", "rows", "gold")
    with store.read() as connection:
        kinds = [e.kind for e in events.read(connection, project="p")]
    assert kinds.count("dataset.tagged") == 2
    assert kinds.count("dataset.branched") == kinds.count("dataset.name-removed") == 1


def test_a_version_is_found_by_the_beginning_of_its_digest(door: Door) -> None:
    version = snapshot(door, "p", "rows", ROWS, "")
    assert get_version(door, "p", "rows", version.digest[:8]).id == version.id
    assert get_version(door, "p", "rows", version.id).id == version.id
    with pytest.raises(NotFound):
        get_version(door, "p", "rows", version.digest[:4])


def test_what_came_of_a_version_is_told(door: Door, store: Store, actor: Actor) -> None:
    version = snapshot(door, "p", "rows", ROWS, "")
    other = snapshot(door, "p", "rows", ROWS.slice(0, 50), "")
    with store.write(actor, "p") as tx:
        edges = [
            (f"dataset:{version.id}", "run:r1"),
            ("run:r1", "model-version:m1"),
            ("model-version:m1", "deployment:d1"),
            ("deployment:d1", "window:w1"),
            (f"dataset:{other.id}", "run:r2"),
        ]
        tx.event("test.happened", "x:1", {}, edges=edges)
    found = get_impact(door, "p", "rows@1")
    assert [one.node.id for one in found.affected] == [
        "run:r1",
        "model-version:m1",
        "deployment:d1",
    ]
    assert set(get_impact(door, "p", "rows").counts) == {"run", "model-version", "deployment"}


def test_a_table_that_is_the_same_but_was_given_as_other_bytes_is_a_new_version(door: Door) -> None:
    one = snapshot(door, "p", "rows", ROWS, "", original=door.upload("p", b"day,n"))
    same = snapshot(door, "p", "rows", ROWS, "", original=one.original)
    other = snapshot(door, "p", "rows", ROWS, "", original=door.upload("p", b"day;n"))
    assert (same.version, other.version, other.digest) == (1, 2, one.digest)
