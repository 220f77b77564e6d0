"""A table as bytes that depend on nothing but the table."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet

from millwright.data.canonical_form import canonical
from millwright.kernel.errors import InvalidInput

_ROWS_PER_GROUP: Final = 1 << 20


def to_parquet(table: pa.Table) -> bytes:
    """The table as Parquet; the same table gives the same bytes, whatever its chunks.

    Pages are cut by content (Gearhash), so that two versions of a dataset that differ in a few
    rows share most of their pages; compression is zstd. Columns are canonical, and metadata of
    other libraries is left out.
    """
    # Writing depends on where chunks end, so there is just one.
    whole = canonical(table).combine_chunks()
    target = io.BytesIO()
    pa.parquet.write_table(
        whole,
        target,
        compression="zstd",
        use_content_defined_chunking=True,
        row_group_size=_ROWS_PER_GROUP,
        store_schema=True,
        write_statistics=True,
    )
    return target.getvalue()


def from_parquet(source: bytes | BinaryIO | Path) -> pa.Table:
    """The table in Parquet bytes.

    Raises:
        InvalidInput: they are not a whole Parquet file.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        return pa.parquet.read_table(stream)
    except (pa.ArrowInvalid, OSError) as cause:
        raise InvalidInput(
            "data.not_parquet",
            "The uploaded object is not a Parquet file.",
            hint="Upload the dataset with mw data add, or as Parquet.",
        ) from cause
