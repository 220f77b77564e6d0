"""The experiment that a request names by its MLflow id, for rooms of tracking that hang things on it."""

from __future__ import annotations

from sqlalchemy import Connection, select

from millwright.kernel.store import Transaction
from millwright.tracking.mlflow.errors import absent, invalid
from millwright.tracking.service.experiments import (
    DEFAULT_ID,
    ExperimentRow,
    by_id,
    ensure_default,
)
from millwright.tracking.tables import experiments


def active_experiment(tx: Transaction, project: str, identifier: str) -> ExperimentRow:
    """The experiment to add something to; the default one is made where it is missing.

    Raises:
        MlflowError: there is none with this id, or it was deleted.
    """
    if identifier == DEFAULT_ID:
        ensure_default(tx)
    row = by_id(tx.connection, project, identifier)
    if row is None:
        raise absent(f"No Experiment with id={identifier[:100]} exists")
    return active(row)


def active(row: ExperimentRow) -> ExperimentRow:
    """The same experiment, unless it was deleted; raises ``MlflowError``."""
    if row.deleted_ms is not None:
        raise invalid(
            f"The experiment {row.id} must be in the 'active' state. Current state is deleted."
        )
    return row


def numbers_of(connection: Connection, project: str, identifiers: list[str]) -> dict[int, str]:
    """The ids of a project's experiments by number; unknown ids are left out."""
    found: dict[int, str] = {}
    for start in range(0, len(identifiers), 500):
        query = select(experiments.c.no, experiments.c.id).where(
            experiments.c.project == project,
            experiments.c.id.in_(identifiers[start : start + 500]),
        )
        found.update({row.no: row.id for row in connection.execute(query)})
    return found


def id_of(connection: Connection, number: int) -> str:
    """The MLflow id of an experiment by its number."""
    query = select(experiments.c.id).where(experiments.c.no == number)
    return str(connection.execute(query).scalar_one())
