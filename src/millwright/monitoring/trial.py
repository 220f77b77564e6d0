"""The rows of a canary's trial: scored by both versions, with their truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import select

from millwright.deployment import Deployment, Requests, Variant
from millwright.kernel.store import Store
from millwright.monitoring.differences import Differences, compare, scores_differ
from millwright.monitoring.label_log import LabelLog
from millwright.monitoring.labels import actual_values, join_labels
from millwright.monitoring.performance import version_scores
from millwright.monitoring.segments import SegmentCache, milliseconds
from millwright.monitoring.stored_catalog import StoredCatalog
from millwright.monitoring.tables import prediction_segments
from millwright.monitoring.watched import watched
from millwright.monitoring.window_log import Segment, load_progress, tables_of
from millwright.monitoring.windows import window_starts

Floats = npt.NDArray[np.float64]
_trial_segments = SegmentCache(32 << 20)
_REPORTED_SEGMENTS = 500


@dataclass(frozen=True)
class Trial:
    """What has been seen of a trial, in the order of serving.

    Attributes:
        actual: truth of each labelled row: the value, or the position of the class.
        champion: its scores on those rows, ``(n,)`` or ``(n, k)``.
        challenger: the challenger's on the same rows.
        windows: monitored windows that hold at least one labelled row of the trial.
        rows: rows scored by both, labelled or not.
        requests: every request since the trial began, by whom it was answered and how.
    """

    actual: Floats
    champion: Floats
    challenger: Floats
    windows: int
    rows: int
    requests: Requests


def trial_of(store: Store, deployment: Deployment, challenger_id: str, since_ms: int) -> Trial:
    """Collect the trial of a challenger against the champion.

    Args:
        deployment: whose champion is the other side.
        challenger_id: the version on trial.
        since_ms: when the trial began, by the clock of serving.
    """
    catalog = StoredCatalog(store)
    model = catalog.model(watched(store, deployment), deployment.champion_version_id)
    rows = _rows_since(store, deployment, challenger_id, since_ms)
    if model is None or rows is None:
        nothing = np.empty(0)
        return Trial(nothing, nothing, nothing, 0, 0, Requests.none())
    labels = LabelLog(store, deployment.project, deployment.id, evaluated=0)
    with store.read() as connection:
        labels.advance(connection)
        progress = load_progress(connection, deployment.id)
    actual = actual_values(
        join_labels(rows["prediction_id"], labels.table), model.task, model.classes
    )
    ours = version_scores(rows, deployment.champion_version_id, model.task)
    theirs = version_scores(rows, challenger_id, model.task)
    both = np.isfinite(_flat(ours)) & np.isfinite(_flat(theirs))
    usable = both & np.isfinite(actual) & first_of_each(rows["prediction_id"])
    windows = 0
    if progress is not None and usable.any():
        times = milliseconds(rows["event_time"])[usable]
        windows = len(np.unique(window_starts(times, progress.origin_ms, progress.window_ms)))
    return Trial(
        actual=actual[usable],
        champion=ours[usable],
        challenger=theirs[usable],
        windows=windows,
        rows=int(both.sum()),
        requests=_requests(
            rows, challenger_id, scores_differ(ours[both], theirs[both], model.task)
        ),
    )


def differences_of(store: Store, deployment: Deployment, variant: Variant) -> Differences:
    """How a variant and the champion differ on the latest rows that both scored."""
    model = StoredCatalog(store).model(watched(store, deployment), deployment.champion_version_id)
    rows = _rows_since(store, deployment, variant.version_id, 0, latest=_REPORTED_SEGMENTS)
    if model is None or rows is None:
        return compare(
            variant.name, pa.chunked_array([], pa.string()), np.empty(0), np.empty(0), "binary", ()
        )
    scores = (
        version_scores(rows, version, model.task)
        for version in (deployment.champion_version_id, variant.version_id)
    )
    ours, theirs = scores
    return compare(variant.name, rows["prediction_id"], ours, theirs, model.task, model.classes)


def segments_since(
    store: Store, deployment: Deployment, since_ms: int, *, latest: int | None = None
) -> list[pa.Table]:
    """Segments of the prediction log with rows that were served since, in order.

    Args:
        store: where they are kept.
        deployment: whose.
        since_ms: by the clock of serving, in milliseconds since 1970.
        latest: only so many, the newest.
    """
    table = prediction_segments
    query = select(table.c.seq, table.c.digest).where(
        table.c.deployment_id == deployment.id, table.c.max_served_ms >= since_ms
    )
    with store.read() as connection:
        rows = connection.execute(query.order_by(table.c.seq.desc()).limit(latest)).all()
    segments = [Segment(row.seq, row.digest) for row in reversed(rows)]
    return tables_of(store, deployment.project, _trial_segments, segments)


def _rows_since(
    store: Store,
    deployment: Deployment,
    challenger_id: str,
    since_ms: int,
    latest: int | None = None,
) -> pa.Table | None:
    kept = []
    for segment in segments_since(store, deployment, since_ms, latest=latest):
        given = pc.equal(segment["version_id"].cast(pa.string()), challenger_id)
        if "shadow_version_id" in segment.column_names:
            shadow = pc.equal(segment["shadow_version_id"].cast(pa.string()), challenger_id)
            given = pc.or_(given, pc.fill_null(shadow, False))
        kept.append(segment.filter(given))
    found = pa.concat_tables(kept, promote_options="permissive") if kept else None
    return found if found is not None and found.num_rows else None


def _requests(rows: pa.Table, challenger_id: str, disagrees: npt.NDArray[np.bool_]) -> Requests:
    """Rows of one request share its answer, so it counts once."""
    each = rows.filter(pa.array(first_of_each(rows["request_id"])))
    each = each.sort_by("served_at")
    failed = pc.not_equal(each["status"], "ok").to_numpy()
    latency = each["latency_us"].to_numpy() / 1000.0
    return Requests(
        challenger=pc.equal(each["version_id"].cast(pa.string()), challenger_id).to_numpy(),
        failed=failed,
        latency_ms=np.where(failed, np.nan, latency),
        disagrees=disagrees,
    )


def _flat(scores: Floats) -> Floats:
    found: Floats = scores if scores.ndim == 1 else scores.sum(axis=1)
    return found


def first_of_each(ids: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Whether a row is the first of its id."""
    codes = ids.combine_chunks().dictionary_encode().indices.to_numpy()
    _, first = np.unique(codes, return_index=True)
    found = np.zeros(codes.size, dtype=bool)
    found[first] = True
    return found
