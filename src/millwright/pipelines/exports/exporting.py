"""From a pipeline to the text that another orchestrator reads, checked before it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import JsonValue

from millwright.kernel.errors import InvalidInput, MillwrightError
from millwright.pipelines import values
from millwright.pipelines.code_snapshot import keep_code
from millwright.pipelines.compatibility import UNKNOWN, annotations_of, conform
from millwright.pipelines.dsl import Pipeline
from millwright.pipelines.exports.airflow import airflow
from millwright.pipelines.exports.argo import argo
from millwright.pipelines.exports.checking import fault_of_size, faults_of
from millwright.pipelines.exports.gitlab import gitlab
from millwright.pipelines.exports.kubeflow import kubeflow
from millwright.pipelines.exports.kubernetes import job, rayjob
from millwright.pipelines.exports.records import CONTAINERS, Export, Fault, Place, Target

_WRITERS: dict[Target, Callable[[Export], str]] = {
    "airflow": airflow,
    "kubeflow": kubeflow,
    "argo": argo,
    "gitlab": gitlab,
    "kubernetes": job,
    "rayjob": rayjob,
}


def exported(
    pipeline: Pipeline[..., Any],
    target: Target,
    place: Place,
    *,
    project: str,
    put: Callable[[bytes], str],
    params: Mapping[str, object] | None = None,
) -> str:
    """A pipeline as ``target`` reads it.

    Args:
        pipeline: what is exported.
        target: who is to run it.
        place: where tasks run and how they get to the store.
        project: where outputs are stored.
        put: stores the project's code; its digest goes into the export.
        params: defaults of the exported parameters, in place of the pipeline's own.

    Raises:
        InvalidInput: it cannot be planned, or something would go wrong over there; all of it is told.
    """
    plan = pipeline.prepare(params or {})
    export = Export(
        target=target,
        graph=plan.graph,
        parameters=_parameters(pipeline, plan.graph.parameters),
        entry_point=plan.entry_point,
        project=project,
        code=keep_code(plan, put),
        place=place,
    )
    _refuse(faults_of(export))
    text = _WRITERS[target](export)
    if target in CONTAINERS:
        _refuse(fault_of_size(text))
    return text


def _refuse(faults: tuple[Fault, ...]) -> None:
    if not faults:
        return
    told = [f"{fault.where or fault.code}: {fault.message} {fault.hint}" for fault in faults]
    raise InvalidInput(
        f"pipelines.export.{faults[0].code}",
        faults[0].message if len(faults) == 1 else "\n  ".join(["Not exported:", *told]),
        hint=faults[0].hint if len(faults) == 1 else None,
        value=", ".join(fault.code for fault in faults),
    )


def _parameters(pipeline: Pipeline[..., Any], given: Mapping[str, JsonValue]) -> dict[str, str]:
    """Parameters as text, those that are the same value when they are read back."""
    kinds = annotations_of(pipeline.function)
    found: dict[str, str] = {}
    for name, tree in given.items():
        plain = _plain(tree)
        text = plain if isinstance(plain, str) else values.canonical(plain).decode()
        try:
            back = values.encode(conform(text, kinds.get(name, UNKNOWN), name))
        except MillwrightError:
            continue
        if back == tree:
            found[name] = text
    return found


def _plain(tree: JsonValue) -> JsonValue:
    """A tree without the names of types, which the annotations say."""
    if isinstance(tree, list):
        return [_plain(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if values.TAG not in tree:
        return {key: _plain(item) for key, item in tree.items()}
    inner = tree.get("items", tree.get("value", tree.get("fields")))
    return _plain(inner)
