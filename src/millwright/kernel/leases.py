"""Leases: one holder at a time, across processes and machines, until it stops renewing."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update

from millwright.kernel import clock
from millwright.kernel.store import Store
from millwright.kernel.tables import leases


def acquire(store: Store, name: str, owner: str, *, seconds: float) -> bool:
    """Take or renew the lease; False while somebody else holds it."""
    now = clock.now_ms()
    expires = now + round(seconds * 1000)
    with store.database.write() as connection:
        held = connection.execute(select(leases).where(leases.c.name == name)).first()
        if held is None:
            connection.execute(insert(leases).values(name=name, owner=owner, expires_ms=expires))
            return True
        if held.owner != owner and held.expires_ms > now:
            return False
        connection.execute(
            update(leases).where(leases.c.name == name).values(owner=owner, expires_ms=expires)
        )
        return True


def release(store: Store, name: str, owner: str) -> None:
    """Give the lease back, so that the next holder need not wait for it to expire."""
    with store.database.write() as connection:
        connection.execute(delete(leases).where(leases.c.name == name, leases.c.owner == owner))
