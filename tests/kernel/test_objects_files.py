"""Users' files in the store: no second copy, protected as root and not, written out again."""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from millwright.kernel.errors import Corrupt, InvalidInput
from millwright.kernel.objects import ObjectStore, ProjectObjects, digest_of
from millwright.kernel.objects.filesystem import is_immutable, set_immutable

pytestmark = pytest.mark.core


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture
def objects(tmp_path: Path) -> ProjectObjects:
    return ObjectStore(tmp_path / "objects").of("p")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def stored_bytes(objects: ProjectObjects) -> int:
    """What the store takes beside the users' own files."""
    return sum(
        path.stat().st_blocks * 512
        for path in objects.root.rglob("*")
        if path.is_file() and path.stat().st_nlink == 1
    )


def protected(path: Path) -> bool:
    try:
        path.open("r+b").close()
    except PermissionError:
        return True
    return not path.stat().st_mode & 0o222


def test_a_linked_file_is_there_once_and_protected(objects: ProjectObjects, work: Path) -> None:
    small, large = written(work / "small", b"x" * 4096), written(work / "large", noise(5_000_000))
    digests = objects.link_many([small, large])
    assert digests == [digest_of(small.read_bytes()), digest_of(large.read_bytes())]
    assert [objects.read(digest) for digest in digests] == [b"x" * 4096, noise(5_000_000)]
    assert small.stat().st_nlink == large.stat().st_nlink == 2
    assert protected(small)
    assert protected(large)
    assert objects.packs() == []
    objects.close()
    assert stored_bytes(objects) < 0.02 * 5_000_000
    assert objects.local_path(digests[1]).samefile(large)


def test_executables_stay_so_and_private_files_stay_private(
    objects: ProjectObjects, work: Path
) -> None:
    for mode, kept in ((0o755, 0o555), (0o600, 0o400), (0o444, 0o444)):
        path = written(work / f"{mode:o}", b"%o" % mode)
        path.chmod(mode)
        objects.link(path)
        assert stat.S_IMODE(path.stat().st_mode) == kept
        objects.unprotect(path)
        assert stat.S_IMODE(path.stat().st_mode) & 0o700 == kept & 0o700 | 0o200


def test_files_with_the_same_bytes_are_linked_once_and_the_others_left_alone(
    objects: ProjectObjects, work: Path
) -> None:
    first, second = written(work / "a", b"same"), written(work / "b", b"same")
    assert objects.link_many([first, second]) == [digest_of(b"same")] * 2
    third = written(work / "c", b"same")
    objects.link(third)
    assert [protected(path) for path in (first, second, third)] == [True, False, False]
    assert [path.stat().st_nlink for path in (first, second, third)] == [2, 1, 1]
    assert len(list(objects.links())) == 1


def test_adding_a_protected_file_again_leaves_it_protected(
    objects: ProjectObjects, work: Path
) -> None:
    path = written(work / "a", b"again")
    assert objects.link(path) == objects.link(path) == objects.link_many([path])[0]
    assert protected(path)
    assert path.stat().st_nlink == 2


def test_an_edited_version_stores_only_what_changed(objects: ProjectObjects, work: Path) -> None:
    path = written(work / "a", noise(8_000_000))
    first = objects.link(path)
    objects.unprotect(path)
    content = noise(8_000_000)
    content = content[:1_000_000] + noise(1000, 2) + content[1_000_000:]
    path.write_bytes(content)
    second = objects.link(path, known=objects.recipe(first))
    assert objects.read(second) == content
    assert objects.read(first) == noise(8_000_000)
    assert sum(pack.size for pack in objects.packs()) < 500_000
    assert not protected(path), "what is edited now is likely edited again"
    path.write_bytes(b"and then something else")
    assert objects.read(second) == content


