"""The suite of a dataset: each edit is kept; a confirmed check is a person's word."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select

from millwright.data.quality.exchange import Confirmation, DatasetSuite
from millwright.data.quality.records import Check, Suite
from millwright.data.quality.tables import dataset_checks, dataset_suites
from millwright.data.tables import dataset_versions
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.errors import Conflict, InvalidInput, NotFound, nearest
from millwright.kernel.store import Store, Transaction

_S = dataset_suites.c


def get_suite(store: Store, project: str, name: str, number: int | None = None) -> DatasetSuite:
    """The suite of a dataset, the newest when no number is given; empty where none ever was.

    Raises:
        NotFound: there is no edit of that number.
    """
    with store.read() as connection:
        found = stored_suite(connection, project, name, number)
    if number is not None and found.number != number:
        raise NotFound(
            "data.unknown_suite",
            f"Dataset '{name}' has no suite number {number}.",
            hint=f"See: mw data rules {name}",
            value=number,
        )
    return found


def put_suite(
    store: Store, actor: Actor, project: str, name: str, suite: Suite, source: str = "edited"
) -> DatasetSuite:
    """Replace the proposed checks of a dataset.

    Confirmed checks are a person's word: they stay as they are, and what comes in is proposed,
    whatever it says of itself. A suite that changes nothing adds no edit.

    Raises:
        Conflict: a confirmed check would be changed.
    """
    with store.write(actor, project) as tx:
        before = stored_suite(tx.connection, project, name)
        known = before.suite.checks
        confirmed = {check.id: check for check in known if check.status == "confirmed"}
        new: list[Check] = []
        for check in suite.checks:
            proposed = check.model_copy(update={"status": "proposed"})
            kept = confirmed.pop(check.id, None)
            if kept is not None and kept.model_copy(update={"status": "proposed"}) != proposed:
                raise Conflict(
                    "data.check_confirmed",
                    f"Check '{check.id}' is confirmed and cannot be changed.",
                    hint=f"Withdraw it first: mw data confirm {name} --rule {check.id} --withdraw",
                    value=check.id,
                )
            new.append(kept or proposed)
        whole = Suite(checks=(*confirmed.values(), *new))
        if before.number == 0 or whole != before.suite:
            _write(tx, before, whole, source)
            _tell(tx, "dataset.suite-edited", name, before, whole, source)
        return stored_suite(tx.connection, project, name)


def confirm_checks(
    store: Store, actor: Actor, project: str, name: str, word: Confirmation
) -> DatasetSuite:
    """Confirm checks, or withdraw the confirmation.

    All of them are those that the newest version passes, unless ``including_broken``: what is
    broken today would block every run from now on.

    Raises:
        NotFound: a named check does not exist.
        InvalidInput: no check was named.
    """
    if not word.checks and not word.all:
        raise InvalidInput(
            "data.no_check", "No check was named.", hint="Name checks, or confirm all of them."
        )
    status = "confirmed" if word.confirmed else "proposed"
    with store.write(actor, project) as tx:
        before = stored_suite(tx.connection, project, name)
        checks = before.suite.checks
        for wanted in word.checks:
            _require(wanted, [check.id for check in checks], name)
        chosen = set(word.checks)
        if word.all:
            spared: set[str] = set()
            if word.confirmed and not word.including_broken:
                spared = _broken_now(tx.connection, project, name)
            chosen |= {check.id for check in checks} - spared
        changed = [c.id for c in checks if c.id in chosen and c.status != status]
        if changed:
            new = Suite(
                checks=tuple(
                    c.model_copy(update={"status": status}) if c.id in changed else c
                    for c in checks
                )
            )
            word_of = "confirmed" if word.confirmed else "withdrawn"
            _write(tx, before, new, word_of)
            payload = {"number": before.number + 1, "checks": changed}
            tx.event(f"dataset.checks-{word_of}", f"dataset-suite:{name}", payload)
        return stored_suite(tx.connection, project, name)


def keep_proposed(tx: Transaction, name: str, suite: Suite) -> None:
    """Keep the checks inferred from a first version, unless the dataset has checks already."""
    assert tx.project is not None
    before = stored_suite(tx.connection, tx.project, name)
    if before.number == 0:
        _write(tx, before, suite, "inferred")
        _tell(tx, "dataset.suite-edited", name, before, suite, "inferred")


def stored_suite(
    connection: Connection, project: str, name: str, number: int | None = None
) -> DatasetSuite:
    """The suite as it stands, or as it stood."""
    query = select(dataset_suites).where(_S.project == project, _S.name == name)
    if number is not None:
        query = query.where(_S.number == number)
    row = connection.execute(query.order_by(_S.number.desc()).limit(1)).first()
    if row is None:
        return DatasetSuite(name=name)
    return DatasetSuite(
        name=name,
        number=row.number,
        suite=Suite.model_validate_json(row.checks),
        source=row.source,
        updated_at=clock.rfc3339(row.created_ms),
        updated_by=row.created_by,
    )


def _require(wanted: str, known: list[str], name: str) -> None:
    if wanted in known:
        return
    guess = nearest(wanted, known)
    raise NotFound(
        "data.unknown_check",
        f"Dataset '{name}' has no check '{wanted}'.",
        hint=f"Did you mean '{guess}'?" if guess else f"See: mw data rules {name}",
        value=wanted,
    )


def _broken_now(connection: Connection, project: str, name: str) -> set[str]:
    """The checks that the newest check of the newest version found broken."""
    from millwright.data.quality.records import CheckReport

    v, c = dataset_versions.c, dataset_checks.c
    newest = (
        select(c.report)
        .join(dataset_versions, v.id == c.version_id)
        .where(v.project == project, v.name == name)
        .order_by(v.version.desc(), c.id.desc())
        .limit(1)
    )
    report = connection.execute(newest).scalar()
    if report is None:
        return set()
    results = CheckReport.model_validate_json(report).results
    return {result.check.id for result in results if not result.passed}


def _write(tx: Transaction, before: DatasetSuite, suite: Suite, source: str) -> None:
    row: dict[str, Any] = {
        "project": tx.project,
        "name": before.name,
        "number": before.number + 1,
        "checks": suite.model_dump_json(),
        "source": source,
        "created_ms": clock.now_ms(),
        "created_by": tx.actor.name,
    }
    tx.execute(insert(dataset_suites).values(row))


def _tell(
    tx: Transaction, kind: str, name: str, before: DatasetSuite, after: Suite, source: str
) -> None:
    then = {check.id: check for check in before.suite.checks}
    now = {check.id: check for check in after.checks}
    payload = {
        "number": before.number + 1,
        "source": source,
        "added": sorted(set(now) - set(then)),
        "removed": sorted(set(then) - set(now)),
        "changed": sorted(key for key in set(then) & set(now) if then[key] != now[key]),
    }
    tx.event(kind, f"dataset-suite:{name}", payload)
