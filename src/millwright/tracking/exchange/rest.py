"""Reading a tracking server over REST."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from millwright.kernel.errors import Unavailable
from millwright.tracking.exchange.records import CarriedDataset, CarriedPoint, CarriedRun
from millwright.tracking.exchange.source import (
    STATUS,
    SourceExperiment,
    SourceModel,
    SourceRun,
    SourceVersion,
    files_below,
    local_path,
)

_PAGE = 1_000
_PROXIED = "mlflow-artifacts:"


class RestSource:
    """A server, with the credentials that MLflow's own client would use."""

    def __init__(self, url: str) -> None:
        headers = {}
        token = os.environ.get("MLFLOW_TRACKING_TOKEN")
        if token:
            headers["authorization"] = f"Bearer {token}"
        user = os.environ.get("MLFLOW_TRACKING_USERNAME")
        auth = (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", "")) if user else None
        self._url = url
        self._http = httpx.Client(timeout=120, headers=headers, auth=auth)
        self._found: dict[str, dict[str, Any]] = {}

    def experiments(self) -> list[SourceExperiment]:
        """All experiments, deleted ones too."""
        found = []
        for one in self._pages("experiments/search", "experiments", {"view_type": "ALL"}):
            found.append(
                SourceExperiment(
                    id=one["experiment_id"],
                    name=one["name"],
                    created_ms=int(one.get("creation_time", 0)),
                    deleted=one.get("lifecycle_stage") == "deleted",
                    tags=_pairs(one.get("tags", ())),
                )
            )
        return found

    def runs(self, experiment: str) -> Iterator[SourceRun]:
        """All runs of an experiment, deleted ones too, oldest first."""
        body = {
            "experiment_ids": [experiment],
            "run_view_type": "ALL",
            "order_by": ["attributes.start_time ASC"],
        }
        for run in self._pages("runs/search", "runs", body):
            info = run["info"]
            self._found = {info["run_id"]: run}
            yield SourceRun(info["run_id"], info.get("artifact_uri", ""), _mark(run))

    def whole(self, run: SourceRun) -> CarriedRun:
        """A run with every point of every metric."""
        known = self._found.get(run.id) or self._call("GET", f"runs/get?run_id={run.id}")["run"]
        info, data = known["info"], known.get("data", {})
        keys = [metric["key"] for metric in data.get("metrics", ())]
        inputs = known.get("inputs", {}).get("dataset_inputs", ())
        return CarriedRun(
            id=run.id,
            name=info.get("run_name") or run.id,
            status=STATUS.get(info.get("status", ""), "finished"),
            user=info.get("user_id") or None,
            created_ms=int(info.get("start_time", 0)),
            ended_ms=int(info["end_time"]) if info.get("end_time") else None,
            deleted=info.get("lifecycle_stage") == "deleted",
            params=_pairs(data.get("params", ())),
            tags=_pairs(data.get("tags", ())),
            points=tuple(point for key in keys for point in self._history(run.id, key)),
            datasets=tuple(_dataset(one) for one in inputs),
        )

    def artifacts(self, run: SourceRun) -> Iterator[tuple[str, bytes | Path]]:
        """The files that the server hands out itself, or that lie on this machine."""
        if run.artifact_uri.startswith(_PROXIED):
            root = run.artifact_uri.removeprefix(_PROXIED).lstrip("/")
            yield from self._proxied(run.id, root, "")
            return
        folder = local_path(run.artifact_uri)
        if folder is not None:
            yield from files_below(folder)

    def models(self) -> list[SourceModel]:
        """All registered models with their versions."""
        found = []
        for one in self._pages("registered-models/search", "registered_models", None):
            name = one["name"]
            wanted = "name='" + name.replace("'", "''") + "'"
            versions = self._pages("model-versions/search", "model_versions", {"filter": wanted})
            found.append(
                SourceModel(
                    name=name,
                    description=one.get("description", ""),
                    tags=_pairs(one.get("tags", ())),
                    aliases={a["alias"]: int(a["version"]) for a in one.get("aliases", ())},
                    versions=sorted(
                        (_version(version) for version in versions), key=lambda v: v.version
                    ),
                )
            )
        return found

    def _history(self, run: str, key: str) -> Iterator[CarriedPoint]:
        path = f"metrics/get-history?run_id={run}&metric_key={quote(key, safe='')}"
        for point in self._call("GET", path).get("metrics", ()):
            yield CarriedPoint(
                key=key,
                value=float(point["value"]),
                step=int(point.get("step", 0)),
                time_ms=int(point["timestamp"]),
            )

    def _proxied(self, run: str, root: str, below: str) -> Iterator[tuple[str, bytes | Path]]:
        listed = self._call("GET", f"artifacts/list?run_id={run}&path={quote(below, safe='')}")
        for file in listed.get("files", ()):
            if file.get("is_dir"):
                yield from self._proxied(run, root, file["path"])
            else:
                where = quote(f"{root}/{file['path']}")
                url = f"{self._url}/api/2.0/mlflow-artifacts/artifacts/{where}"
                yield file["path"], self._checked(self._http.get(url)).content

    def _pages(self, path: str, name: str, body: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
        token: str | None = None
        while True:
            asked: dict[str, Any] = {**(body or {}), "max_results": _PAGE}
            if token:
                asked["page_token"] = token
            get = path.startswith(("registered", "model-"))
            answer = self._call("GET" if get else "POST", path, asked)
            yield from answer.get(name, ())
            token = answer.get("next_page_token")
            if not token:
                return

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        url = f"{self._url}/api/2.0/mlflow/{path}"
        try:
            if method == "GET":
                answer = self._http.get(url, params=body)
            else:
                answer = self._http.post(url, json=body)
        except httpx.TransportError as cause:
            raise Unavailable(
                "tracking.source_unreachable", f"Nothing answers at {self._url}: {cause}"
            ) from cause
        return self._checked(answer).json()

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code >= 400:
            raise Unavailable(
                "tracking.source_refused",
                f"{self._url} answered {answer.status_code}: {answer.text[:300]}",
                hint="Set MLFLOW_TRACKING_TOKEN, or _USERNAME and _PASSWORD, if it asks for them.",
            )
        return answer


def _mark(run: dict[str, Any]) -> str:
    info, metrics = run["info"], run.get("data", {}).get("metrics", ())
    latest = sorted((m["key"], m.get("step", 0), m.get("timestamp", 0)) for m in metrics)
    tags = sorted(_pairs(run.get("data", {}).get("tags", ())).items())
    state = (info.get("status"), info.get("end_time"), info.get("lifecycle_stage"))
    return repr((state, latest, tags))


def _pairs(found: Any) -> dict[str, str]:
    return {one["key"]: one.get("value", "") for one in found}


def _dataset(one: dict[str, Any]) -> CarriedDataset:
    dataset = one["dataset"]
    return CarriedDataset(
        name=dataset["name"],
        digest=dataset["digest"],
        source_type=dataset.get("source_type", ""),
        source=dataset.get("source", ""),
        schema_text=dataset.get("schema"),
        profile=dataset.get("profile"),
        tags=_pairs(one.get("tags", ())),
    )


def _version(one: dict[str, Any]) -> SourceVersion:
    return SourceVersion(
        version=int(one["version"]),
        source=one.get("source", ""),
        run=one.get("run_id") or None,
        description=one.get("description", ""),
        tags=_pairs(one.get("tags", ())),
    )
