"""Streams that become objects as they arrive."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from millwright.kernel.errors import NotFound
from millwright.kernel.objects import ObjectStore, ProjectObjects, digest_of


@pytest.fixture
def objects(tmp_path: Path) -> ProjectObjects:
    return ObjectStore(tmp_path).of("p")


def send(objects: ProjectObjects, content: bytes, *, seed: int = 1) -> str:
    chance, position = random.Random(seed), 0
    with objects.receiving() as receiving:
        while position < len(content):
            pieces = []
            for _ in range(chance.randrange(1, 5)):
                size = chance.randrange(1, 300_000)
                pieces.append(content[position : position + size])
                position += size
            pieces = [piece for piece in pieces if piece]
            if not receiving.offer(pieces):
                receiving.write(pieces)
        return receiving.finish()


@pytest.mark.parametrize("size", [0, 1, 16 << 10, (16 << 10) + 1, 200_000, 5_000_000])
def test_what_arrived_in_pieces_is_the_object_of_those_bytes(
    objects: ProjectObjects, size: int
) -> None:
    content = random.Random(size).randbytes(size)
    assert send(objects, content) == digest_of(content)
    assert objects.read(digest_of(content)) == content
    assert objects.verify() == []


def test_chunks_are_those_of_the_same_bytes_put_at_once(
    objects: ProjectObjects, tmp_path: Path
) -> None:
    content = random.Random(3).randbytes(3_000_000)
    digest = send(objects, content)
    other = ObjectStore(tmp_path / "other").of("p")
    other.put(content)
    raw = bytes.fromhex(digest)
    assert objects.recipes([raw]) == other.recipes([raw])


def test_bytes_that_are_stored_already_are_not_stored_again(objects: ProjectObjects) -> None:
    content = random.Random(4).randbytes(3_000_000)
    first = send(objects, content)
    before = _stored(objects)
    assert send(objects, content, seed=2) == first
    edited = content[:1_000_000] + b"edit" + content[1_000_000:]
    assert objects.read(send(objects, edited)) == edited
    assert _stored(objects) - before < 400_000


def test_what_breaks_off_leaves_nothing(objects: ProjectObjects) -> None:
    content = random.Random(5).randbytes(2_000_000)
    with objects.receiving() as receiving:
        receiving.write([content])
    with pytest.raises(NotFound):
        objects.read(digest_of(content))
    assert list(objects.root.glob("cache/.mw-*")) == []


def test_what_a_killed_process_leaves_is_an_orphan(objects: ProjectObjects) -> None:
    receiving = objects.receiving()
    receiving.write([b"x" * 100_000])
    left = list(objects.root.glob("cache/.mw-*"))
    assert list(objects.orphans().temporary) == left
    assert len(left) == 1
    receiving.close()


def _stored(objects: ProjectObjects) -> int:
    places = (*objects.root.glob("links/*/*"), *objects.root.glob("packs/*.pack"))
    return sum(path.stat().st_size for path in places)
