"""Scorers of the MLflow protocol: kept and handed out, never run by this server."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from millwright.kernel.access import Permission
from millwright.tracking.experiment_lookup import active, active_experiment, numbers_of
from millwright.tracking.mlflow.endpoints import Endpoints, MlflowCall
from millwright.tracking.mlflow.errors import absent, bad_value, invalid, missing
from millwright.tracking.mlflow.experiments import (
    checked_experiment_id,
    found_experiment,
    prepare,
)
from millwright.tracking.mlflow.limits import at_most, without_nul
from millwright.tracking.scorers import service
from millwright.tracking.scorers.service import ScorerVersion
from millwright.tracking.service.experiments import ExperimentRow
from millwright.tracking.tables import experiments

endpoints = Endpoints()
MAX_NAME = 256
_MODELS = (
    "instructions_judge_pydantic_data",
    "builtin_scorer_pydantic_data",
    "third_party_scorer_data",
)


class NewScorer(msgspec.Struct):
    """``scorers/register``; the scorer is JSON in text."""

    experiment_id: str | None = None
    name: str | None = None
    serialized_scorer: str | None = None


class OneScorer(msgspec.Struct):
    """A scorer by its name, perhaps one version of it."""

    experiment_id: str | None = None
    name: str | None = None
    version: int | None = None


class Listing(msgspec.Struct):
    """Whose scorers are wanted: one experiment's, several's, or all."""

    experiment_id: str | None = None
    experiment_ids: list[str] | None = None


@endpoints.post("scorers/register", permission=Permission.WRITE)
def register_scorer(call: MlflowCall) -> object:
    """Keep a scorer as the next version of its name."""
    asked = call.read(NewScorer)
    for field in ("experiment_id", "name", "serialized_scorer"):
        if not getattr(asked, field):
            raise missing(field)
    name, text = without_nul(asked.name or ""), without_nul(asked.serialized_scorer or "")
    at_most("Scorer name", MAX_NAME, name)
    if not name.strip():
        raise invalid("Scorer name cannot be empty or contain only whitespace.")
    _refuse_unusable(text)
    with call.store.write(call.actor, call.project) as tx:
        experiment = active_experiment(tx, call.project, _experiment(asked.experiment_id))
        made = service.register(tx, experiment, name, text)
    return {
        "version": made.version,
        "scorer_id": made.scorer,
        "experiment_id": made.experiment,
        "name": made.name,
        "serialized_scorer": made.serialized,
        "creation_time": made.created_ms,
    }


@endpoints.get("scorers/list", permission=Permission.READ)
def list_scorers(call: MlflowCall) -> object:
    """The newest version of every scorer of an experiment, of several, or of all."""
    asked = call.read(Listing) if call.query else Listing()
    if asked.experiment_id and asked.experiment_ids is not None:
        raise invalid(
            "Cannot specify both 'experiment_id' and 'experiment_ids'. Use 'experiment_ids' to "
            "scope the query to multiple experiments, or 'experiment_id' to scope it to a single "
            "experiment."
        )
    with call.store.read() as connection:
        if asked.experiment_id:
            one = _readable(call, connection, asked.experiment_id)
            return _listed(service.latest(connection, [one.no]))
        table = experiments.c
        query = select(table.no).where(table.project == call.project, table.deleted_ms.is_(None))
        numbers = list(connection.execute(query).scalars())
        if asked.experiment_ids is not None:
            ids = [_experiment(each) for each in asked.experiment_ids[:10_000]]
            wanted = numbers_of(connection, call.project, ids)
            numbers = [each for each in numbers if each in wanted]
        return _listed(service.latest(connection, sorted(numbers)))


@endpoints.get("scorers/versions", permission=Permission.READ)
def list_scorer_versions(call: MlflowCall) -> object:
    """Every version of a scorer."""
    asked, name = _asked(call)
    with call.store.read() as connection:
        experiment = _readable(call, connection, asked.experiment_id)
        return _listed(service.versions(connection, experiment, name))


@endpoints.get("scorers/get", permission=Permission.READ)
def get_scorer(call: MlflowCall) -> object:
    """One version of a scorer, or its newest."""
    asked, name = _asked(call)
    with call.store.read() as connection:
        experiment = _readable(call, connection, asked.experiment_id)
        return {"scorer": _shown(service.find(connection, experiment, name, asked.version))}


@endpoints.delete("scorers/delete", permission=Permission.WRITE)
def delete_scorer(call: MlflowCall) -> object:
    """Delete one version of a scorer, or all."""
    asked, name = _asked(call)
    with call.store.write(call.actor, call.project) as tx:
        experiment = active_experiment(tx, call.project, _experiment(asked.experiment_id))
        service.remove(tx, experiment, name, asked.version)
    return {}


@endpoints.get("scorers/online-configs", permission=Permission.READ)
def online_configs(call: MlflowCall) -> object:
    """Which scorers judge live traces: none, because no scorer is run here. Clients ask for it
    whenever they list scorers."""
    return {"configs": []}


def _asked(call: MlflowCall) -> tuple[OneScorer, str]:
    asked = call.read(OneScorer)
    for field in ("experiment_id", "name"):
        if not getattr(asked, field):
            raise missing(field)
    if asked.version is not None and not 0 <= asked.version < 2**31:
        raise bad_value("version", asked.version)
    return asked, without_nul(asked.name or "")


def _experiment(identifier: str | None) -> str:
    return checked_experiment_id(identifier or "")


def _readable(call: MlflowCall, connection: Connection, identifier: str | None) -> ExperimentRow:
    prepare(call)
    return active(found_experiment(connection, call.project, _experiment(identifier)))


def _refuse_unusable(text: str) -> None:
    """What carries code of its own is refused, as a stock server does: whoever loads it runs it."""
    try:
        sent: Any = json.loads(text)
        carries_code = _has_code(sent)
    except (ValueError, RecursionError) as cause:
        raise invalid("serialized_scorer must be valid JSON") from cause
    if not isinstance(sent, dict):
        raise invalid("serialized_scorer must be a JSON object.")
    if carries_code:
        raise invalid(
            "Custom scorer registration (using @scorer decorator) is disabled: such a scorer "
            "carries code that runs wherever it is loaded. Keep the code in a repository and import "
            "it, or use built-in scorers or make_judge() scorers instead."
        )
    for part in _MODELS:
        data = sent.get(part)
        model = data.get("model") if isinstance(data, dict) else None
        if isinstance(model, str) and model.startswith("gateway:/"):
            raise absent(f"GatewayEndpoint not found (name='{model[9:109].strip('/')}')")


def _has_code(sent: Any) -> bool:
    if isinstance(sent, dict):
        return sent.get("call_source") is not None or any(map(_has_code, sent.values()))
    return isinstance(sent, list) and any(map(_has_code, sent))


def _listed(found: list[ScorerVersion]) -> object:
    return {"scorers": [_shown(each) for each in found]} if found else {}


def _shown(found: ScorerVersion) -> dict[str, Any]:
    return {
        "experiment_id": int(found.experiment),
        "scorer_name": found.name,
        "scorer_version": found.version,
        "serialized_scorer": found.serialized,
        "creation_time": found.created_ms,
        "scorer_id": found.scorer,
    }
