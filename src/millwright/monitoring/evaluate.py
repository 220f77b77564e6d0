"""The monitoring controller: keeps windows and alerts true to the prediction log."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

import pyarrow as pa
from sqlalchemy import Connection

from millwright.kernel.access import SYSTEM
from millwright.kernel.clock import parse_duration
from millwright.kernel.config import MonitoringConfig
from millwright.kernel.store import Store
from millwright.monitoring.alert_log import (
    JudgedWindow,
    Subject,
    apply_judgements,
    since_of,
    unresolved,
)
from millwright.monitoring.alerting import judge
from millwright.monitoring.delivery import Delivery
from millwright.monitoring.drift import MOST_WINDOWS, with_evidence
from millwright.monitoring.ingest import ingest
from millwright.monitoring.label_log import LabelLog
from millwright.monitoring.labels import any_of
from millwright.monitoring.log_upkeep import compact, forget
from millwright.monitoring.measuring import divide, measure
from millwright.monitoring.policy.loss import WINDOWS, LossCount, loss_rise
from millwright.monitoring.records import LossEvidence, WindowSummary
from millwright.monitoring.segments import SegmentCache, milliseconds, rows_between
from millwright.monitoring.summary import champion_of, summarise
from millwright.monitoring.watched import Catalog, WatchedDeployment
from millwright.monitoring.window_log import (
    Progress,
    counts_before,
    first_event,
    load_progress,
    losses_before,
    new_segments,
    open_starts,
    save_progress,
    segments_between,
    stored_starts,
    tables_of,
    watermark_of,
    write_window,
)
from millwright.monitoring.windows import is_closed, origin_of, window_of, window_starts

_log = logging.getLogger("millwright.monitoring")
OPEN_SECONDS = 5.0
"""How often, at most, a window that still fills is evaluated."""
LABEL_WINDOWS = 100
"""How many windows back late labels are looked up in."""
UPKEEP_SECONDS = 60.0
"""How often, at most, the log's segments are put together."""
LOSS_WINDOWS = 400
"""Windows whose errors are weighed together."""
_END_OF_TIME_MS = 1 << 53


@dataclass
class _Watch:
    """What is remembered of one deployment between calls; all of it can be read again."""

    progress: Progress | None = None
    seen: int = 0
    """The last segment whose windows are known to ``due``."""
    due: set[int] = field(default_factory=set)
    """Starts of windows that have changed since they were evaluated."""
    open: set[int] = field(default_factory=set)
    labels: LabelLog | None = None
    evaluated_at: float = float("-inf")
    kept_up_at: float = float("-inf")
    resumed: bool = False


