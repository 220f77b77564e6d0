"""A pipeline as an Argo Workflow, or a CronWorkflow where it has a schedule.

Source: the full custom resource definitions of Argo Workflows 3.7; its JSON schema tolerates keys
that do not exist, the definitions made strict do not.
"""

from __future__ import annotations

from pydantic import JsonValue

from millwright.pipelines.exports.calling import (
    RESULT,
    Words,
    call_step,
    container_environment,
    container_resources,
    wanted_secrets,
)
from millwright.pipelines.exports.records import Export
from millwright.pipelines.exports.shape import ExportedTask, tasks_of
from millwright.pipelines.exports.yaml_text import as_yaml

Tree = dict[str, JsonValue]


def argo(export: Export) -> str:
    """The manifest, as YAML."""
    spec = _spec(export)
    metadata: Tree = {"labels": {"app.kubernetes.io/managed-by": "millwright"}}
    if export.place.namespace:
        metadata["namespace"] = export.place.namespace
    found: Tree = {"apiVersion": "argoproj.io/v1alpha1"}
    if export.place.schedule:
        found |= {
            "kind": "CronWorkflow",
            "metadata": {"name": export.name, **metadata},
            "spec": {
                "schedules": [export.place.schedule],
                "timezone": export.place.timezone,
                "concurrencyPolicy": "Forbid",
                "workflowSpec": spec,
            },
        }
    else:
        found |= {
            "kind": "Workflow",
            "metadata": {"generateName": f"{export.name}-", **metadata},
            "spec": spec,
        }
    return as_yaml(found)


def _spec(export: Export) -> Tree:
    tasks = tasks_of(export.graph)
    names = {task.node.name: task.name for task in tasks}
    dag: Tree = {"tasks": [_task(task, names) for task in tasks]}
    spec: Tree = {
        "entrypoint": "pipeline",
        "arguments": {
            "parameters": [
                {"name": name, "value": default} for name, default in export.parameters.items()
            ]
        },
        "podGC": {"strategy": "OnPodSuccess"},
        "templates": [
            {"name": "pipeline", "dag": dag},
            *(_template(export, task, names) for task in tasks),
        ],
    }
    if export.place.service_account:
        spec["serviceAccountName"] = export.place.service_account
    return spec


def _task(task: ExportedTask, names: dict[str, str]) -> JsonValue:
    found: Tree = {"name": task.name, "template": f"task-{task.name}"}
    if task.after:
        found["dependencies"] = [names[node] for node in task.after]
    if task.told:
        found["arguments"] = {
            "parameters": [
                {
                    "name": names[node],
                    "value": f"{{{{tasks.{names[node]}.outputs.parameters.outcome}}}}",
                }
                for node in task.told
            ]
        }
    return found


def _template(export: Export, task: ExportedTask, names: dict[str, str]) -> JsonValue:
    found: Tree = {"name": f"task-{task.name}"}
    if task.asks:
        # Nothing is held meanwhile: `argo resume`, or the button in its UI, is the yes.
        found["suspend"] = (
            {} if task.node.timeout_ms is None else {"duration": f"{task.node.timeout_ms // 1000}s"}
        )
        found["metadata"] = {"annotations": {"millwright/question": task.node.message or ""}}
        return found
    words = Words(
        parameter=lambda name: f"{{{{workflow.parameters.{name}}}}}",
        outcome=lambda node: f"{{{{inputs.parameters.{names[node]}}}}}",
        group="{{workflow.uid}}",
        result=RESULT,
    )
    if task.told:
        found["inputs"] = {"parameters": [{"name": names[node]} for node in task.told]}
    found["outputs"] = {"parameters": [{"name": "outcome", "valueFrom": {"path": RESULT}}]}
    # A lost pod is another try; what it had committed is known, so only the rest runs again.
    found["retryStrategy"] = {"limit": 3, "retryPolicy": "OnError"}
    setting = task.node.setting
    container: Tree = {
        "image": export.place.image,
        "command": [*export.place.words],
        "args": [*call_step(export, task, words)],
        "env": container_environment(export, wanted_secrets(task)),
    }
    resources = container_resources(export, None if setting is None else setting.memory_mb)
    if resources:
        container["resources"] = resources
    found["container"] = container
    return found
