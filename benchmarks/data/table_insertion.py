"""What the store keeps anew when 1 % of a table's rows are inserted: 5 million rows, 20 columns.

    python benchmarks/data/table_insertion.py

Both versions are written as Millwright writes Parquet, and put into one object store; what counts is
how much its packs grow. Beside it, the same with Arrow's usual settings.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from wide_table import PIECE, pieces

from millwright.data.parquet import write_parquet
from millwright.kernel.objects import ObjectStore


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    rows = parser.parse_args().rows
    for place in (0.0, 0.4, 1.0):
        print(f"inserted at {place:.0%} of the rows:")
        for way in ("millwright", "usual"):
            share, size = stored_anew(rows, place, way)
            print(f"  {way:<11} {share:6.1%} of {size / 1e6:,.0f} MB")


def stored_anew(rows: int, place: float, way: str) -> tuple[float, int]:
    """The growth of the store as a share of the new file, and the file's bytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        objects = ObjectStore(folder / "objects").of("p")
        paths = [folder / "before.parquet", folder / "after.parquet"]
        at = int(rows // PIECE * place)
        sizes = []
        for path, table in zip(paths, (pieces(rows), inserted(rows, at)), strict=True):
            write(path, table, way)
            objects.put(path)
            sizes.append(packed(folder / "objects"))
        new = paths[1].stat().st_size
        return (sizes[1] - sizes[0]) / new, new


def inserted(rows: int, at: int) -> Iterator[pa.Table]:
    """The table with a block of new rows before the piece ``at``."""
    for number, table in enumerate(pieces(rows)):
        if number == at:
            yield from pieces(rows // 100, seed=9, first_id=rows)
        yield table
    if at >= rows // PIECE:
        yield from pieces(rows // 100, seed=9, first_id=rows)


def write(path: Path, tables: Iterator[pa.Table], way: str) -> None:
    """Write Parquet in one of two ways."""
    if way == "millwright":
        write_parquet(tables, path)
        return
    first = next(tables)
    with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
        pending = [first]
        for table in tables:
            pending.append(table)
            joined = pa.concat_tables(pending)
            full = joined.num_rows - joined.num_rows % (1 << 20)
            if full:
                writer.write_table(joined.slice(0, full), row_group_size=1 << 20)
            pending = [joined.slice(full)]
        writer.write_table(pa.concat_tables(pending), row_group_size=1 << 20)


def packed(folder: Path) -> int:
    """Bytes of the packs."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.suffix == ".pack")


if __name__ == "__main__":
    main()
