"""A table scored into a folder of Parquet files, piece by piece.

Each piece becomes one file that appears whole or not at all, so what was killed goes on with the
pieces that are missing. Pieces are read and written beside each other, and their rows scored by as
many threads again, some thousand at a time: so a core scores while another waits for the disk, also
where all rows are one piece.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from millwright.deployment.batch.pieces import Piece, files_of, pieces_of
from millwright.kernel.errors import Conflict, InvalidInput
from millwright.kernel.model_package import Manifest
from millwright.kernel.record import Record
from millwright.kernel.scoring import Scorer, Scores
from millwright.serving import Graph, open_package, score_table

Loaded = Scorer | Graph
"""What a package holds: a model, or a graph of them."""
PLAN = "_plan.json"
SUMMARY = "_summary.json"


class Scored(Record):
    """What a scoring came to.

    Attributes:
        rows: all rows in the folder.
        kept_rows: those of them that an earlier, interrupted scoring had left.
        seconds: wall time of this one.
    """

    model: str
    version: int
    rows: int
    kept_rows: int
    parts: int
    seconds: float
    out: str


def score_files(
    package: Path,
    version: int,
    data: Path,
    out: Path,
    *,
    keep: Sequence[str] | None = None,
    workers: int | None = None,
    on_rows: Callable[[int], None] = lambda _rows: None,
    trust_code: bool = False,
) -> Scored:
    """Score every row of ``data`` and write the predictions to the folder ``out``.

    Args:
        package: folder of the model package, verified before anything is read.
        version: the number to report.
        data: a table, or a folder of tables.
        out: a folder; one that an interrupted scoring of the same data left is completed.
        keep: columns of the data to hand on beside the predictions; None hands on all.
        workers: pieces under way at once; by default one for each core.
        on_rows: hears how many more rows are there.
        trust_code: whether the package may run code that it holds.

    Raises:
        NotFound: no package, or no data.
        Corrupt: the package is damaged.
        Forbidden: it runs code and is not trusted.
        InvalidInput: the data lacks a column of the model, or cannot be read.
        Conflict: ``out`` holds predictions of another model or other data.
    """
    started = time.monotonic()
    loaded = open_package(package, trust_code=trust_code)
    manifest = loaded.manifest
    files = files_of(data)
    _claim(out, manifest, files, keep)
    workers = workers or os.cpu_count() or 1
    kept_rows = rows = parts = 0
    wanted = None if keep is None else {*keep, *(field.name for field in manifest.signature)}
    with ThreadPoolExecutor(workers, thread_name_prefix="model") as pool:

        def score(piece: Piece) -> tuple[int, bool]:
            return _score_piece(loaded, piece, out, keep, pool, 2 * workers)

        pieces = pieces_of(files, manifest.signature, wanted)
        for count, fresh in _in_parallel(workers, score, pieces):
            parts += 1
            rows += count
            kept_rows += 0 if fresh else count
            on_rows(count)
    scored = Scored(
        model=manifest.model,
        version=version,
        rows=rows,
        kept_rows=kept_rows,
        parts=parts,
        seconds=round(time.monotonic() - started, 3),
        out=str(out),
    )
    _write(out / SUMMARY, orjson.dumps(scored.model_dump(), option=orjson.OPT_INDENT_2))
    return scored


def prediction_columns(scores: Scores, manifest: Manifest) -> dict[str, pa.Array]:
    """Predictions as columns: ``prediction``, and for classifiers ``probability`` of it being right.

    Binary: ``probability`` is that of the positive class, whatever the prediction. Multiclass:
    ``probabilities`` holds all of them, in the order of the manifest's classes.
    """
    if manifest.task == "regression":
        return {"prediction": pa.array(scores)}
    labels = np.asarray(manifest.classes, dtype=object)
    if manifest.task == "binary":
        positive = (scores >= manifest.threshold).astype(np.int8)
        chosen = pa.DictionaryArray.from_arrays(pa.array(positive), pa.array(labels))
        return {"prediction": chosen, "probability": pa.array(scores)}
    best = scores.argmax(axis=1)
    flat = pa.array(np.ascontiguousarray(scores).reshape(-1))
    return {
        "prediction": pa.DictionaryArray.from_arrays(
            pa.array(best.astype(np.int32)), pa.array(labels)
        ),
        "probability": pa.array(scores[np.arange(len(best)), best]),
        "probabilities": pa.FixedSizeListArray.from_arrays(flat, scores.shape[1]),
    }


def _score_piece(
    loaded: Loaded,
    piece: Piece,
    out: Path,
    keep: Sequence[str] | None,
    pool: Executor,
    ahead: int,
) -> tuple[int, bool]:
    """How many rows a piece has, and whether it was scored now; its tables are scored by ``pool``,
    at most ``ahead`` of them before they are written."""
    target = out / f"part-{piece.number:05d}.parquet"
    if target.exists():
        return pq.read_metadata(target).num_rows, False
    temporary = out / f".{target.name}.tmp"
    rows = 0
    writer: pq.ParquetWriter | None = None
    try:
        for predicted in _in_order(
            pool, lambda table: _predicted(loaded, table, keep), piece.read(), ahead
        ):
            writer = writer or _writer(temporary, predicted.schema)
            writer.write_table(predicted)
            rows += predicted.num_rows
    finally:
        if writer is not None:
            writer.close()
    if rows:
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.rename(target)
    return rows, True


def _writer(file: Path, schema: pa.Schema) -> pq.ParquetWriter:
    # Scores hardly repeat: a dictionary of them is built in vain.
    repeated = [one.name for one in schema if not pa.types.is_floating(one.type)]
    return pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=repeated or False)


def _in_order(
    pool: Executor,
    work: Callable[[pa.Table], pa.Table],
    tables: Iterator[pa.Table],
    ahead: int,
) -> Iterator[pa.Table]:
    """What ``work`` makes of tables, in their order, some of them at the same time."""
    pending: deque[Future[pa.Table]] = deque()
    try:
        for table in tables:
            pending.append(pool.submit(work, table))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def _predicted(loaded: Loaded, table: pa.Table, keep: Sequence[str] | None) -> pa.Table:
    if isinstance(loaded, Graph):
        said = score_table(loaded, table).columns or ()
        predictions = {
            output.name: pa.array(values).cast(pa.bool_())
            if output.kind == "boolean"
            else pa.array(values)
            for output, values in said
        }
    else:
        predictions = prediction_columns(loaded.predict(table), loaded.manifest)
    names = table.column_names if keep is None else list(keep)
    for name in names:
        if name not in table.column_names:
            raise InvalidInput(
                "batch.unknown_column",
                f"The data has no column '{name}' to keep.",
                hint=f"It has: {', '.join(table.column_names[:20])}.",
            )
    kept = {name: table[name] for name in names if name not in predictions}
    return pa.table({**kept, **predictions})


def _in_parallel(
    workers: int, work: Callable[[Piece], tuple[int, bool]], pieces: Iterator[Piece]
) -> Iterator[tuple[int, bool]]:
    """Results as they come; never more than a few pieces are held in memory."""
    pending: set[Future[tuple[int, bool]]] = set()
    with ThreadPoolExecutor(workers, thread_name_prefix="scoring") as pool:
        try:
            for piece in pieces:
                pending.add(pool.submit(work, piece))
                if len(pending) > workers:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            for future in pending:
                future.cancel()


def _claim(
    out: Path, manifest: Manifest, files: Sequence[Path], keep: Sequence[str] | None
) -> None:
    """Make the folder ours, or see that it was."""
    stats = [(path, path.stat()) for path in files]
    plan: dict[str, Any] = {
        "model": hashlib.sha256(manifest.model_dump_json().encode()).hexdigest(),
        "files": [[str(path.resolve()), s.st_size, s.st_mtime_ns] for path, s in stats],
        "keep": None if keep is None else list(keep),
    }
    if out.exists() and not out.is_dir():
        raise Conflict("batch.out", f"{out} is a file; predictions need a folder.")
    out.mkdir(parents=True, exist_ok=True)
    file = out / PLAN
    if file.exists():
        if orjson.loads(file.read_bytes()) != plan:
            raise Conflict(
                "batch.another",
                f"{out} holds predictions of another model, of other data, or with other columns.",
                hint="Choose another folder, or remove this one.",
            )
    elif any(out.iterdir()):
        raise Conflict(
            "batch.not_empty", f"The folder {out} is not empty.", hint="Choose another folder."
        )
    _write(file, orjson.dumps(plan))


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
