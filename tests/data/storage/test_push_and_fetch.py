"""Versions go to a remote and come back, and only what is missing is moved."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from storage_bench import Bench, random_files

from millwright.data.storage import transfer_service
from millwright.data.storage.heads import Head
from millwright.data.storage.records import Transfer
from millwright.data.storage.tables import transfers
from millwright.data.storage.transfers import take_transfers
from millwright.kernel.access import Actor
from millwright.kernel.errors import Corrupt, InvalidInput, NotFound
from millwright.kernel.objects import digest_of
from millwright.kernel.tables import events
from millwright.server.opening import open_store

Make = Callable[[str], Bench]


def test_what_was_pushed_is_fetched_elsewhere_byte_for_byte(
    bench: Make, address: dict[str, str]
) -> None:
    here, there = bench("here"), bench("there")
    files = {**random_files(40, 3_000), "big": random.Random(2).randbytes(900_000), "empty": b""}
    here.keep("photos", files)
    here.remote(**address)
    there.remote(**address)

    pushed = here.push()
    fetched = there.fetch()

    assert pushed.versions == fetched.versions == ("photos@1",)
    assert there.files("photos") == files
    assert there.place.objects.verify() == []


def test_only_what_changed_is_moved(bench: Make, address: dict[str, str]) -> None:
    here, there = bench("here"), bench("there")
    files = {**random_files(60, 4_000), "big": random.Random(2).randbytes(4_000_000)}
    here.keep("photos", files)
    here.remote(**address)
    there.remote(**address)
    whole = here.push().size
    there.fetch()
    big = bytearray(files["big"])
    big[1_000_000:1_000_000] = b"an insertion"
    files = {**files, "big": bytes(big), "new": b"new"}
    here.keep("photos", files)

    pushed = here.push()
    fetched = there.fetch()

    assert pushed.versions == ("photos@2",)
    assert pushed.size < 0.1 * whole
    assert fetched.size < 0.1 * whole
    assert there.files("photos") == files
    assert here.push().versions == ()
    assert there.fetch().chunks == 0


def test_many_small_files_become_few_objects(bench: Make, tmp_path: Path) -> None:
    here = bench("here")
    here.keep("photos", random_files(2_000, 64))
    opened = here.remote(str(tmp_path / "remote"))
    here.push()
    assert len(list(opened.remote.list(""))) <= 5


def test_versions_made_in_two_places_are_all_kept(bench: Make, address: dict[str, str]) -> None:
    here, there = bench("here"), bench("there")
    here.remote(**address)
    there.remote(**address)
    here.keep("photos", {"a": b"1"})
    there.keep("photos", {"a": b"2"})
    here.push()
    there.push()
    there.fetch(every=True)
    here.fetch(every=True)

    known = [{one["id"] for one in _rows(bench)} for bench in (here, there)]
    assert known[0] == known[1]
    assert len(known[0]) == 2
    for one in (here, there):
        assert sorted(one.files("photos", n)["a"] for n in (1, 2)) == [b"1", b"2"]


def test_a_version_can_be_fetched_alone_and_all_of_them(
    bench: Make, address: dict[str, str]
) -> None:
    here, there = bench("here"), bench("there")
    here.remote(**address)
    there.remote(**address)
    for number in range(3):
        here.keep("photos", {"a": b"version %d" % number})
        here.keep("other", {"b": b"other %d" % number})
    here.push()

    there.fetch("photos@2")
    assert there.files("photos", 2) == {"a": b"version 1"}
    # Reading it would fetch it.
    assert not there.place.objects.has(digest_of(b"version 0"))
    there.fetch(every=True)
    assert there.place.objects.has(digest_of(b"version 0"))
    assert there.files("photos", 1) == {"a": b"version 0"}
    assert there.files("other", 3) == {"b": b"other 2"}
    with pytest.raises(NotFound, match="photos"):
        there.fetch("photo")


def test_damage_here_is_never_sent(bench: Make, tmp_path: Path) -> None:
    here = bench("here")
    here.keep("photos", {"a": random.Random(5).randbytes(10_000)})
    here.remote(str(tmp_path / "remote"))
    here.place.objects.close()
    pack = next((here.place.state / "objects").rglob("*.pack"))
    content = bytearray(pack.read_bytes())
    content[5_000] ^= 1
    pack.write_bytes(content)
    with pytest.raises(Corrupt):
        here.push()
    assert not list((tmp_path / "remote").rglob("heads"))


def test_damage_on_the_remote_is_never_taken(bench: Make, tmp_path: Path) -> None:
    here, there = bench("here"), bench("there")
    here.keep("photos", {"a": random.Random(5).randbytes(200_000)})
    here.remote(str(tmp_path / "remote"))
    there.remote(str(tmp_path / "remote"))
    here.push()
    pack = next((tmp_path / "remote").rglob("*.pack"))
    good = pack.read_bytes()
    pack.write_bytes(good[:100_000] + bytes([good[100_000] ^ 1]) + good[100_001:])
    with pytest.raises(Corrupt):
        there.fetch()
    pack.write_bytes(good)
    there.fetch()
    assert len(there.files("photos")["a"]) == 200_000


def test_a_killed_push_is_gone_on_with(bench: Make, tmp_path: Path) -> None:
    here = bench("here")
    opened = here.remote(str(tmp_path / "remote"))
    here.keep("photos", random_files(30, 20_000))
    from millwright.data.storage.head_store import RemoteHeads
    from millwright.data.storage.known_versions import known_versions
    from millwright.data.storage.pushing import push

    rows, refs = known_versions(here.place.state, "p")
    heads = RemoteHeads(opened.remote, opened.prefix)
    turns = 0
    while True:
        done = push(opened, heads, here.place.objects, rows, refs, seconds=1e-9)
        turns += 1
        if done.complete:
            break
        assert heads.get("photos") is None
    assert turns > 10
    there = bench("there")
    there.remote(str(tmp_path / "remote"))
    there.fetch()
    assert there.files("photos") == random_files(30, 20_000)


def test_eight_workspaces_pushing_at_once_lose_no_version(
    bench: Make, address: dict[str, str]
) -> None:
    benches = [bench(f"w{number}") for number in range(8)]
    for one in benches:
        one.remote(**address)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(3):
                benches[number].keep("shared", {"a": b"%d-%d" % (number, turn)})
                benches[number].push()
        except BaseException as cause:
            failures.append(cause)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    reader = bench("reader")
    reader.remote(**address)
    reader.fetch(every=True)
    rows = _rows(reader)
    assert sorted(row["version"] for row in rows) == list(range(1, 25))
    contents = {reader.files("shared", row["version"])["a"] for row in rows}
    assert contents == {b"%d-%d" % (n, t) for n in range(8) for t in range(3)}


def test_a_wrong_key_is_refused_before_anything_is_written(
    bench: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "ab" * 32)
    monkeypatch.setenv("ANOTHER", "cd" * 32)
    here, there = bench("here"), bench("there")
    here.remote(str(tmp_path / "remote"), key="env:A_KEY")
    here.keep("photos", {"a": b"1"})
    here.push()
    for key in ("env:ANOTHER", None):
        with pytest.raises(InvalidInput, match="encrypted"):
            there.remote(str(tmp_path / "remote"), key=key)
    monkeypatch.setenv("A_KEY", "ef" * 32)
    here.keep("photos", {"a": b"2"})
    with pytest.raises(InvalidInput, match="not the key"):
        here.push()


def test_a_head_that_is_none_is_refused(bench: Make, tmp_path: Path) -> None:
    here, there = bench("here"), bench("there")
    opened = here.remote(str(tmp_path / "remote"))
    there.remote(str(tmp_path / "remote"))
    here.keep("photos", {"a": b"1"})
    here.push()
    for content in (b"{}", b"[]", b"not json", b'{"format": 2}'):
        opened.remote.put("p/heads/photos", content)
        with pytest.raises(Corrupt):
            there.fetch()
    assert Head.decoded(Head("a").encoded()) == Head("a")


def test_pushing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from millwright.data.storage import embedded;"
        "from millwright.data.commands import transferring;"
        "heavy = {'sqlalchemy', 'fastapi', 'pydantic', 'numpy', 'pyarrow', 'obstore', 'httpx'};"
        "print(*sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def _rows(one: Bench) -> list[dict[str, object]]:
    from millwright.data.storage.known_versions import known_versions

    return known_versions(one.place.state, "p")[0]


def test_what_is_on_a_remote_only_is_fetched_when_it_is_read(
    bench: Make, address: dict[str, str]
) -> None:
    from millwright.server.opening import open_store

    here, there = bench("here"), bench("there")
    here.remote(**address)
    there.remote(**address)
    large = random.Random(3).randbytes(500_000)
    here.keep("photos", {"a": b"one", "large": large})
    here.keep("photos", {"a": b"two"})
    here.push()
    there.fetch("photos@2")
    store = open_store(there.place.workspace)
    there.place.__dict__["objects"] = store.objects.of("p")
    assert there.files("photos", 1) == {"a": b"one", "large": large}
    with pytest.raises(NotFound):
        there.place.objects.read("ab" * 32)
    store.close()


def test_transfers_beside_the_door_come_into_the_log_once(
    bench: Make, tmp_path: Path, actor: Actor
) -> None:
    here, there = bench("here"), bench("there")
    here.remote(str(tmp_path / "remote"))
    there.remote(str(tmp_path / "remote"))
    here.keep("photos", {"a": b"1"})
    here.push()
    here.push()
    there.fetch()
    line = (here.place.state / "transfers.jsonl").read_bytes()
    for one, way in ((here, "pushed"), (there, "fetched")):
        store = open_store(one.place.workspace)
        try:
            assert take_transfers(store) == 1
            # A kill came between the commit and the emptying of the file; a line was torn.
            (one.place.state / "transfers.jsonl").write_bytes(line[:20] + b"\n" + line)
            assert take_transfers(store) == (0 if one is here else 1)
            with store.read() as connection:
                query = select(events).where(events.c.kind == f"dataset.versions-{way}")
                rows = connection.execute(query).all()
            assert [row.subject for row in rows] == ["remote:origin"]
            assert json.loads(rows[0].payload)["versions"] == ["photos@1"]
        finally:
            store.close()


def test_transfers_through_the_door_are_in_the_log(
    bench: Make, tmp_path: Path, actor: Actor
) -> None:
    here = bench("here")
    here.remote(str(tmp_path / "remote"))
    here.keep("photos", {"a": b"1"})
    store = open_store(here.place.workspace)
    for _ in range(2):
        transfer_service.push_versions(store, actor, "p", Transfer())
    with store.read() as connection:
        found = connection.execute(select(transfers)).all()
    store.close()
    assert [(one.way, one.versions, one.chunks) for one in found] == [("push", 1, 2)]
