"""The gate: a version that breaks its contract feeds no run, unless somebody let it through."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from millwright.data.quality.standing import standings
from millwright.data.tables import dataset_versions
from millwright.kernel.errors import Conflict


def contract_broken(reference: str) -> Conflict:
    """The error for a run that wants to read such a version."""
    return Conflict(
        "data.contract_broken",
        f"{reference} breaks its contract, so no run may read it.",
        hint=f"See why: mw data check {reference}. Mend the data and add it again, or let this "
        f"version through: mw data override {reference} --reason WHY",
        value=reference,
    )


def require_usable(connection: Connection, ids: Sequence[str]) -> None:
    """Refuse dataset versions that may not feed a run.

    Raises:
        Conflict: the newest check of one blocks it, and nobody let it through.
    """
    blocked = [one for one, stands in standings(connection, ids).items() if not stands.usable]
    if not blocked:
        return
    v = dataset_versions.c
    query = select(v.name, v.version).where(v.id.in_(blocked)).order_by(v.name, v.version)
    row = connection.execute(query.limit(1)).one()
    raise contract_broken(f"{row.name}@{row.version}")
