"""Identifiers are UUIDv7: they sort by creation and never repeat."""

from __future__ import annotations

import threading
import time
import uuid

import pytest

from millwright.kernel.ids import new_id

pytestmark = pytest.mark.core


def test_ids_rise_strictly_within_a_process() -> None:
    ids = [new_id() for _ in range(20_000)]
    assert ids == sorted(set(ids))


def test_ids_made_in_many_threads_never_repeat() -> None:
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.extend(new_id() for _ in range(2_000)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 16_000


def test_an_id_is_a_version_7_uuid_of_the_present() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(new_id())
    assert made.variant == uuid.RFC_4122
    assert made.version == 7
    # Ids made in a burst run ahead of the clock by a sequence, never by more than moments.
    assert before - 1 <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1_000