def test_only_regular_files_are_added(objects: ProjectObjects, work: Path) -> None:
    written(work / "a", b"x")
    (work / "link").symlink_to(work / "a")
    os.mkfifo(work / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(InvalidInput):
            objects.link(work / name)
    with pytest.raises((InvalidInput, FileNotFoundError)):
        objects.link(work / "missing")
    assert objects.orphans().links == ()


def test_a_group_that_fails_leaves_every_file_as_it_was(
    objects: ProjectObjects, work: Path
) -> None:
    good = written(work / "good", b"good")
    with pytest.raises((InvalidInput, FileNotFoundError)):
        objects.link_many([good, work / "missing"])
    assert not protected(good)
    assert good.stat().st_nlink == 1
    assert objects.orphans().links == ()
    assert not objects.has(digest_of(b"good"))


def test_where_files_cannot_be_linked_they_are_copied(objects: ProjectObjects) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == objects.root.stat().st_dev:
        pytest.skip("needs a second filesystem")
    path = written(other / f"mw-test-{os.getpid()}", noise(100_000))
    try:
        digest = objects.link(path)
        assert objects.read(digest) == noise(100_000)
        assert not protected(path)
        assert objects.restore(digest, path) == "copy"
    finally:
        path.unlink()


@pytest.mark.parametrize("how", ["auto", "hardlink", "reflink", "copy"])
def test_files_are_written_out_whatever_is_in_the_way(
    objects: ProjectObjects, work: Path, how: str
) -> None:
    contents = {name: noise(size, size) for name, size in {"a": 0, "b": 100, "c": 200_000}.items()}
    linked = {n: objects.link(written(work / n, c)) for n, c in contents.items()}
    packed = {n: objects.put(c + b"!") for n, c in contents.items()}
    out = work / "out"
    out.mkdir()
    written(out / "a", b"in the way")
    for _ in range(2):
        for digests, tail in ((linked, b""), (packed, b"!")):
            wanted = [(digest, out / name, False) for name, digest in digests.items()]
            objects.restore_many([(bytes.fromhex(d), path, x) for d, path, x in wanted], how=how)
            for name, content in contents.items():
                assert (out / name).read_bytes() == content + tail
            for digest, path, _ in wanted:
                assert objects.restore(digest, path, how=how) in ("hardlink", "copy", "reflink")
                assert digest_of(path.read_bytes()) == digest
    assert sorted(path.name for path in out.iterdir()) == ["a", "b", "c"]
    if how == "copy":
        assert not protected(out / "a")


def test_a_file_is_executable_where_that_is_asked(objects: ProjectObjects, work: Path) -> None:
    path = written(work / "a", b"#!/bin/sh\n")
    digest = objects.link(path)
    raw = bytes.fromhex(digest)
    objects.restore_many([(raw, work / "run", True), (raw, work / "keep", False)])
    assert (work / "run").stat().st_mode & 0o100
    assert not (work / "keep").stat().st_mode & 0o100
    assert not path.stat().st_mode & 0o100


def test_ways_that_do_not_exist_are_refused(objects: ProjectObjects, work: Path) -> None:
    digest = objects.put(b"x")
    with pytest.raises(InvalidInput, match="copy"):
        objects.restore(digest, work / "x", how="symlink")  # type: ignore[arg-type]


def test_an_unprotected_file_is_private(objects: ProjectObjects, work: Path) -> None:
    path = written(work / "a", b"as added")
    digest = objects.link(path)
    objects.restore(digest, work / "b", how="hardlink")
    objects.unprotect(path)
    path.write_bytes(b"edited")
    assert objects.read(digest) == b"as added" == (work / "b").read_bytes()
    objects.discard(work / "b")
    assert not (work / "b").exists()
    assert objects.read(digest) == b"as added"


def test_a_linked_file_that_was_changed_is_never_served(
    objects: ProjectObjects, work: Path
) -> None:
    path = written(work / "a", noise(100_000))
    digest = objects.link(path)
    changed = path.stat()
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(b"changed by root")
    for look in (objects.read, objects.local_path, lambda d: objects.restore(d, work / "out")):
        with pytest.raises(Corrupt):
            look(digest)
    os.utime(path, ns=(changed.st_atime_ns, changed.st_mtime_ns))
    with pytest.raises(Corrupt):
        objects.read(digest)
    assert [damage.objects for damage in objects.verify()] == [(digest,)]
    assert not (work / "out").exists()


def test_a_file_that_was_only_touched_is_served(objects: ProjectObjects, work: Path) -> None:
    path = written(work / "a", b"touched")
    digest = objects.link(path)
    os.utime(path, (1, 1))
    assert objects.local_path(digest).read_bytes() == b"touched"
    objects.restore(digest, work / "b")
    assert (work / "b").read_bytes() == b"touched"


def test_the_index_is_made_again_from_linked_files(objects: ProjectObjects, work: Path) -> None:
    contents = [b"", b"small", noise(300_000)]
    digests = [objects.link(written(work / str(n), c)) for n, c in enumerate(contents)]
    objects.close()
    for path in objects.root.glob("index.db*"):
        path.unlink()
    assert not objects.has(digests[1])
    seen: list[tuple[int, int]] = []
    objects.rebuild(lambda done, total: seen.append((done, total)))
    assert [objects.read(digest) for digest in digests] == contents
    assert seen[-1] == (300_005, 300_005)


def test_what_others_need_of_a_forgotten_file_stays(objects: ProjectObjects, work: Path) -> None:
    path = written(work / "a", noise(1_000_000))
    first = objects.link(path)
    objects.unprotect(path)
    path.write_bytes(noise(1_000_000)[:-100] + b"an end that differs")
    second = objects.link(path)
    shared = {chunk for chunk, _ in objects.recipe(second)}
    gone = [chunk for chunk, _ in objects.recipe(first) if chunk not in shared]
    assert gone
    objects.forget([first], gone)
    assert objects.read(second) == path.read_bytes()
    assert list(objects.links()) == []
    assert not objects.has(first)
    assert objects.verify() == []


def test_orphans_of_a_killed_writer_are_found_and_reclaimed(
    objects: ProjectObjects, work: Path
) -> None:
    path = written(work / "a", b"orphan")
    objects.link(written(work / "b", b"known"))
    orphan = objects.root / "links" / "0" / "3e7"
    os.link(path, orphan)
    written(objects.root / "packs" / f"{'0' * 32}.pack", b"MWPACK1\n")
    found = objects.orphans()
    assert found.links == (orphan,)
    assert len(found.packs) == 1
    objects.reclaim(found, before=0)
    assert objects.orphans() == found, "somebody may be about to commit it"
    objects.reclaim(found, before=2**40)
    assert objects.orphans().links == objects.orphans().packs == ()
    assert path.read_bytes() == b"orphan"


def test_objects_of_an_earlier_millwright_are_still_there(tmp_path: Path) -> None:
    for content in (b"old", noise(200_000), b""):
        digest = digest_of(content)
        path = tmp_path / digest[:2] / digest[2:]
        path.parent.mkdir()
        path.write_bytes(content)
    objects = ObjectStore(tmp_path).of("p")
    large = digest_of(noise(200_000))
    assert objects.size(large) == 200_000
    assert objects.read(large) == noise(200_000)
    assert objects.read(digest_of(b"old")) == b"old"
    assert objects.read(digest_of(b"")) == b""
    assert objects.has(digest_of(b"old"))
    assert objects.packs() == []


needs_attribute = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def immutable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Protect with the attribute, and take it off everything afterwards."""
    probe = written(tmp_path / "probe", b"")
    with probe.open("rb") as file:
        if not set_immutable(file.fileno(), True):
            pytest.skip("the filesystem has no attributes, or they may not be set")
        set_immutable(file.fileno(), False)
    monkeypatch.delenv("MILLWRIGHT_PROTECT", raising=False)
    yield
    for path in tmp_path.rglob("*"):
        if path.is_file() and not path.is_symlink():
            handle = os.open(path, os.O_RDONLY)
            set_immutable(handle, False)
            os.close(handle)


@needs_attribute
@pytest.mark.usefixtures("immutable")
def test_a_file_that_is_given_under_two_names_stays_protected(
    objects: ProjectObjects, work: Path
) -> None:
    first = written(work / "first", noise(50))
    (work / "second").hardlink_to(first)
    large = written(work / "large", noise(100_000))
    (work / "also large").hardlink_to(large)
    objects.link_many([first, work / "second", large, work / "also large"])
    assert protected(first)
    assert protected(large)
    for path in (first, large):
        with path.open("rb") as file:
            assert is_immutable(file.fileno())


@needs_attribute
@pytest.mark.usefixtures("immutable")
def test_a_file_that_is_stored_already_and_given_twice_is_left_as_it_was(
    objects: ProjectObjects, work: Path
) -> None:
    objects.put(noise(50))
    first = written(work / "first", noise(50))
    first.chmod(0o640)
    (work / "second").hardlink_to(first)
    objects.link_many([first, work / "second"])
    assert stat.S_IMODE(first.stat().st_mode) == 0o640
    first.write_bytes(b"mine")


@needs_attribute
@pytest.mark.usefixtures("immutable")
def test_not_even_root_changes_a_linked_file(objects: ProjectObjects, work: Path) -> None:
    path = written(work / "a", noise(50_000))
    digest = objects.link(path)
    for change in (
        lambda: path.open("r+b"),
        lambda: path.open("ab"),
        lambda: os.truncate(path, 0),
        lambda: path.chmod(0o777),
        lambda: path.unlink(),
        lambda: path.rename(work / "b"),
    ):
        with pytest.raises(PermissionError):
            change()
    # What Millwright itself does with it goes on as before.
    other = written(work / "other", b"other")
    objects.link(other)
    assert objects.link(path) == digest
    objects.restore(digest, work / "b", how="hardlink")
    objects.restore(objects.put(b"new"), path)
    assert path.read_bytes() == b"new"
    wanted = {path: digest, work / "c": digest_of(b"other")}
    objects.restore_many([(bytes.fromhex(d), where, False) for where, d in wanted.items()])
    assert path.read_bytes() == objects.read(digest) == noise(50_000)
    objects.unprotect(path)
    path.write_bytes(b"mine")
    with pytest.raises(PermissionError):
        (work / "b").open("r+b")
    objects.discard(work / "b")
    assert objects.verify() == []
    objects.forget([digest], [chunk for chunk, _ in objects.recipe(digest)])
    assert list(objects.links()) == [(digest_of(b"other"), objects.local_path(digest_of(b"other")))]


@needs_attribute
@pytest.mark.usefixtures("immutable")
def test_what_is_forgotten_is_the_users_again(objects: ProjectObjects, work: Path) -> None:
    path = written(work / "a", b"mine alone")
    digest = objects.link(path)
    objects.forget([digest], [bytes.fromhex(digest)])
    with path.open("rb") as file:
        assert not is_immutable(file.fileno())
    path.unlink()


AS_NOBODY = """
import json, os, sys
from pathlib import Path
from millwright.kernel.objects import ObjectStore

if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
folder = Path(sys.argv[1])
objects = ObjectStore(folder / "objects").of("p")
path = folder / "a"
path.write_bytes(b"x" * 9000)
digest = objects.link(path)
said = []
for mode in ("r+b", "ab", "wb"):
    try:
        path.open(mode)
    except PermissionError:
        said.append(mode)
out = objects.restore(digest, folder / "b", how="hardlink")
objects.unprotect(path)
path.write_bytes(b"edited")
(folder / "b").unlink()
print(json.dumps([said, out, objects.read(digest) == b"x" * 9000]))
"""


def test_nobody_else_changes_a_linked_file(tmp_path: Path) -> None:
    folder = Path("/tmp" if os.geteuid() == 0 else tmp_path) / f"mw-nobody-{os.getpid()}"
    folder.mkdir()
    folder.chmod(0o777)
    try:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("MILLWRIGHT_PROTECT", None)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(folder)],
            capture_output=True,
            text=True,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [["r+b", "ab", "wb"], "hardlink", True]
    finally:
        shutil.rmtree(folder)
