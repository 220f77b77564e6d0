"""The object store under many writers, kills, full disks, and garbage collection beside them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from millwright.kernel.errors import NotFound, Unavailable
from millwright.kernel.objects import ObjectStore, digest_of
from millwright.kernel.objects.appending import Vanished

pytestmark = pytest.mark.core


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


class AnythingInAnyOrder(RuleBasedStateMachine):
    """Whatever is stored, linked, edited, written out, moved and forgotten: a dictionary agrees."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.store = ObjectStore(self.root / "objects")
        self.objects = self.store.of("p")
        self.model: dict[str, bytes] = {}
        self.files = 0

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def content(self, size: int, seed: int) -> bytes:
        return noise(size, seed) if seed % 3 else (b"%d text " % seed * size)[:size]

    sizes = st.sampled_from([0, 1, 100, 16_384, 16_385, 50_000, 300_000])
    seeds = st.integers(0, 5)

    @rule(size=sizes, seed=seeds)
    def put(self, size: int, seed: int) -> None:
        content = self.content(size, seed)
        self.model[self.objects.put(content)] = content

    @rule(sizes=st.lists(sizes, max_size=4), seed=seeds)
    def put_many(self, sizes: list[int], seed: int) -> None:
        contents = [self.content(size, seed) for size in sizes]
        self.model.update(zip(self.objects.put_many(contents), contents, strict=True))

    @rule(sizes=st.lists(sizes, min_size=1, max_size=4), seed=seeds)
    def link(self, sizes: list[int], seed: int) -> None:
        contents, paths = [self.content(size, seed) for size in sizes], []
        for content in contents:
            self.files += 1
            paths.append(self.root / f"file-{self.files}")
            paths[-1].write_bytes(content)
        self.model.update(zip(self.objects.link_many(paths), contents, strict=True))

    @rule(size=sizes, seed=seeds, at=st.integers(0, 300_000))
    def edit(self, size: int, seed: int, at: int) -> None:
        if self.model:
            digest = sorted(self.model)[seed % len(self.model)]
            path = self.root / "edited"
            self.objects.restore(digest, path, how="hardlink")
            self.objects.unprotect(path)
            content = self.model[digest][:at] + self.content(size, seed) + self.model[digest][at:]
            path.write_bytes(content)
            again = self.objects.link(path, known=self.objects.recipe(digest))
            self.model[again] = content

    @rule(seed=seeds, how=st.sampled_from(["auto", "hardlink", "copy"]))
    def write_out(self, seed: int, how: str) -> None:
        wanted = [(d, self.root / f"out-{n}", False) for n, d in enumerate(sorted(self.model))]
        asked = [(bytes.fromhex(digest), path, executable) for digest, path, executable in wanted]
        self.objects.restore_many(asked, how=how)  # type: ignore[arg-type]
        for digest, path, _ in wanted:
            assert path.read_bytes() == self.model[digest]

    @rule(seed=seeds, start=st.integers(0, 300_000), length=st.integers(0, 100_000))
    def read_a_range(self, seed: int, start: int, length: int) -> None:
        if self.model:
            digest = sorted(self.model)[seed % len(self.model)]
            wanted = self.model[digest][start : start + length]
            assert self.objects.read_range(digest, start, length) == wanted
            with self.objects.open(digest) as file:
                file.seek(start)
                assert file.read(length) == wanted

    @rule(seed=seeds)
    def forget(self, seed: int) -> None:
        """As garbage collection does: the object, and the chunks that no other one has."""
        if not self.model:
            return
        digest = sorted(self.model)[seed % len(self.model)]
        del self.model[digest]
        mine = {chunk for chunk, _ in self.objects.recipe(digest)}
        for other in self.model:
            mine -= {chunk for chunk, _ in self.objects.recipe(other)}
        self.objects.forget([digest], mine)

    @rule()
    def compact(self) -> None:
        for pack in self.objects.packs():
            self.objects.rewrite_pack(pack)

    @rule()
    def start_again(self) -> None:
        self.store.close()
        self.store = ObjectStore(self.root / "objects")
        self.objects = self.store.of("p")

    @rule()
    def make_the_index_again(self) -> None:
        self.objects.rebuild()

    @invariant()
    def everything_is_there(self) -> None:
        assert self.objects.has_many(self.model) == set(self.model)
        for digest, content in self.model.items():
            assert self.objects.size(digest) == len(content)
            assert self.objects.read(digest) == content


