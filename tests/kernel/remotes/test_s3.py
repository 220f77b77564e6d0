"""What only a network can do to a remote: pages of listings, and connections cut at any byte."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from millwright.kernel.errors import Forbidden, NotFound, Unavailable
from millwright.kernel.remotes import Remote, heads, open_remote, parse_address
from millwright.kernel.remotes.cloud import CloudRemote
from millwright.kernel.remotes.probing import Conditions, probe
from s3_server import CuttingProxy


def test_a_listing_of_1234_keys_is_whole_and_one_call_removes_them(
    bucket: Callable[..., Remote],
) -> None:
    remote = bucket()
    names = [f"packs/{number:05d}" for number in range(1_234)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda name: remote.put(name, b"x"), names))
    assert sorted(entry.key for entry in remote.list("packs/")) == names
    remote.delete(names)
    assert list(remote.list("packs/")) == []


@pytest.mark.parametrize("after", [0, 1, 100, 500, 1_000, 60_000, 1_000_000, 5_500_000])
def test_a_connection_cut_after_any_number_of_bytes_loses_nothing(
    bucket: Callable[..., Remote], s3: str, tmp_path: Path, after: int
) -> None:
    content = random.Random(after).randbytes(6_000_000)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    proxy = CuttingProxy(target=urlsplit(s3).port or 0, cuts=[after] * 3)
    with proxy.running() as endpoint:
        remote = bucket(endpoint)
        remote.upload("k", source)
        proxy.cuts.extend([after] * 3)
        remote.download("k", target)
        proxy.cuts.extend([after] * 2)
        heads.update(remote, "head", lambda _: b"one")
        proxy.cuts.extend([after] * 2)
        heads.update(remote, "head", lambda now: (now or b"") + b" two")
    assert target.read_bytes() == content
    # A lost answer to a conditional write is recognised as one's own, not written twice.
    assert bucket().get("head") == b"one two"


def test_a_store_that_is_gone_is_a_sentence(tmp_path: Path, s3: str) -> None:
    from obstore.store import S3Store

    gone = S3Store(
        "bucket",
        config={"endpoint": "http://127.0.0.1:1", "access_key_id": "a", "secret_access_key": "b"},
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    with pytest.raises(Unavailable, match="did not answer"):
        CloudRemote(gone, "s3://bucket", attempts=2).get("k")


def test_a_bucket_that_is_not_there_is_a_sentence(bucket: Callable[..., Remote], s3: str) -> None:
    bucket()
    remote = open_remote(parse_address("s3://no-such-bucket"), endpoint=s3)
    with pytest.raises((Unavailable, NotFound, Forbidden), match="no bucket"):
        remote.put("k", b"")


class Careless:
    """A store that takes conditional writes and ignores the condition, as some do."""

    def __init__(self, inner: Remote) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def create(self, key: str, content: bytes) -> bool:
        self._inner.put(key, content)
        return True

    def replace(self, key: str, content: bytes, tag: str | None) -> str | None:
        self._inner.put(key, content)
        return "always"


def test_the_probe_sees_through_a_store_that_ignores_conditions(
    bucket: Callable[..., Remote],
) -> None:
    remote = bucket()
    assert probe(Careless(remote)) == Conditions(create_only=False, compare_and_set=False)  # type: ignore[arg-type]
    assert list(remote.list("")) == []


@pytest.mark.parametrize("after", [3_000_000, 5_200_000, 7_000_000])
def test_a_cut_sends_no_more_than_the_part_again(
    bucket: Callable[..., Remote], s3: str, tmp_path: Path, after: int
) -> None:
    content = random.Random(after).randbytes(25_000_000)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    proxy = CuttingProxy(target=urlsplit(s3).port or 0, cuts=[after] * 4)
    with proxy.running() as endpoint:
        remote = bucket(endpoint)
        remote.upload("k", source)
        again = proxy.passed - len(content)
        proxy.passed = 0
        proxy.cuts.extend([after] * 3)
        remote.download("k", target)
    assert target.read_bytes() == content
    part = 5 << 20
    assert again < 4 * (part + 20_000)
    # A download goes on at the byte where it was cut.
    assert proxy.passed - len(content) < 50_000
