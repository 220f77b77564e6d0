"""Files, folders, http addresses and buckets as sources."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from millwright.data import Dataset, read_table, to_parquet
from millwright.data.connectors.files import csv_pieces, json_pieces, table_pieces
from millwright.data.connectors.importing import update
from millwright.data.connectors.joined_files import joined_pieces
from millwright.kernel.door import Door
from millwright.kernel.errors import Forbidden, InvalidInput, NotFound
from millwright.kernel.objects import digest_of
from millwright.kernel.remotes import open_remote, parse_address

CSV = b"id,name\n1,a\n2,b\n"


def rows(door: Door, name: str = "d") -> list[dict[str, Any]]:
    return Dataset(door, "p", name).arrow().to_pylist()


def changes(door: Door, *names: str) -> list[bool]:
    return [one.changed for one in update(door, "p", names)]


def test_a_file_is_a_table_and_kept_as_given_too(door: Door, tmp_path: Path, imported: Any) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    found = imported("a.csv")
    assert rows(door) == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    assert found.version.original == digest_of(CSV)
    assert door.fetch("p", digest_of(CSV)) == CSV
    assert found.source.url == (tmp_path / "a.csv").as_uri()
    assert (found.source.state.kind, found.source.state.value) == ("digest", digest_of(CSV))


def test_a_source_that_is_as_it_was_adds_no_version(
    door: Door, tmp_path: Path, imported: Any
) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    assert imported("a.csv").is_new
    assert not imported("a.csv").is_new
    assert changes(door) == [False]
    (tmp_path / "a.csv").write_bytes(CSV + b"3,c\n")
    assert changes(door, "d") == [True]
    assert [row["id"] for row in rows(door)] == [1, 2, 3]
    assert Dataset(door, "p", "d").version.version == 2
    assert changes(door) == [False]


def test_a_source_that_is_gone_does_not_stop_the_others(
    door: Door, tmp_path: Path, imported: Any
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_bytes(CSV)
        imported(f"{name}.csv", name)
    (tmp_path / "a.csv").unlink()
    (tmp_path / "b.csv").write_bytes(CSV + b"3,c\n")
    first, second = update(door, "p")
    assert isinstance(first.error, NotFound)
    assert second.changed
    with pytest.raises(NotFound, match="was not imported"):
        list(update(door, "p", ["c"]))


def test_a_folder_is_files_or_one_table(door: Door, tmp_path: Path, imported: Any) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.csv").write_bytes(CSV)
    (folder / "deep" / "b.csv").write_bytes(b"id,name\n9,z\n")
    files = imported("in", "f")
    assert files.version.kind == "files"
    assert Dataset(door, "p", "f").files() == ["a.csv", "deep/b.csv"]
    assert Dataset(door, "p", "f").open("a.csv").read() == CSV
    imported("in", "t", kind="table")
    assert [row["id"] for row in rows(door, "t")] == [1, 2, 9]
    (folder / "c.csv").write_bytes(CSV)
    assert changes(door) == [True, True]


def test_large_parquet_is_read_in_pieces_and_another_order_of_columns_is_fine(
    door: Door, tmp_path: Path, imported: Any
) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    pq.write_table(pa.table({"id": range(100_000), "x": [1.5] * 100_000}), folder / "a.parquet")
    pq.write_table(pa.table({"x": [2.5], "id": [7]}), folder / "b.parquet")
    found = imported("parts", kind="table")
    assert found.version.rows == 100_001
    assert rows(door)[-1] == {"id": 7, "x": 2.5}


def test_csv_larger_than_memory_is_read_in_pieces_with_types_of_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    body = "".join(f"{i},{'NA' if i % 2 else i},2024-01-01T00:00:00Z\n" for i in range(90_000))
    path.write_text(f"id,x,t\n{body}7,1.5,2024-01-01T00:00:00Z\n")
    pieces = list(csv_pieces(path))
    whole = pa.concat_tables(pieces)
    assert len(pieces) > 1
    assert whole.num_rows == 90_001
    assert whole.schema.field("x").type == pa.float64()
    assert whole["x"].null_count == 45_000
    assert pa.types.is_timestamp(whole.schema.field("t").type)


def test_large_json_and_arrow_are_read_in_pieces(tmp_path: Path) -> None:
    rows = [{"id": n, "x": None if n % 2 else n, "who": f"ü{n}"} for n in range(30_000)]
    rows.append({"id": 7, "x": 1.5, "who": "last"})
    lines, array = tmp_path / "a.jsonl", tmp_path / "a.json"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    array.write_text(json.dumps(rows, indent=1))
    for path in (lines, array):
        pieces = list(json_pieces(path))
        assert len(pieces) > 1
        assert pa.concat_tables(pieces).to_pylist() == rows
    (tmp_path / "torn.json").write_text(json.dumps(rows)[:-5])
    with pytest.raises(InvalidInput, match="not a table in JSON"):
        list(json_pieces(tmp_path / "torn.json"))
    file = tmp_path / "a.arrow"
    table = pa.table({"x": list(range(1000))})
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        for start in range(0, 1000, 100):
            writer.write_table(table.slice(start, 100))
    pieces = list(table_pieces([file]))
    assert len(pieces) == 10
    assert pa.concat_tables(pieces) == table


def test_a_broken_row_of_a_large_csv_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,2\n" * 5_000 + "1,2,3\n" + "1,2\n" * 5_000)
    with pytest.raises(InvalidInput, match="Row 5,002"):
        list(csv_pieces(path))


class _Site(http.server.BaseHTTPRequestHandler):
    files: dict[str, tuple[bytes, dict[str, str]]] = {}  # noqa: RUF012
    seen: list[str] = []  # noqa: RUF012

    def _answer(self, *, body: bool) -> None:
        self.seen.append(f"{self.command} {self.path}")
        found = self.files.get(self.path.partition("?")[0])
        if found is None or (self.command == "HEAD" and "no-head" in self.path):
            self.send_error(404 if found is None else 405)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(found[0])))
        for name, value in found[1].items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(found[0])

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    _Site.files, _Site.seen = {}, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("MILLWRIGHT_EGRESS_ALLOW", f"127.0.0.1:{server.server_port}")
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_address_is_known_by_its_etag(door: Door, site: str, imported: Any) -> None:
    _Site.files["/a.csv"] = (CSV, {"ETag": '"1"'})
    found = imported(f"{site}/a.csv?token=secret")
    assert found.source.url == f"{site}/a.csv"
    assert (found.source.state.kind, found.source.state.value) == ("etag", '"1"')
    assert found.version.original == digest_of(CSV)
    _Site.seen.clear()
    assert changes(door) == [False]
    assert _Site.seen == ["HEAD /a.csv"]
    _Site.files["/a.csv"] = (CSV + b"3,c\n", {"ETag": '"2"'})
    assert changes(door) == [True]
    assert len(rows(door)) == 3


def test_without_an_etag_time_and_size_tell_and_without_them_the_bytes(
    door: Door, site: str, imported: Any
) -> None:
    moment = "Thu, 29 Feb 2024 12:00:00 GMT"
    _Site.files["/a.jsonl"] = (b'{"id": 1}\n', {"Last-Modified": moment})
    _Site.files["/no-head.csv"] = (CSV, {})
    assert imported(f"{site}/a.jsonl", "a").source.state.kind == "modified"
    assert imported(f"{site}/no-head.csv", "b").source.state.kind == "digest"
    assert changes(door) == [False, False]
    _Site.files["/no-head.csv"] = (CSV + b"3,c\n", {})
    assert changes(door) == [False, True]


def test_only_public_addresses_are_fetched(
    site: str, imported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MILLWRIGHT_EGRESS_ALLOW")
    with pytest.raises(Forbidden, match="not a public address"):
        imported(f"{site}/a.csv")


@pytest.mark.parametrize("kind", ["gs", "az"])
def test_google_and_azure_are_known_by_their_etags_too(
    door: Door, imported: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    import azure_server
    import gcs_server
    import s3_server

    if kind == "az" and not azure_server.installed():
        pytest.skip("Azurite is not installed: ci/peer azurite")
    with (gcs_server if kind == "gs" else azure_server).running() as endpoint:
        if kind == "gs":
            s3_server.make_bucket(endpoint, "bucket")
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", endpoint)
        else:
            azure_server.make_container(endpoint, "bucket")
            for name, value in azure_server.ENVIRONMENT.items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", endpoint)
        theirs = open_remote(parse_address(f"{kind}://bucket"), endpoint=endpoint)
        theirs.put("in/a.csv", CSV)
        theirs.put("in/more/b.csv", CSV)
        one = imported(f"{kind}://bucket/in/a.csv", "one")
        assert (one.source.state.kind, one.version.original) == ("etag", digest_of(CSV))
        assert imported(f"{kind}://bucket/in/", "both").version.rows == 4
        assert changes(door) == [False, False]
        theirs.put("in/more/b.csv", CSV + b"3,c\n")
        assert changes(door) == [True, False]
        assert len(rows(door, "both")) == 5
        with pytest.raises(NotFound, match=f"nothing at {kind}://bucket/nothing"):
            imported(f"{kind}://bucket/nothing")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import boto3

    import s3_server

    with s3_server.running() as endpoint:
        s3_server.make_bucket(endpoint, "bucket")
        for name, value in (s3_server.ENVIRONMENT | {"AWS_ENDPOINT_URL": endpoint}).items():
            monkeypatch.setenv(name, value)
        yield boto3.resource("s3", endpoint_url=endpoint).Bucket("bucket")


def test_objects_of_a_bucket_are_known_by_their_etags(
    door: Door, bucket: Any, imported: Any
) -> None:
    bucket.put_object(Key="in/a.csv", Body=CSV)
    bucket.put_object(Key="in/more/b.parquet", Body=to_parquet(pa.table({"id": [9]})))
    bucket.put_object(Key="pictures/ä 1%.png", Body=b"picture")
    one = imported("s3://bucket/in/a.csv", "one")
    assert (one.source.state.kind, one.version.original) == ("etag", digest_of(CSV))
    parts = imported("s3://bucket/in/more/", "parts")
    assert (parts.version.rows, parts.source.url) == (1, "s3://bucket/in/more")
    pictures = imported("s3://bucket/pictures", "pictures")
    assert pictures.version.kind == "files"
    assert Dataset(door, "p", "pictures").files() == ["ä 1%.png"]
    assert changes(door) == [False, False, False]
    bucket.put_object(Key="in/more/b.parquet", Body=to_parquet(pa.table({"id": [9, 10]})))
    assert changes(door) == [False, True, False]
    with pytest.raises(NotFound, match="nothing at s3://bucket/nothing"):
        imported("s3://bucket/nothing")
    with pytest.raises(NotFound, match=r"no bucket for s3://elsewhere/a\.csv"):
        imported("s3://elsewhere/a.csv")


def test_what_is_missing_or_secret_is_refused_with_a_sentence(
    imported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(NotFound, match=r"Did you mean .*a\.csv"):
        imported("b.csv")
    with pytest.raises(InvalidInput, match="is empty"):
        imported("empty.csv")
    with pytest.raises(InvalidInput, match="env:DATABASE_URL"):
        imported("postgresql://me:secret@host/db", table="t")
    with pytest.raises(InvalidInput, match="NOWHERE is not set"):
        imported("env:NOWHERE", table="t")
    monkeypatch.setenv("FEED", str(tmp_path / "a.csv"))
    assert imported("env:FEED").is_new


def test_files_of_several_formats_are_one_table_whose_types_hold_for_all(tmp_path: Path) -> None:
    whole = pa.table({"n": pa.array([1, None], pa.int32()), "s": ["a", "b"], "at": [None, None]})
    pq.write_table(whole, tmp_path / "1.parquet")
    (tmp_path / "2.csv").write_text("s,n,at\nc,2.5,2024-01-01\n")
    (tmp_path / "3.jsonl").write_text('{"n": 3, "s": null, "at": null}\n')
    (tmp_path / "scratch").mkdir()
    files = sorted(path for path in tmp_path.iterdir() if path.is_file())
    parts = list(joined_pieces(files, tmp_path / "scratch"))
    assert pa.concat_tables(parts).select(["n", "s"]).to_pydict() == {
        "n": [1.0, None, 2.5, 3.0],
        "s": ["a", "b", "c", None],
    }
    assert {str(part.schema.field("at").type) for part in parts} == {"timestamp[us, tz=UTC]"}
    assert to_parquet(pa.concat_tables(parts)) == to_parquet(read_table(tmp_path))
    assert list((tmp_path / "scratch").iterdir()) == []


def test_files_that_do_not_fit_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "2.csv").write_text("a,c\n1,2\n")
    (tmp_path / "3.csv").write_text("a,b\nx,2\n")
    one, other, text = (tmp_path / f"{number}.csv" for number in (1, 2, 3))
    with pytest.raises(InvalidInput, match="'b' is in one of them only"):
        list(joined_pieces([one, other], tmp_path))
    with pytest.raises(InvalidInput, match="different types"):
        list(joined_pieces([one, text], tmp_path))
