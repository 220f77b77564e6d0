"""Every change and query of triggers: one transaction each, with its event."""

from __future__ import annotations

import json
import secrets
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.engine import Row

from millwright.automation.launching.service import launch
from millwright.automation.starters import lineage_nodes, stands_in_file
from millwright.automation.starting import entry_point, new_run
from millwright.automation.triggers.admitting import Spent, refusal
from millwright.automation.triggers.matching import circle
from millwright.automation.triggers.records import Firing, Occurrence, Trigger, TriggerSecret
from millwright.automation.triggers.tables import trigger_firings, triggers
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.config_automation import TRAIN, TriggerConfig
from millwright.kernel.errors import InvalidInput, MillwrightError, NotFound
from millwright.kernel.ids import new_id
from millwright.kernel.nodes import LineageNode, describes
from millwright.kernel.sealing import key_of, seal, unseal
from millwright.kernel.store import Store, Transaction
from millwright.kernel.tables import event_head
from millwright.pipelines import NewPipelineRun, PipelineRun, run_summaries

_LATEST = 10


def put_trigger(
    store: Store,
    actor: Actor,
    project: str,
    name: str,
    config: TriggerConfig,
    *,
    declared: bool = False,
) -> Trigger:
    """Add a trigger or change it; it is about what happens from now on.

    Raises:
        InvalidInput: a pipeline would start itself again, or is no file that Python can import.
        Conflict: it stands in ``millwright.yaml``, and this call does not come from there.
    """
    if config.pipeline != TRAIN:
        entry_point(config.pipeline)
    with store.write(actor, project) as tx:
        known = _find(tx.connection, project, name)
        if known is not None and known.declared and not declared:
            raise stands_in_file("trigger", name)
        text = config.model_dump_json()
        if known is None or known.config != text or known.declared != declared:
            _refuse_circles(tx.connection, project, name, config)
            _write(tx, known, name, config, declared=declared)
    return get_trigger(store, project, name)


def remove_trigger(
    store: Store, actor: Actor, project: str, name: str, *, declared: bool = False
) -> None:
    """Remove a trigger and the record of its firings; its runs stay. Errors as for schedules."""
    with store.write(actor, project) as tx:
        row = trigger_row(tx.connection, project, name)
        if row.declared and not declared:
            raise stands_in_file("trigger", name)
        tx.execute(delete(trigger_firings).where(trigger_firings.c.trigger_id == row.id))
        tx.execute(delete(triggers).where(triggers.c.id == row.id))
        tx.event("trigger.removed", f"trigger:{row.id}", {"trigger": name})


def set_paused(store: Store, actor: Actor, project: str, name: str, paused: bool) -> Trigger:
    """Stop firing, or fire again. What happens during a pause starts nothing, also not later."""
    with store.write(actor, project) as tx:
        row = trigger_row(tx.connection, project, name)
        if row.paused != paused:
            change = update(triggers).where(triggers.c.id == row.id)
            tx.execute(change.values(paused=paused, seen=_head(tx.connection)))
            what = "paused" if paused else "resumed"
            tx.event(f"trigger.{what}", f"trigger:{row.id}", {"trigger": name})
    return get_trigger(store, project, name)


def secret_of(store: Store, row: Row[Any]) -> str | None:
    """What senders to a trigger sign with; None where it has no secret.

    Raises:
        Corrupt: it was sealed with another key.
    """
    return unseal(key_of(store.workspace), row.secret, f"trigger:{row.id}") if row.secret else None


def renew_secret(store: Store, actor: Actor, project: str, name: str) -> TriggerSecret:
    """Give a trigger on a webhook a new secret; the one before is void.

    Raises:
        InvalidInput: the trigger is not about a webhook.
    """
    secret = secrets.token_urlsafe(32)
    with store.write(actor, project) as tx:
        row = trigger_row(tx.connection, project, name)
        if TriggerConfig.model_validate_json(row.config).when != "webhook":
            raise InvalidInput(
                "triggers.no_webhook", f"Nobody sends to the trigger '{name}'.", value=name
            )
        sealed = seal(key_of(store.workspace), secret, f"trigger:{row.id}")
        tx.execute(update(triggers).where(triggers.c.id == row.id).values(secret=sealed))
        tx.event("trigger.secret-renewed", f"trigger:{row.id}", {"trigger": name})
    return TriggerSecret(trigger=name, secret=secret)


