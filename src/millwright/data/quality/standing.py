"""Where versions stand with their contracts: the newest verdict, and whether it was overridden."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from millwright.data.quality.exchange import Standing
from millwright.data.quality.tables import dataset_checks, dataset_overrides


def standings(connection: Connection, ids: Sequence[str]) -> dict[str, Standing]:
    """The standing of each version that was checked or overridden."""
    c, o = dataset_checks.c, dataset_overrides.c
    verdicts: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        checks = select(c.version_id, c.verdict).where(c.version_id.in_(some)).order_by(c.id)
        # Later rows take the place of earlier ones: ids rise with time.
        verdicts |= {row.version_id: row.verdict for row in connection.execute(checks)}
        overrides = select(o.version_id, o.reason).where(o.version_id.in_(some))
        reasons |= {row.version_id: row.reason for row in connection.execute(overrides)}
    return {
        one: Standing.model_validate({"verdict": verdicts.get(one), "override": reasons.get(one)})
        for one in {*verdicts, *reasons}
    }
