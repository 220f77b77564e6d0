"""The controller that tells people how runs ended: at least once, also after a crash.

What is to be told is written down when the event is read, in the transaction that remembers how far
the log was read; sending comes after. Where to send is said by the project file of this workspace
alone.
"""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Row

from millwright.automation.notifications.tables import notification_progress, notifications
from millwright.kernel import clock, events
from millwright.kernel.access import SYSTEM
from millwright.kernel.config import FILE_NAME
from millwright.kernel.config_automation import NotificationsConfig
from millwright.kernel.errors import MillwrightError
from millwright.kernel.messages import RETRY_SECONDS, Channel, Message, channels, tell
from millwright.kernel.store import Store
from millwright.kernel.tables import event_head
from millwright.pipelines import PipelineRun, run_summaries

_log = logging.getLogger("millwright.automation")
_BATCH = 500
_LAZY = 2_000


class NotificationController:
    """Reads the log for runs that ended and sends what the project file asks for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = 0
        self._state: tuple[int, int] | None = None
        self._config: tuple[str, NotificationsConfig] | None = None

    def reconcile(self) -> None:
        """Write down what is to be told, then tell what is due."""
        found = self._wanted()
        if found is None:
            return
        project, config = found
        self._read(project, config)
        for row in self._due(project):
            self._tell(row, config)

    def shutdown(self) -> None:
        """Nothing to end: all that it knows is stored."""

    def _wanted(self) -> tuple[str, NotificationsConfig] | None:
        """The project's wishes, read again when its file changes."""
        try:
            file = (self._store.workspace.root / FILE_NAME).stat()
        except OSError:
            return None
        if (file.st_mtime_ns, file.st_size) != self._state:
            self._state = (file.st_mtime_ns, file.st_size)
            try:
                config = self._store.workspace.starts()
            except MillwrightError:
                return self._config
            self._config = (config.project, config.notifications)
        return self._config

    def _read(self, project: str, config: NotificationsConfig) -> None:
        seen = max(self._seen, self._begin(project))
        stored = seen
        while batch := self._events(project, seen):
            seen = batch[-1].seq
            ended = [event for event in batch if self._is_asked_for(event, config)]
            if ended:
                self._note(project, ended, channels(config), seen)
                stored = seen
        if seen - stored > _LAZY:
            self._note(project, [], (), seen)
        self._seen = seen

    def _is_asked_for(self, event: events.Event, config: NotificationsConfig) -> bool:
        room, _, status = event.kind.partition(".")
        named = not config.pipelines or event.payload.get("pipeline") in config.pipelines
        return room == "pipeline-run" and status in config.when and named

    def _begin(self, project: str) -> int:
        """Up to which event the log was read before; what happened before the first time is past."""
        table = notification_progress
        with self._store.read() as connection:
            found = connection.execute(
                select(table.c.seen).where(table.c.project == project)
            ).scalar()
        if found is not None:
            return int(found)
        with self._store.database.write() as connection:
            head = int(connection.execute(select(func.max(event_head.c.seq))).scalar() or 0)
            connection.execute(insert(table).values(project=project, seen=head))
        return head

    def _events(self, project: str, seen: int) -> list[events.Event]:
        with self._store.read() as connection:
            return events.read(connection, after=seen, limit=_BATCH, project=project)

    def _note(
        self,
        project: str,
        ended: list[events.Event],
        wanted: tuple[Channel, ...],
        seen: int,
    ) -> None:
        rows = [
            {
                "event": event.seq,
                "channel": channel,
                "project": project,
                "run_id": event.subject.partition(":")[2],
                "state": "waiting",
                "attempts": 0,
                "due_ms": clock.now_ms(),
            }
            for event in ended
            for channel in wanted
        ]
        table = notification_progress
        with self._store.database.write() as connection:
            before = connection.execute(
                select(table.c.seen).where(table.c.project == project)
            ).scalar_one()
            # Another control plane may have read these events already.
            fresh = [row for row in rows if row["event"] > before]
            if fresh:
                connection.execute(insert(notifications), fresh)
            change = update(table).where(table.c.project == project)
            connection.execute(change.values(seen=max(seen, before)))

    def _due(self, project: str) -> list[Row[Any]]:
        table = notifications.c
        query = select(notifications).where(
            table.project == project, table.state == "waiting", table.due_ms <= clock.now_ms()
        )
        with self._store.read() as connection:
            return list(connection.execute(query.order_by(table.due_ms).limit(_BATCH)))

    def _tell(self, row: Row[Any], config: NotificationsConfig) -> None:
        run = run_summaries(self._store, [row.run_id]).get(row.run_id)
        problem = None
        if run is not None:
            try:
                tell(message_of(run), row.channel, config)
            except MillwrightError as cause:
                problem = str(cause)
                _log.warning("run %s could not be told to the %s: %s", run.id, row.channel, cause)
        table = notifications.c
        values: dict[str, Any] = {"attempts": row.attempts + 1, "answer": problem}
        if problem is None:
            values["state"] = "told"
        elif row.attempts < len(RETRY_SECONDS):
            values["due_ms"] = clock.now_ms() + round(RETRY_SECONDS[row.attempts] * 1000)
        else:
            values["state"] = "failed"
        with self._store.write(SYSTEM, row.project) as tx:
            same = (table.event == row.event, table.channel == row.channel)
            tx.execute(update(notifications).where(*same).values(**values))
            if values.get("state") is not None:
                payload = {"channel": row.channel, "attempts": row.attempts + 1}
                tx.event(f"notification.{values['state']}", f"pipeline-run:{row.run_id}", payload)


def message_of(run: PipelineRun) -> Message:
    """How a run ended, as it is told to people."""
    cause = ", ".join(f"{key} {value}" for key, value in (run.cause or {}).items())
    lines = [f"Project: {run.project}", f"Run: {run.id}"]
    if cause:
        lines.append(f"Started by: {cause}")
    if run.started is not None and run.finished is not None:
        took = clock.parse_rfc3339(run.finished) - clock.parse_rfc3339(run.started)
        lines.append(f"Took: {clock.format_duration(took)}")
    if run.error is not None:
        lines.append(f"Error: {run.error.message}")
    identifier = f"{run.id}-{run.status}"
    event = {
        "specversion": "1.0",
        "id": identifier,
        "type": f"millwright.pipeline-run.{run.status}",
        "source": f"/projects/{run.project}/pipelines/{run.name}",
        "subject": f"pipeline-run:{run.id}",
        "time": run.finished or run.created,
        "datacontenttype": "application/json",
        "data": run.model_dump(mode="json"),
    }
    return Message(identifier, f"{run.name} {run.status}", "\n".join(lines), event)