def fire(
    store: Store, actor: Actor, row: Row[Any], happened: Occurrence, *, seen: int | None = None
) -> Firing:
    """Start the run that an occurrence asks for, or note why none is started.

    Told again, by whomever and however often, it is answered with what came of it the first time.

    Args:
        row: the trigger.
        seen: the event of the log up to which the trigger has looked with this.
    """
    config = TriggerConfig.model_validate_json(row.config)
    cause = {"trigger": row.name, **happened.cause}
    prepared: NewPipelineRun | str
    try:
        prepared = new_run(store, row.project, config, happened.known, cause, happened.by)
    except MillwrightError as error:
        prepared = str(error)
    with store.write(actor, row.project) as tx:
        if seen is not None:
            tx.execute(update(triggers).where(triggers.c.id == row.id).values(seen=seen))
        known = _firing(tx.connection, row.id, happened.key)
        if known is None:
            _admit(tx, store, row, config, happened, prepared)
    with store.read() as connection:
        found = _firing(connection, row.id, happened.key)
    assert found is not None
    runs = run_summaries(store, [found.run_id] if found.run_id else [])
    return _record_firing(found, runs, repeated=known is not None)


def look_no_further_back(store: Store, trigger_id: str, seen: int) -> None:
    """Remember up to where the log was looked at without finding anything."""
    with store.database.write() as connection:
        connection.execute(update(triggers).where(triggers.c.id == trigger_id).values(seen=seen))


def following(store: Store) -> list[Row[Any]]:
    """The triggers that follow the event log."""
    query = select(triggers).where(triggers.c.paused.is_(False)).order_by(triggers.c.id)
    with store.read() as connection:
        rows = connection.execute(query).all()
    return [row for row in rows if json.loads(row.config)["when"] != "webhook"]


def get_trigger(store: Store, project: str, name: str) -> Trigger:
    """A trigger by name.

    Raises:
        NotFound: there is none.
    """
    with store.read() as connection:
        row = trigger_row(connection, project, name)
        return _record(store, connection, row)


def list_triggers(store: Store, project: str) -> list[Trigger]:
    """The triggers of a project, by name."""
    query = select(triggers).where(triggers.c.project == project).order_by(triggers.c.name)
    with store.read() as connection:
        return [_record(store, connection, row) for row in connection.execute(query).all()]


def trigger_row(connection: Connection, project: str, name: str) -> Row[Any]:
    """The row of a trigger; errors as in ``get_trigger``."""
    found = _find(connection, project, name)
    if found is None:
        raise NotFound(
            "triggers.unknown",
            f"There is no trigger named '{name}'.",
            hint="See them with: mw triggers list",
            value=name,
        )
    return found


def described(config: TriggerConfig) -> str:
    """What a trigger waits for, in words."""
    words = {
        "dataset": f"a new version of the dataset {config.name}",
        "pipeline": f"a run of {config.name} that {config.status}"
        if config.status != "cancelled"
        else f"a run of {config.name} that was cancelled",
        "alert": f"an alert ({', '.join(config.kinds) or 'any'})"
        + (f" of {config.name}" if config.name else ""),
        "webhook": f"an event sent to it{f' of type {config.type}' if config.type else ''}",
    }
    return words[config.when]


def _admit(
    tx: Transaction,
    store: Store,
    row: Row[Any],
    config: TriggerConfig,
    happened: Occurrence,
    prepared: NewPipelineRun | str,
) -> None:
    now = clock.now_ms()
    reason = prepared if isinstance(prepared, str) else None
    if reason is None:
        reason = refusal(config, _spent(tx.connection, store, row.id, now), now)
    lane, run_id = f"trigger:{row.id}", None
    if reason is None and isinstance(prepared, NewPipelineRun):
        run_id = launch(tx, row.project, prepared, lane=lane, max_active=config.max_active)
    tx.execute(
        insert(trigger_firings).values(
            trigger_id=row.id,
            key=happened.key,
            run_id=run_id,
            reason=reason,
            cause=json.dumps(happened.cause),
            created_ms=now,
        )
    )
    payload = {"trigger": row.name, "cause": happened.cause, "reason": reason}
    edges = [] if run_id is None else [(lane, f"pipeline-run:{run_id}")]
    tx.event(f"trigger.{'fired' if run_id else 'held'}", lane, payload, edges=edges)


