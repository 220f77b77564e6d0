"""A tracking server that is written to over REST."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from millwright.kernel.errors import Unavailable

PROXIED = "mlflow-artifacts:"


class Target:
    """A server, with the credentials that MLflow's own client would use."""

    def __init__(self, url: str) -> None:
        token = os.environ.get("MLFLOW_TRACKING_TOKEN")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        user = os.environ.get("MLFLOW_TRACKING_USERNAME")
        auth = (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", "")) if user else None
        self._url = url.rstrip("/")
        self._http = httpx.Client(timeout=120, headers=headers, auth=auth)
        self._experiments: dict[str, str] = {}

    def experiment(self, name: str) -> str:
        """The id of the experiment with this name, made where it is missing."""
        if name not in self._experiments:
            found = self.get("2.0/mlflow/experiments/get-by-name", experiment_name=name)
            if found is None:
                made = self.post("2.0/mlflow/experiments/create", name=name)
                self._experiments[name] = str(made["experiment_id"])
            else:
                self._experiments[name] = str(found["experiment"]["experiment_id"])
        return self._experiments[name]

    def get(self, path: str, /, **query: Any) -> Any:
        """A JSON answer; None where there is no such thing."""
        answer = self._send("GET", path, params=query)
        return None if answer.status_code == 404 else self._checked(answer).json()

    def post(self, path: str, /, **body: Any) -> Any:
        """The JSON answer to a change."""
        return self._checked(self._send("POST", path, json=body)).json()

    def patch(self, path: str, /, **body: Any) -> Any:
        """The JSON answer to a change."""
        return self._checked(self._send("PATCH", path, json=body)).json()

    def pages(self, path: str, name: str, *, most: int, **query: Any) -> list[Any]:
        """Everything that a listing answers, page after page."""
        found: list[Any] = []
        asked = {**query, "max_results": most}
        while True:
            answer = self.get(path, **asked) or {}
            found += answer.get(name, ())
            if not answer.get("next_page_token"):
                return found
            asked["page_token"] = answer["next_page_token"]

    def sizes(self, uri: str) -> dict[str, int] | None:
        """Names and sizes of the files below a URI; None where the server does not keep them."""
        if not uri.startswith(PROXIED):
            return None
        root = urlsplit(uri).path.strip("/")
        found: dict[str, int] = {}
        folders = [""]
        while folders:
            below = folders.pop()
            path = f"{root}/{below}".rstrip("/")
            listed = self.get("2.0/mlflow-artifacts/artifacts", path=path) or {}
            for file in listed.get("files", ()):
                name = f"{below}/{file['path']}".lstrip("/")
                if file.get("is_dir"):
                    folders.append(name)
                else:
                    found[name] = int(file.get("file_size") or 0)
        return found

    def put(self, uri: str, name: str, content: bytes) -> None:
        """Store a file below a URI that the server keeps."""
        where = quote(f"{urlsplit(uri).path.strip('/')}/{name}")
        path = f"2.0/mlflow-artifacts/artifacts/{where}"
        self._checked(self._send("PUT", path, content=content))

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, f"{self._url}/api/{path}", **options)
        except httpx.TransportError as cause:
            raise Unavailable(
                "tracking.target_unreachable", f"Nothing answers at {self._url}: {cause}"
            ) from cause

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code >= 400:
            raise Unavailable(
                "tracking.target_refused",
                f"{self._url} answered {answer.status_code}: {answer.text[:300]}",
            )
        return answer
