"""The part of an export beyond runs: logged models, registered models, traces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from millwright.kernel.door import Door
from millwright.kernel.errors import MillwrightError, Unavailable
from millwright.tracking.exchange.target import PROXIED, Target

Json = dict[str, Any]
MODEL_TAG = "millwright.model"
_STATUS_WORDS = {
    1: "LOGGED_MODEL_PENDING",
    2: "LOGGED_MODEL_READY",
    3: "LOGGED_MODEL_UPLOAD_FAILED",
}
_OURS = ("mlflow.artifactLocation", "mlflow.trace.spansLocation")


@dataclass(slots=True)
class Handed:
    """What has gone over so far, and under which name it is there."""

    runs: dict[str, Json] = field(default_factory=dict)
    """What the server says of its runs, by ours."""
    models: dict[str, str] = field(default_factory=dict)
    """The server's logged models by ours."""
    files: int = 0
    new_models: int = 0
    versions: int = 0
    traces: int = 0
    left: list[str] = field(default_factory=list)


def hand_out_models(door: Door, project: str, there: Target, handed: Handed) -> None:
    """Bring logged models with their files, then registered models, versions and aliases."""
    for name, identifier in _experiments(door, project):
        body = {"experiment_ids": [identifier]}
        for model in _pages(door, project, "logged-models/search", "models", body, 50):
            try:
                _logged_model(door, project, there, handed, name, model)
            except MillwrightError as error:
                handed.left.append(f"logged model {model['info']['name']}: {error}")
    listed = _listed(door, project, "registered-models/search", "registered_models")
    for model in listed:
        try:
            _registered(door, project, there, handed, model)
        except MillwrightError as error:
            handed.left.append(f"model {model['name']}: {error}")


def hand_out_traces(door: Door, project: str, there: Target, handed: Handed) -> None:
    """Bring traces with spans and assessments; their ids stay."""
    for name, identifier in _experiments(door, project):
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": identifier}}
        body = {"locations": [place], "order_by": ["timestamp ASC"]}
        for info in _pages(door, project, "traces/search", "traces", body, 500):
            try:
                _trace(door, project, there, handed, there.experiment(name), info)
            except MillwrightError as error:
                handed.left.append(f"trace {info['trace_id']}: {error}")


def _logged_model(
    door: Door, project: str, there: Target, handed: Handed, experiment: str, model: Json
) -> None:
    info, data = model["info"], model.get("data", {})
    tags = {tag["key"]: tag["value"] for tag in info.get("tags", ())}
    run = handed.runs.get(info.get("source_run_id") or "", {}).get("run_id")
    made = _model_there(
        there,
        handed,
        there.experiment(experiment),
        info["model_id"],
        name=info["name"],
        model_type=info.get("model_type"),
        source_run_id=run,
        params=data.get("params", []),
        tags=[{"key": k, "value": v} for k, v in tags.items() if k != "mlflow.modelVersions"],
    )
    _copy(door, project, there, handed, info["artifact_uri"], made["artifact_uri"])
    if info["status"] != made["status"]:
        _finalize(there, made["model_id"], info["status"])
    for point in data.get("metrics", ()):
        target = handed.runs.get(point.get("run_id") or "", {}).get("run_id")
        if target:
            sent = {**point, "model_id": made["model_id"]}
            sent.pop("run_id")
            there.post("2.0/mlflow/runs/log-batch", run_id=target, metrics=[sent])


def _finalize(there: Target, model: str, status: str) -> None:
    there.patch(f"2.0/mlflow/logged-models/{model}", model_id=model, status=status)


def _model_there(
    there: Target, handed: Handed, experiment: str, identifier: str, **new: Any
) -> Json:
    """The server's twin of a logged model, made where it is missing."""
    answer = there.post(
        "2.0/mlflow/logged-models/search",
        experiment_ids=[experiment],
        filter=f"tags.`{MODEL_TAG}` = '{identifier}'",
    )
    found = answer.get("models", ())
    if not found:
        tags = [*new.pop("tags", []), {"key": MODEL_TAG, "value": identifier}]
        given = {key: value for key, value in new.items() if value is not None}
        answer = there.post(
            "2.0/mlflow/logged-models", experiment_id=experiment, tags=tags, **given
        )
        found = [answer["model"]]
        handed.new_models += 1
    info = dict(found[0]["info"])
    if isinstance(info.get("status"), int):
        info["status"] = _STATUS_WORDS[info["status"]]
    handed.models[identifier] = info["model_id"]
    return info


def _registered(door: Door, project: str, there: Target, handed: Handed, model: Json) -> None:
    name = model["name"]
    with suppress(Unavailable):
        there.post(
            "2.0/mlflow/registered-models/create",
            name=name,
            tags=model.get("tags", []),
            description=model.get("description", ""),
        )
    wanted = "name='" + name.replace("'", "''") + "'"
    pages = there.pages(
        "2.0/mlflow/model-versions/search", "model_versions", most=1_000, filter=wanted
    )
    known = {int(one["version"]) for one in pages}
    mine = _listed(door, project, "model-versions/search", "model_versions", wanted)
    for version in sorted(mine, key=lambda one: int(one["version"])):
        if int(version["version"]) in known:
            continue
        where = _source_there(door, project, there, handed, name, version)
        answer = there.post(
            "2.0/mlflow/model-versions/create",
            name=name,
            tags=version.get("tags", []),
            description=version.get("description", ""),
            **where,
        )
        handed.versions += 1
        number = answer["model_version"]["version"]
        if str(number) != str(version["version"]):
            handed.left.append(f"model {name}: version {version['version']} is {number} there")
    for alias in model.get("aliases", ()):
        there.post("2.0/mlflow/registered-models/alias", name=name, **alias)


