"""Versions in people's own code: whole or in part, as files, and through fsspec."""

from __future__ import annotations

import importlib.metadata
import io
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from millwright.data import Dataset, snapshot, to_parquet, trees
from millwright.data.handles import remote_object
from millwright.data.handles.filesystem import MillwrightFileSystem
from millwright.data.records import NewVersion
from millwright.data.tree_store import TreeStore
from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.store import Store

ROWS = 20_000
TABLE = pa.table(
    {
        "id": np.arange(ROWS),
        "x": np.random.default_rng(0).normal(size=ROWS),
        "kind": pa.array(["a", "b", "c", None]).take(pa.array(np.arange(ROWS) % 4)),
    }
)
FILES = {
    "readme.md": b"hello",
    "train/a.parquet": to_parquet(pa.table({"n": [1, 2]})),
    "train/b.parquet": to_parquet(pa.table({"n": [3]})),
    "train/deep/c.csv": b"n\n4\n5\n",
    "run.sh": b"#!/bin/sh\n",
}


@pytest.fixture
def table(door: Door) -> Dataset:
    snapshot(door, "p", "t", TABLE, "")
    return Dataset(door, "p", "t@1")


@pytest.fixture
def files(door: Door, store: Store) -> Dataset:
    nodes = TreeStore(store.objects.of("p"))
    entries = {}
    for path, content in FILES.items():
        digest = store.objects.of("p").put(content)
        kind = trees.Kind.EXECUTABLE if path == "run.sh" else trees.Kind.FILE
        entries[path.encode()] = trees.Entry(kind, len(content), bytes.fromhex(digest))
    target = store.objects.of("p").put(b"readme.md")
    entries[b"link"] = trees.Entry(trees.Kind.LINK, 9, bytes.fromhex(target))
    entries[b"empty"] = trees.Entry(trees.Kind.FOLDER, 0, bytes(32))
    request = NewVersion(digest=nodes.keep(trees.build(entries)), kind="files")
    door.post("/projects/p/datasets/f/versions", request)
    return Dataset(door, "p", "f@1")


