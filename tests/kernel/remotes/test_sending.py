"""A push that breaks in the middle is gone on with: packs that arrived are not sent again."""

from __future__ import annotations

import os
import random
import resource
import signal
from pathlib import Path

import pytest

from millwright.kernel.errors import Unavailable
from millwright.kernel.objects import ObjectStore
from millwright.kernel.objects.pack_format import Kind, headers
from millwright.kernel.remotes import Remote, pace
from millwright.kernel.remotes.catalogue import Catalogue
from millwright.kernel.remotes.folder import FolderRemote
from millwright.kernel.remotes.pace import PART, Pace
from millwright.kernel.remotes.receiving import receive
from millwright.kernel.remotes.sending import send


class Breaking(FolderRemote):
    """A folder that cannot be written to any more after so many packs."""

    def __init__(self, root: Path, packs: int) -> None:
        super().__init__(root)
        self.left = packs
        self.sent = 0

    def upload(self, key: str, path: Path) -> None:
        if self.left <= 0:
            raise Unavailable("remote.folder", "The share is gone.")
        self.left -= 1
        self.sent += path.stat().st_size
        super().upload(key, path)


@pytest.mark.parametrize("jobs", [1, 3])
def test_packs_that_arrived_are_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    monkeypatch.setattr(pace, "LARGEST_PACK", 1 << 20)
    here = ObjectStore(tmp_path / "here").of("p")
    content = random.Random(1).randbytes(6_000_000)
    digest = bytes.fromhex(here.put(content))
    broken = Breaking(tmp_path / "remote", packs=4)
    catalogue = Catalogue(broken, "p/", tmp_path / "copy.db")
    with pytest.raises(Unavailable):
        send(here, catalogue, [digest], jobs=jobs)
    assert catalogue.parts() == []
    catalogue.close()

    whole = Breaking(tmp_path / "remote", packs=100)
    catalogue = Catalogue(whole, "p/", tmp_path / "copy.db")
    sent = send(here, catalogue, [digest], jobs=jobs)

    assert broken.sent > 3_000_000
    assert sent.size == whole.sent < len(content) - broken.sent + 100_000
    assert fetched(whole, digest, tmp_path) == content


def test_what_an_object_consists_of_is_said_once(tmp_path: Path) -> None:
    here = ObjectStore(tmp_path / "here").of("p")
    digest = bytes.fromhex(here.put(random.Random(2).randbytes(6_000_000)))
    remote = FolderRemote(tmp_path / "remote")
    catalogue = Catalogue(remote, "p/", tmp_path / "copy.db")
    send(here, catalogue, [digest])
    entries = [entry for pack in catalogue.sent_packs() for entry in pack.entries]
    there = [headers(path.read_bytes()) for path in (tmp_path / "remote").rglob("*.pack")]
    assert [one.kind for pack in there for one in pack] == [Kind.CHUNK] * len(entries)
    assert catalogue.several([digest, bytes(32)]) == {digest}
    catalogue.close()
    again = Catalogue(remote, "p/", tmp_path / "elsewhere.db")
    again.refresh()
    there_too = ObjectStore(tmp_path / "there").of("p")
    (tmp_path / "staging").mkdir()
    receive(there_too, again, [digest], tmp_path / "staging")
    assert there_too.size(digest.hex()) == 6_000_000
    again.close()


class Dying(FolderRemote):
    """A folder in whose fourth upload the process dies, when the ones before are there."""

    uploads = 0

    def upload(self, key: str, path: Path) -> None:
        self.uploads += 1
        if self.uploads > 3:
            os._exit(0)
        super().upload(key, path)


def test_a_killed_push_does_not_send_again_what_had_arrived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "LARGEST_PACK", 1 << 20)
    content = random.Random(1).randbytes(6_000_000)
    child = os.fork()
    if child == 0:
        here = ObjectStore(tmp_path / "here").of("p")
        catalogue = Catalogue(Dying(tmp_path / "remote"), "p/", tmp_path / "copy.db")
        send(here, catalogue, [bytes.fromhex(here.put(content))], jobs=1)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    here = ObjectStore(tmp_path / "here").of("p")
    whole = Breaking(tmp_path / "remote", packs=100)
    catalogue = Catalogue(whole, "p/", tmp_path / "copy.db")
    digest = bytes.fromhex(here.put(content))
    send(here, catalogue, [digest], jobs=1)
    assert whole.sent < 3_200_000
    assert fetched(whole, digest, tmp_path) == content


def test_a_full_disk_is_said_of_the_disk_that_is_full(tmp_path: Path) -> None:
    remote = FolderRemote(tmp_path / "remote")
    remote.put("p/packs/one", bytes(300_000))
    (tmp_path / "small").mkdir()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            remote.download("p/packs/one", tmp_path / "small/copy")
        except Unavailable as refused:
            os._exit(0 if str(tmp_path / "small") in refused.message else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert remote.download("p/packs/one", tmp_path / "small/copy") == 300_000
    assert (tmp_path / "small/copy").read_bytes() == bytes(300_000)


def test_a_pack_that_vanished_meanwhile_is_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "LARGEST_PACK", 1 << 20)
    here = ObjectStore(tmp_path / "here").of("p")
    content = random.Random(1).randbytes(3_000_000)
    digest = bytes.fromhex(here.put(content))
    remote = Breaking(tmp_path / "remote", packs=2)
    catalogue = Catalogue(remote, "p/", tmp_path / "copy.db")
    with pytest.raises(Unavailable):
        send(here, catalogue, [digest])
    for pack in remote.list("p/packs/"):
        remote.delete([pack.key])
    remote.left = 100
    send(here, catalogue, [digest])
    assert fetched(remote, digest, tmp_path) == content


def fetched(remote: Remote, digest: bytes, folder: Path) -> bytes:
    """The object as somebody else gets it from the remote."""
    there = ObjectStore(folder / "there").of("p")
    catalogue = Catalogue(remote, "p/", folder / "there.db")
    catalogue.refresh()
    receive(there, catalogue, [digest], folder / "staging")
    return there.read(digest.hex())


@pytest.mark.parametrize("rate", [1e4, 1e6, 4e6, 2e7, 1e9])
def test_what_is_under_way_at_once_is_eight_seconds_of_sending_or_one_part(rate: float) -> None:
    line = Pace(jobs=4)
    line.learn(sent=16 << 20, seconds=(16 << 20) / rate)
    assert PART <= line.pack_bytes <= 64 << 20
    assert line.jobs * line.pack_bytes <= max(PART, 1.5 * 8 * rate)
