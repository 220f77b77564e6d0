"""How far the event log has come for a deployment, for controllers that wait for more of it."""

from __future__ import annotations

from millwright.kernel import events
from millwright.kernel.store import Store


def newest_of(store: Store, kind: str, deployment_id: str) -> int:
    """The number of the latest event of a kind about a deployment; 0 without any."""
    with store.read() as connection:
        found = events.read(
            connection,
            kind=kind,
            subject=f"deployment:{deployment_id}",
            newest_first=True,
            limit=1,
        )
    return found[0].seq if found else 0
