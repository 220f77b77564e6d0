"""Packs: whole up to the last whole record whatever was torn off, rewritten, adopted, shared."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
from blake3 import blake3

from millwright.kernel.errors import Corrupt, NotFound, Unavailable
from millwright.kernel.objects import ObjectStore, ProjectObjects, Recipe, digest_of
from millwright.kernel.objects.pack_format import (
    LARGEST_PACK,
    Kind,
    headers,
    read_footer,
    whole_records,
)

pytestmark = pytest.mark.core


@pytest.fixture
def objects(tmp_path: Path) -> ProjectObjects:
    return ObjectStore(tmp_path / "objects").of("p")


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def only_pack(objects: ProjectObjects) -> Path:
    (pack,) = objects.packs()
    return pack.path


def test_a_torn_pack_gives_its_whole_records_whatever_byte_it_is_torn_at(
    objects: ProjectObjects,
) -> None:
    contents = [b"first", b"", b"compressible " * 40, noise(300)]
    objects.put_many(contents)
    objects.seal()
    content = only_pack(objects).read_bytes()
    records = list(whole_records(content))
    ends = [record.offset + record.stored for record in records]
    assert [record.id for record in records] == [blake3(one).digest() for one in contents]
    assert read_footer(content) == records == list(headers(content, ends[-1]))
    for torn in range(len(content)):
        found = list(whole_records(content[:torn]))
        assert len(found) == sum(end <= torn for end in ends)
        assert read_footer(content[:torn]) is None


def test_a_changed_bit_ends_the_whole_records_and_is_never_passed_over(
    objects: ProjectObjects,
) -> None:
    objects.put_many([b"first", b"second", noise(100)])
    objects.seal()
    content = only_pack(objects).read_bytes()
    records = list(whole_records(content))
    for place in range(records[-1].offset + records[-1].stored):
        changed = bytearray(content)
        changed[place] ^= 1
        assert list(whole_records(changed)) != records
    for place in range(records[-1].offset + records[-1].stored, len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        assert read_footer(changed) in (None, records)


def test_the_index_is_made_again_from_a_pack_that_was_torn(objects: ProjectObjects) -> None:
    kept = objects.put_many([b"kept", noise(200_000)])
    lost = objects.put(b"written last")
    objects.close()
    path = only_pack(objects)
    objects.close()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 3)
    (objects.root / "index.db").write_bytes(b"no database" * 100)
    objects.rebuild()
    assert objects.has_many([*kept, lost]) == set(kept)
    assert objects.read(kept[1]) == noise(200_000)
    again = objects.put(b"written last")
    assert objects.read(again) == b"written last"
    assert objects.verify() == []


def test_a_damaged_index_says_how_it_is_made_again(objects: ProjectObjects) -> None:
    digest = objects.put(b"x")
    objects.close()
    for path in objects.root.glob("index.db*"):
        path.unlink()
    (objects.root / "index.db").write_bytes(b"no database" * 100)
    with pytest.raises(Corrupt, match="fsck"):
        objects.read(digest)


def test_small_writes_of_many_processes_share_a_pack(objects: ProjectObjects) -> None:
    for number in range(20):
        again = ObjectStore(objects.root.parents[1]).of("p")
        again.put(b"%d" % number)
        again.close()
    assert len(objects.packs()) == 1


def test_packs_are_sealed_before_they_grow_over_their_limit(objects: ProjectObjects) -> None:
    content = noise(LARGEST_PACK + 5_000_000)
    digest = objects.put(content)
    assert all(pack.path.stat().st_size <= LARGEST_PACK for pack in objects.packs())
    assert [pack.sealed for pack in objects.packs()] == [True, False]
    assert read_footer(objects.packs()[0].path.read_bytes()) is not None
    assert digest_of(b"".join(objects.stream(digest))) == digest


def test_what_compresses_is_compressed_and_what_does_not_is_not(objects: ProjectObjects) -> None:
    objects.put(b"a line of a log\n" * 100_000)
    assert only_pack(objects).stat().st_size < 60_000
    before = only_pack(objects).stat().st_size
    objects.put(noise(1_000_000))
    assert only_pack(objects).stat().st_size - before < 1_010_000


def test_a_rewritten_pack_has_what_is_kept_and_nothing_else(objects: ProjectObjects) -> None:
    kept, gone = objects.put_many([noise(300_000), b"marker to be gone"])
    (pack,) = objects.packs()
    objects.forget(chunks=[bytes.fromhex(gone)])
    freed = objects.rewrite_pack(pack)
    assert freed > 0
    assert not pack.path.exists()
    assert objects.read(kept) == noise(300_000)
    assert not objects.has(gone)
    with pytest.raises(NotFound):
        objects.read(gone)
    assert b"marker to be gone" not in only_pack(objects).read_bytes()


def test_a_pack_that_another_process_appends_to_is_left_alone(objects: ProjectObjects) -> None:
    digest = objects.put(b"x")
    (pack,) = objects.packs()
    other = ObjectStore(objects.root.parents[1]).of("p")
    assert other.rewrite_pack(pack) == 0
    assert objects.read(digest) == b"x"


def test_readers_follow_what_is_moved_while_they_read(objects: ProjectObjects) -> None:
    content = noise(2_000_000)
    digest = objects.put(content)
    with objects.open(digest) as file:
        start = file.read(1000)
        objects.rewrite_pack(objects.packs()[0])
        assert start + file.read() == content


def test_an_adopted_pack_brings_its_objects(objects: ProjectObjects, tmp_path: Path) -> None:
    content = noise(400_000)
    digests = objects.put_many([content, b"small"])
    objects.seal()
    arrived = Path(shutil.copy(only_pack(objects), tmp_path / "arrived"))
    there = ObjectStore(tmp_path / "there").of("q")
    chunks = there.adopt_pack(arrived)
    assert not arrived.exists()
    assert len(chunks) == len(list(objects.recipe(digests[0]))) + 1
    assert there.read(digests[0]) == content
    assert there.read(digests[1]) == b"small"


def test_a_pack_that_is_not_whole_is_not_adopted(objects: ProjectObjects, tmp_path: Path) -> None:
    objects.put_many([noise(5000), b"small"])
    objects.seal()
    content = bytearray(only_pack(objects).read_bytes())
    there = ObjectStore(tmp_path / "there").of("q")
    content[100] ^= 1
    for broken in (content, content[:-1], content[:40], b""):
        (tmp_path / "arrived").write_bytes(broken)
        with pytest.raises(Corrupt):
            there.adopt_pack(tmp_path / "arrived")
    assert there.packs() == []


def test_bytes_on_a_remote_only_are_fetched_or_the_way_is_said(tmp_path: Path) -> None:
    content = noise(200_000)
    source = ObjectStore(tmp_path / "a").of("p")
    digest = source.put(content)
    source.seal()
    store = ObjectStore(tmp_path / "b")
    there = store.of("p")
    there.add_recipe(digest, source.recipe(digest))
    assert not there.has(digest)
    assert there.size(digest) == len(content)
    with pytest.raises(Unavailable, match="mw data pull"):
        there.read(digest)
    asked = []

    def fetch(project: str, chunks: list[bytes]) -> None:
        asked.append((project, len(chunks)))
        there.adopt_pack(Path(shutil.copy(only_pack(source), tmp_path / "copy")))

    store.fetcher = fetch
    assert there.read(digest) == content
    assert asked == [("p", len(list(source.recipe(digest))))]
    there.forget(chunks=[next(iter(source.recipe(digest)))[0]], away=True)
    assert not there.has(digest)


def test_damage_is_found_named_and_put_right(objects: ProjectObjects) -> None:
    content = noise(300_000)
    digest, small = objects.put_many([content, b"small"])
    chunk, size = list(objects.recipe(digest))[1]
    place = objects.locate([chunk])[chunk]
    with only_pack(objects).open("r+b") as file:
        file.seek(place.offset + 7)
        file.write(b"damage")
    (damage,) = objects.verify()
    assert (damage.chunk, damage.kind, damage.objects) == (chunk.hex(), "chunk", (digest,))
    assert objects.damaged() == {chunk}
    with pytest.raises(Corrupt, match="fsck --repair-from"):
        objects.read(digest)
    with pytest.raises(Corrupt):
        objects.replace_chunk(chunk, b"not these bytes")
    (_, start, _), *_ = objects.recipe(digest).placed()
    objects.replace_chunk(chunk, content[start : start + size])
    assert objects.read(digest) == content
    assert objects.read(small) == b"small"
    assert objects.verify() == []
    assert objects.damaged() == set()


def test_a_damaged_recipe_is_found_and_put_right(objects: ProjectObjects) -> None:
    content = noise(300_000)
    digest = objects.put(content)
    recipe = objects.recipe(digest)
    record = next(
        entry for entry in headers(only_pack(objects).read_bytes()) if entry.kind == Kind.RECIPE
    )
    with only_pack(objects).open("r+b") as file:
        file.seek(record.offset + 40)
        file.write(os.urandom(4))
    with pytest.raises(Corrupt):
        objects.read(digest)
    (damage,) = objects.verify()
    assert (damage.chunk, damage.kind) == (digest, "recipe")
    objects.add_recipe(digest, Recipe.of(recipe))
    assert objects.read(digest) == content
    assert objects.verify() == []
