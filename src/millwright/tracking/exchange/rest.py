"""Reading a tracking server over REST."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from millwright.kernel.errors import Unavailable
from millwright.tracking.exchange import rest_forms as forms
from millwright.tracking.exchange.records import CarriedPoint, CarriedRun, CarriedTrace
from millwright.tracking.exchange.source import (
    STATUS,
    SourceExperiment,
    SourceLoggedModel,
    SourceModel,
    SourceRun,
    SourceTrace,
    files_below,
    local_path,
)
from millwright.tracking.exchange.trace_forms import spans_of, trace_v2

_PAGE = 1_000
_SMALL_PAGES = {"traces/search": 500, "traces": 500, "logged-models/search": 50}
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
        self._refused = False

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
                    tags=forms.pairs(one.get("tags", ())),
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
            yield SourceRun(info["run_id"], info.get("artifact_uri", ""), forms.mark_of(run))

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
            params=forms.pairs(data.get("params", ())),
            tags=forms.pairs(data.get("tags", ())),
            points=tuple(point for key in keys for point in self._history(run.id, key)),
            datasets=tuple(forms.dataset(one) for one in inputs),
            models=tuple(forms.uses(known)),
        )

    def artifacts(self, run: SourceRun) -> Iterator[tuple[str, bytes | Path]]:
        """The files that the server hands out itself, or that lie on this machine."""
        if run.artifact_uri.startswith(_PROXIED):
            yield from self._proxied(run.artifact_uri)
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
                    tags=forms.pairs(one.get("tags", ())),
                    aliases={a["alias"]: int(a["version"]) for a in one.get("aliases", ())},
                    versions=sorted(
                        (forms.version(version) for version in versions), key=lambda v: v.version
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

    def logged_models(self, experiment: str) -> Iterator[SourceLoggedModel]:
        """All logged models of an experiment; none of a server before MLflow 3."""
        body = {"experiment_ids": [experiment]}
        for one in self._pages("logged-models/search", "models", body, optional=True):
            info, data = one["info"], one.get("data", {})
            model = forms.logged_model(info, data)
            yield SourceLoggedModel(model, info.get("artifact_uri", ""), model.model_dump_json())

    def model_files(self, model: SourceLoggedModel) -> Iterator[tuple[str, bytes | Path]]:
        """The files that the server hands out itself, or that lie on this machine."""
        if model.artifact_uri.startswith(_PROXIED):
            yield from self._proxied(model.artifact_uri)
            return
        folder = local_path(model.artifact_uri)
        if folder is not None:
            yield from files_below(folder)

    def traces(self, experiment: str) -> Iterator[SourceTrace]:
        """All traces of an experiment, in the newer form or, of older servers, the older."""
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
        body = {"locations": [place], "order_by": ["timestamp ASC"]}
        for info in self._pages("traces/search", "traces", body, version="3.0", optional=True):
            yield SourceTrace(info["trace_id"], repr(info), info)
        if self._refused:
            for info in self._pages("traces", "traces", {"experiment_ids": experiment}, get=True):
                yield SourceTrace(info["request_id"], repr(info), info)

    def whole_trace(self, trace: SourceTrace) -> CarriedTrace:
        """A trace with its spans and assessments."""
        url = f"{self._url}/ajax-api/2.0/mlflow/get-trace-artifact"
        answer = self._http.get(url, params={"request_id": trace.id})
        spans = spans_of(answer.content) if answer.is_success else ()
        if "request_id" in trace.info:
            return trace_v2(trace.info, spans)
        return CarriedTrace(info=trace.info, spans=spans)

    def _proxied(self, uri: str, below: str = "") -> Iterator[tuple[str, bytes | Path]]:
        root = urlsplit(uri).path.strip("/")
        base = f"{self._url}/api/2.0/mlflow-artifacts/artifacts"
        folder = f"{root}/{below}".rstrip("/")
        listed = self._checked(self._http.get(base, params={"path": folder})).json()
        for file in listed.get("files", ()):
            inside = f"{below}/{file['path']}".lstrip("/")
            if file.get("is_dir"):
                yield from self._proxied(uri, inside)
            else:
                where = quote(f"{root}/{inside}")
                yield inside, self._checked(self._http.get(f"{base}/{where}")).content

    def _pages(
        self,
        path: str,
        name: str,
        body: dict[str, Any] | None,
        *,
        version: str = "2.0",
        get: bool = False,
        optional: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """All pages; nothing of an optional endpoint that the server does not have."""
        token: str | None = None
        self._refused = False
        get = get or path.startswith(("registered", "model-"))
        most = _SMALL_PAGES.get(path, _PAGE)
        while True:
            asked: dict[str, Any] = {**(body or {}), "max_results": most}
            if token:
                asked["page_token"] = token
            sent = self._sent("GET" if get else "POST", f"{version}/mlflow/{path}", asked)
            self._refused = optional and sent.status_code in (404, 405, 501)
            if self._refused:
                return
            answer = self._checked(sent).json()
            yield from answer.get(name, ())
            token = answer.get("next_page_token")
            if not token:
                return

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._checked(self._sent(method, f"2.0/mlflow/{path}", body)).json()

    def _sent(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        url = f"{self._url}/api/{path}"
        try:
            if method == "GET":
                return self._http.get(url, params=body)
            return self._http.post(url, json=body)
        except httpx.TransportError as cause:
            raise Unavailable(
                "tracking.source_unreachable", f"Nothing answers at {self._url}: {cause}"
            ) from cause

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code >= 400:
            raise Unavailable(
                "tracking.source_refused",
                f"{self._url} answered {answer.status_code}: {answer.text[:300]}",
                hint="Set MLFLOW_TRACKING_TOKEN, or _USERNAME and _PASSWORD, if it asks for them.",
            )
        return answer
