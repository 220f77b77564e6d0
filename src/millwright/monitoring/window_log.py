"""Windows as rows, and where evaluation stands."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.engine import Row

from millwright.kernel.clock import now_ms, rfc3339
from millwright.kernel.errors import MillwrightError
from millwright.kernel.ids import new_id
from millwright.kernel.store import Edge, Store, Transaction
from millwright.monitoring.policy.loss import LossCount
from millwright.monitoring.records import Window, WindowSummary
from millwright.monitoring.segments import SegmentCache, read_segment
from millwright.monitoring.tables import (
    label_segments,
    monitoring_progress,
    prediction_segments,
    windows,
)

_log = logging.getLogger("millwright.monitoring")


@dataclass
class Progress:
    """Where the evaluation of a deployment stands."""

    origin_ms: int
    window_ms: int
    segment_cursor: int = 0
    label_cursor: int = 0
    judged: dict[str, int] = field(default_factory=dict)
    """Start of the latest window that each rule judged."""
    log_from_ms: int | None = None
    """Where the log begins, once its older part was removed."""


@dataclass(frozen=True)
class Segment:
    """A row of ``prediction_segments``."""

    seq: int
    digest: str


def load_progress(connection: Connection, deployment_id: str) -> Progress | None:
    """Where evaluation stands; None before the first window."""
    row = connection.execute(
        select(monitoring_progress).where(monitoring_progress.c.deployment_id == deployment_id)
    ).first()
    if row is None:
        return None
    return Progress(
        row.origin_ms,
        row.window_ms,
        row.segment_cursor,
        row.label_cursor,
        json.loads(row.judged),
        row.log_from_ms,
    )


def save_progress(tx: Transaction, deployment_id: str, progress: Progress) -> None:
    """Remember where evaluation stands, in the transaction that brought it there."""
    tx.execute(
        delete(monitoring_progress).where(monitoring_progress.c.deployment_id == deployment_id)
    )
    tx.execute(
        insert(monitoring_progress).values(
            deployment_id=deployment_id,
            origin_ms=progress.origin_ms,
            window_ms=progress.window_ms,
            segment_cursor=progress.segment_cursor,
            label_cursor=progress.label_cursor,
            judged=json.dumps(progress.judged),
            log_from_ms=progress.log_from_ms,
        )
    )


def first_event(connection: Connection, deployment_id: str) -> int | None:
    """The earliest event time in the log."""
    found = connection.execute(
        select(func.min(prediction_segments.c.min_event_ms)).where(
            prediction_segments.c.deployment_id == deployment_id
        )
    ).scalar()
    return None if found is None else int(found)


def watermark_of(connection: Connection, deployment_id: str) -> int | None:
    """The event time up to which the log counts as complete; None before the first prediction."""
    found = connection.execute(
        select(func.max(prediction_segments.c.watermark_ms)).where(
            prediction_segments.c.deployment_id == deployment_id
        )
    ).scalar()
    return None if found is None else int(found)


def new_segments(connection: Connection, deployment_id: str, after: int) -> list[Segment]:
    """Segments after a cursor, in the order of their commits."""
    table = prediction_segments
    query = select(table.c.seq, table.c.digest).where(
        table.c.deployment_id == deployment_id, table.c.seq > after
    )
    return [Segment(row.seq, row.digest) for row in connection.execute(query.order_by(table.c.seq))]


def segments_between(
    connection: Connection, deployment_id: str, start_ms: int, end_ms: int
) -> list[Segment]:
    """Segments with an event time in ``[start, end)``."""
    table = prediction_segments
    query = select(table.c.seq, table.c.digest).where(
        table.c.deployment_id == deployment_id,
        table.c.min_event_ms < end_ms,
        table.c.max_event_ms >= start_ms,
    )
    return [Segment(row.seq, row.digest) for row in connection.execute(query.order_by(table.c.seq))]


def new_label_segments(connection: Connection, deployment_id: str, after: int) -> list[Segment]:
    """Label objects after a cursor, in the order of their commits."""
    table = label_segments
    query = select(table.c.seq, table.c.digest).where(
        table.c.deployment_id == deployment_id, table.c.seq > after
    )
    return [Segment(row.seq, row.digest) for row in connection.execute(query.order_by(table.c.seq))]


def tables_of(
    store: Store, project: str, cache: SegmentCache, segments: Iterable[Segment]
) -> list[pa.Table]:
    """The decoded segments; one whose object is lost or damaged is passed over."""
    found = []
    for segment in segments:
        table = cache.get(segment.digest)
        if table is None:
            try:
                table = read_segment(store.objects.of(project).read(segment.digest))
            except MillwrightError as cause:
                _log.warning("segment %s is passed over: %s", segment.digest[:12], cause)
                continue
            cache.put(segment.digest, table)
        found.append(table)
    return found


def stored_starts(connection: Connection, deployment_id: str, limit: int) -> list[int]:
    """The starts of the latest windows, newest first."""
    query = select(windows.c.start_ms).where(windows.c.deployment_id == deployment_id)
    found = connection.execute(query.order_by(windows.c.start_ms.desc()).limit(limit)).scalars()
    return [int(start) for start in found]


def open_starts(connection: Connection, deployment_id: str) -> list[int]:
    """The starts of windows that were open when last evaluated."""
    query = select(windows.c.start_ms).where(
        windows.c.deployment_id == deployment_id, windows.c.status == "open"
    )
    return [int(start) for start in connection.execute(query).scalars()]


def write_window(tx: Transaction, project: str, deployment_id: str, summary: WindowSummary) -> str:
    """Insert or replace a window's summary, with its event; its id stays."""
    same = (windows.c.deployment_id == deployment_id, windows.c.start_ms == summary.start_ms)
    known = tx.execute(select(windows.c.id).where(*same)).scalar()
    identifier = str(known) if known is not None else new_id()
    values = {
        "end_ms": summary.end_ms,
        "champion_version_id": summary.champion_version_id,
        "n": summary.n,
        "n_labelled": summary.n_labelled,
        "status": summary.status,
        "summary": summary.model_dump_json(),
        "evaluated_ms": now_ms(),
    }
    if known is None:
        row = {"id": identifier, "project": project, "deployment_id": deployment_id}
        tx.execute(insert(windows).values(**row, start_ms=summary.start_ms, **values))
    else:
        tx.execute(update(windows).where(*same).values(**values))
    tx.event(
        "window.evaluated",
        f"window:{identifier}",
        {
            "deployment": deployment_id,
            "start": rfc3339(summary.start_ms),
            "end": rfc3339(summary.end_ms),
            "status": summary.status,
            "n": summary.n,
            "n_labelled": summary.n_labelled,
            "drifted_share": round(summary.drifted_share, 4),
        },
        edges=_edges(deployment_id, summary.champion_version_id, f"window:{identifier}"),
    )
    return identifier


