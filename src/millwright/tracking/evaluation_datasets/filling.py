"""The records of an evaluation dataset in the database: merged in, read in pages, deleted."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.store import Transaction
from millwright.tracking.evaluation_datasets import service
from millwright.tracking.evaluation_datasets.records import (
    DatasetRecord,
    Json,
    grown_schema,
    merged,
    sent_record,
)
from millwright.tracking.evaluation_datasets.tables import (
    evaluation_dataset_records,
    evaluation_datasets,
)
from millwright.tracking.mlflow.errors import invalid

_TABLE = evaluation_dataset_records
_CHUNK = 500
_PARTS = ("outputs", "expectations", "tags", "source")


def upsert(tx: Transaction, project: str, identifier: str, sent: Sequence[Any]) -> tuple[int, int]:
    """Merge records in: how many were new, and how many were there with the same inputs.

    Raises:
        MlflowError: there is no such dataset, or a record is not usable.
    """
    dataset = service.locked(tx, project, identifier)
    given = [(sent_record(each), "outputs" in each) for each in sent]
    known = _known(tx.connection, identifier, [record.digest for record, _ in given])
    now, user = clock.now_ms(), None
    fresh: dict[str, Json] = {}
    changed: dict[str, Json] = {}
    updated = 0
    for record, with_outputs in given:
        key, user = record.digest, record.user or user
        row = fresh.get(key) or known.get(key)
        if row is None:
            fresh[key] = _new(identifier, key, record, now)
            continue
        updated += 1
        row |= _columns(merged(_record(row), record, with_outputs=with_outputs))
        row |= {"updated_ms": now, "updated_by": record.user or row["updated_by"]}
        if key in known:
            changed[key] = row
    _write(tx, list(fresh.values()), list(changed.values()))
    values = {
        "digest": service.digest(dataset.name, now),
        "updated_ms": now,
        "updated_by": user,
        "records": dataset.records + len(fresh),
        "schema": grown_schema(dataset.schema, [record for record, _ in given]),
    }
    table = evaluation_datasets
    tx.execute(update(table).where(table.c.id == identifier).values(**values))
    payload = {"inserted": len(fresh), "updated": updated, "digest": values["digest"]}
    tx.event("evaluation-dataset.records-merged", f"evaluation-dataset:{identifier}", payload)
    return len(fresh), updated


def remove(tx: Transaction, project: str, identifier: str, records: Sequence[str]) -> int:
    """Delete records by their ids: how many there were."""
    service.locked(tx, project, identifier)
    gone = 0
    for start in range(0, len(records), _CHUNK):
        some = list(records[start : start + _CHUNK])
        mine = (_TABLE.c.dataset == identifier, _TABLE.c.id.in_(some))
        gone += tx.execute(delete(_TABLE).where(*mine)).rowcount
    if gone:
        table = evaluation_datasets.c
        left = {"records": table.records - gone}
        tx.execute(update(evaluation_datasets).where(table.id == identifier).values(**left))
        subject = f"evaluation-dataset:{identifier}"
        tx.event("evaluation-dataset.records-deleted", subject, {"count": gone})
    return gone


def page(
    connection: Connection, project: str, identifier: str, size: int, token: str | None
) -> tuple[list[Json], str | None]:
    """Records in the order in which they came, and what asks for those that follow.

    Raises:
        MlflowError: there is no such dataset, or nobody was given this token.
    """
    service.find(connection, project, identifier)
    time, key = _TABLE.c.created_ms, _TABLE.c.id
    query = select(_TABLE).where(_TABLE.c.dataset == identifier)
    if token:
        last_time, last_id = _place(token)
        after = or_(time > last_time, and_(time == last_time, key > last_id))
        query = query.where(after)
    rows = connection.execute(query.order_by(time, key).limit(size + 1)).all()
    following = None
    if len(rows) > size:
        rows = rows[:size]
        place = f"{rows[-1].created_ms}:{rows[-1].id}"
        following = base64.b64encode(place.encode()).decode()
    return [_shown(row) for row in rows], following


def _place(token: str) -> tuple[int, str]:
    try:
        time, _, key = base64.b64decode(token, validate=True).decode().partition(":")
        number = int(time)
    except ValueError as cause:
        raise invalid(f"Invalid page token: {token[:100]}") from cause
    return min(max(number, 0), 2**62), key


def _known(connection: Connection, identifier: str, digests: list[str]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for start in range(0, len(digests), _CHUNK):
        query = select(_TABLE).where(
            _TABLE.c.dataset == identifier,
            _TABLE.c.input_digest.in_(digests[start : start + _CHUNK]),
        )
        found |= {row.input_digest: dict(row._mapping) for row in connection.execute(query)}
    return found


def _new(identifier: str, key: str, record: DatasetRecord, now: int) -> Json:
    return {
        "id": f"dr-{uuid.uuid4().hex}",
        "dataset": identifier,
        "input_digest": key,
        "inputs": json.dumps(record.inputs),
        **_columns(record),
        "created_ms": now,
        "updated_ms": now,
        "created_by": record.user,
        "updated_by": record.user,
    }


def _write(tx: Transaction, fresh: list[Json], changed: list[Json]) -> None:
    if fresh:
        tx.execute(insert(_TABLE), fresh)
    if changed:
        columns = (*_PARTS, "updated_ms", "updated_by")
        values: Json = {name: bindparam(f"new_{name}") for name in columns}
        statement = update(_TABLE).where(_TABLE.c.id == bindparam("own_id")).values(**values)
        rows = [
            {"own_id": row["id"], **{f"new_{name}": row[name] for name in columns}}
            for row in changed
        ]
        tx.connection.execute(statement, rows)


def _columns(record: DatasetRecord) -> Json:
    parts = {name: getattr(record, name) for name in _PARTS}
    return {name: None if part is None else json.dumps(part) for name, part in parts.items()}


def _record(row: Json) -> DatasetRecord:
    parts = {name: _part(row[name]) for name in ("inputs", *_PARTS)}
    return DatasetRecord(**parts)


def _part(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _shown(row: Row[Any]) -> Json:
    record = _record(dict(row._mapping))
    shown: Json = {
        "dataset_record_id": row.id,
        "dataset_id": row.dataset,
        "inputs": record.inputs,
        "tags": record.tags or {},
        "created_time": row.created_ms,
        "last_update_time": row.updated_ms,
    }
    optional = {
        "outputs": record.outputs,
        "expectations": record.expectations,
        "source": record.source,
        "source_id": record.source_id,
        "source_type": record.source["source_type"] if record.source else None,
        "created_by": row.created_by,
        "last_updated_by": row.updated_by,
    }
    return shown | {key: value for key, value in optional.items() if value is not None}