@pytest.fixture
def fetched(door: Door, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The bytes brought over, request by request."""
    sizes: list[int] = []
    original = Door.fetch_range

    def counted(self: Door, project: str, digest: str, start: int, length: int) -> bytes:
        content = original(self, project, digest, start, length)
        sizes.append(len(content))
        return content

    monkeypatch.setattr(Door, "fetch_range", counted)
    return sizes


def test_columns_are_read_without_the_rest(door: Door, fetched: list[int]) -> None:
    random = np.random.default_rng(1)
    wide = pa.table({f"f{i}": random.normal(size=200_000) for i in range(8)})
    snapshot(door, "p", "wide", wide, "")
    opened = Dataset(door, "p", "wide")
    assert opened.arrow(columns=["f3"], rows=slice(90_000, 90_003)) == wide.select(["f3"]).slice(
        90_000, 3
    )
    assert sum(fetched) < opened.version.size / 2


def test_rows_are_taken_as_a_slice_takes_them(table: Dataset) -> None:
    assert table.arrow(["x"], slice(7, 9)) == TABLE.select(["x"]).slice(7, 2)
    assert table.arrow(rows=slice(-2, None)) == TABLE.slice(ROWS - 2)
    assert table.arrow(rows=slice(5, 5)).num_rows == 0
    with pytest.raises(InvalidInput, match="a slice"):
        table.arrow(rows=(5, 6))  # type: ignore[arg-type]
    assert table.arrow(["id"], slice(10**9, None)).num_rows == 0


def test_conditions_are_expressions_tuples_or_sql(table: Dataset) -> None:
    expected = TABLE.filter((pc.field("id") < 9) & (pc.field("kind") == "a"))
    by_expression = table.arrow(filter=(pc.field("id") < 9) & (pc.field("kind") == "a"))
    assert by_expression == expected
    assert table.arrow(filter=[("id", "<", 9), ("kind", "==", "a")]) == expected
    assert table.arrow(filter="id < 9 AND kind = 'a'") == expected
    assert table.arrow(["x"], filter="id < 9 AND kind = 'a'") == expected.select(["x"])
    assert table.arrow(["x"], slice(4, 20), "id < 9 AND kind = 'a'").num_rows == 2
    for condition in ("id <", "nothing = 1", [("nothing", "==", 1)]):
        with pytest.raises(InvalidInput):
            table.arrow(filter=condition)
    with pytest.raises(InvalidInput, match="Did you mean 'kind'"):
        table.arrow(["kinds"])


def test_a_condition_in_sql_reaches_no_files(table: Dataset, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("id\n1\n")
    reach = f"id IN (SELECT id FROM read_csv('{tmp_path}/secret.csv'))"
    with pytest.raises(InvalidInput, match="cannot be used"):
        table.arrow(filter=reach)


def test_the_same_rows_as_every_kind_of_frame(table: Dataset) -> None:
    part = TABLE.slice(0, 5)
    assert table.polars(rows=slice(0, 5)).equals(pl.from_arrow(part))
    pd.testing.assert_frame_equal(table.pandas(rows=slice(0, 5)), part.to_pandas())
    assert table.arrow() == table.to_arrow() == TABLE
    assert (table.rows, table.columns) == (ROWS, ("id", "x", "kind"))
    assert sum(batch.num_rows for batch in table.batches(["id"])) == ROWS


def test_engines_scan_lazily(table: Dataset) -> None:
    assert table.scan().count_rows() == ROWS
    assert table.scan("duckdb").aggregate("sum(id)").fetchall() == [(sum(range(ROWS)),)]
    found = table.scan("polars").filter(pl.col("id") < 3).select("id").collect()
    assert found["id"].to_list() == [0, 1, 2]


def test_a_table_is_one_file_that_can_be_sought_in(table: Dataset) -> None:
    assert table.files() == ["table.parquet"]
    with table.open() as stream:
        assert stream.read(4) == b"PAR1"
        stream.seek(-4, io.SEEK_END)
        assert stream.read() == b"PAR1"
    with pytest.raises(NotFound, match="has no 'x'"):
        table.open("x")


def test_files_are_found_by_pattern_and_read_without_a_checkout(files: Dataset) -> None:
    assert files.files("train/*.parquet") == ["train/a.parquet", "train/b.parquet"]
    assert files.files("**/*.csv") == ["train/deep/c.csv"]
    assert files.open("readme.md").read() == b"hello"
    assert files.arrow(files="train/*.parquet")["n"].to_pylist() == [1, 2, 3]
    assert files.arrow(rows=slice(1, 3), files="train/*.parquet")["n"].to_pylist() == [2, 3]
    assert files.arrow(["n"], filter="n > 4", files="**/*.csv")["n"].to_pylist() == [5]
    with pytest.raises(InvalidInput, match="is files, not a table"):
        files.arrow()
    with pytest.raises(InvalidInput, match="different formats"):
        files.arrow(files="train/**")
    with pytest.raises(NotFound, match=r"Did you mean 'readme\.md'"):
        files.open("readme.mb")


def test_a_version_on_this_machine_is_whole_and_read_only(
    table: Dataset, files: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLWRIGHT_CACHE", str(tmp_path / "cache"))
    path = table.path()
    assert pq.read_table(path) == TABLE
    assert path.stat().st_mode & 0o222 == 0
    assert table.path() == path
    folder = files.path()
    assert (folder / "train/deep/c.csv").read_bytes() == FILES["train/deep/c.csv"]
    assert (folder / "run.sh").stat().st_mode & 0o111
    assert (folder / "link").read_bytes() == b"hello"
    assert (folder / "empty").is_dir()
    assert files.path() == folder


@pytest.fixture
def filesystem(door: Door) -> MillwrightFileSystem:
    return MillwrightFileSystem(project="p", door=door)


def test_fsspec_reads_tables_and_files(
    table: Dataset, files: Dataset, filesystem: MillwrightFileSystem
) -> None:
    assert filesystem.size("t@1") == table.version.size
    assert filesystem.cat("f@1/readme.md") == b"hello"
    assert filesystem.cat_file("mw://f@1/readme.md", start=1, end=3) == b"el"
    assert filesystem.ls("f@1/train", detail=False) == [
        "f@1/train/a.parquet",
        "f@1/train/b.parquet",
        "f@1/train/deep",
    ]
    assert filesystem.isdir("f@1/train/deep")
    assert filesystem.glob("f@1/**/*.csv") == ["f@1/train/deep/c.csv"]
    assert filesystem.exists("f@1/nothing") is filesystem.exists("none@1") is False
    assert pq.read_table("t@1", filesystem=filesystem, columns=["id"]).num_rows == ROWS
    with pytest.raises(OSError, match="read-only"):
        filesystem.open("t@1", "wb")
    with pytest.raises(FileNotFoundError):
        filesystem.open("f@1/nothing")


def test_other_libraries_read_mw_addresses(table: Dataset, door: Door) -> None:
    registered = [
        entry.value
        for entry in importlib.metadata.entry_points(group="fsspec.specs")
        if entry.name == "mw"
    ]
    place = "millwright.data.handles.filesystem:MillwrightFileSystem"
    assert registered in ([place], [])
    fsspec.register_implementation("mw", MillwrightFileSystem, clobber=True)
    options = {"project": "p", "door": door}
    found = pd.read_parquet("mw://t@1", columns=["id"], storage_options=options)
    assert len(found) == ROWS
    with fsspec.open("mw://t@1", **options) as stream:
        assert pl.read_parquet(stream, columns=["kind"]).height == ROWS


def test_ranges_of_objects_are_answered_as_asked(door: Door) -> None:
    content = bytes(range(256)) * 20_000
    digest = door.upload("p", content)
    assert door.fetch_range("p", digest, 300, 10) == content[300:310]
    assert door.fetch_range("p", digest, len(content) - 5, 100) == content[-5:]
    raw = remote_object.RemoteObject(door, "p", digest, len(content))
    assert raw.read_at(2_000_000, 3_000_000) == content[2_000_000:5_000_000]
    raw.seek(-3, io.SEEK_END)
    assert raw.read() == content[-3:]
    assert raw.read(5) == b""
    with pytest.raises(ValueError, match="negative"):
        raw.seek(-1)