TestAnythingInAnyOrder = AnythingInAnyOrder.TestCase
TestAnythingInAnyOrder.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)


WRITER = """
import json, os, random, sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from millwright.kernel.objects import ObjectStore

root, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
objects = ObjectStore(root / "objects").of("p")
noise = random.Random(seed)
shared = random.Random(0).randbytes(200_000)
for number in range(count):
    kind = number % 3
    if kind == 0:
        digest = objects.put(noise.randbytes(2_000))
    elif kind == 1:
        digest = objects.put(noise.randbytes(100_000) + shared)
    else:
        path = root / f"{seed}-{number}"
        path.write_bytes(noise.randbytes(60_000))
        digest = objects.link(path)
    print(digest, flush=True)
"""


def writer(root: Path, seed: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(root), str(seed), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_many_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    writers = [writer(tmp_path, seed, 30) for seed in range(1, 7)]
    said = [one.communicate(timeout=120) for one in writers]
    assert [error for _, error in said] == [""] * 6
    digests = {digest for output, _ in said for digest in output.split()}
    assert len(digests) == 6 * 30
    objects = ObjectStore(tmp_path / "objects").of("p")
    assert objects.has_many(digests) == digests
    assert objects.verify() == []
    assert len(objects.packs()) <= 6
    assert objects.orphans().links == ()


def test_kills_at_any_moment_lose_nothing_acknowledged(tmp_path: Path) -> None:
    moments = random.Random(3)
    acknowledged: list[str] = []
    for seed in range(1, 9):
        child = writer(tmp_path, seed, 10_000)
        assert child.stdout is not None
        acknowledged.append(child.stdout.readline().strip())
        time.sleep(moments.uniform(0, 0.15))
        child.send_signal(signal.SIGKILL)
        acknowledged += child.communicate()[0].split()
    objects = ObjectStore(tmp_path / "objects").of("p")
    for digest in (one for one in acknowledged if len(one) == 64):
        assert digest_of(objects.read(digest)) == digest
    assert objects.verify() == []
    objects.reclaim(objects.orphans(), before=2**40)
    left = objects.orphans()
    assert (left.links, left.packs) == ((), ())
    assert objects.verify() == []


def test_threads_share_a_store(tmp_path: Path) -> None:
    objects = ObjectStore(tmp_path).of("p")
    failed: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for number in range(15):
                content = noise(30_000 * (number % 3) + 10, seed * 100 + number)
                assert objects.read(objects.put(content)) == content
        except BaseException as cause:
            failed.append(cause)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert objects.verify() == []


def test_a_forked_child_writes_for_itself(tmp_path: Path) -> None:
    objects = ObjectStore(tmp_path).of("p")
    before = objects.put(b"of the parent")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = int(objects.read(objects.put(b"of the child")) != b"of the child")
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert objects.read(digest_of(b"of the child")) == b"of the child"
    assert objects.read(before) == b"of the parent"
    assert objects.read(objects.put(b"goes on")) == b"goes on"
    assert objects.verify() == []


def test_a_writer_beside_garbage_collection_keeps_what_it_met_again(tmp_path: Path) -> None:
    """Chunks that were about to be collected are stored again if they are gone at the commit."""
    objects = ObjectStore(tmp_path).of("p")
    content = noise(3_000_000)
    stop = threading.Event()
    failed: list[BaseException] = []

    def collect() -> None:
        try:
            while not stop.is_set():
                objects.sweep(objects.unreferenced((), (), before=2**40), (), ())
                for pack in objects.packs():
                    objects.rewrite_pack(pack)
        except BaseException as cause:
            failed.append(cause)

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        for number in range(6):
            digest = objects.put(content[: 500_000 * (number + 1)])
            # It may be collected between the two: there is no grace here.
            with suppress(NotFound):
                assert digest_of(objects.read(digest)) == digest
    finally:
        stop.set()
        thread.join()
    assert failed == []
    assert objects.verify() == []
    for digest, _ in list(objects.objects()):
        assert not objects.has(digest) or digest_of(objects.read(digest)) == digest


def test_what_is_put_while_a_collection_goes_on_is_in_no_pack_that_it_removes(
    tmp_path: Path,
) -> None:
    """Packs are listed, then somebody appends to them and ends: what they added stays."""
    objects = ObjectStore(tmp_path).of("p")
    gone, kept = objects.put_many([b"garbage" * 1000, b"kept"])
    writer = ObjectStore(tmp_path).of("p")
    objects.close()
    (listed,) = objects.packs()
    writer.forget(chunks=[bytes.fromhex(gone)])
    recipe, small = writer.put(noise(300_000)), writer.put(b"a moment ago")
    writer.close()
    assert objects.rewrite_pack(listed) > 0
    assert objects.read(kept) == b"kept"
    assert objects.read(small) == b"a moment ago"
    assert objects.read(recipe) == noise(300_000)
    assert objects.verify() == []


def test_what_is_put_again_while_it_is_swept_is_stored_anew(tmp_path: Path) -> None:
    """Its writer saw it, then it was swept, then the writer dates what is no longer there."""
    objects = ObjectStore(tmp_path).of("p")
    content = b"met again"
    found = objects.unreferenced((), (), before=0)
    objects.put(content)
    assert objects.sweep(found, (), ()).chunks == ()
    with objects._parts.index.write() as connection:
        connection.execute("UPDATE chunks SET added = added - 10000")
    found = objects.unreferenced((), (), before=2**40)
    objects.put(content)
    fresh = replace(found, before=found.moment)
    assert objects.sweep(fresh, (), ()).chunks == ()
    before = objects.sweeps()
    assert len(objects.sweep(found, (), ()).chunks) == 1
    assert objects.sweeps() == before + 1
    with pytest.raises(Vanished):
        objects._parts.touch([bytes.fromhex(digest_of(content))])
    assert objects.read(objects.put(content)) == content


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a filesystem")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up_loses_nothing(small_disk: Path, tmp_path: Path) -> None:
    store = ObjectStore(small_disk / "objects")
    objects = store.of("p")
    kept: dict[str, bytes] = {}

    def fill() -> None:
        for number in range(100):
            content = noise(70_000, number)
            kept[objects.put(content)] = content

    def write_out() -> None:
        for number in range(60):
            objects.restore(sorted(kept)[0], small_disk / f"out-{number}", how="copy")

    with pytest.raises(Unavailable, match="no space left"):
        fill()
    assert len(kept) > 5
    with pytest.raises(Unavailable, match="no space left"):
        objects.put(noise(5_000_000))
    with pytest.raises(Unavailable, match="no space left"):
        write_out()
    assert {digest: objects.read(digest) for digest in kept} == kept
    assert objects.verify() == []
    store.close()
    again = ObjectStore(small_disk / "objects").of("p")
    assert again.has_many(kept) == set(kept)


def test_memory_stays_bounded_whatever_the_size(tmp_path: Path) -> None:
    program = """
import json, sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from millwright.kernel.objects import ObjectStore

class Zeros:
    left = 600 << 20
    def readinto(self, view):
        count = min(len(view), self.left)
        self.left -= count
        return count
    def read(self, size=-1):
        count = min(size, self.left)
        self.left -= count
        return bytes(count)
    def seekable(self):
        return False

objects = ObjectStore(Path(sys.argv[1])).of("p")
digest = objects.put(Zeros())
count = sum(map(len, objects.stream(digest)))
# What getrusage says would begin with the size of the process that started this one.
status = Path("/proc/self/status").read_text()
peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
print(json.dumps([count, int(peak.split()[1])]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    count, kilobytes = json.loads(done.stdout)
    assert count == 600 << 20
    assert kilobytes < 150_000
