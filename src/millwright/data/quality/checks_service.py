"""Checks of dataset versions against their suite, kept with what they found; overrides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.engine import Row

from millwright.data.parquet import to_parquet
from millwright.data.quality.exchange import (
    CheckPoint,
    CheckSeries,
    NewCheck,
    Override,
    QuarantinePage,
    VersionCheck,
)
from millwright.data.quality.profile_records import TableProfile
from millwright.data.quality.records import QUARANTINE, CheckReport
from millwright.data.quality.running import Checked, run_checks
from millwright.data.quality.scanning import open_source
from millwright.data.quality.standing import standings
from millwright.data.quality.suites_service import get_suite
from millwright.data.quality.tables import dataset_checks, dataset_overrides
from millwright.data.quality.world import OtherTable, World
from millwright.data.records import DatasetVersion, NewVersion
from millwright.data.service import commit_version, get_version, list_versions
from millwright.data.tables import dataset_versions
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.ids import new_id
from millwright.kernel.store import Store

HISTORY = 20
"""Earlier versions that checks of history look at."""
PAGE = 200
_LONGEST_NAME = 100


def check_version(
    store: Store,
    actor: Actor,
    project: str,
    name: str,
    version: str,
    request: NewCheck | None = None,
) -> VersionCheck:
    """Check a version against the suite as it is now, and keep the report and the broken rows.

    Raises:
        InvalidInput: the version is files, not a table.
    """
    request = request or NewCheck()
    found = table_version(store, project, name, version)
    suite = get_suite(store, project, name)
    checked = run_checks(
        _path(store, found),
        suite.suite,
        world=_world(store, found),
        quarantine=request.quarantine,
        whole_rows=request.whole_rows,
    )
    report = checked.report
    digest, apart = _kept_apart(store, actor, found, checked)
    row: dict[str, Any] = {
        "id": new_id(),
        "version_id": found.id,
        "verdict": report.verdict,
        "report": report.model_dump_json(),
        "created_ms": clock.now_ms(),
        "created_by": actor.name,
        "suite": suite.number,
        "quarantine": digest,
    }
    with store.write(actor, project) as tx:
        tx.execute(insert(dataset_checks).values(row))
        payload = {
            "name": name,
            "version": found.version,
            "suite": suite.number,
            "verdict": report.verdict,
            "failed": [result.check.id for result in report.failures],
            "quarantined": report.quarantined,
        }
        edges = [] if apart is None else [(f"dataset:{found.id}", f"dataset:{apart.id}")]
        tx.event("dataset.checked", f"dataset:{found.id}", payload, edges=edges)
        kept = tx.execute(select(dataset_checks).where(dataset_checks.c.id == row["id"])).one()
        override = _override_of(tx.connection, found.id)
        return _check(tx.connection, kept, found, override)


def check_unless_checked(store: Store, actor: Actor, project: str, name: str) -> None:
    """Check the newest version of a table if nobody has, so that it is known what it breaks."""
    try:
        newest = get_version(store, project, name, "latest")
    except NotFound:
        return
    if newest.kind == "table" and newest.standing.verdict is None:
        check_version(store, actor, project, name, str(newest.version))


def list_checks(store: Store, project: str, name: str, version: str) -> list[VersionCheck]:
    """The checks of a version, newest first."""
    found = get_version(store, project, name, version)
    c = dataset_checks.c
    query = select(dataset_checks).where(c.version_id == found.id).order_by(c.id.desc())
    with store.read() as connection:
        override = _override_of(connection, found.id)
        rows = connection.execute(query).all()
        return [_check(connection, row, found, override) for row in rows]


def history_of_checks(store: Store, project: str, name: str, limit: int = 100) -> list[CheckSeries]:
    """Each check over the newest versions: one series per check, oldest version first."""
    versions = list_versions(store, project, name)[:limit]
    numbers = {one.id: one.version for one in versions}
    c = dataset_checks.c
    query = select(c.version_id, c.report, c.created_ms).where(c.version_id.in_(list(numbers)))
    latest: dict[int, tuple[CheckReport, int]] = {}
    with store.read() as connection:
        for row in connection.execute(query.order_by(c.id)):
            report = CheckReport.model_validate_json(row.report)
            latest[numbers[row.version_id]] = (report, row.created_ms)
    points: dict[str, list[CheckPoint]] = {}
    sentences: dict[str, str] = {}
    for version in sorted(latest):
        report, checked_ms = latest[version]
        for result in report.results:
            observed = result.observed
            number = isinstance(observed, int | float) and not isinstance(observed, bool)
            point = CheckPoint(
                version=version,
                passed=result.passed,
                failed_rows=result.failed_rows,
                rows=result.rows,
                observed=float(observed) if number else None,  # type: ignore[arg-type]
                error=result.error,
                checked_at=clock.rfc3339(checked_ms),
            )
            points.setdefault(result.check.id, []).append(point)
            sentences[result.check.id] = result.check.sentence
    return [
        CheckSeries(check=key, sentence=sentences[key], points=tuple(found))
        for key, found in points.items()
    ]


def read_quarantine(
    store: Store, project: str, name: str, version: str, offset: int = 0, limit: int = PAGE
) -> QuarantinePage:
    """Broken rows that the newest check of a version kept apart, whole.

    Raises:
        NotFound: the version was not checked, or its check kept no rows.
    """
    found = table_version(store, project, name, version)
    c = dataset_checks.c
    query = select(c.quarantine).where(c.version_id == found.id).order_by(c.id.desc()).limit(1)
    with store.read() as connection:
        digest = connection.execute(query).scalar()
    if digest is None:
        raise NotFound(
            "data.no_quarantine",
            f"No broken rows of {found.reference} are kept.",
            hint=f"Check it: mw data check {found.reference}",
            value=found.reference,
        )
    kept = pq.read_table(store.objects.of(project).local_path(digest))
    page = kept.slice(offset, min(limit, PAGE))
    rows = page["broken_row"].to_numpy() - 1
    with open_source(_path(store, found)) as source:
        whole = source.take(rows, source.schema.names)
    reasons = page.select(["broken_row", "broken_checks"]).to_pylist()
    values = [_shown(row) for row in whole.to_pylist()]
    return QuarantinePage(
        total=kept.num_rows,
        columns=tuple(whole.column_names),
        rows=tuple(reason | value for reason, value in zip(reasons, values, strict=True)),
    )


def override(
    store: Store, actor: Actor, project: str, name: str, version: str, word: Override
) -> VersionCheck:
    """Let a version feed runs although it breaks its contract, or take that back.

    Raises:
        NotFound: the version was never checked.
        Conflict: it breaks nothing that would keep it from a run.
    """
    found = get_version(store, project, name, version)
    checks = list_checks(store, project, name, version)
    if not checks:
        raise NotFound(
            "data.not_checked",
            f"{found.reference} was never checked, so there is nothing to override.",
            hint=f"Check it: mw data check {found.reference}",
        )
    if not word.withdrawn and checks[0].verdict != "blocked":
        raise Conflict(
            "data.nothing_to_override",
            f"{found.reference} breaks no confirmed check, so there is nothing to override.",
            hint=f"See what was found: mw data check {found.reference}",
            value=found.reference,
        )
    with store.write(actor, project) as tx:
        tx.execute(delete(dataset_overrides).where(dataset_overrides.c.version_id == found.id))
        if not word.withdrawn:
            row = {
                "version_id": found.id,
                "reason": word.reason,
                "created_ms": clock.now_ms(),
                "created_by": actor.name,
            }
            tx.execute(insert(dataset_overrides).values(row))
        payload = {
            "name": name,
            "version": found.version,
            "reason": word.reason,
            "verdict": checks[0].verdict,
            "failed": [result.check.id for result in checks[0].report.failures],
        }
        kind = "dataset.override-withdrawn" if word.withdrawn else "dataset.override"
        tx.event(kind, f"dataset:{found.id}", payload)
    return list_checks(store, project, name, version)[0]


def table_version(store: Store, project: str, name: str, version: str) -> DatasetVersion:
    """A version that is a table; ``InvalidInput`` for one that is files."""
    found = get_version(store, project, name, version)
    if found.kind != "table":
        raise InvalidInput(
            "data.no_table",
            f"{found.reference} is files, not a table, so it has no rows to check.",
            hint=f"See its files with: mw data ls {found.reference}",
            value=found.reference,
        )
    return found


def _path(store: Store, version: DatasetVersion) -> Path:
    return store.objects.of(version.project).local_path(version.digest)


def _world(store: Store, version: DatasetVersion) -> World:
    earlier = [
        one
        for one in list_versions(store, version.project, version.name)
        if one.version < version.version and one.kind == "table"
    ][:HISTORY]
    objects = store.objects.of(version.project)

    def table(reference: str) -> OtherTable:
        if reference == "":
            other = earlier[0]
        else:
            name, _, number = reference.partition("@")
            other = table_version(store, version.project, name, number or "latest")
        return OtherTable(other.reference, _path(store, other), other.rows)

    profiles = tuple(
        TableProfile.model_validate_json(objects.read(one.profile_digest)) for one in earlier
    )
    return replace(World(), table=table, history=profiles, now_ms=clock.now_ms())


def _kept_apart(
    store: Store, actor: Actor, version: DatasetVersion, checked: Checked
) -> tuple[str | None, DatasetVersion | None]:
    """The broken rows as an object, and as a version of a dataset of their own."""
    if checked.quarantine is None or checked.quarantine.num_rows == 0:
        return None, None
    digest: str = store.objects.of(version.project).put(to_parquet(checked.quarantine))
    name = version.name + QUARANTINE
    if version.name.endswith(QUARANTINE) or len(name) > _LONGEST_NAME:
        return digest, None
    request = NewVersion(
        digest=digest,
        source=version.reference,
        message=f"Rows of {version.reference} that break its checks.",
    )
    return digest, commit_version(store, actor, version.project, name, request)


def _override_of(connection: Connection, version_id: str) -> str | None:
    found = standings(connection, [version_id]).get(version_id)
    return None if found is None else found.override


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    plain = (bool, int, float, str, type(None))
    return {key: value if isinstance(value, plain) else str(value) for key, value in row.items()}


def _check(
    connection: Connection, row: Row[Any], version: DatasetVersion, reason: str | None
) -> VersionCheck:
    apart = version.name + QUARANTINE
    v = dataset_versions.c
    number = None
    if row.quarantine is not None:
        same = (v.project == version.project, v.name == apart, v.digest == row.quarantine)
        number = connection.execute(select(v.version).where(*same).limit(1)).scalar()
    return VersionCheck(
        id=row.id,
        name=version.name,
        version=version.version,
        suite=row.suite,
        verdict=row.verdict,
        report=CheckReport.model_validate_json(row.report),
        quarantine=row.quarantine,
        kept_as=None if number is None else f"{apart}@{number}",
        override=reason,
        created_at=clock.rfc3339(row.created_ms),
        created_by=row.created_by,
    )
