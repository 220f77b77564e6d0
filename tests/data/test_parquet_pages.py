"""Numbers out of Parquet's pages: what Arrow reads, or nothing."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.data.parquet import to_parquet
from millwright.data.parquet_pages import Unexpected, decode, is_plain

KINDS = {
    "int8": np.int8,
    "int32": np.int32,
    "int64": np.int64,
    "uint16": np.uint16,
    "uint32": np.uint32,
    "uint64": np.uint64,
    "float": np.float32,
    "double": np.float64,
    "bool": np.bool_,
}


def chunk_of(content: bytes) -> tuple[Any, bytes, bool]:
    """The first column chunk of a file: what is said of it, its bytes, and whether it has levels."""
    metadata = pq.ParquetFile(io.BytesIO(content)).metadata
    chunk = metadata.row_group(0).column(0)
    start = chunk.data_page_offset
    if chunk.has_dictionary_page:
        start = min(start, chunk.dictionary_page_offset)
    nullable = metadata.schema.column(0).max_definition_level > 0
    return chunk, content[start : start + chunk.total_compressed_size], nullable


def written(values: pa.Array, **settings: Any) -> bytes:
    target = io.BytesIO()
    field = pa.field("x", values.type, nullable=settings.pop("nullable", True))
    table = pa.table([values], schema=pa.schema([field]))
    settings = {"compression": "zstd"} | settings
    pq.write_table(table, target, **settings)
    return target.getvalue()


def read(content: bytes, kind: pa.DataType) -> np.ndarray[Any, Any]:
    chunk, raw, nullable = chunk_of(content)
    into = np.zeros(chunk.num_values, kind.to_pandas_dtype())
    decode(raw, chunk, pa.types.is_unsigned_integer(kind), nullable, into)
    return into


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(KINDS)),
    rows=st.integers(1, 5000),
    differing=st.sampled_from([1, 2, 3, 10, 300, 1 << 40]),
    sorted_=st.booleans(),
    nullable=st.booleans(),
    page=st.sampled_from([64, 1000, 1 << 20]),
    compression=st.sampled_from(["zstd", "none"]),
    seed=st.integers(0, 9),
)
def test_what_is_read_is_what_arrow_reads(
    name: str,
    rows: int,
    differing: int,
    sorted_: bool,
    nullable: bool,
    page: int,
    compression: str,
    seed: int,
) -> None:
    drawn = np.random.default_rng(seed).integers(0, differing, rows)
    drawn = np.sort(drawn) if sorted_ else drawn
    values = pa.array((drawn.astype(np.int64) - 1).astype(KINDS[name]))
    content = written(
        values,
        nullable=nullable,
        compression=compression,
        data_page_size=page,
        write_batch_size=64,
        dictionary_pagesize_limit=1000,
    )
    assert read(content, values.type).tobytes() == values.to_numpy(zero_copy_only=False).tobytes()


def test_pages_as_millwright_writes_them_are_read() -> None:
    drawn = np.random.default_rng(0)
    for numbers in (drawn.normal(size=200_000), drawn.integers(0, 30_000, 200_000)):
        content = to_parquet(pa.table({"x": numbers}))
        chunk, _, _ = chunk_of(content)
        expected = pq.ParquetFile(io.BytesIO(content)).read_row_group(0)["x"]
        assert is_plain(chunk, expected.type)
        assert read(content, expected.type).tobytes() == expected.to_numpy().tobytes()


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        (pa.array([1, None, 3]), {}),
        (pa.array(["a", "b"]), {}),
        (pa.array([1, 2], pa.timestamp("ms")), {}),
        (pa.array([1.0, 2.0]), {"use_byte_stream_split": True, "use_dictionary": False}),
        (pa.array([1, 2]), {"write_statistics": False}),
    ],
    ids=["missing", "text", "milliseconds", "split", "unknown"],
)
def test_other_chunks_are_left_to_arrow(values: pa.Array, settings: dict[str, Any]) -> None:
    chunk, _, _ = chunk_of(written(values, **settings))
    assert not is_plain(chunk, values.type)


@settings(max_examples=150, deadline=None)
@given(
    at=st.integers(0, 1 << 20),
    byte=st.integers(0, 255),
    cut=st.integers(0, 300),
    by_dictionary=st.booleans(),
    compression=st.sampled_from(["zstd", "none"]),
)
def test_broken_chunks_are_refused_or_read_and_nothing_worse(
    at: int, byte: int, cut: int, by_dictionary: bool, compression: str
) -> None:
    values = pa.array(np.arange(3000) % 500)
    content = written(
        values, data_page_size=2000, use_dictionary=by_dictionary, compression=compression
    )
    chunk, raw, nullable = chunk_of(content)
    broken = bytearray(raw[: len(raw) - cut])
    broken[at % len(broken)] = byte
    into = np.zeros(chunk.num_values, np.int64)
    try:
        decode(bytes(broken), chunk, False, nullable, into)
    except Unexpected:
        return
    assert len(into) == 3000
