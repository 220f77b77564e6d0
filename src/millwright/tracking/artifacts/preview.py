"""What a person sees of an artifact without downloading it: text, rows, or that it is an image.

Nothing is ever rendered as it says it wants to be: HTML and SVG sources are text like any other, and
images are shown by the page from their bytes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Literal

from millwright.kernel.record import Record
from millwright.kernel.store import Store

MOST_TEXT = 256 << 10
MOST_ROWS = 200
MOST_COLUMNS = 100
_MOST_CELL = 200
_MOST_IMAGE = 20 << 20
_MOST_TABLE = 512 << 20
_IMAGES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}
_SEPARATED = {"csv": ",", "tsv": "\t"}


class ArtifactPreview(Record):
    """Some of an artifact, in the form in which it is shown."""

    kind: Literal["text", "json", "markdown", "table", "image", "none"]
    media_type: str = "text/plain"
    text: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()
    total_rows: int | None = None
    cut: bool = False
    """Whether there is more than is shown."""
    why: str = ""
    """Why nothing is shown, in a sentence."""


def preview(store: Store, project: str, digest: str, name: str, size: int) -> ArtifactPreview:
    """The preview of stored bytes by the ending of their name; never raises for what they hold."""
    ending = name.rpartition(".")[2].lower()
    objects = store.objects.of(project)
    if ending in _IMAGES:
        if size > _MOST_IMAGE:
            return ArtifactPreview(kind="none", why="The image is too large to be shown here.")
        return ArtifactPreview(kind="image", media_type=_IMAGES[ending])
    if ending in ("parquet", "arrow", "feather", "ipc"):
        if size > _MOST_TABLE:
            return ArtifactPreview(kind="none", why="The table is too large to be shown here.")
        with objects.open(digest) as file:
            return _columnar(file, ending)
    content = objects.read_range(digest, 0, min(size, MOST_TEXT)) if size else b""
    if b"\x00" in content[:8192]:
        return ArtifactPreview(kind="none", why="These bytes are not text.")
    cut = size > len(content)
    text = content.decode("utf-8", "replace")
    if ending in _SEPARATED:
        return _separated(text, _SEPARATED[ending], cut)
    if ending == "jsonl":
        return ArtifactPreview(kind="text", text=text, cut=cut)
    if ending == "json" and not cut:
        return _json(text)
    return ArtifactPreview(kind="markdown" if ending == "md" else "text", text=text, cut=cut)


def _separated(text: str, separator: str, cut: bool) -> ArtifactPreview:
    rows = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        columns = next(rows, [])
        shown = [_texts(row) for _, row in zip(range(MOST_ROWS), rows, strict=False)]
        more = next(rows, None) is not None
    except csv.Error:
        return ArtifactPreview(kind="text", text=text, cut=cut)
    return ArtifactPreview(
        kind="table", columns=_names(columns), rows=tuple(shown), cut=cut or more
    )


def _json(text: str) -> ArtifactPreview:
    try:
        return ArtifactPreview(
            kind="json", text=json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        )
    except (ValueError, RecursionError):
        return ArtifactPreview(kind="text", text=text)


def _columnar(file: BinaryIO, ending: str) -> ArtifactPreview:
    import pyarrow as pa

    try:
        total, names, batches = _opened(file, ending)
        shown: list[tuple[str | None, ...]] = []
        for batch in batches:
            part = batch.slice(0, MOST_ROWS - len(shown))
            columns = [column.to_pylist() for column in part.columns[:MOST_COLUMNS]]
            shown.extend(_texts(row) for row in zip(*columns, strict=True))
            if len(shown) >= MOST_ROWS:
                break
    except (pa.ArrowException, OSError, ValueError):
        return ArtifactPreview(kind="none", why="This table cannot be read.")
    return ArtifactPreview(
        kind="table",
        columns=_names(names),
        rows=tuple(shown),
        total_rows=total,
        cut=total is None or total > len(shown),
    )


def _opened(file: BinaryIO, ending: str) -> tuple[int | None, list[str], Iterator[Any]]:
    import pyarrow as pa
    import pyarrow.parquet

    if ending == "parquet":
        table = pa.parquet.ParquetFile(file)
        names = list(table.schema_arrow.names)
        chosen = names[:MOST_COLUMNS]
        return table.metadata.num_rows, names, table.iter_batches(MOST_ROWS, columns=chosen)
    reader = pa.ipc.open_file(file)
    numbers = range(reader.num_record_batches)
    return None, list(reader.schema.names), (reader.get_batch(number) for number in numbers)


def _names(names: Iterable[Any]) -> tuple[str, ...]:
    return tuple(str(name)[:_MOST_CELL] for name in list(names)[:MOST_COLUMNS])


def _texts(row: Iterable[Any]) -> tuple[str | None, ...]:
    cells = list(row)[:MOST_COLUMNS]
    return tuple(None if cell is None else str(cell)[:_MOST_CELL] for cell in cells)
