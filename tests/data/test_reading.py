"""Tables come in from everywhere, and what cannot be a table is refused with a sentence."""

from __future__ import annotations

import gzip
import http.server
import json
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.data import read_table
from millwright.kernel.errors import Forbidden, InvalidInput, NotFound, Unavailable

CSV = b"a,b,t\n1,x,2013-01-01T05:00:00Z\n2,NA,2013-01-01T06:00:00Z\n"
EXPECTED = pa.table(
    {
        "a": pa.array([1, 2]),
        "b": pa.array(["x", None]),
        "t": pa.array(
            [datetime(2013, 1, 1, h, tzinfo=UTC) for h in (5, 6)], pa.timestamp("us", tz="UTC")
        ),
    }
)


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_csv_plain_zipped_and_parquet_are_the_same_table(tmp_path: Path) -> None:
    plain = _write(tmp_path / "a.csv", CSV)
    packed = _write(tmp_path / "b.csv.gz", gzip.compress(CSV, mtime=0))
    zipped = tmp_path / "c.csv.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("c.csv", CSV)
    parquet = tmp_path / "d.parquet"
    pa.parquet.write_table(EXPECTED, parquet)
    for path in (plain, str(plain), packed, zipped, parquet):
        assert read_table(path) == EXPECTED


def test_json_lines_json_arrays_and_arrow_files_are_the_same_table(tmp_path: Path) -> None:
    rows = [
        {"a": 1, "b": "x", "t": "2013-01-01T05:00:00Z"},
        {"a": 2, "b": None, "t": "2013-01-01T06:00:00Z"},
    ]
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    paths = [
        _write(tmp_path / "a.jsonl", lines),
        _write(tmp_path / "a.json", json.dumps(rows, indent=1).encode()),
        _write(tmp_path / "a.ndjson.gz", gzip.compress(lines, mtime=0)),
    ]
    pa.feather.write_feather(EXPECTED, str(tmp_path / "a.feather"))
    with pa.ipc.new_file(tmp_path / "a.arrow", EXPECTED.schema) as file:
        file.write_table(EXPECTED)
    with pa.ipc.new_stream(tmp_path / "b.arrow", EXPECTED.schema) as stream:
        stream.write_table(EXPECTED)
    for path in (*paths, *sorted(tmp_path.glob("*.arrow")), tmp_path / "a.feather"):
        assert read_table(path) == EXPECTED, path.name


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": "x"}\n'),
        ("a.jsonl", b"{broken\n"),
        ("a.json", b"[1, 2]"),
        ("a.json", b"[{"),
        ("a.arrow", b"nothing"),
        ("a.feather", b"ARROW1 cut off"),
    ],
)
def test_what_is_no_table_in_json_or_arrow_is_said_to_be_none(
    tmp_path: Path, name: str, content: bytes
) -> None:
    with pytest.raises(InvalidInput, match=name):
        read_table(_write(tmp_path / name, content))


def test_a_relative_path_starts_from_the_given_folder(tmp_path: Path) -> None:
    _write(tmp_path / "a.csv", CSV)
    assert read_table("a.csv", base=tmp_path) == EXPECTED


def test_objects_of_other_libraries_are_the_same_table() -> None:
    assert read_table(EXPECTED) == EXPECTED
    assert read_table(EXPECTED.to_batches()[0]) == EXPECTED
    assert read_table(pl.from_arrow(EXPECTED)) == EXPECTED
    assert read_table(EXPECTED.to_pandas()) == EXPECTED


def test_not_a_number_is_a_missing_value() -> None:
    frame = pl.DataFrame({"x": [1.0, float("nan"), None]})
    assert read_table(frame)["x"].to_pylist() == [1.0, None, None]


def test_a_pandas_row_index_is_not_a_column() -> None:
    frame = pd.DataFrame({"a": [1, 2], "c": pd.Categorical(["x", "y"])}, index=[5, 9])
    assert read_table(frame).to_pydict() == {"a": [1, 2], "c": ["x", "y"]}


def test_a_folder_and_a_pattern_are_read_in_order_of_their_names(tmp_path: Path) -> None:
    _write(tmp_path / "x-2.csv", b"a,b\n3,z\n")
    _write(tmp_path / "x-1.csv", b"b,a\ny,1.5\n")
    _write(tmp_path / "notes.md", b"#")
    expected = {"b": ["y", "z"], "a": [1.5, 3.0]}
    assert read_table(tmp_path).to_pydict() == expected
    assert read_table(f"{tmp_path}/x-*.csv").to_pydict() == expected


def test_files_of_different_columns_are_not_joined(tmp_path: Path) -> None:
    _write(tmp_path / "1.csv", b"a,b\n1,2\n")
    _write(tmp_path / "2.csv", b"a,c\n1,2\n")
    with pytest.raises(InvalidInput, match="'b' is in one of them only"):
        read_table(tmp_path)


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    _write(tmp_path / "a.csv", CSV)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("MILLWRIGHT_EGRESS_ALLOW", f"127.0.0.1:{server.server_address[1]}")
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_address_is_read_like_a_file(address: str) -> None:
    assert read_table(f"{address}/a.csv?token=x") == EXPECTED


def test_an_address_that_fails_is_named_without_its_secrets(address: str) -> None:
    with pytest.raises(Unavailable, match="answered 404") as caught:
        read_table(f"{address}/secret/b.csv?token=hidden")
    assert "hidden" not in str(caught.value)


