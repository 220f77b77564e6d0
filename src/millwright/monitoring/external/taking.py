"""Taking predictions of other servers into the log: each batch once."""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
from sqlalchemy import insert, select

from millwright.deployment import Deployment, find_deployment, spool_folder
from millwright.kernel.access import Actor
from millwright.kernel.clock import now_ms, rfc3339
from millwright.kernel.errors import InvalidInput
from millwright.kernel.store import Store
from millwright.monitoring.external.payloads import Payload, predictions_of
from millwright.monitoring.external.records import (
    ExternalBatch,
    ExternalPrediction,
    PredictionsAccepted,
)
from millwright.monitoring.external.segment import segment_of
from millwright.monitoring.log_upkeep import BATCH
from millwright.monitoring.segments import facts_of
from millwright.monitoring.tables import prediction_segments
from millwright.registry import ModelVersion, find_model

_MOST_WAITING = 10_000
"""Halves of payloads that wait for the other one, and for how long at least."""
_LONGEST_SECONDS = 3_600.0


def add_predictions(
    store: Store, actor: Actor, project: str, name: str, batch: ExternalBatch
) -> PredictionsAccepted:
    """Put predictions into a deployment's log.

    The same batch posted again, as after a lost answer, is not counted again.

    Raises:
        NotFound: the project has no such deployment.
        InvalidInput: see ``segment_of``.
    """
    found = find_deployment(store, project, name)
    return _take(store, actor, found, batch.predictions, BATCH)


def add_payload(
    store: Store, actor: Actor, project: str, name: str, payload: Payload
) -> PredictionsAccepted:
    """Keep one half of a request, or with both put its predictions into a deployment's log.

    Raises:
        NotFound: the project has no such deployment.
        InvalidInput: the halves do not fit together, or too many wait.
    """
    found = find_deployment(store, project, name)
    folder = spool_folder(store.workspace, found.id) / "payloads"
    other_half = "response" if payload.half == "request" else "request"
    other = _half(folder, payload.id, other_half)
    if not other.exists():
        _keep(folder, payload)
    if not other.exists():  # it may have come at this very moment
        return PredictionsAccepted(accepted=0, digest="")
    told = json.loads(other.read_text("utf-8"))
    kept = Payload(
        payload.id,
        "response" if told["half"] == "response" else "request",
        told["time"],
        told["body"],
    )
    asked, answered = (payload, kept) if payload.half == "request" else (kept, payload)
    if not (asked.time or answered.time):
        asked = Payload(asked.id, "request", rfc3339(now_ms()), asked.body)
    champion = _versions(store, found)[None]
    accepted = _take(
        store, actor, found, predictions_of(asked, answered, champion.signature), "payload-"
    )
    for half in ("request", "response"):
        _half(folder, payload.id, half).unlink(missing_ok=True)
    return accepted


def _take(
    store: Store,
    actor: Actor,
    found: Deployment,
    predictions: tuple[ExternalPrediction, ...],
    prefix: str,
) -> PredictionsAccepted:
    versions = _versions(store, found)
    ids = {number: version.id for number, version in versions.items()}
    said = "\n".join(row.model_dump_json() for row in predictions)
    digest = hashlib.sha256(said.encode()).hexdigest()
    table = segment_of(predictions, versions[None].signature, ids, now_ms())
    content = io.BytesIO()
    with pa.ipc.new_file(
        content, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")
    ) as writer:
        writer.write_table(table)
    stored = store.objects.of(found.project).put(content.getvalue())
    row = {"deployment_id": found.id, "file_name": f"{prefix}{digest}"}
    known = select(prediction_segments.c.seq).where(
        *(prediction_segments.c[key] == value for key, value in row.items())
    )
    with store.write(actor, found.project) as tx:
        if tx.execute(known).first() is not None:
            return PredictionsAccepted(accepted=0, digest=digest)
        tx.execute(
            insert(prediction_segments).values(**row, digest=stored, **asdict(facts_of(table)))
        )
        payload = {"segments": 1, "rows": table.num_rows}
        tx.event("predictions.ingested", f"deployment:{found.id}", payload)
    return PredictionsAccepted(accepted=table.num_rows, digest=digest)


def _versions(store: Store, found: Deployment) -> dict[int | None, ModelVersion]:
    known = find_model(store, found.project, found.model).versions
    by_number: dict[int | None, ModelVersion] = {version.version: version for version in known}
    champion = next(v for v in known if v.id == found.champion_version_id)
    return by_number | {None: champion}


def _half(folder: Path, identifier: str, half: str) -> Path:
    return folder / f"{hashlib.sha256(identifier.encode()).hexdigest()}.{half}"


def _waiting(folder: Path) -> int:
    with os.scandir(folder) as entries:
        return sum(1 for _ in entries)


def _keep(folder: Path, payload: Payload) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if _waiting(folder) >= _MOST_WAITING:
        for path in folder.iterdir():
            if path.stat().st_mtime < time.time() - _LONGEST_SECONDS:
                path.unlink(missing_ok=True)
    if _waiting(folder) >= _MOST_WAITING:
        raise InvalidInput(
            "monitoring.payloads_waiting",
            f"{_MOST_WAITING:,} requests wait for their responses, or the other way round.",
            hint="Let KServe log both: logger mode 'all'.",
        )
    place = _half(folder, payload.id, payload.half)
    temporary = place.with_suffix(f".{os.getpid()}.tmp")
    said = {"half": payload.half, "time": payload.time, "body": payload.body}
    temporary.write_text(json.dumps(said), "utf-8")
    temporary.rename(place)
