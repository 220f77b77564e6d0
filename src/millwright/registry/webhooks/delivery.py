"""The controller that delivers what was announced: durably, in order of due time, with retries."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.access import SYSTEM
from millwright.kernel.errors import MillwrightError
from millwright.kernel.store import Store
from millwright.registry.tables import webhook_deliveries, webhooks
from millwright.registry.webhooks.secrets import opened, seal_what_is_not
from millwright.registry.webhooks.sending import Outcome, deliver

_log = logging.getLogger("millwright.webhooks")
RETRY_MS = (1_000, 5_000, 30_000, 120_000, 600_000, 3_600_000)
KEEP_MS = 7 * 86_400_000
"""How long a delivery is remembered after it was made or given up."""
_AT_ONCE = 8
_BATCH = 32


class WebhookController:
    """Sends what is due; a delivery that was in flight when the process died is sent again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pool: ThreadPoolExecutor | None = None
        self._next_ms = 0
        self._seen: str | None = None

    def reconcile(self) -> None:
        """Deliver everything that is due; look into the table only when something may be."""
        if self._seen is None:
            seal_what_is_not(self._store)
        newest = self._newest()
        if newest == self._seen and clock.now_ms() < self._next_ms:
            return
        while due := self._due():
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="webhook")
            outcomes = list(self._pool.map(self._attempt, due))
            for row, outcome in zip(due, outcomes, strict=True):
                self._record(row, outcome)
        self._forget()
        self._seen, self._next_ms = newest, self._next_due()

    def shutdown(self) -> None:
        """Stop after the deliveries in progress."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _newest(self) -> str | None:
        with self._store.read() as connection:
            found = connection.execute(select(func.max(webhook_deliveries.c.id))).scalar()
            return None if found is None else str(found)

    def _due(self) -> list[Row[Any]]:
        table = webhook_deliveries.c
        query = (
            select(webhook_deliveries, webhooks.c.url, webhooks.c.secret, webhooks.c.project)
            .join(webhooks, webhooks.c.id == table.webhook)
            .where(table.state == "waiting", table.due_ms <= clock.now_ms())
            .order_by(table.due_ms, table.id)
            .limit(_BATCH)
        )
        with self._store.read() as connection:
            return list(connection.execute(query).all())

    def _next_due(self) -> int:
        table = webhook_deliveries.c
        query = select(func.min(table.due_ms)).where(table.state == "waiting")
        with self._store.read() as connection:
            found = connection.execute(query).scalar()
        return clock.now_ms() + 3_600_000 if found is None else int(found)

    def _record(self, row: Row[Any], outcome: Outcome) -> None:
        attempts = row.attempts + 1
        retried = outcome.worth_another_try and attempts <= len(RETRY_MS)
        state = "delivered" if outcome.taken else ("waiting" if retried else "failed")
        said = outcome.problem or f"{outcome.status} {outcome.body[:500]}"
        values: dict[str, Any] = {"attempts": attempts, "state": state, "answer": said}
        if state == "waiting":
            values["due_ms"] = clock.now_ms() + RETRY_MS[attempts - 1]
        change = update(webhook_deliveries).where(webhook_deliveries.c.id == row.id)
        with self._store.write(SYSTEM, row.project) as tx:
            tx.execute(change.values(**values))
            if state != "waiting":
                payload = {"event": f"{row.entity}.{row.action}", "attempts": attempts}
                tx.event(f"webhook.{state}", f"webhook:{row.webhook}", payload)
        if not outcome.taken:
            _log.warning("webhook %s, attempt %d: %s", row.webhook, attempts, said[:200])

    def _forget(self) -> None:
        table = webhook_deliveries.c
        old = (table.state != "waiting", table.created_ms < clock.now_ms() - KEEP_MS)
        with self._store.read() as connection:
            if connection.execute(select(table.id).where(*old).limit(1)).first() is None:
                return
        with self._store.database.write() as connection:
            connection.execute(delete(webhook_deliveries).where(*old))

    def _attempt(self, row: Row[Any]) -> Outcome:
        try:
            secret = opened(self._store, row.webhook, row.secret)
        except MillwrightError as cause:
            # Better late and signed than at once and unsigned.
            return Outcome(None, "", str(cause))
        return deliver(row.url, secret, row.id, row.payload)
