"""Experiments: what groups runs. Each project has one with the id ``0``, made when it is needed."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, delete, insert, select, update

from millwright.kernel import clock
from millwright.kernel.errors import Conflict
from millwright.kernel.plain_sql import first
from millwright.kernel.projects import begin_project
from millwright.kernel.store import Transaction
from millwright.tracking.tables import experiment_tags, experiments, runs

DEFAULT_ID = "0"
DEFAULT_NAME = "Default"


class ExperimentRow(NamedTuple):
    """An experiment as it is stored; ``no`` is its number in the database."""

    no: int
    project: str
    id: str
    name: str
    artifact_location: str | None
    created_ms: int
    updated_ms: int
    deleted_ms: int | None


_SELECT = f"SELECT {', '.join(ExperimentRow._fields)} FROM experiments WHERE project = ? AND "  # noqa: S608


def by_id(connection: Connection, project: str, experiment: str) -> ExperimentRow | None:
    """An experiment's row by its id."""
    return first(connection, ExperimentRow, _SELECT + "id = ?", project, experiment)


def by_name(connection: Connection, project: str, name: str) -> ExperimentRow | None:
    """An experiment's row by its name."""
    return first(connection, ExperimentRow, _SELECT + "name = ?", project, name)


def number_for(tx: Transaction, name: str) -> int:
    """The number of the experiment with this name, made where there is none.

    Raises:
        Conflict: it was deleted.
    """
    assert tx.project is not None
    known = by_name(tx.connection, tx.project, name)
    if known is None:
        return insert_experiment(tx, name)
    if known.deleted_ms is not None:
        raise Conflict(
            "tracking.experiment_deleted",
            f"The experiment '{name}' was deleted.",
            hint="Restore it, or use another name.",
            value=name,
        )
    return int(known.no)


def insert_experiment(
    tx: Transaction,
    name: str,
    *,
    identifier: str | None = None,
    location: str | None = None,
    tags: dict[str, str] | None = None,
    created_ms: int | None = None,
    number: int | None = None,
) -> int:
    """A new experiment's number; the caller has checked that the name is free, and the number if
    one is given."""
    now = clock.now_ms()
    begin_project(tx)
    values = {
        "project": tx.project,
        "id": identifier or f"new-{name}"[:32],
        "name": name,
        "artifact_location": location,
        "created_ms": created_ms or now,
        "updated_ms": created_ms or now,
    }
    if number is not None:
        values["no"] = number
    found = tx.execute(
        insert(experiments).values(**values).returning(experiments.c.no)
    ).scalar_one()
    no = int(found)
    if identifier is None:
        tx.execute(update(experiments).where(experiments.c.no == no).values(id=str(no)))
    for key, value in (tags or {}).items():
        tx.execute(insert(experiment_tags).values(experiment_no=no, key=key, value=value))
    subject = f"experiment:{identifier or no}"
    tx.event("experiment.created", subject, {"name": name, "tags": sorted(tags or {})})
    return no


def ensure_default(tx: Transaction) -> None:
    """Make the project's experiment ``0`` where it is missing."""
    assert tx.project is not None
    if by_id(tx.connection, tx.project, DEFAULT_ID) is not None:
        return
    # The first of a database takes number 0, so that the next is 1, as on an MLflow server.
    taken = tx.execute(select(experiments.c.no).where(experiments.c.no == 0)).first()
    number = 0 if taken is None else None
    insert_experiment(tx, DEFAULT_NAME, identifier=DEFAULT_ID, number=number)


def named(
    tx: Transaction,
    name: str,
    *,
    location: str | None = None,
    tags: dict[str, str] | None = None,
    created_ms: int | None = None,
) -> ExperimentRow:
    """The project's experiment of that name, made by the given details where it is missing."""
    assert tx.project is not None
    ensure_default(tx)
    row = by_name(tx.connection, tx.project, name)
    if row is None:
        insert_experiment(tx, name, location=location, tags=tags, created_ms=created_ms)
        row = by_name(tx.connection, tx.project, name)
        assert row is not None
    return row


def tags_of(connection: Connection, numbers: list[int]) -> dict[int, dict[str, str]]:
    """The tags of experiments, by number."""
    found: dict[int, dict[str, str]] = {no: {} for no in numbers}
    table = experiment_tags
    query = select(table).where(table.c.experiment_no.in_(numbers)).order_by(table.c.key)
    for row in connection.execute(query):
        found[row.experiment_no][row.key] = row.value
    return found


def set_experiment_tag(tx: Transaction, experiment: ExperimentRow, key: str, value: str) -> None:
    """Set a tag, replacing an earlier value."""
    table = experiment_tags
    tx.execute(_tag(table, experiment.no, key))
    tx.execute(insert(table).values(experiment_no=experiment.no, key=key, value=value))
    tx.event("experiment.tags-set", f"experiment:{experiment.id}", {"keys": [key]})


def delete_experiment_tag(tx: Transaction, experiment: ExperimentRow, key: str) -> bool:
    """Remove a tag; whether there was one."""
    if not tx.execute(_tag(experiment_tags, experiment.no, key)).rowcount:
        return False
    tx.event("experiment.tag-deleted", f"experiment:{experiment.id}", {"key": key})
    return True


def change_experiment(
    tx: Transaction, experiment: ExperimentRow, kind: str, payload: dict[str, Any], **values: Any
) -> None:
    """Write new values into an experiment, with the event that says what happened."""
    now = clock.now_ms()
    where = experiments.c.no == experiment.no
    tx.execute(update(experiments).where(where).values(updated_ms=now, **values))
    tx.event(kind, f"experiment:{experiment.id}", payload)


def delete_experiment(tx: Transaction, experiment: ExperimentRow) -> None:
    """Delete an experiment and its runs, softly: both can be restored until they are purged."""
    now = clock.now_ms()
    of_it = runs.c.experiment_no == experiment.no
    tx.execute(update(runs).where(of_it, runs.c.deleted_ms.is_(None)).values(deleted_ms=now))
    change_experiment(
        tx, experiment, "experiment.deleted", {"name": experiment.name}, deleted_ms=now
    )


def restore_experiment(tx: Transaction, experiment: ExperimentRow) -> None:
    """Undo ``delete_experiment``, runs included."""
    tx.execute(update(runs).where(runs.c.experiment_no == experiment.no).values(deleted_ms=None))
    change_experiment(
        tx, experiment, "experiment.restored", {"name": experiment.name}, deleted_ms=None
    )


def _tag(table: Table, no: int, key: str) -> Any:
    return delete(table).where(table.c.experiment_no == no, table.c.key == key)
