"""A damaged list of chunks is found, and made again from the file, or by adding the object again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from millwright.kernel.errors import Corrupt
from millwright.kernel.objects import ObjectStore, ProjectObjects

CONTENT = b"".join(b"%09d\n" % number for number in range(40_000))


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[ProjectObjects]:
    store = ObjectStore(tmp_path / "store")
    yield store.of("default")
    store.close()


def damage_list_in_index(objects: ProjectObjects, digest: str) -> None:
    recipe = objects.recipe(digest).encoded()
    with objects._parts.index.write() as connection:
        connection.execute(
            "UPDATE objects SET recipe = ? WHERE id = ?",
            (recipe[36:72] + recipe[36:], bytes.fromhex(digest)),
        )


def damage_list_in_pack(objects: ProjectObjects, digest: str) -> None:
    ((name, start),) = objects._parts.index.rows(
        "SELECT packs.name, offset FROM objects JOIN packs ON packs.id = source WHERE objects.id = ?",
        (bytes.fromhex(digest),),
    )
    with (objects.root / "packs" / f"{name}.pack").open("r+b") as file:
        file.seek(start + 40)
        file.write(os.urandom(8))
    objects.close()


def test_a_linked_file_lists_its_chunks_again(objects: ProjectObjects, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(CONTENT)
    digest = objects.link(path)
    damage_list_in_index(objects, digest)
    assert [(one.kind, one.chunk) for one in objects.verify()] == [("recipe", digest)]
    assert objects.mend_recipe(digest)
    assert not objects.verify()
    assert objects.read(digest) == CONTENT


def test_without_the_file_adding_the_object_again_mends_it(objects: ProjectObjects) -> None:
    digest = objects.put(CONTENT)
    damage_list_in_pack(objects, digest)
    assert [(one.kind, one.chunk) for one in objects.verify()] == [("recipe", digest)]
    assert not objects.mend_recipe(digest)
    with pytest.raises(Corrupt, match="fsck"):
        objects.read(digest)
    assert not objects.has(digest)
    assert objects.put(CONTENT) == digest
    assert not objects.verify()
    assert objects.read(digest) == CONTENT


def test_a_file_given_once_more_mends_it_too(objects: ProjectObjects, tmp_path: Path) -> None:
    digest = objects.put(CONTENT)
    damage_list_in_pack(objects, digest)
    path = tmp_path / "large"
    path.write_bytes(CONTENT)
    assert objects.link(path) == digest
    assert objects.read(digest) == CONTENT