class MonitorController:
    """Ingests, evaluates windows, raises and resolves alerts; call ``reconcile`` again and again.

    Everything it remembers can be read again from the store, so it may be killed at any point.
    """

    def __init__(self, store: Store, catalog: Catalog | None = None, *, url: str = "") -> None:
        """``catalog`` defaults to the deployments and models of the store; messages link to
        ``url``."""
        self._store = store
        self._catalog = catalog or _stored_catalog(store)
        self._cache = SegmentCache()
        self._watches: dict[str, _Watch] = {}
        self._failures: dict[str, str] = {}
        self._known_ids: dict[tuple[str, int], tuple[tuple[int, ...], pa.ChunkedArray]] = {}
        self._delivery = Delivery(store, self._catalog, url)

    def reconcile(self) -> None:
        """Bring every deployment's windows and alerts up to date; cheap when nothing changed."""
        for deployment in self._catalog.deployments():
            try:
                self._reconcile(deployment)
                self._failures.pop(deployment.id, None)
            except Exception as cause:
                # One deployment's trouble must not leave the others unwatched, nor fill the log.
                if self._failures.get(deployment.id) != repr(cause):
                    _log.exception("monitoring of %s failed and is tried again", deployment.name)
                self._failures[deployment.id] = repr(cause)
        self._delivery.wake()

    def shutdown(self) -> None:
        """End the delivery thread; what is not delivered yet is at the next start."""
        self._delivery.close()

    def _reconcile(self, deployment: WatchedDeployment) -> None:
        for taken in ingest(self._store, deployment.project, deployment.id, deployment.spool):
            self._cache.put(taken.digest, taken.table)
        watch = self._watch(deployment)
        with self._store.read() as connection:
            fresh = new_segments(connection, deployment.id, watch.seen)
            mark = watermark_of(connection, deployment.id)
            labels = watch.labels.advance(connection) if watch.labels else None
        if mark is None:
            return
        if watch.progress is None:
            watch.progress = self._begin(deployment)
        if not watch.resumed:
            watch.due.update(self._unfinished(deployment, watch.progress, mark))
            watch.resumed = True
        for table in tables_of(self._store, deployment.project, self._cache, fresh):
            times = milliseconds(table["event_time"])
            starts = window_starts(times, watch.progress.origin_ms, watch.progress.window_ms)
            watch.due.update(set(starts.tolist()))
        watch.seen = max([watch.seen, *(segment.seq for segment in fresh)])
        if labels is not None and labels.num_rows:
            watch.due.update(self._windows_of_labels(deployment, watch.progress, labels))
        self._evaluate(deployment, watch, mark)
        self._keep_up(deployment, watch)

    def _keep_up(self, deployment: WatchedDeployment, watch: _Watch) -> None:
        """Put small segments of the log together, and remove what is kept no longer."""
        if time.monotonic() - watch.kept_up_at < UPKEEP_SECONDS or watch.progress is None:
            return
        cursor, project = watch.progress.segment_cursor, deployment.project
        while compact(self._store, project, deployment.id, deployment.spool, cursor):
            self._known_ids.clear()
        keep = self._catalog.policy(project).keep_log
        if keep is not None:
            forget(self._store, project, deployment.id, parse_duration(keep), cursor)
            with self._store.read() as connection:
                known = load_progress(connection, deployment.id)
            watch.progress.log_from_ms = known.log_from_ms if known else None
        watch.kept_up_at = time.monotonic()

    def _watch(self, deployment: WatchedDeployment) -> _Watch:
        known = self._watches.get(deployment.id)
        if known is not None:
            return known
        watch = _Watch()
        with self._store.read() as connection:
            watch.progress = load_progress(connection, deployment.id)
            watch.open = set(open_starts(connection, deployment.id))
        after = 0
        if watch.progress is not None:
            watch.seen, after = watch.progress.segment_cursor, watch.progress.label_cursor
        watch.labels = LabelLog(self._store, deployment.project, deployment.id, evaluated=after)
        self._watches[deployment.id] = watch
        return watch

    def _begin(self, deployment: WatchedDeployment) -> Progress:
        window_ms = parse_duration(self._catalog.policy(deployment.project).window)
        with self._store.read() as connection:
            first = first_event(connection, deployment.id)
        return Progress(origin_of(first or 0, window_ms), window_ms)

    def _unfinished(self, deployment: WatchedDeployment, progress: Progress, mark: int) -> set[int]:
        """Windows that were filling when an earlier process ended, evaluated or not."""
        first, _ = window_of(mark, progress.origin_ms, progress.window_ms)
        with self._store.read() as connection:
            segments = segments_between(connection, deployment.id, first, _END_OF_TIME_MS)
        found: set[int] = set()
        for table in tables_of(self._store, deployment.project, self._cache, segments):
            times = milliseconds(table["event_time"])
            starts = window_starts(times, progress.origin_ms, progress.window_ms)
            found.update(start for start in set(starts.tolist()) if start >= first)
        return found

    def _windows_of_labels(
        self, deployment: WatchedDeployment, progress: Progress, labels: pa.Table
    ) -> set[int]:
        with self._store.read() as connection:
            starts = stored_starts(connection, deployment.id, LABEL_WINDOWS)
        length = progress.window_ms
        return {s for s in starts if any_of(self._ids(deployment, s, s + length), labels)}

    def _ids(self, deployment: WatchedDeployment, start: int, end: int) -> pa.ChunkedArray:
        with self._store.read() as connection:
            segments = segments_between(connection, deployment.id, start, end)
        key, marks = (deployment.id, start), tuple(segment.seq for segment in segments)
        known = self._known_ids.get(key)
        if known is not None and known[0] == marks:
            return known[1]
        rows = rows_between(
            tables_of(self._store, deployment.project, self._cache, segments), start, end
        )
        ids = pa.chunked_array([], pa.string()) if rows is None else rows["prediction_id"]
        self._known_ids[key] = (marks, ids)
        if len(self._known_ids) > 2 * LABEL_WINDOWS:
            self._known_ids.pop(next(iter(self._known_ids)))
        return ids

    def _rows(self, deployment: WatchedDeployment, start: int, end: int) -> pa.Table | None:
        with self._store.read() as connection:
            segments = segments_between(connection, deployment.id, start, end)
        return rows_between(
            tables_of(self._store, deployment.project, self._cache, segments), start, end
        )

    def _evaluate(self, deployment: WatchedDeployment, watch: _Watch, mark: int) -> None:
        progress = watch.progress
        assert progress is not None
        assert watch.labels is not None
        length = progress.window_ms
        closed = {s for s in watch.due | watch.open if is_closed(s + length, mark)}
        chosen = set(closed)
        if time.monotonic() - watch.evaluated_at >= OPEN_SECONDS:
            chosen |= watch.due
        if not chosen:
            return
        policy = self._catalog.policy(deployment.project)
        summaries = [
            summary
            for start in sorted(chosen)
            if (summary := self._summary(deployment, watch, policy, start, mark)) is not None
        ]
        # What is left still fills, so a restart finds it by its time: see ``_unfinished``.
        progress.segment_cursor = watch.seen
        progress.label_cursor = watch.labels.cursor
        self._write(deployment, progress, policy, summaries)
        watch.due -= chosen
        watch.open = (watch.open | {s.start_ms for s in summaries}) - closed
        watch.evaluated_at = time.monotonic()

    def _summary(
        self,
        deployment: WatchedDeployment,
        watch: _Watch,
        policy: MonitoringConfig,
        start: int,
        mark: int,
    ) -> WindowSummary | None:
        assert watch.progress is not None
        assert watch.labels is not None
        begin = watch.progress.log_from_ms
        if begin is not None and start < begin:
            # What is gone in part cannot be measured again.
            return None
        end = start + watch.progress.window_ms
        rows = self._rows(deployment, start, end)
        if rows is None:
            return None
        version_id = champion_of(rows) or deployment.champion_version_id
        return summarise(
            rows,
            watch.labels.table,
            self._catalog.model(deployment, version_id),
            policy,
            measure,
            divide,
            start_ms=start,
            end_ms=end,
            status="closed" if is_closed(end, mark) else "open",
        )

    def _write(
        self,
        deployment: WatchedDeployment,
        progress: Progress,
        policy: MonitoringConfig,
        summaries: list[WindowSummary],
    ) -> None:
        subject = Subject(deployment.project, deployment.id)
        with self._store.write(SYSTEM, deployment.project) as tx:
            for measured in summaries:
                summary = self._weighed(tx.connection, deployment, measured)
                identifier = write_window(tx, deployment.project, deployment.id, summary)
                # A window of a version that no longer serves says nothing about the one that does.
                current = summary.champion_version_id in (None, deployment.champion_version_id)
                if summary.status == "open" or not current:
                    continue
                since = since_of(unresolved(tx.connection, deployment.id))
                window = JudgedWindow(
                    identifier, summary.start_ms, summary.end_ms, judge(summary, policy, since)
                )
                apply_judgements(tx, subject, window, progress.judged)
            save_progress(tx, deployment.id, progress)

    def _weighed(
        self, connection: Connection, deployment: WatchedDeployment, summary: WindowSummary
    ) -> WindowSummary:
        """The window with the evidence of all windows of its version up to it."""
        version_id = summary.champion_version_id
        model = None if version_id is None else self._catalog.model(deployment, version_id)
        if summary.status == "open" or model is None or version_id is None:
            return summary
        summary = _with_loss(connection, deployment.id, version_id, summary)
        if not summary.features:
            return summary
        earlier = counts_before(
            connection, deployment.id, version_id, summary.start_ms, MOST_WINDOWS - 1
        )
        weighed = with_evidence(summary.features, model.reference, earlier, summary.start_ms)
        return summary.model_copy(update={"features": weighed})


def _with_loss(
    connection: Connection, deployment_id: str, version_id: str, summary: WindowSummary
) -> WindowSummary:
    """The window with what its errors and those of the windows before it say together."""
    if summary.errors is None or summary.n_labelled == 0:
        return summary
    counts = losses_before(connection, deployment_id, version_id, summary.start_ms, LOSS_WINDOWS)
    counts.append(LossCount(summary.start_ms, summary.n_labelled, summary.errors))
    found = loss_rise(counts)
    if found is None:
        return summary
    evidence = LossEvidence(
        since_ms=found.since_ms,
        before=found.before,
        after=found.after,
        rows=found.rows,
        run_length=WINDOWS,
    )
    return summary.model_copy(update={"loss": evidence})


def _stored_catalog(store: Store) -> Catalog:
    from millwright.monitoring.stored_catalog import StoredCatalog

    return StoredCatalog(store)
