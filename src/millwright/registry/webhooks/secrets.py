"""The secrets of webhooks: sealed in the database, opened where a delivery is signed."""

from __future__ import annotations

from sqlalchemy import select, update

from millwright.kernel.sealing import is_sealed, key_of, seal, unseal
from millwright.kernel.store import Store
from millwright.registry.tables import webhooks


def sealed(store: Store, webhook: str, secret: str | None) -> str | None:
    """A secret as it is stored; only this webhook's can be opened again as such."""
    if secret is None:
        return None
    return seal(key_of(store.workspace), secret, f"webhook:{webhook}")


def opened(store: Store, webhook: str, stored: str | None) -> str | None:
    """A stored secret as it signs.

    Raises:
        Corrupt: it was sealed with another key, or changed.
    """
    if stored is None or not is_sealed(stored):
        return stored
    return unseal(key_of(store.workspace), stored, f"webhook:{webhook}")


def seal_what_is_not(store: Store) -> int:
    """Seal secrets that an older version stored as they are; how many there were."""
    table = webhooks.c
    query = select(table.id, table.secret).where(table.secret.is_not(None))
    with store.read() as connection:
        plain = [row for row in connection.execute(query) if not is_sealed(row.secret)]
    for row in plain:
        # How it is kept is no state that anyone else can see, so it leaves no event.
        with store.database.write() as connection:
            change = update(webhooks).where(table.id == row.id, table.secret == row.secret)
            connection.execute(change.values(secret=sealed(store, row.id, row.secret)))
    return len(plain)
