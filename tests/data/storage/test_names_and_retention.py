"""Tags taken away stay away, and bytes that retention let go are missed by nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from storage_bench import Bench, random_files

from millwright.data import service
from millwright.data.records import NewRef
from millwright.data.storage import fsck, transfer_service
from millwright.data.storage.heads import Head, merged
from millwright.data.storage.records import FsckRequest, Transfer
from millwright.data.storage.retention import (
    Candidate,
    drop_expired,
    expired,
    expired_candidates,
)
from millwright.kernel.access import Actor
from millwright.kernel.config import RetentionConfig
from millwright.kernel.store import Store
from millwright.server.opening import open_store

Make = Callable[[str], Bench]
DAY_MS = 86_400_000


@contextmanager
def opened(bench: Make, name: str, remote: str) -> Iterator[tuple[Bench, Store]]:
    one = bench(name)
    one.remote(remote)
    store = open_store(one.place.workspace)
    one.place.__dict__["objects"] = store.objects.of("p")
    yield one, store
    store.close()


def tags(store: Store) -> set[str]:
    return {ref.ref for ref in service.list_refs(store, "p", "photos") if ref.kind == "tag"}


def test_a_tag_that_was_taken_away_stays_away_and_can_be_given_again(
    bench: Make, tmp_path: Path, actor: Actor
) -> None:
    remote = str(tmp_path / "remote")
    with opened(bench, "here", remote) as (here, one), opened(bench, "there", remote) as (_, two):
        here.keep("photos", {"a": b"1"})
        service.put_ref(one, actor, "p", "photos", "best", NewRef(kind="tag", version="1"))
        transfer_service.push_versions(one, actor, "p", Transfer())
        transfer_service.fetch_versions(two, actor, "p", Transfer())
        assert tags(two) == {"best"}

        service.delete_ref(two, actor, "p", "photos", "best")
        transfer_service.fetch_versions(two, actor, "p", Transfer())
        assert tags(two) == set()
        transfer_service.push_versions(two, actor, "p", Transfer())
        # Whoever still has the tag learns that it is gone, and does not bring it back.
        transfer_service.push_versions(one, actor, "p", Transfer())
        transfer_service.fetch_versions(one, actor, "p", Transfer())
        assert tags(one) == set()

        service.put_ref(one, actor, "p", "photos", "best", NewRef(kind="tag", version="1"))
        transfer_service.push_versions(one, actor, "p", Transfer())
        transfer_service.fetch_versions(two, actor, "p", Transfer())
        assert tags(two) == {"best"}


def test_the_later_word_about_a_name_counts_whoever_pushes_first() -> None:
    tag = {"kind": "tag", "version_id": "v", "updated_ms": 5, "updated_by": "a"}
    gone = {**tag, "updated_ms": 7, "removed": True}
    for first, second in ((tag, gone), (gone, tag)):
        head = merged(merged(Head("d"), [], {"best": first}), [], {"best": second})
        assert head.refs == {"best": gone}
        assert Head.decoded(head.encoded()) == head
    # An earlier Millwright reads no name where there is none.
    assert b'"refs":{}' in head.encoded()


def test_bytes_that_retention_let_go_are_missed_by_nobody(
    bench: Make, tmp_path: Path, actor: Actor
) -> None:
    remote = str(tmp_path / "remote")
    with opened(bench, "here", remote) as (here, one):
        for seed in range(3):
            here.keep("photos", random_files(5, 2_000, seed=seed))
        service.take_journal(one)
        rules = RetentionConfig(keep_last=1)
        gone = expired_candidates(one, "p", rules)
        assert [candidate.version for candidate in gone] == [1, 2]
        drop_expired(one, actor, "p", gone)
        done = transfer_service.push_versions(one, actor, "p", Transfer())
        assert done.versions == ("photos@3",)
    with opened(bench, "there", remote) as (there, two):
        transfer_service.fetch_versions(two, actor, "p", Transfer(every=True))
        assert there.files("photos", 3) == random_files(5, 2_000, seed=2)
        assert len(service.list_versions(two, "p", "photos")) == 3
        assert fsck.check(two, actor, "p", FsckRequest()).ok


def _versions(count: int) -> list[Candidate]:
    return [
        Candidate(f"{n}", "a", n, "main", n * DAY_MS, tagged=n == 2, used=n == 3)
        for n in range(1, count + 1)
    ]


@pytest.mark.parametrize(
    ("rules", "gone"),
    [
        (RetentionConfig(), []),
        (RetentionConfig(keep_last=3), [1, 4, 5, 6, 7]),
        (RetentionConfig(keep_last=3, keep_tagged=False), [1, 2, 4, 5, 6, 7]),
        (RetentionConfig(keep_last=1, keep_used=False, keep_tagged=False), [*range(1, 10)]),
        (RetentionConfig(keep_for="4d"), [1, 4, 5]),
        (RetentionConfig(keep_for="1s", keep_used=False, keep_tagged=False), [*range(1, 10)]),
        (RetentionConfig(keep_last=2, keep_for="5d"), [1, 4]),
    ],
    ids=["none", "count", "tags", "newest-stays", "age", "age-newest-stays", "either-keeps"],
)
def test_retention_keeps_what_any_rule_keeps(rules: RetentionConfig, gone: list[int]) -> None:
    found = expired(_versions(10), rules, now_ms=10 * DAY_MS)
    assert [one.version for one in found] == gone
