"""The controller that sends what happens on to an OpenLineage endpoint, in order, at least once."""

from __future__ import annotations

import json
import logging
import os

from sqlalchemy import insert, select, update

from millwright.kernel import clock, events
from millwright.kernel.egress import allowed_from_environment, exchange
from millwright.kernel.errors import MillwrightError
from millwright.kernel.store import Store
from millwright.tracking.openlineage.tables import lineage_feeds
from millwright.tracking.openlineage.telling import run_event

KEY_VARIABLE = "OPENLINEAGE_API_KEY"
_log = logging.getLogger("millwright.openlineage")
_BATCH = 200
_TIMEOUT_SECONDS = 10.0
_RETRY_MS = (1_000, 5_000, 30_000, 120_000)


class OpenLineageController:
    """Sends the RunEvents of the project in this workspace to ``lineage.openlineage``.

    Where it stands is kept in the database: a restart goes on there, and an event that was in
    flight is sent again, which consumers tell by its run and type.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._failures = 0
        self._not_before_ms = 0

    def reconcile(self) -> None:
        """Send what is new; after a failure wait longer each time."""
        if clock.now_ms() < self._not_before_ms:
            return
        try:
            config = self._store.workspace.project()
        except MillwrightError:
            return
        if config.lineage.openlineage is None:
            return
        while self._send_some(config.project, config.lineage.openlineage):
            continue

    def shutdown(self) -> None:
        """There is nothing to end."""

    def _send_some(self, project: str, url: str) -> bool:
        """Send one batch; whether to go on."""
        feed = f"{project} {url}"[:500]
        with self._store.read() as connection:
            query = select(lineage_feeds.c.seq).where(lineage_feeds.c.url == feed)
            after = connection.execute(query).scalar() or 0
            read = events.read(connection, after=after, limit=_BATCH, project=project)
            told = [(one.seq, run_event(connection, one)) for one in read]
        reached = after
        for seq, event in told:
            if event is not None and not self._taken(url, event):
                self._remember(feed, after, reached)
                return False
            reached = seq
        self._remember(feed, after, reached)
        self._failures = 0
        return len(read) == _BATCH

    def _taken(self, url: str, event: dict[str, object]) -> bool:
        """Whether the endpoint took it, or will never take it."""
        headers = {"Content-Type": "application/json"}
        key = os.environ.get(KEY_VARIABLE)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        try:
            answer = exchange(
                url,
                body=json.dumps(event).encode(),
                headers=headers,
                allow=allowed_from_environment(),
                timeout_seconds=_TIMEOUT_SECONDS,
            )
            status, problem = answer.status, f"it answered {answer.status}"
        except MillwrightError as cause:
            status, problem = None, str(cause)
        if status is not None and status < 300:
            return True
        refused = status is not None and 400 <= status < 500 and status not in (401, 403, 408, 429)
        if refused:
            _log.warning("an OpenLineage event was refused and is left out: %s", problem)
            return True
        wait = _RETRY_MS[min(self._failures, len(_RETRY_MS) - 1)]
        self._failures += 1
        self._not_before_ms = clock.now_ms() + wait
        _log.warning("OpenLineage events wait %d s: %s", wait // 1000, problem)
        return False

    def _remember(self, feed: str, before: int, reached: int) -> None:
        if reached == before:
            return
        # How far it was sent is no state that anyone else can see, so it leaves no event.
        with self._store.database.write() as connection:
            change = update(lineage_feeds).where(lineage_feeds.c.url == feed).values(seq=reached)
            if connection.execute(change).rowcount == 0:
                connection.execute(insert(lineage_feeds).values(url=feed, seq=reached))
