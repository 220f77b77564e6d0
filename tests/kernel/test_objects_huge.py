"""Files whose list of chunks is long: it is stored in pages, and memory does not grow with them."""

from __future__ import annotations

import io
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.kernel.errors import Corrupt
from millwright.kernel.objects import DigestSet, ObjectStore, ProjectObjects
from millwright.kernel.objects.recipe import MOST_LISTED, Chunk, Listing, Recipe
from millwright.kernel.remotes.catalogue import Catalogue
from millwright.kernel.remotes.folder import FolderRemote
from millwright.kernel.remotes.receiving import receive
from millwright.kernel.remotes.sending import send

PERIOD = random.Random(3).randbytes(16 << 20)
HUGE = 172 * len(PERIOD)
"""Bytes, enough for more chunks than a recipe lists itself."""


class Repeating(io.RawIOBase):
    """One noise over and over: its chunks are stored once, so a huge stream takes little disk."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        at = (-self._left) % len(PERIOD)
        count = min(len(buffer), self._left, len(PERIOD) - at)
        buffer[:count] = PERIOD[at : at + count]
        self._left -= count
        return count


class Shelf:
    """Pages in memory."""

    def __init__(self) -> None:
        self.pages: dict[bytes, bytes] = {}

    def keep(self, pages: list[bytes]) -> None:
        self.pages |= {blake3(page).digest(): page for page in pages}

    def listed(self, chunks: list[Chunk], at_once: int = 1000) -> Recipe:
        listing = Listing(self.keep, self.pages.__getitem__)
        view = memoryview(bytes(128 << 10))
        for start in range(0, len(chunks), at_once):
            some = chunks[start : start + at_once]
            listing.add([(chunk, view[:size]) for chunk, size in some])
        return listing.recipe()


def chunks_of(seed: int, count: int) -> list[Chunk]:
    chance = random.Random(seed)
    noise = chance.randbytes(32 * count)
    return [
        (noise[32 * number : 32 * number + 32], chance.randint(1, 128 << 10))
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def many() -> list[Chunk]:
    return chunks_of(1, 150_000)


@given(count=st.sampled_from([0, 1, MOST_LISTED, MOST_LISTED + 1, 90_000]), data=st.data())
@settings(max_examples=12, deadline=None)
def test_a_recipe_reads_as_what_was_listed(
    many: list[Chunk], count: int, data: st.DataObject
) -> None:
    chunks = many[:count]
    recipe = Shelf().listed(chunks, data.draw(st.sampled_from([999, 70_000])))
    assert bool(recipe.pages) == (count > MOST_LISTED)
    assert list(recipe) == chunks
    assert recipe.size == sum(size for _, size in chunks)
    start = data.draw(st.integers(0, recipe.size))
    stop = data.draw(st.integers(start, min(start + (300 << 20), recipe.size)))
    touched = [one for some in recipe.within(start, stop) for one in some]
    wanted = [one for one in recipe.placed() if one[2] < stop and one[2] + one[1] > start]
    assert touched == (wanted if start < stop else touched)


def test_versions_share_the_pages_that_are_the_same(many: list[Chunk]) -> None:
    shelf = Shelf()
    before = shelf.listed(many)
    after = shelf.listed([*many[:70_000], *chunks_of(2, 30), *many[70_100:]], 777)
    new = set(after.pages) - set(before.pages)
    assert len(before.pages) > 15
    assert len(new) <= 2
    assert list(after.placed(but=set(before.pages))) == [
        one
        for page, found in zip(after.pages, _by_page(after), strict=True)
        if page in new
        for one in found
    ]


def _by_page(recipe: Recipe) -> Iterator[list[tuple[bytes, int, int]]]:
    others = set(recipe.pages)
    for page in recipe.pages:
        yield list(recipe.placed(but=others - {page}))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[ProjectObjects, str, int]:
    """A store with a huge object, and what storing it took of memory."""
    objects = ObjectStore(tmp_path_factory.mktemp("huge") / "objects").of("p")
    tracemalloc.start()
    try:
        digest = objects.put(io.BufferedReader(Repeating(HUGE), 1 << 20))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return objects, digest, peak


def test_a_huge_object_is_stored_in_pages_and_read_anywhere(
    stored: tuple[ProjectObjects, str, int],
) -> None:
    objects, digest, peak = stored
    recipe = objects.recipe(digest)
    assert recipe.pages
    assert recipe.size == HUGE
    assert len(recipe.encoded()) < 4_000
    assert peak < 40 << 20
    for start in (0, 5_000_000, HUGE // 2 + 77, HUGE - 1000):
        at = start % len(PERIOD)
        wanted = (PERIOD + PERIOD)[at : at + 3_000_000][: HUGE - start]
        assert objects.read_range(digest, start, 3_000_000) == wanted
    with objects.open(digest) as file:
        file.seek(HUGE - 10)
        assert file.read() == PERIOD[-10:]
    assert objects.has(digest)


def test_a_huge_object_goes_to_a_remote_and_comes_back(
    stored: tuple[ProjectObjects, str, int], tmp_path: Path
) -> None:
    objects, digest, _ = stored
    catalogue = Catalogue(FolderRemote(tmp_path / "remote"), "p/", tmp_path / "here.db")
    sent = send(objects, catalogue, [bytes.fromhex(digest)])
    assert sent.chunks == len(set(objects.recipe(digest).ids()))
    catalogue.close()
    there = ObjectStore(tmp_path / "there").of("p")
    catalogue = Catalogue(FolderRemote(tmp_path / "remote"), "p/", tmp_path / "there.db")
    catalogue.refresh()
    receive(there, catalogue, [bytes.fromhex(digest)], tmp_path / "staging")
    catalogue.close()
    assert there.has(digest)
    assert there.recipe(digest) == objects.recipe(digest)
    assert there.read_range(digest, HUGE - 1000, 1000) == PERIOD[-1000:]


def test_garbage_collection_keeps_the_pages_and_takes_them_with_the_object(
    stored: tuple[ProjectObjects, str, int], tmp_path: Path
) -> None:
    objects, digest, _ = stored
    live = set(objects.recipe(digest).ids())
    assert live == {place.id for place in objects.chunks()}
    object_id = bytes.fromhex(digest)
    found = objects.unreferenced({object_id}, live, before=2**40)
    assert not objects.sweep(found, {object_id}, live).chunks
    assert objects.has(digest)
    assert set(objects.unreferenced(set(), set(), before=2**40).chunks) == live


@pytest.mark.slow
def test_a_damaged_page_is_found_and_adding_again_replaces_it(
    stored: tuple[ProjectObjects, str, int],
) -> None:
    objects, digest, _ = stored
    page = objects.recipe(digest).pages[3]
    (place,) = objects.locate([page]).values()
    with Path(objects.name_of(place)).open("r+b") as file:
        file.seek(place.offset + 5)
        file.write(b"damage")
    objects.close()
    (damage,) = objects.verify()
    assert (damage.chunk, damage.kind) == (page.hex(), "chunk")
    with pytest.raises(Corrupt):
        list(objects.recipe(digest))
    assert not objects.has(digest)
    assert objects.put(io.BufferedReader(Repeating(HUGE), 1 << 20)) == digest
    assert objects.verify() == []
    assert objects.has(digest)


@given(st.lists(st.integers(0, 300)), st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_a_set_of_digests_is_a_set_wherever_it_lies(numbers: list[int], most: int) -> None:
    found = DigestSet(most_in_memory=most)
    for start in range(0, len(numbers), 7):
        found.update(number.to_bytes(32) for number in numbers[start : start + 7])
    assert [n for n in range(301) if n.to_bytes(32) in found] == sorted(set(numbers))
