"""Taking over traces from elsewhere: again and again, with the same result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import delete, insert, select

from millwright.kernel.access import Actor
from millwright.kernel.errors import InvalidInput
from millwright.kernel.store import Store, Transaction
from millwright.tracking.exchange.records import CarriedTrace, CarriedTraces, TakenCount
from millwright.tracking.exchange.trace_forms import span_content
from millwright.tracking.mlflow.errors import MlflowError
from millwright.tracking.service import experiments
from millwright.tracking.traces import ingest, service, wire
from millwright.tracking.traces.assessing import values_of
from millwright.tracking.traces.tables import assessments, traces

_THEIRS = (service.ARTIFACT_LOCATION, service.SPANS_LOCATION)


def take(store: Store, actor: Actor, project: str, carried: CarriedTraces) -> TakenCount:
    """Bring traces of an experiment to the state they have elsewhere, in one transaction.

    Raises:
        InvalidInput: a trace, a span or an assessment is not one of MLflow's.
    """
    new, refused = 0, []
    with store.write(actor, project) as tx:
        experiment = experiments.named(tx, carried.experiment)
        for each in carried.traces:
            try:
                told = _told(each, experiment.id)
                query = select(traces.c.project).where(traces.c.id == told.id)
                known = tx.execute(query).scalar()
                if known is not None and known != project:
                    refused.append(told.id)
                    continue
                new += known is None
                _one(tx, experiment, told, each)
            except (MlflowError, KeyError, TypeError, ValueError) as cause:
                raise InvalidInput(
                    "tracking.trace_form", f"A trace cannot be read: {cause}"[:300]
                ) from cause
    return TakenCount(new=new, refused=tuple(refused))


def _one(
    tx: Transaction, experiment: experiments.ExperimentRow, told: service.Told, each: CarriedTrace
) -> None:
    service.record(tx, experiment, told, whole=True)
    ingest.store_contents(tx, told.id, [span_content(span) for span in each.spans])
    for said in each.info.get("assessments") or ():
        values = values_of(said, told.id)
        identifier = str(said.get("assessment_id") or values["id"])[:50]
        tx.execute(
            delete(assessments).where(
                assessments.c.id == identifier, assessments.c.trace == told.id
            )
        )
        tx.execute(insert(assessments).values(**{**values, "id": identifier}))


def _told(each: CarriedTrace, experiment: str) -> service.Told:
    place = {"mlflow_experiment": {"experiment_id": experiment}}
    info: dict[str, Any] = {**each.info, "trace_location": place}
    tags = info.get("tags") or {}
    info["tags"] = {key: value for key, value in tags.items() if key not in _THEIRS}
    _, told = wire.told_of(info)
    if told.execution_ms is None and each.execution_ms is not None:
        told = replace(told, execution_ms=each.execution_ms)
    return told
