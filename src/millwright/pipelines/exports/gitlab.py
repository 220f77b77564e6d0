"""A pipeline as GitLab CI: a job for each step, which its outcome leaves as an artifact.

Source: docs.gitlab.com/ci/yaml and its JSON schema. Secrets are masked variables of the project there,
MILLWRIGHT_TOKEN among them; they need not be named here.
"""

from __future__ import annotations

import shlex

from pydantic import JsonValue

from millwright.pipelines.exports.calling import Words, call_step
from millwright.pipelines.exports.records import Export
from millwright.pipelines.exports.shape import ExportedTask, tasks_of
from millwright.pipelines.exports.yaml_text import as_yaml

Tree = dict[str, JsonValue]
_FOLDER = "outcomes"
_RETRY: Tree = {"max": 2, "when": ["runner_system_failure", "stuck_or_timeout_failure"]}


def gitlab(export: Export) -> str:
    """The text of a ``.gitlab-ci.yml``, or of a file that one includes."""
    tasks = tasks_of(export.graph)
    names = {task.node.name: task.name for task in tasks}
    variables: Tree = {
        _variable(name): {"value": default, "expand": False}
        for name, default in export.parameters.items()
    }
    if export.place.url:
        variables["MILLWRIGHT_URL"] = export.place.url
    found: Tree = {"stages": ["pipeline"]}
    if export.place.image:
        found["default"] = {"image": export.place.image}
    if variables:
        found["variables"] = variables
    found |= {task.name: _job(export, task, names) for task in tasks}
    return as_yaml(found)


def _job(export: Export, task: ExportedTask, names: dict[str, str]) -> JsonValue:
    job: Tree = {"stage": "pipeline", "needs": [names[node] for node in task.after]}
    if task.asks:
        # The play button is the yes; nothing is held until somebody presses it.
        job |= {"when": "manual", "allow_failure": False, "script": [_echo(task)]}
        return job
    words = Words(
        parameter=lambda name: f"${_variable(name)}",
        outcome=lambda node: f"$(cat {_FOLDER}/{names[node]}.json)",
        group="$CI_PIPELINE_ID",
        result=f"{_FOLDER}/{task.name}.json",
    )
    call = [*export.place.words, *call_step(export, task, words)]
    job["script"] = [" ".join(map(_quoted, call))]
    job["artifacts"] = {"paths": [f"{_FOLDER}/{task.name}.json"]}
    job["retry"] = _RETRY
    return job


def _echo(task: ExportedTask) -> str:
    return f"echo {shlex.quote(task.node.message or 'Go on?')}"


def _quoted(word: str) -> str:
    """A word for the shell, in which only what the run knows is looked up, and not split."""
    plain, dollar, looked_up = word.partition("$")
    if not dollar:
        return shlex.quote(word)
    return (shlex.quote(plain) if plain else "") + f'"${looked_up}"'


def _variable(parameter: str) -> str:
    return f"MW_PARAM_{parameter}"