def _edges(deployment_id: str, version_id: str | None, window: str) -> list[Edge]:
    """A window comes of the version that served in it; the deployment outlives them all."""
    versions = [] if version_id is None else [(f"model-version:{version_id}", window)]
    return [(f"deployment:{deployment_id}", window), *versions]


def window_record(row: Row[Any], deployment: str) -> Window:
    """A row of ``windows`` as a record."""
    summary = WindowSummary.model_validate_json(row.summary)
    return Window(
        **{name: getattr(summary, name) for name in WindowSummary.model_fields},
        id=row.id,
        project=row.project,
        deployment_id=row.deployment_id,
        deployment=deployment,
        start=rfc3339(summary.start_ms),
        end=rfc3339(summary.end_ms),
        requests=summary.latency.requests,
        evaluated_at=rfc3339(row.evaluated_ms),
    )


def windows_of(connection: Connection, deployment_id: str, limit: int) -> Sequence[Row[Any]]:
    """The latest windows, oldest first."""
    query = select(windows).where(windows.c.deployment_id == deployment_id)
    rows = connection.execute(query.order_by(windows.c.start_ms.desc()).limit(limit)).all()
    return list(reversed(rows))


def counts_before(
    connection: Connection, deployment_id: str, version_id: str | None, start_ms: int, limit: int
) -> list[tuple[int, dict[str, tuple[int, ...]]]]:
    """Start and counts by feature of a version's latest closed windows before one, oldest first."""
    query = select(windows.c.start_ms, windows.c.summary).where(
        windows.c.deployment_id == deployment_id,
        windows.c.champion_version_id == version_id,
        windows.c.status == "closed",
        windows.c.start_ms < start_ms,
    )
    found = connection.execute(query.order_by(windows.c.start_ms.desc()).limit(limit)).all()
    counted = []
    for row in reversed(found):
        features = json.loads(row.summary)["features"]
        counted.append((int(row.start_ms), {f["feature"]: f.get("counts", ()) for f in features}))
    return counted


def latest_closed(connection: Connection, deployment_id: str) -> Row[Any] | None:
    """The latest window of a deployment that is over, as a row."""
    query = select(windows).where(
        windows.c.deployment_id == deployment_id, windows.c.status == "closed"
    )
    return connection.execute(query.order_by(windows.c.start_ms.desc()).limit(1)).first()


def losses_before(
    connection: Connection, deployment_id: str, version_id: str, start_ms: int, limit: int
) -> list[LossCount]:
    """Labelled rows and errors of a version's latest closed windows before one, oldest first."""
    query = select(windows.c.start_ms, windows.c.n_labelled, windows.c.summary).where(
        windows.c.deployment_id == deployment_id,
        windows.c.champion_version_id == version_id,
        windows.c.status == "closed",
        windows.c.n_labelled > 0,
        windows.c.start_ms < start_ms,
    )
    found = connection.execute(query.order_by(windows.c.start_ms.desc()).limit(limit)).all()
    counted = ((row, json.loads(row.summary).get("errors")) for row in reversed(found))
    return [
        LossCount(int(row.start_ms), int(row.n_labelled), int(errors))
        for row, errors in counted
        if errors is not None
    ]


def segments_served_since(
    connection: Connection, deployment_id: str, served_ms: int, limit: int
) -> list[Segment]:
    """The newest segments with rows served since a moment, oldest first; at most ``limit``.

    At least the newest one is given, so that an idle endpoint still knows its last request.
    """
    table = prediction_segments
    query = (
        select(table.c.seq, table.c.digest, table.c.max_served_ms)
        .where(table.c.deployment_id == deployment_id)
        .order_by(table.c.seq.desc())
        .limit(limit)
    )
    rows = connection.execute(query).all()
    kept = [row for i, row in enumerate(rows) if i == 0 or row.max_served_ms >= served_ms]
    return [Segment(row.seq, row.digest) for row in reversed(kept)]