def _source_there(
    door: Door, project: str, there: Target, handed: Handed, name: str, version: Json
) -> Json:
    """Where the files of a version are there; what is only here goes over as a logged model."""
    source = version["source"]
    run = version.get("run_id") or ""
    marker = f"{run}/artifacts"
    if source.startswith("models:/m-"):
        target = handed.models.get(source.removeprefix("models:/"))
        if target:
            return {"source": f"models:/{target}", "model_id": target}
    elif run in handed.runs and marker in source:
        info = handed.runs[run]
        place = info["artifact_uri"] + source.partition(marker)[2]
        return {"source": place, "run_id": info["run_id"]}
    elif source.startswith(PROXIED):
        twin = f"{name}/{version['version']}"
        default = there.experiment("Default")
        plain = "".join(c if c.isalnum() or c in "-_ " else "-" for c in name)
        made = _model_there(there, handed, default, twin, name=plain)
        _copy(door, project, there, handed, source, made["artifact_uri"])
        _finalize(there, made["model_id"], "LOGGED_MODEL_READY")
        return {"source": f"models:/{made['model_id']}", "model_id": made["model_id"]}
    return {"source": source, **({"run_id": run} if run else {})}


def _copy(door: Door, project: str, there: Target, handed: Handed, uri: str, place: str) -> None:
    """Send the files below one of our URIs that are not there yet."""
    if not uri.startswith(PROXIED):
        handed.left.append(f"files at {uri}: they stay there")
        return
    known = there.sizes(place)
    if known is None:
        handed.left.append(f"files at {uri}: {place} is not kept by the server")
        return
    root = urlsplit(uri).path.strip("/")
    for name, size in _files(door, project, root, ""):
        if known.get(name) != size:
            there.put(place, name, door.mlflow_file(project, quote(f"{root}/{name}")))
            handed.files += 1


def _trace(
    door: Door, project: str, there: Target, handed: Handed, experiment: str, info: Json
) -> None:
    identifier = info["trace_id"]
    known = there.get(f"3.0/mlflow/traces/{identifier}")
    if known is None:
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
        tags = {k: v for k, v in info.get("tags", {}).items() if k not in _OURS}
        told = {**info, "trace_location": place, "tags": tags}
        told.pop("assessments", None)
        known = there.post("3.0/mlflow/traces", trace={"trace_info": told})
        handed.traces += 1
    there_info = known["trace"]["trace_info"]
    uri = there_info.get("tags", {}).get("mlflow.artifactLocation", "")
    sizes = there.sizes(uri)
    if sizes is None:
        handed.left.append(f"spans of trace {identifier}: {uri} is not kept by the server")
    elif "traces.json" not in sizes:
        there.put(uri, "traces.json", door.mlflow_trace(project, identifier))
        handed.files += 1
    said = {_said(each) for each in there_info.get("assessments", ())}
    for each in info.get("assessments", ()):
        if _said(each) not in said:
            there.post(f"3.0/mlflow/traces/{identifier}/assessments", assessment=each)


def _said(assessment: Json) -> str:
    values = [assessment.get(kind) for kind in ("feedback", "expectation", "issue")]
    return json.dumps([assessment.get("assessment_name"), values], sort_keys=True)


def _experiments(door: Door, project: str) -> list[tuple[str, str]]:
    found = _pages(door, project, "experiments/search", "experiments", {}, 1_000)
    return [(one["name"], one["experiment_id"]) for one in found]


def _files(door: Door, project: str, root: str, below: str) -> Iterator[tuple[str, int]]:
    path = quote(f"{root}/{below}".rstrip("/"), safe="")
    listed = json.loads(door.mlflow_file(project, f"?path={path}"))
    for file in listed.get("files", ()):
        name = f"{below}/{file['path']}".lstrip("/")
        if file.get("is_dir"):
            yield from _files(door, project, root, name)
        else:
            yield name, int(file["file_size"])


def _pages(door: Door, project: str, path: str, name: str, body: Json, most: int) -> Iterator[Json]:
    asked = {**body, "max_results": most}
    while True:
        answer = door.mlflow(project, "POST", path, asked)
        yield from answer.get(name, ())
        if not answer.get("next_page_token"):
            return
        asked["page_token"] = answer["next_page_token"]


def _listed(door: Door, project: str, path: str, name: str, wanted: str = "") -> list[Json]:
    found: list[Json] = []
    query = f"{path}?max_results=1000" + (f"&filter={quote(wanted, safe='')}" if wanted else "")
    token = ""
    while True:
        answer = door.mlflow(project, "GET", query + token)
        found += answer.get(name, ())
        if not answer.get("next_page_token"):
            return found
        token = "&page_token=" + quote(answer["next_page_token"], safe="")
