"""Runs that record one answer of a language model, as the prompt workbench of MLflow's UI sends them.

Such a run is finished when it is made: its parameters say which model was asked how, and a table
among its artifacts holds the values that were filled in, the prompt and the answer.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from millwright.kernel import clock
from millwright.kernel.access import Permission
from millwright.kernel.ids import new_id
from millwright.tracking.artifacts import files
from millwright.tracking.mlflow.endpoints import Endpoints, MlflowCall
from millwright.tracking.mlflow.entities import found_run, whole_runs
from millwright.tracking.mlflow.errors import invalid
from millwright.tracking.mlflow.experiments import found_experiment
from millwright.tracking.mlflow.limits import (
    at_most,
    checked_batch,
    checked_param,
    checked_tag,
    without_nul,
)
from millwright.tracking.mlflow.runs import MAX_RUN_NAME, MAX_USER
from millwright.tracking.mlflow.wire import Int64, KeyValue
from millwright.tracking.names import random_name
from millwright.tracking.service.runs import change_run, insert_run, require_run_quota

endpoints = Endpoints()
TABLE = "eval_results_table.json"
_NEEDED = (
    "experiment_id",
    "prompt_template",
    "prompt_parameters",
    "model_route",
    "model_input",
    "mlflow_version",
)


class Filled(Struct):
    """One value: of a placeholder, of a setting of the model, or of what it measured."""

    key: str
    value: str | int | float | bool | None = None

    @property
    def text(self) -> str:
        """The value as it is logged."""
        return str(self.value)


class Answered(Struct):
    """What ``runs/create-promptlab-run`` takes."""

    experiment_id: str = ""
    prompt_template: str = ""
    prompt_parameters: list[Filled] = []
    model_route: str = ""
    model_input: str = ""
    mlflow_version: str = ""
    run_name: str | None = None
    tags: list[KeyValue] = []
    model_parameters: list[Filled] = []
    model_output: str | None = None
    model_output_parameters: list[Filled] = []
    user_id: str = "unknown"
    start_time: Int64 | None = None


@endpoints.post("runs/create-promptlab-run", permission=Permission.WRITE)
def create_promptlab_run(call: MlflowCall) -> object:
    """A finished run with its parameters and its table."""
    asked = call.read(Answered)
    for name in _NEEDED:
        if not getattr(asked, name):
            raise invalid(f"CreatePromptlabRun request must specify {name}.")
    params = _params(asked)
    tags = {tag.key: checked_tag(tag.key, tag.value, "tags") for tag in asked.tags}
    tags["mlflow.loggedArtifacts"] = f'[{{"path": "{TABLE}", "type": "table"}}]'
    tags["mlflow.runSourceType"] = "PROMPT_ENGINEERING"
    checked_batch(0, list(params), len(tags))
    name = asked.run_name or tags.pop("mlflow.runName", None) or random_name()
    at_most("run_name", MAX_RUN_NAME, without_nul(name))
    run = new_id()
    row: dict[str, Any] = {
        "id": run,
        "project": call.project,
        "name": name,
        "status": "running",
        "parent": None,
        "actor": call.actor.name,
        "user": without_nul(asked.user_id)[:MAX_USER],
        "created_ms": asked.start_time or clock.now_ms(),
        "inputs": "[]",
    }

    with call.store.write(call.actor, call.project) as tx:
        experiment = found_experiment(tx.connection, call.project, asked.experiment_id)
        if experiment.deleted_ms is not None:
            raise invalid(
                f"The experiment {experiment.id} must be in the 'active' state. "
                "Current state is deleted."
            )
        require_run_quota(call.store, tx.connection, call.project)
        row["experiment_no"] = experiment.no
        insert_run(tx, row, dict(params), tags, experiment=experiment.name)
    _put_table(call, run, asked)
    with call.store.write(call.actor, call.project) as tx:
        made = found_run(tx.connection, call.project, run)
        change_run(tx, made, {"status": "finished", "ended_ms": clock.now_ms()})
        (whole,) = whole_runs(tx.connection, [found_run(tx.connection, call.project, run)])
    return {"run": whole}


def _params(asked: Answered) -> dict[str, str]:
    given = {each.key: each.text for each in asked.model_parameters}
    given |= {"model_route": asked.model_route, "prompt_template": asked.prompt_template}
    return {key: checked_param(key, value) for key, value in given.items()}


def _put_table(call: MlflowCall, run: str, asked: Answered) -> None:
    measured = asked.model_output_parameters
    columns = [each.key for each in asked.prompt_parameters]
    columns += ["prompt", "output", *(each.key for each in measured)]
    values: list[str | None] = [each.text for each in asked.prompt_parameters]
    values += [asked.model_input, asked.model_output, *(each.text for each in measured)]
    content = msgspec.json.encode({"columns": columns, "data": [values]})
    with call.store.read() as connection:
        root = files.artifact_root(connection, call.project, run)
    place = files.path_of(root or "")
    if place is None:
        raise invalid("The artifacts of this experiment are not kept by this server.")
    digest = call.store.objects.of(call.project).put(content)
    path = f"{place}/{TABLE}"
    files.put(call.store, call.actor, call.project, path, digest, "application/json")
