"""What was erased is nowhere any more: packs, links, caches, remotes, database; and it is known why."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from storage_bench import Bench

from millwright.data import from_parquet, to_parquet
from millwright.data import service as versions
from millwright.data.records import NewVersion
from millwright.data.storage import erasing, fsck, transfer_service
from millwright.data.storage.known_versions import known_versions
from millwright.data.storage.proving import Search, search_database, search_objects, search_remote
from millwright.data.storage.records import ErasureRequest, FsckRequest, Transfer
from millwright.data.trees import Kind, Tombstone, walk
from millwright.kernel import events
from millwright.kernel.access import Actor
from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.store import Store
from millwright.server.opening import open_store

Make = Callable[[str], Bench]
MARKER = b"the-secret-of-patient-4711-"


@pytest.fixture
def opened(bench: Make) -> Iterator[tuple[Bench, Store]]:
    one = bench("here")
    store = open_store(one.place.workspace)
    # A writer keeps its pack open for more; one process, one writer.
    one.place.__dict__["objects"] = store.objects.of("p")
    yield one, store
    store.close()


def secret(size: int, seed: int = 1) -> bytes:
    """Bytes that hold the marker once, compressible or not."""
    noise = random.Random(seed).randbytes(size)
    return noise[: size // 2] + MARKER + noise[size // 2 :]


def everywhere(one: Bench, store: Store, *remotes: object) -> list[str]:
    """Where the marker is found."""
    search = Search({MARKER})
    search_objects(store.objects.of("p"), search)
    search_database(store, search)
    for remote in remotes:
        search_remote(remote, search)  # type: ignore[arg-type]
    for path in one.place.root.rglob("*"):
        if path.is_file():
            search.look_in_file(str(path), path)
    assert search.searched
    return list(search.found)


def test_an_erased_path_is_gone_from_every_version_and_place(
    opened: tuple[Bench, Store], address: dict[str, str], actor: Actor, tmp_path: Path
) -> None:
    one, store = opened
    remote = one.remote(**address)
    big, others = secret(900_000), {f"other-{n}": b"kept %d" % n * 50 for n in range(60)}
    one.keep("scans", {**others, "patient/a": MARKER * 100, "patient/b": big})
    one.keep("scans", {**others, "patient/b": big[:1000] + b"edited" + big[1000:]})
    one.keep("scans", {**others, "new": b"after"})
    transfer_service.push_versions(store, actor, "p", Transfer())
    store.objects.of("p").local_path(one.place.objects.put(big))
    assert everywhere(one, store, remote)

    request = ErasureRequest(dataset="scans", path="patient", reason="asked for", dry_run=False)
    report = erasing.erase(store, actor, "p", request)

    assert report.proven
    assert [(v.reference, v.paths) for v in report.versions] == [("scans@1", 2), ("scans@2", 1)]
    assert everywhere(one, store, remote) == []
    rows, _ = known_versions(one.place.state, "p")
    first = next(row for row in rows if row["version"] == 1)
    entries = dict(walk(one.place.trees, bytes.fromhex(first["digest"])))
    mark = entries[b"patient/a"]
    assert mark.kind == Kind.ERASED
    tombstone = Tombstone.from_bytes(one.place.objects.read(mark.hex))
    assert (tombstone.reason, tombstone.erased_by) == ("asked for", actor.name)
    assert {path.decode() for path in entries if not path.startswith(b"patient")} == set(others)
    assert one.files("scans", 3) == {**others, "new": b"after"}
    assert fsck.check(store, actor, "p", FsckRequest()).ok
    with store.read() as connection:
        kinds = [event.kind for event in events.read(connection)]
        assert events.verify(connection).ok
    assert {"dataset.erased", "dataset.erasure-finished"} <= set(kinds)


def test_another_workspace_takes_the_erasure_over_and_can_still_fetch_the_rest(
    opened: tuple[Bench, Store], bench: Make, tmp_path: Path, actor: Actor
) -> None:
    one, store = opened
    one.remote(str(tmp_path / "remote"))
    one.keep("scans", {"patient": MARKER * 100, "kept": b"kept" * 100})
    transfer_service.push_versions(store, actor, "p", Transfer())
    clone = bench("clone")
    clone.remote(str(tmp_path / "remote"))
    other = open_store(clone.place.workspace)
    transfer_service.fetch_versions(other, actor, "p", Transfer())
    request = ErasureRequest(dataset="scans", path="patient", reason="asked for", dry_run=False)
    assert erasing.erase(store, actor, "p", request).proven

    transfer_service.fetch_versions(other, actor, "p", Transfer())
    transfer_service.push_versions(other, actor, "p", Transfer())
    fresh = bench("fresh")
    fresh.remote(str(tmp_path / "remote"))
    latest = open_store(fresh.place.workspace)
    transfer_service.fetch_versions(latest, actor, "p", Transfer())

    digests = [known_versions(b.place.state, "p")[0][0]["digest"] for b in (one, clone, fresh)]
    assert len(set(digests)) == 1
    assert fresh.files("scans")["kept"] == b"kept" * 100
    assert not Search({MARKER}).found
    search = Search({MARKER})
    for path in (tmp_path / "remote").rglob("*"):
        if path.is_file():
            search.look_in_file(str(path), path)
    assert search.found == {}
    other.close()
    latest.close()


def test_erased_rows_are_gone_from_every_version_of_a_table(
    opened: tuple[Bench, Store], tmp_path: Path, actor: Actor
) -> None:
    one, store = opened
    remote = one.remote(str(tmp_path / "remote"))
    objects = store.objects.of("p")
    names = [f"name-{n:05d}" for n in range(5_000)]
    for extra in (0, 10):
        table = pa.table(
            {
                "id": [str(n) for n in range(5_000 + extra)],
                "name": [*names[:4711], MARKER.decode(), *names[4712:], *names[:extra]],
                "value": [float(n % 7) for n in range(5_000 + extra)],
            }
        )
        request = NewVersion(digest=objects.put(to_parquet(table)), source="patients.csv")
        versions.commit_version(store, actor, "p", "patients", request)
    transfer_service.push_versions(store, actor, "p", Transfer())

    wanted = ErasureRequest(
        dataset="patients", rows={"id": "4711"}, reason="asked for", dry_run=False
    )
    report = erasing.erase(store, actor, "p", wanted)

    assert report.proven
    assert [(v.reference, v.rows) for v in report.versions] == [
        ("patients@1", 1),
        ("patients@2", 1),
    ]
    assert everywhere(one, store, remote) == []
    for number, count in ((1, 4_999), (2, 5_009)):
        found = versions.get_version(store, "p", "patients", str(number))
        assert found.rows == count
        table = from_parquet(objects.local_path(found.digest))
        assert "4711" not in set(table["id"].to_pylist())
        assert table.num_rows == count


def test_a_digest_is_erased_wherever_it_is_and_what_others_share_stays(
    opened: tuple[Bench, Store], actor: Actor
) -> None:
    one, store = opened
    content = secret(400_000, seed=9)
    kept = content[:190_000]
    one.keep("a", {"x": content, "part": kept})
    one.keep("b", {"deep/y": content})
    digest = one.place.objects.put(content)
    request = ErasureRequest(digest=digest, reason="asked for", dry_run=False)
    report = erasing.erase(store, actor, "p", request)
    assert {v.reference for v in report.versions} == {"a@1", "b@1"}
    assert everywhere(one, store) == []
    assert one.files("a")["part"] == kept


def test_content_of_a_few_bytes_is_proven_gone_by_its_record(
    opened: tuple[Bench, Store], tmp_path: Path, actor: Actor
) -> None:
    one, store = opened
    one.remote(str(tmp_path / "remote"))
    one.keep("scans", {"a": b"tiny", "b": b"more"})
    transfer_service.push_versions(store, actor, "p", Transfer())
    request = ErasureRequest(dataset="scans", path="a", reason="asked for", dry_run=False)
    report = erasing.erase(store, actor, "p", request)
    assert report.proven
    held = [p.read_bytes() for p in one.place.root.rglob("*.pack")]
    assert not any(b"tiny" in content for content in held)
    assert one.files("scans")["b"] == b"more"


def test_nothing_happens_before_it_is_confirmed_and_what_is_not_there_is_said(
    opened: tuple[Bench, Store], actor: Actor
) -> None:
    one, store = opened
    one.keep("scans", {"a": MARKER * 10})
    asked = ErasureRequest(dataset="scans", path="a", reason="asked for")
    report = erasing.erase(store, actor, "p", asked)
    assert (report.dry_run, report.proven) == (True, False)
    assert one.files("scans") == {"a": MARKER * 10}
    with pytest.raises(NotFound, match="No version"):
        erasing.erase(store, actor, "p", asked.model_copy(update={"path": "b"}))
    with pytest.raises(InvalidInput, match="what to erase"):
        erasing.erase(store, actor, "p", ErasureRequest(dataset="scans", reason="why"))
