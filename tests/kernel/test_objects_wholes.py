"""Linked files that are put together, against a dictionary; and the index while rows come and go."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.kernel.objects import ObjectStore, ProjectObjects, wholes
from millwright.kernel.objects.wholes import Whole

ROWS = """
CREATE TABLE chunks(id BLOB PRIMARY KEY, source, offset, stored, size, codec, added) WITHOUT ROWID;
CREATE TABLE links(id INTEGER PRIMARY KEY, object BLOB, size, mtime_ns);
"""


def whole(number: int) -> Whole:
    name = blake3(str(number).encode()).digest()
    return Whole(name, number, number % 5000, 1_795_000_000_000_000 + number, number)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_PAGE", 7), ("_FOLDER", 5), ("_FEW", 3), ("_AT_LEAST", 6)):
        monkeypatch.setattr(wholes, name, value)


NUMBERS = st.sets(st.integers(1, 300), max_size=60)


@pytest.mark.usefixtures("small_pages")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["add", "take out", "touch"]), NUMBERS), max_size=8))
def test_they_are_what_a_dictionary_would_be(steps: list[tuple[str, set[int]]]) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(ROWS + wholes.SCHEMA)
    known: dict[int, Whole] = {}
    for what, numbers in steps:
        names = [whole(number).id for number in numbers]
        if what == "add":
            fresh = [whole(number) for number in numbers if number not in known]
            wholes.add(connection, fresh)
            known.update({one.number: one for one in fresh})
        elif what == "touch":
            wholes.touch(connection, names, 77)
            known.update({n: known[n]._replace(added=77) for n in numbers if n in known})
        else:
            connection.execute("DELETE FROM chunks")
            connection.execute("DELETE FROM links")
            wholes.take_out(connection, names)
            gone = {n: known.pop(n) for n in numbers if n in known}
            rows = connection.execute("SELECT id, -source, size, added FROM chunks").fetchall()
            assert sorted(rows) == sorted((w.id, w.number, w.size, w.added) for w in gone.values())
        assert list(wholes.every(connection)) == [known[number] for number in sorted(known)]
        assert wholes.find(connection, names) == {
            known[n].id: known[n] for n in numbers if n in known
        }
        assert wholes.highest(connection) == max(known, default=0)


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[ProjectObjects]:
    store = ObjectStore(tmp_path / "store")
    yield store.of("default")
    store.close()


def files(folder: Path, start: int, stop: int) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    found = {}
    for number in range(start, stop):
        path = folder / f"{number}"
        path.write_bytes(b"%d" % number)
        found[blake3(b"%d" % number).hexdigest()] = path
    return found


@pytest.mark.usefixtures("small_pages")
def test_files_are_found_whether_together_or_not(objects: ProjectObjects, tmp_path: Path) -> None:
    first = files(tmp_path / "many", 0, 40)
    later = files(tmp_path / "few", 100, 103)
    assert objects.link_many(list(first.values())) == list(first)
    assert objects.link_many(list(later.values())) == list(later)
    everything = {**first, **later}
    assert dict.fromkeys(name for name, _ in objects.links()) == dict.fromkeys(everything)
    assert {place.id.hex() for place in objects.chunks()} == set(everything)
    for name, path in everything.items():
        assert objects.read(name) == path.read_bytes()
    rows = objects._parts.index.rows("SELECT count(*) FROM links")
    assert rows == [(3,)]
    # Given once more, from elsewhere: nothing is linked a second time.
    again = files(tmp_path / "again", 0, 40)
    assert objects.link_many(list(again.values())) == list(first)
    assert len(list(objects.links())) == 43
    assert not objects.orphans().links


@pytest.mark.usefixtures("small_pages")
def test_what_is_together_is_forgotten_repaired_and_collected_one_by_one(
    objects: ProjectObjects, tmp_path: Path
) -> None:
    first = files(tmp_path / "many", 0, 40)
    objects.link_many(list(first.values()))
    forgotten, damaged, *rest = first
    paths = dict(objects.links())
    objects.forget([forgotten], [bytes.fromhex(forgotten)])
    assert not objects.has(forgotten)
    assert not paths[forgotten].exists()
    paths[damaged].chmod(0o644)
    paths[damaged].write_bytes(b"!")
    (found,) = objects.verify()
    assert found.chunk == damaged
    assert found.path == paths[damaged]
    objects.replace_chunk(bytes.fromhex(damaged), b"1")
    assert objects.read(damaged) == b"1"
    assert not objects.verify()
    kept = set(rest[:5])
    live = {bytes.fromhex(name) for name in kept}
    swept = objects.sweep(objects.unreferenced(live, live, before=2**40), live, live)
    objects.release_links()
    assert {name.hex() for name in swept.chunks} == {damaged, *rest} - kept
    assert {name for name, _ in objects.links()} == kept
    objects.rebuild()
    assert {name for name, _ in objects.links()} == kept
    assert all(objects.read(name) == first[name].read_bytes() for name in kept)


@pytest.mark.usefixtures("small_pages")
def test_an_object_of_several_chunks_may_end_in_one_that_is_a_file(
    objects: ProjectObjects, tmp_path: Path
) -> None:
    content = b"".join(b"%09d\n" % number for number in range(20_000))
    large = objects.put(content)
    tail, size = list(objects.recipe(large))[-1]
    assert size <= wholes.LARGEST, "choose another content"
    other = ObjectStore(tmp_path / "other").of("default")
    small = files(tmp_path / "many", 0, 40)
    path = tmp_path / "many" / "tail"
    path.write_bytes(content[-size:])
    other.link_many([*small.values(), path])
    assert other.put(content) == large
    places = [place for place in other.chunks() if place.id == tail]
    assert [place.source < 0 for place in places] == [True]
    assert other.read(large) == content
