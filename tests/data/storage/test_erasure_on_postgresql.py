"""Rows erased by key, with the metadata in PostgreSQL: no file of its data folder holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pytest
from storage_bench import Bench

import postgres_server
from millwright.data import service as versions
from millwright.data import to_parquet
from millwright.data.records import NewVersion
from millwright.data.storage import erasing, transfer_service
from millwright.data.storage.proving import Search
from millwright.data.storage.records import ErasureRequest, Transfer
from millwright.kernel.access import Actor
from millwright.server.opening import open_store

Make = Callable[[str], Bench]
MARKER = "the-secret-of-patient-4711-"

pytestmark = pytest.mark.skipif(
    postgres_server.binaries() is None,
    reason="PostgreSQL is not installed: apt-get install postgresql",
)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, bench: Make) -> Iterator[Path]:
    """A server for this test alone; its data folder."""
    with postgres_server.running() as url:
        # After the bench, which makes sure that no database is named.
        monkeypatch.setenv("MILLWRIGHT_DATABASE_URL", url)
        yield Path(parse_qs(urlsplit(url).query)["host"][0]) / "data"


def test_erased_rows_are_in_no_file_of_the_database(
    bench: Make, database: Path, tmp_path: Path, actor: Actor
) -> None:
    one = bench("here")
    one.remote(str(tmp_path / "remote"))
    store = open_store(one.place.workspace)
    try:
        objects = store.objects.of("p")
        for extra in range(2):
            # So few names that the schema in the database lists them.
            names = [f"name-{n % 5}" for n in range(400)]
            names[47] = MARKER
            table = pa.table({"id": list(range(400)), "name": names, "v": [extra] * 400})
            new = NewVersion(digest=objects.put(to_parquet(table)), source="patients.csv")
            versions.commit_version(store, actor, "p", "patients", new)
        transfer_service.push_versions(store, actor, "p", Transfer())
        places = [database, tmp_path]
        assert any(str(database) in place for place in holding(places))

        request = ErasureRequest(
            dataset="patients", rows={"id": "47"}, reason="asked for", dry_run=False
        )
        report = erasing.erase(store, actor, "p", request)
        assert report.proven
        assert [one.rows for one in report.versions] == [1, 1]
        assert holding(places) == []
    finally:
        store.close()


def holding(folders: list[Path]) -> list[str]:
    """The files that hold the marker."""
    search = Search({MARKER.encode()})
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                search.look_in_file(str(path), path)
    return list(search.found)
