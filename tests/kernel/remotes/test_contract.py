"""What every remote promises: a folder, memory, S3 over real HTTP, and each of them encrypted."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path

import pytest

from millwright.kernel.errors import NotFound
from millwright.kernel.remotes import Remote, heads
from millwright.kernel.remotes.encryption import EncryptedRemote
from millwright.kernel.remotes.probing import probe

ODD_NAMES = (
    "a b/c d",
    "ünïcode/日本語/🙂",
    "per%cent/%2F/%41",
    "plus+and=equals&amp;",
    "double//slash",
    "dots/../up/./here",
    "quote'\"<>|*?\\:",
    "~tilde/-dash/_low",
    "trailing/",
)


def test_what_is_put_is_got_back(remote: Remote) -> None:
    assert remote.get("a/b") is None
    remote.put("a/b", b"first")
    remote.put("a/b", b"second")
    remote.put("a/empty", b"")
    assert remote.get("a/b") == b"second"
    assert remote.get("a/empty") == b""


def test_a_range_is_read_without_the_rest(remote: Remote) -> None:
    content = random.Random(1).randbytes(300_000)
    remote.put("k", content)
    for start, length in ((0, 1), (0, 65_536), (65_535, 2), (131_072, 70_000), (299_990, 100)):
        assert remote.get_range("k", start, length) == content[start : start + length]
    assert remote.get_range("k", 0, 300_000) == content
    assert remote.get_range("k", 5, 0) == b""
    with pytest.raises(NotFound):
        remote.get_range("nowhere", 0, 1)


@pytest.mark.parametrize("size", [0, 1, 65_536, 5 << 20, (12 << 20) + 7])
def test_files_go_up_in_parts_and_come_down_whole(
    remote: Remote, tmp_path: Path, size: int
) -> None:
    content = random.Random(size).randbytes(size)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    remote.upload("packs/big", source)
    assert remote.download("packs/big", target) == size
    assert target.read_bytes() == content


def test_a_download_goes_on_after_what_is_already_there(remote: Remote, tmp_path: Path) -> None:
    content = os.urandom(100_000)
    remote.put("k", content)
    target = tmp_path / "target"
    target.write_bytes(content[:40_000])
    assert remote.download("k", target) == 100_000
    assert target.read_bytes() == content
    with pytest.raises(NotFound):
        remote.download("nowhere", tmp_path / "other")


def test_of_eight_racing_creators_one_wins(remote: Remote) -> None:
    won: list[int] = []
    ready = threading.Barrier(8)

    def create(number: int) -> None:
        ready.wait()
        if remote.create("heads/x", b"%d" % number):
            won.append(number)

    _all_at_once(create)
    assert len(won) == 1
    assert remote.get("heads/x") == b"%d" % won[0]


def test_a_replacement_needs_the_present_tag(remote: Remote) -> None:
    first = remote.replace("k", b"1", None)
    assert first
    assert remote.replace("k", b"x", None) is None
    second = remote.replace("k", b"2", first)
    assert second
    assert remote.replace("k", b"x", first) is None
    found = remote.get_tagged("k")
    assert found is not None
    assert (found.content, found.tag) == (b"2", second)
    assert remote.replace("nowhere", b"x", first) is None


def test_eight_writers_of_one_document_lose_nothing(remote: Remote) -> None:
    def write(number: int) -> None:
        for turn in range(5):
            line = b"%d-%d\n" % (number, turn)
            heads.update(remote, "heads/x", lambda now, line=line: (now or b"") + line)

    _all_at_once(write)
    lines = (remote.get("heads/x") or b"").splitlines()
    assert sorted(lines) == sorted(b"%d-%d" % (n, t) for n in range(8) for t in range(5))


def test_listings_are_whole_and_keep_to_their_prefix(remote: Remote) -> None:
    for number in range(30):
        remote.put(f"packs/{number:04d}", b"x" * number)
    remote.put("packs-of-another/1", b"")
    remote.put("index/1", b"")
    found = {entry.key: entry.size for entry in remote.list("packs/")}
    if isinstance(remote, EncryptedRemote):
        assert set(found) == {remote.concealed(f"packs/{number:04d}") for number in range(30)}
    else:
        assert found == {f"packs/{number:04d}": number for number in range(30)}
    assert len(list(remote.list(""))) == 32
    assert list(remote.list("nowhere/")) == []


def test_deleting_takes_what_is_there_and_minds_nothing_else(remote: Remote) -> None:
    for name in ("a", "b", "c"):
        remote.put(f"k/{name}", b"")
    remote.delete(["k/a", "k/missing", "k/c"])
    remote.delete([])
    assert remote.get("k/a") is None
    assert remote.get("k/b") == b""
    assert len(list(remote.list("k/"))) == 1


def test_odd_names_are_names_like_others(remote: Remote) -> None:
    for number, name in enumerate(ODD_NAMES):
        remote.put(f"odd/{name}", b"%d" % number)
    for number, name in enumerate(ODD_NAMES):
        assert remote.get(f"odd/{name}") == b"%d" % number
    found = [entry.key for entry in remote.list("odd/")]
    assert len(found) == len(ODD_NAMES)
    if not isinstance(remote, EncryptedRemote):
        assert sorted(found) == sorted(f"odd/{name}" for name in ODD_NAMES)


def test_the_probe_finds_that_the_store_keeps_its_word_and_leaves_nothing(remote: Remote) -> None:
    assert probe(remote).heads
    assert list(remote.list("")) == []


def _all_at_once(work: object) -> None:
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)  # type: ignore[operator]
        except BaseException as cause:
            failures.append(cause)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