def test_an_address_of_this_machine_is_refused_unless_it_is_allowed(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MILLWRIGHT_EGRESS_ALLOW")
    with pytest.raises(Forbidden, match=r"MILLWRIGHT_EGRESS_ALLOW=127\.0\.0\.1"):
        read_table(f"{address}/a.csv")


def test_missing_values_in_every_spelling(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", b"n,m\n1,x\n,\nNA,NA\nNaN,NaN\nnull,null\n2.5,y\n")
    assert read_table(path).to_pydict() == {
        "n": [1.0, None, None, None, None, 2.5],
        "m": ["x", None, None, None, None, "y"],
    }


def test_times_with_and_without_zone_in_one_column_are_utc(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", b"t\n2013-01-01 05:00\n2013-01-01T07:00:00+02:00\n")
    moment = datetime(2013, 1, 1, 5, tzinfo=UTC)
    assert read_table(path)["t"].to_pylist() == [moment, moment]


def test_cells_of_spaces_among_numbers_are_missing(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", b"charge,tenure\n29.85,1\n ,0\n1889.5, \n+3,12\n")
    table = read_table(path)
    assert table["charge"].to_pylist() == [29.85, None, 1889.5, 3.0]
    assert table["tenure"].to_pylist() == [1, 0, None, 12]


@pytest.mark.parametrize(
    ("first", "second", "day"),
    [
        ("2/1/2011", "31/1/2011", (2011, 1, 2)),
        ("1/2/2011", "1/31/2011", (2011, 1, 2)),
        ("02.01.2011 06:30", "3.1.2011 18:00:05", (2011, 1, 2)),
    ],
)
def test_dates_as_people_write_them_are_times(
    tmp_path: Path, first: str, second: str, day: tuple[int, int, int]
) -> None:
    path = _write(tmp_path / "a.csv", f"t,x\n{first},1\n{second},2\n".encode())
    times = read_table(path)["t"].to_pylist()
    assert (times[0].year, times[0].month, times[0].day) == day
    assert times[1] > times[0]


@pytest.mark.parametrize("dates", [("1/2/2011", "3/4/2011"), ("31/1/2011", "1/31/2011")])
def test_dates_that_could_mean_either_stay_text(tmp_path: Path, dates: tuple[str, str]) -> None:
    path = _write(tmp_path / "a.csv", f"t,x\n{dates[0]},1\n{dates[1]},2\n".encode())
    assert read_table(path)["t"].to_pylist() == list(dates)


def test_other_delimiters_are_recognised(tmp_path: Path) -> None:
    for delimiter in (b";", b"\t", b"|"):
        path = _write(tmp_path / "a.csv", b"a,b\n1,2\n".replace(b",", delimiter))
        assert read_table(path).to_pydict() == {"a": [1], "b": [2]}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "a.csv is empty"),
        (b"\n\n", "a.csv is empty"),
        (b"a,b\n", "names 2 columns but has no rows"),
        (b"a,b,a\n1,2,3\n", "more than one column named 'a'"),
        (b"a,,b\n1,2,3\n", "Column 2 of a.csv has no name"),
        (b"a,b\n1,ok\n2,\xe9\n", "Row 3 of a.csv is not UTF-8"),
        (b"\xe9,b\n1,ok\n", "The header of a.csv is not UTF-8"),
        (b'a,b\n1,"ok\n2,x\n3,y\n', "Row 2 of a.csv opens a quotation mark in column 'b'"),
        (b"a,b\n1,2\n1,2,3\n", "Row 3 of a.csv has 3 values where 2 are expected"),
        (b"n\n" + b"1\n" * 99 + b"twelve\n", "holds numbers, but one value.*'twelve' in row 101"),
        (
            b"n\n" + b"2013-01-01\n" * 99 + b"soon\n",
            "holds times, but one value.*'soon' in row 101",
        ),
    ],
)
def test_a_csv_that_is_no_table_is_refused_with_the_place(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        read_table(_write(tmp_path / "a.csv", content))


def test_a_broken_line_in_the_middle_of_a_large_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.write(b"a,b,c\n" + b"1,two,3.5\n" * 300_000)
        file.write(b"1,two\n" + b"1,two,3.5\n" * 300_000)
    with pytest.raises(InvalidInput, match=r"Row 300,002 of big.csv has 2 values where 3"):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.xlsx", b"abc", "neither CSV, Parquet"),
        ("a.parquet", b"PAR1abc", "not a whole Parquet file"),
        ("a.parquet", b"", "is empty"),
        ("a.csv.gz", gzip.compress(CSV * 1000, mtime=0)[:-30], "damaged or incomplete"),
        ("a.csv.zip", b"PK12", "damaged or incomplete"),
    ],
)
def test_other_broken_files_are_refused(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        read_table(_write(tmp_path / name, content))


def test_a_missing_file_is_answered_with_the_nearest(tmp_path: Path) -> None:
    _write(tmp_path / "flights.csv", CSV)
    with pytest.raises(NotFound, match=r"Did you mean .*flights\.csv"):
        read_table(tmp_path / "flight.csv")
    with pytest.raises(NotFound, match="There is no folder"):
        read_table(tmp_path / "nowhere" / "a.csv")
    with pytest.raises(NotFound, match="No file matches"):
        read_table(f"{tmp_path}/x*.csv")


def test_an_object_that_is_no_table_is_refused() -> None:
    with pytest.raises(InvalidInput, match="A list is not a table"):
        read_table([1, 2])
    with pytest.raises(InvalidInput, match="mixes types in a column"):
        read_table(pd.DataFrame({"a": [1, "x"]}))


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=8)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(-(2**53), 2**53), _TEXT), min_size=1, max_size=20))
def test_what_pandas_writes_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    # A leading letter keeps the text from being a number, a time or a missing value.
    words = [f"w{text}" for _, text in rows]
    frame = pd.DataFrame({"n": [n for n, _ in rows], "w": words})
    frame.to_csv(path, index=False)
    assert read_table(path).to_pydict() == {"n": frame["n"].tolist(), "w": words}
