"""What earlier runs of a pipeline have done: so that a backfill need not do it again."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue
from sqlalchemy import select

from millwright.kernel.store import Store
from millwright.pipelines.tables import pipeline_runs
from millwright.pipelines.values import digest_of


def achieved_params(
    store: Store, project: str, entry_point: str, code_digest: str | None
) -> set[str]:
    """The digests of the parameters with which a pipeline succeeded, by one state of its code.

    Args:
        entry_point: ``module:attribute`` of the pipeline.
        code_digest: of the code; that of the newest run where None.
    """
    runs = pipeline_runs.c
    query = (
        select(runs.params, runs.code_digest)
        .where(runs.project == project, runs.entry_point == entry_point, runs.status == "succeeded")
        .order_by(runs.id.desc())
    )
    with store.read() as connection:
        rows = connection.execute(query).all()
    wanted = code_digest or (rows[0].code_digest if rows else None)
    return {params_digest(row.params) for row in rows if row.code_digest == wanted}


def params_digest(params: Mapping[str, JsonValue]) -> str:
    """One digest of a run's parameters, as they are stored."""
    return digest_of(dict(params))
