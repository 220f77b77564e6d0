"""The object store: whole or not at all, the same bytes once, nothing named but by digest."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.kernel.errors import Corrupt, InvalidInput, NotFound
from millwright.kernel.objects import ObjectStore, ProjectObjects, digest_of, digest_of_file

pytestmark = pytest.mark.core


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "objects")


@pytest.fixture
def objects(store: ObjectStore) -> ProjectObjects:
    return store.of("p")


def stored_bytes(objects: ProjectObjects) -> int:
    return sum(pack.size for pack in objects.packs())


def flip(path: Path, offset: int) -> None:
    """Change one byte of a file, protected or not."""
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


@given(st.binary(max_size=5000))
@settings(max_examples=20, deadline=None)
def test_bytes_streams_and_files_come_back_as_they_were(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        objects, source = ObjectStore(Path(folder) / "objects").of("p"), Path(folder) / "source"
        source.write_bytes(content)
        digest = objects.put(io.BytesIO(content))
        once = stored_bytes(objects)
        assert digest == objects.put(content) == objects.put(source) == objects.link(source)
        assert digest == blake3(content).hexdigest() == digest_of_file(source)
        assert objects.read(digest) == content
        assert objects.size(digest) == len(content)
        assert stored_bytes(objects) == once


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a" * 63 + "/", "a" * 64 + "\n", "A" * 64, "", "ab"]
)
def test_text_that_is_no_digest_names_nothing(objects: ProjectObjects, name: str) -> None:
    for look in (objects.read, objects.has, objects.size, objects.open, objects.local_path):
        with pytest.raises(InvalidInput):
            look(name)


@pytest.mark.parametrize("name", ["", "..", "../other", "a/b", ".hidden", "x" * 101, "a\n"])
def test_text_that_is_no_project_names_no_folder(store: ObjectStore, name: str) -> None:
    with pytest.raises(InvalidInput):
        store.of(name)


def test_what_one_project_stored_no_other_can_tell(store: ObjectStore) -> None:
    digest = store.of("ours").put(b"secret")
    assert not store.of("theirs").has(digest)
    with pytest.raises(NotFound):
        store.of("theirs").read(digest)


def test_an_unknown_object_is_said_to_be_missing(objects: ProjectObjects) -> None:
    unknown = digest_of(b"never stored")
    assert not objects.has(unknown)
    for look in (objects.read, objects.size, objects.open, objects.recipe, objects.local_path):
        with pytest.raises(NotFound, match=unknown[:12]):
            look(unknown)


def test_bytes_that_rotted_are_refused(objects: ProjectObjects) -> None:
    digest = objects.put(b"as written")
    (place,) = objects.locate([bytes.fromhex(digest)]).values()
    flip(objects.packs()[0].path, place.offset)
    with pytest.raises(Corrupt, match=digest[:12]):
        objects.read(digest)


def test_many_writers_of_the_same_bytes_keep_them_apart(objects: ProjectObjects) -> None:
    contents = [bytes([number]) * 50_000 for number in range(5)]
    digests: list[str] = []

    def write() -> None:
        digests.extend(objects.put(io.BytesIO(content)) for content in contents)

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(digests) == {digest_of(content) for content in contents}
    assert [objects.read(digest_of(content)) for content in contents] == contents
    assert objects.orphans().packs == ()


WRITER = """
import io, os, sys
from pathlib import Path
from millwright.kernel.objects import ObjectStore

objects = ObjectStore(Path(sys.argv[1])).of("p")
while True:
    print(objects.put(io.BytesIO(os.urandom(3_000_000))), flush=True)
"""


def test_killing_a_writer_leaves_only_whole_objects(store: ObjectStore) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store.root)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    acknowledged = [child.stdout.readline().strip() for _ in range(4)]
    child.kill()
    acknowledged += child.stdout.read().split()
    child.wait()
    objects = store.of("p")
    for digest in acknowledged:
        assert len(objects.read(digest)) == 3_000_000
    assert objects.verify() == []
    assert objects.read(objects.put(b"and goes on")) == b"and goes on"


LIMITED = """
import io, os, resource, sys
from pathlib import Path
from millwright.kernel.errors import MillwrightError
from millwright.kernel.objects import ObjectStore

objects = ObjectStore(Path(sys.argv[1])).of("p")
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
content = os.urandom(400_000)
for one in (io.BytesIO(content), content):
    try:
        objects.put(one)
    except MillwrightError as error:
        print(error)
print(objects.put(b"what still fits"))
"""


def test_a_full_disk_is_a_sentence_and_loses_nothing(store: ObjectStore) -> None:
    kept = store.of("p").put(b"stored before the disk was full")
    store.close()
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(store.root)],
        capture_output=True,
        text=True,
        check=True,
    )
    first, second, fitted = done.stdout.splitlines()
    assert first.startswith("There is no space left on the disk")
    assert second == first
    assert store.of("p").read(fitted) == b"what still fits"
    assert store.of("p").read(kept) == b"stored before the disk was full"
    assert store.of("p").verify() == []