def _spent(connection: Connection, store: Store, trigger_id: str, now_ms: int) -> list[Spent]:
    table = trigger_firings.c
    query = (
        select(table.run_id, table.created_ms)
        .where(table.trigger_id == trigger_id, table.run_id.is_not(None))
        .order_by(table.created_ms.desc())
        .limit(10_000)
    )
    rows = connection.execute(query).all()
    runs = run_summaries(store, [row.run_id for row in rows])
    return [Spent(row.created_ms, _duration(runs.get(row.run_id), now_ms)) for row in rows]


def _duration(run: PipelineRun | None, now_ms: int) -> int:
    if run is None or run.started is None:
        return 0
    end = now_ms if run.finished is None else clock.parse_rfc3339(run.finished)
    return end - clock.parse_rfc3339(run.started)


def _write(
    tx: Transaction, known: Row[Any] | None, name: str, config: TriggerConfig, *, declared: bool
) -> None:
    identifier = new_id() if known is None else known.id
    values = {
        "declared": declared,
        "config": config.model_dump_json(),
        "seen": _head(tx.connection),
    }
    if known is None:
        row = {"id": identifier, "project": tx.project, "name": name, "paused": False}
        tx.execute(insert(triggers).values(**row, **values, created_ms=clock.now_ms()))
    else:
        tx.execute(update(triggers).where(triggers.c.id == identifier).values(**values))
    payload = {"trigger": name, **config.model_dump(mode="json", exclude_defaults=True)}
    what = "created" if known is None else "changed"
    tx.event(f"trigger.{what}", f"trigger:{identifier}", payload)


def _refuse_circles(connection: Connection, project: str, name: str, config: TriggerConfig) -> None:
    rows = connection.execute(select(triggers).where(triggers.c.project == project))
    every = {row.name: TriggerConfig.model_validate_json(row.config) for row in rows}
    pairs = {
        key: (one.name, one.pipeline.rpartition(":")[2])
        for key, one in {**every, name: config}.items()
        if one.when == "pipeline" and one.name is not None
    }
    found = circle(pairs, name) if name in pairs else ()
    if found:
        raise InvalidInput(
            "triggers.circle",
            f"The pipeline '{pairs[name][0]}' would start itself again, through: {', '.join(found)}.",
            hint="Let one of these triggers wait for something else.",
        )


def _head(connection: Connection) -> int:
    return int(connection.execute(select(func.max(event_head.c.seq))).scalar() or 0)


def _find(connection: Connection, project: str, name: str) -> Row[Any] | None:
    query = select(triggers).where(triggers.c.project == project, triggers.c.name == name)
    return connection.execute(query).first()


def _firing(connection: Connection, trigger_id: str, key: str) -> Row[Any] | None:
    table = trigger_firings.c
    query = select(trigger_firings).where(table.trigger_id == trigger_id, table.key == key)
    return connection.execute(query).first()


def _record(store: Store, connection: Connection, row: Row[Any]) -> Trigger:
    config = TriggerConfig.model_validate_json(row.config)
    latest = (
        select(trigger_firings)
        .where(trigger_firings.c.trigger_id == row.id)
        .order_by(trigger_firings.c.created_ms.desc())
        .limit(_LATEST)
    )
    firings = connection.execute(latest).all()
    runs = run_summaries(store, [firing.run_id for firing in firings if firing.run_id])
    return Trigger(
        id=row.id,
        project=row.project,
        name=row.name,
        declared=row.declared,
        config=config,
        description=described(config),
        paused=row.paused,
        signed=row.secret is not None,
        latest=tuple(_record_firing(firing, runs) for firing in firings),
    )


def _record_firing(
    row: Row[Any], runs: dict[str, PipelineRun], *, repeated: bool = False
) -> Firing:
    return Firing(
        key=row.key,
        time=clock.rfc3339(row.created_ms),
        run_id=row.run_id,
        status=runs[row.run_id].status if row.run_id in runs else "held",
        reason=row.reason,
        cause=json.loads(row.cause),
        repeated=repeated,
    )


@describes("trigger")
def _describe(connection: Connection, project: str, ids: list[str]) -> dict[str, LineageNode]:
    return lineage_nodes("trigger", triggers, connection, project, ids)
