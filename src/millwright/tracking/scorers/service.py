"""Scorers: registered in versions, found, deleted."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from millwright.kernel import clock
from millwright.kernel.store import Transaction
from millwright.tracking.mlflow.errors import MlflowError, absent
from millwright.tracking.scorers.tables import scorer_versions, scorers
from millwright.tracking.service.experiments import ExperimentRow
from millwright.tracking.tables import experiments

_VERSION = scorer_versions.c
_LATEST = (
    select(_VERSION.scorer, func.max(_VERSION.version).label("version"))
    .group_by(_VERSION.scorer)
    .subquery()
)


@dataclass(frozen=True, slots=True)
class ScorerVersion:
    """One version of a scorer, and the experiment that it belongs to."""

    scorer: str
    name: str
    experiment: str
    version: int
    serialized: str
    created_ms: int


def register(
    tx: Transaction, experiment: ExperimentRow, name: str, serialized: str
) -> ScorerVersion:
    """The next version of a scorer, which is made where there was none of that name."""
    # Two who register at once take turns: their versions differ.
    mine = experiments.c.no == experiment.no
    tx.execute(update(experiments).where(mine).values(name=experiments.c.name))
    scorer = _id(tx.connection, experiment, name)
    if scorer is None:
        scorer = str(uuid.uuid4())
        values = {"id": scorer, "experiment_no": experiment.no, "name": name}
        tx.execute(insert(scorers).values(**values))
    query = select(func.max(_VERSION.version)).where(_VERSION.scorer == scorer)
    version = (tx.execute(query).scalar() or 0) + 1
    now = clock.now_ms()
    row = {"scorer": scorer, "version": version, "serialized": serialized, "created_ms": now}
    tx.execute(insert(scorer_versions).values(**row))
    payload = {"name": name, "version": version, "experiment": experiment.id}
    tx.event("scorer.registered", f"scorer:{scorer}", payload)
    return ScorerVersion(scorer, name, experiment.id, version, serialized, now)


def latest(connection: Connection, numbers: Sequence[int]) -> list[ScorerVersion]:
    """The newest version of every scorer of some experiments, by experiment and name."""
    newest = (_LATEST.c.scorer == _VERSION.scorer) & (_LATEST.c.version == _VERSION.version)
    return [
        found
        for start in range(0, len(numbers), 500)
        for found in _versions(
            connection,
            scorers.c.experiment_no.in_(numbers[start : start + 500]),
            newest,
        )
    ]


def versions(connection: Connection, experiment: ExperimentRow, name: str) -> list[ScorerVersion]:
    """Every version of a scorer, oldest first; raises ``RESOURCE_DOES_NOT_EXIST``."""
    mine = (scorers.c.experiment_no == experiment.no) & (scorers.c.name == name)
    found = _versions(connection, mine)
    if not found:
        raise _unknown(experiment, name, None)
    return found


def find(
    connection: Connection, experiment: ExperimentRow, name: str, version: int | None
) -> ScorerVersion:
    """One version of a scorer, or its newest; raises ``RESOURCE_DOES_NOT_EXIST``."""
    found = versions(connection, experiment, name)
    if version is None:
        return found[-1]
    chosen = next((each for each in found if each.version == version), None)
    if chosen is None:
        raise _unknown(experiment, name, version)
    return chosen


def remove(tx: Transaction, experiment: ExperimentRow, name: str, version: int | None) -> None:
    """Delete one version of a scorer, or all with the scorer itself."""
    found = find(tx.connection, experiment, name, version)
    mine = [_VERSION.scorer == found.scorer]
    if version is not None:
        mine.append(_VERSION.version == version)
    tx.execute(delete(scorer_versions).where(*mine))
    if version is None:
        tx.execute(delete(scorers).where(scorers.c.id == found.scorer))
    payload = {"name": name, "version": version, "experiment": experiment.id}
    tx.event("scorer.deleted", f"scorer:{found.scorer}", payload)


def _id(connection: Connection, experiment: ExperimentRow, name: str) -> str | None:
    query = select(scorers.c.id).where(
        scorers.c.experiment_no == experiment.no, scorers.c.name == name
    )
    return connection.execute(query).scalar()


def _versions(connection: Connection, condition: Any, joined: Any = None) -> list[ScorerVersion]:
    query = (
        select(
            _VERSION.scorer,
            scorers.c.name,
            experiments.c.id,
            _VERSION.version,
            _VERSION.serialized,
            _VERSION.created_ms,
        )
        .join(scorers, scorers.c.id == _VERSION.scorer)
        .join(experiments, experiments.c.no == scorers.c.experiment_no)
        .where(condition)
        .order_by(scorers.c.experiment_no, scorers.c.name, _VERSION.version)
    )
    if joined is not None:
        query = query.join(_LATEST, joined)
    return [ScorerVersion(*row) for row in connection.execute(query)]


def _unknown(experiment: ExperimentRow, name: str, version: int | None) -> MlflowError:
    which = f"'{name[:200]}'" + (f" and version {version}" if version is not None else "")
    return absent(f"Scorer with name {which} not found for experiment {experiment.id}.")
