"""Lookups by many threads: each has its connection, and none of them is taken from the others."""

from __future__ import annotations

import threading

from sqlalchemy import text

from millwright.kernel.plain_sql import fetch
from millwright.kernel.store import Store


def test_more_threads_look_up_than_the_pool_has_connections(store: Store) -> None:
    everybody, found = threading.Barrier(40), list[int]()

    def look() -> None:
        with store.lookup() as connection:
            everybody.wait(30)
            found.append(len(fetch(connection, "SELECT seq FROM events LIMIT 1")))

    for _ in range(2):
        threads = [threading.Thread(target=look) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 80
    with store.read() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
