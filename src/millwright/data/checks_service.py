"""Checks of dataset versions against the rules, kept with what they found."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.engine import Row

from millwright.data.checking import CheckReport, check_rules
from millwright.data.parquet import from_parquet
from millwright.data.records import DatasetVersion, VersionCheck
from millwright.data.rules_service import get_rules
from millwright.data.service import get_version
from millwright.data.tables import dataset_checks
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.ids import new_id
from millwright.kernel.store import Store


def check_version(
    store: Store, actor: Actor, project: str, name: str, version: str
) -> VersionCheck:
    """Check a version against the rules as they are now, and keep the report."""
    found = get_version(store, project, name, version)
    rules = get_rules(store, project, name).rules
    report = check_rules(from_parquet(store.objects.of(project).local_path(found.digest)), rules)
    row: dict[str, Any] = {
        "id": new_id(),
        "version_id": found.id,
        "verdict": report.verdict,
        "report": report.model_dump_json(),
        "created_ms": clock.now_ms(),
        "created_by": actor.name,
    }
    with store.write(actor, project) as tx:
        tx.execute(insert(dataset_checks).values(row))
        payload = {
            "name": name,
            "version": found.version,
            "verdict": report.verdict,
            "failed": [result.rule.id for result in report.failures],
        }
        tx.event("dataset.checked", f"dataset:{found.id}", payload)
        kept = tx.execute(select(dataset_checks).where(dataset_checks.c.id == row["id"])).one()
    return _check(kept, found)


def list_checks(store: Store, project: str, name: str, version: str) -> list[VersionCheck]:
    """The checks of a version, newest first."""
    found = get_version(store, project, name, version)
    query = (
        select(dataset_checks)
        .where(dataset_checks.c.version_id == found.id)
        .order_by(dataset_checks.c.id.desc())
    )
    with store.read() as connection:
        return [_check(row, found) for row in connection.execute(query)]


def _check(row: Row[Any], version: DatasetVersion) -> VersionCheck:
    return VersionCheck(
        id=row.id,
        name=version.name,
        version=version.version,
        verdict=row.verdict,
        report=CheckReport.model_validate_json(row.report),
        created_at=clock.rfc3339(row.created_ms),
        created_by=row.created_by,
    )
