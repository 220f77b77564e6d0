"""Upkeep of the prediction log: few large segments instead of many small ones, and an end of keeping.

An endpoint with traffic leaves a segment every second. What has been evaluated is put together, the
newest first and never a segment that is larger than all that is already in hand: so each row is
rewritten as often as its segment doubles, and not with every pass. Replacing is one transaction; a
kill before it leaves the segments as they were, and an object that garbage collection takes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
from sqlalchemy import delete, func, select, update

from millwright.kernel.access import SYSTEM
from millwright.kernel.clock import now_ms, rfc3339
from millwright.kernel.errors import MillwrightError
from millwright.kernel.store import Store
from millwright.monitoring.segments import facts_of, read_segment
from millwright.monitoring.tables import monitoring_progress, prediction_segments

LEAST_SEGMENTS = 64
"""Fewer are not worth a rewriting."""
MOST_ROWS = 200_000
MOST_SEGMENTS = 1_000
SETTLED_MS = 600_000
"""Segments served less than this ago are left alone: charts of live traffic read them."""
_SMALL_ROWS = 50_000
BATCH = "external-"
"""How names of posted batches begin. They stay as they are: by its name a batch is known again."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A row of ``prediction_segments``."""

    seq: int
    file_name: str
    digest: str
    rows: int
    watermark_ms: int | None


def compact(store: Store, project: str, deployment_id: str, spool: Path, cursor: int) -> int:
    """Put small segments together; how many were replaced by one, 0 where there is nothing to do.

    Args:
        store: where they are.
        project: of the deployment.
        deployment_id: whose log.
        spool: files there may not have been counted yet, so their rows stay as they are.
        cursor: segments up to this one have been evaluated.
    """
    chosen = _newest_run(_settled(store, deployment_id, cursor), spool)
    if len(chosen) < LEAST_SEGMENTS:
        return 0
    objects = store.objects.of(project)
    try:
        tables = [read_segment(objects.read(row.digest)) for row in chosen]
    except MillwrightError:
        # A damaged segment is passed over where windows are evaluated, which says so.
        return 0
    merged = pa.concat_tables(tables, promote_options="permissive").combine_chunks()
    digest = objects.put(_arrow(merged))
    facts = asdict(facts_of(merged))
    marks = [row.watermark_ms for row in chosen if row.watermark_ms is not None]
    facts["watermark_ms"] = max(marks) if marks else None
    table, seqs = prediction_segments, [row.seq for row in chosen]
    with store.write(SYSTEM, project) as tx:
        same = tx.execute(select(func.count()).where(table.c.seq.in_(seqs))).scalar()
        if same != len(seqs):
            return 0
        tx.execute(delete(table).where(table.c.seq.in_(seqs[:-1])))
        tx.execute(update(table).where(table.c.seq == seqs[-1]).values(digest=digest, **facts))
        tx.event(
            "predictions.compacted",
            f"deployment:{deployment_id}",
            {"segments": len(seqs), "rows": merged.num_rows},
        )
    return len(seqs)


def forget(store: Store, project: str, deployment_id: str, keep_ms: int, cursor: int) -> int:
    """Remove evaluated segments all of whose rows were served longer ago; how many rows that were.

    Windows keep what was measured. Labels that come later for such a window change nothing in it,
    because it cannot be measured again as a whole.
    """
    table, progress = prediction_segments, monitoring_progress
    old = (
        table.c.deployment_id == deployment_id,
        table.c.seq <= cursor,
        table.c.max_served_ms < now_ms() - keep_ms,
    )
    with store.read() as connection:
        if connection.execute(select(table.c.seq).where(*old).limit(1)).first() is None:
            return 0
    with store.write(SYSTEM, project) as tx:
        gone = select(
            func.sum(table.c.rows).label("rows"),
            func.count().label("segments"),
            func.max(table.c.max_event_ms).label("until"),
        )
        found = tx.execute(gone.where(*old)).one()
        rows, segments, until = found.rows, found.segments, found.until
        if not segments:
            return 0
        tx.execute(delete(table).where(*old))
        mine = progress.c.deployment_id == deployment_id
        known = tx.execute(select(progress.c.log_from_ms).where(mine)).scalar()
        tx.execute(update(progress).where(mine).values(log_from_ms=max(int(until) + 1, known or 0)))
        tx.event(
            "predictions.removed",
            f"deployment:{deployment_id}",
            {"segments": segments, "rows": int(rows), "until": rfc3339(int(until))},
        )
    return int(rows)


def _settled(store: Store, deployment_id: str, cursor: int) -> Sequence[_Kept]:
    table = prediction_segments
    query = (
        select(
            table.c.seq,
            table.c.file_name,
            table.c.digest,
            table.c.rows,
            table.c.watermark_ms,
        )
        .where(
            table.c.deployment_id == deployment_id,
            table.c.seq <= cursor,
            table.c.max_served_ms < now_ms() - SETTLED_MS,
            table.c.file_name.not_like(f"{BATCH}%"),
        )
        .order_by(table.c.seq.desc())
        .limit(MOST_SEGMENTS)
    )
    with store.read() as connection:
        return [_Kept(*row) for row in connection.execute(query)]


def _newest_run(rows: Sequence[_Kept], spool: Path) -> list[_Kept]:
    """The newest segments that follow one another, oldest first, up to one that is too large."""
    chosen: list[_Kept] = []
    held = 0
    for row in rows:
        count = row.rows
        small = count < _SMALL_ROWS and (len(chosen) < LEAST_SEGMENTS or count <= held)
        if not small or held + count > MOST_ROWS or (spool / row.file_name).exists():
            break
        chosen.append(row)
        held += count
    return chosen[::-1]


def _arrow(table: pa.Table) -> bytes:
    content = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(content, table.schema, options=options) as writer:
        writer.write_table(table)
    return content.getvalue()
