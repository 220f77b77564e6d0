"""A pipeline as Kubeflow Pipelines' intermediate representation (PipelineSpec 2.1, as YAML).

Source: ``kfp_pipeline_spec`` ``pipeline_spec.proto`` and what the ``kfp`` compiler writes.
"""

from __future__ import annotations

from pydantic import JsonValue

from millwright.pipelines.exports.calling import TOKEN, Words, call_step, wanted_secrets
from millwright.pipelines.exports.records import Export
from millwright.pipelines.exports.shape import ExportedTask, tasks_of
from millwright.pipelines.exports.yaml_text import as_yaml

Tree = dict[str, JsonValue]
_TEXT: Tree = {"parameterType": "STRING"}
_SCRIPT = """\
# kfp.local's SubprocessRunner asks for the words kfp.dsl.executor_main before it runs a command
# in place; this one needs nothing of kfp.
mkdir -p "$(dirname "$MW_RESULT")"
exec "$@"
"""


def kubeflow(export: Export) -> str:
    """The YAML that ``kfp`` submits: the specification, and its Kubernetes part where one is needed."""
    tasks = tasks_of(export.graph)
    names = {task.node.name: task.name for task in tasks}
    executors: Tree = {f"exec-{task.name}": _executor(export, task, names) for task in tasks}
    spec: Tree = {
        "components": {f"comp-{task.name}": _component(export, task, names) for task in tasks},
        "deploymentSpec": {"executors": executors},
        "pipelineInfo": {"name": export.name},
        "root": {
            "dag": {"tasks": {task.name: _task(export, task, names) for task in tasks}},
            "inputDefinitions": {
                "parameters": {
                    name: {**_TEXT, "defaultValue": default, "isOptional": True}
                    for name, default in export.parameters.items()
                }
            },
        },
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.14.6",
    }
    documents: list[JsonValue] = [spec]
    if export.place.secret:
        documents.append({"platforms": {"kubernetes": _platform(export, tasks)}})
    return as_yaml(*documents)


def _component(export: Export, task: ExportedTask, names: dict[str, str]) -> Tree:
    parameters: Tree = {_own(name): _TEXT for name in export.parameters}
    parameters |= {_told(names[node]): _TEXT for node in task.told}
    found: Tree = {
        "executorLabel": f"exec-{task.name}",
        "outputDefinitions": {"parameters": {"outcome": _TEXT}},
    }
    if parameters:
        found["inputDefinitions"] = {"parameters": parameters}
    return found


def _executor(export: Export, task: ExportedTask, names: dict[str, str]) -> JsonValue:
    output = "{{$.outputs.parameters['outcome'].output_file}}"
    words = Words(
        parameter=lambda name: f"{{{{$.inputs.parameters['{_own(name)}']}}}}",
        outcome=lambda node: f"{{{{$.inputs.parameters['{_told(names[node])}']}}}}",
        group="{{$.pipeline_job_uuid}}",
        result=output,
    )
    script = _SCRIPT.replace('"$MW_RESULT"', f"'{output}'")
    container: Tree = {
        "image": export.place.image,
        "command": ["sh", "-ec", script, "millwright", *export.place.words],
        "args": [*call_step(export, task, words)],
    }
    if export.place.url:
        container["env"] = [{"name": "MILLWRIGHT_URL", "value": export.place.url}]
    limits = _limits(export, task)
    if limits:
        container["resources"] = limits
    return {"container": container}


def _limits(export: Export, task: ExportedTask) -> Tree:
    place, setting = export.place, task.node.setting
    found: Tree = {}
    if place.cpu:
        found["resourceCpuLimit"] = place.cpu
    if setting is not None and setting.memory_mb is not None:
        found["resourceMemoryLimit"] = f"{setting.memory_mb + 512}Mi"
    elif place.memory:
        found["resourceMemoryLimit"] = place.memory
    if place.gpu:
        found["accelerator"] = {
            "resourceCount": str(place.gpu),
            "resourceType": "nvidia.com/gpu",
        }
    return found


def _task(export: Export, task: ExportedTask, names: dict[str, str]) -> JsonValue:
    parameters: Tree = {_own(name): {"componentInputParameter": name} for name in export.parameters}
    for node in task.told:
        parameters[_told(names[node])] = {
            "taskOutputParameter": {
                "outputParameterKey": "outcome",
                "producerTask": names[node],
            }
        }
    found: Tree = {
        # What need not run again is known to Millwright, by content.
        "cachingOptions": {},
        "componentRef": {"name": f"comp-{task.name}"},
        "retryPolicy": {"backoffDuration": "1s", "backoffFactor": 2.0, "maxRetryCount": 2},
        "taskInfo": {"name": task.node.name},
    }
    if task.after:
        found["dependentTasks"] = [names[node] for node in task.after]
    if parameters:
        found["inputs"] = {"parameters": parameters}
    return found


def _platform(export: Export, tasks: tuple[ExportedTask, ...]) -> JsonValue:
    executors: Tree = {}
    for task in tasks:
        variables: list[JsonValue] = [
            {"secretKey": name, "envVar": name} for name in (TOKEN, *wanted_secrets(task))
        ]
        secret: Tree = {
            "secretName": export.place.secret,
            "keyToEnv": variables,
            "optional": False,
        }
        executors[f"exec-{task.name}"] = {"secretAsEnv": [secret]}
    return {"deploymentSpec": {"executors": executors}}


def _own(parameter: str) -> str:
    return f"param-{parameter}"


def _told(task: str) -> str:
    return f"outcome-{task}"
