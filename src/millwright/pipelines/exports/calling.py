"""How a task of another orchestrator calls Millwright: one line, the same for every target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import JsonValue

from millwright.pipelines.exports.records import Export
from millwright.pipelines.exports.shape import ExportedTask, shape_of

TOKEN = "MILLWRIGHT_TOKEN"  # noqa: S105 - the name of a variable
RESULT = "/tmp/outcome.json"  # noqa: S108 - inside the task's own container


@dataclass(frozen=True)
class Words:
    """How a target writes what only its run knows."""

    parameter: Callable[[str], str]
    """A parameter of the pipeline, by name."""
    outcome: Callable[[str], str]
    """What became of an earlier task, by the name of its node."""
    group: str
    """The target's own run."""
    result: str | None
    """The file that the outcome is written to, where it is not read from the output."""


def call_step(export: Export, task: ExportedTask, words: Words) -> list[str]:
    """The words of the command that executes one task."""
    call = ["pipelines", "call", export.entry_point, task.node.name]
    call += ["--project", export.project, "--shape", shape_of(export.graph)]
    call += ["--by", export.target, "--group", words.group]
    if export.code is not None:
        call += ["--code", export.code]
    for name in export.parameters:
        call += ["--param", f"{name}={words.parameter(name)}"]
    for node in task.told:
        call += ["--input", f"{node}={words.outcome(node)}"]
    return call if words.result is None else [*call, "--result", words.result]


def call_all(export: Export, *, group: str | None = None, executor: str | None = None) -> list[str]:
    """The words of the command that executes the whole pipeline, as one run for each ``group``."""
    call = ["pipelines", "call", export.entry_point]
    call += ["--project", export.project, "--by", export.target]
    if group is not None:
        call += ["--group", group]
    if export.code is not None:
        call += ["--code", export.code]
    for name, value in export.parameters.items():
        call += ["--param", f"{name}={value}"]
    return call if executor is None else [*call, "--on", executor]


def wanted_secrets(task: ExportedTask) -> list[str]:
    """The variables from which a step takes its secrets."""
    setting = task.node.setting
    references = {} if setting is None else setting.secrets
    return sorted(
        {text.partition(":")[2] for text in references.values() if text.startswith("env:")}
    )


def container_environment(export: Export, secrets: list[str]) -> list[JsonValue]:
    """The variables of a container: where the control plane is, and secrets by reference."""
    place = export.place
    found: list[JsonValue] = [{"name": "MILLWRIGHT_URL", "value": place.url}]
    if place.secret:
        for name in (TOKEN, *secrets):
            reference: JsonValue = {"name": place.secret, "key": name}
            found.append({"name": name, "valueFrom": {"secretKeyRef": reference}})
    return found


def container_resources(export: Export, memory_mb: int | None = None) -> dict[str, JsonValue]:
    """Requests and limits as Kubernetes writes them; empty where nothing is asked."""
    place, asked = export.place, {}
    if place.cpu:
        asked["cpu"] = place.cpu
    if memory_mb is not None:
        # The step's own limit, and room for the engine around it.
        asked["memory"] = f"{memory_mb + 512}Mi"
    elif place.memory:
        asked["memory"] = place.memory
    limits: dict[str, JsonValue] = {key: value for key, value in asked.items() if key != "cpu"}
    if place.gpu:
        limits["nvidia.com/gpu"] = place.gpu
    found: dict[str, JsonValue] = {}
    if asked:
        found["requests"] = {**asked}
    if limits:
        found["limits"] = limits
    return found
