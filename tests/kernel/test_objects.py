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
from millwright.kernel.objects import ObjectStore, digest_of, digest_of_file

pytestmark = pytest.mark.core


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "objects")


def stored_files(objects: ObjectStore) -> list[Path]:
    """Every file in the store that is an object."""
    return [
        path
        for path in objects.root.rglob("*")
        if path.is_file() and path.parent != objects.root / "tmp"
    ]


@given(st.binary(max_size=5000))
@settings(max_examples=25, deadline=None)
def test_bytes_streams_and_files_come_back_as_they_were(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        objects, source = ObjectStore(Path(folder) / "objects"), Path(folder) / "source"
        source.write_bytes(content)
        digest = objects.put(io.BytesIO(content))
        assert digest == objects.put(content) == objects.put(source)
        assert digest == blake3(content).hexdigest() == digest_of_file(source)
        assert objects.read(digest) == content
        assert objects.size(digest) == len(content)
        assert len(stored_files(objects)) == 1


@given(st.text(max_size=80).filter(lambda text: len(text) != 64))
@settings(max_examples=100, deadline=None)
def test_text_that_is_no_digest_names_nothing(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        objects = ObjectStore(Path(folder))
        with pytest.raises(InvalidInput):
            objects.path(text)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a" * 63 + "/", "a" * 64 + "\n", "A" * 64])
def test_paths_are_never_taken_for_digests(objects: ObjectStore, name: str) -> None:
    with pytest.raises(InvalidInput):
        objects.read(name)


def test_an_unknown_object_is_said_to_be_missing(objects: ObjectStore) -> None:
    unknown = digest_of(b"never stored")
    assert not objects.has(unknown)
    for look in (objects.read, objects.size, objects.open):
        with pytest.raises(NotFound, match=unknown[:12]):
            look(unknown)


def test_bytes_that_rotted_are_refused(objects: ObjectStore) -> None:
    digest = objects.put(b"as written")
    objects.path(digest).write_bytes(b"as rotted!")
    with pytest.raises(Corrupt, match=digest[:12]):
        objects.read(digest)


def test_many_writers_of_the_same_bytes_end_in_one_file(objects: ObjectStore) -> None:
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
    assert len(stored_files(objects)) == len(contents)
    assert list((objects.root / "tmp").iterdir()) == []


WRITER = """
import io, os, sys
from pathlib import Path
from millwright.kernel.objects import ObjectStore

objects = ObjectStore(Path(sys.argv[1]))
while True:
    print(objects.put(io.BytesIO(os.urandom(3_000_000))), flush=True)
"""


def test_killing_a_writer_leaves_only_whole_objects(objects: ObjectStore) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(objects.root)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    acknowledged = [child.stdout.readline().strip() for _ in range(4)]
    child.kill()
    acknowledged += child.stdout.read().split()
    child.wait()
    for digest in acknowledged:
        assert len(objects.read(digest)) == 3_000_000
    for path in stored_files(objects):
        assert digest_of_file(path) == path.parent.name + path.name


LIMITED = """
import io, resource, sys
from pathlib import Path
from millwright.kernel.errors import MillwrightError
from millwright.kernel.objects import ObjectStore

objects = ObjectStore(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for content in (io.BytesIO(b"x" * 200_000), b"y" * 200_000):
    try:
        objects.put(content)
    except MillwrightError as error:
        print(error)
print(objects.put(b"what still fits"))
"""


def test_a_full_disk_is_a_sentence_and_loses_nothing(objects: ObjectStore) -> None:
    kept = objects.put(b"stored before the disk was full")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(objects.root)],
        capture_output=True,
        text=True,
        check=True,
    )
    first, second, fitted = done.stdout.splitlines()
    assert first.startswith("There is no space left on the disk")
    assert second == first
    assert objects.read(fitted) == b"what still fits"
    assert objects.read(kept) == b"stored before the disk was full"
    assert list((objects.root / "tmp").iterdir()) == []
