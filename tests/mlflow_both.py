"""A stock MLflow server beside ours: the same requests to both."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

PEER = Path(__file__).parents[1] / ".peers/mlflow/bin/python"
_IDS = ("experiment_id", "run_id", "run_uuid")


def stock_server(folder: Path) -> Iterator[str]:
    """The address of a stock server with its own database, until the iterator goes on."""
    if not PEER.exists():
        pytest.skip("a stock MLflow server is not installed: ci/peer mlflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(PEER), "-m", "mlflow", "server", "--workers", "1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait(process, f"http://127.0.0.1:{port}", folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-2000:]
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health", timeout=5).is_success:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text()[-2000:])


class Both:
    """Sends every request to both servers; ids are exchanged for each server's own."""

    def __init__(self, stock: str, ours: str) -> None:
        self.urls = (stock, ours)
        self.ids: list[dict[str, str]] = [{}, {}]
        self.http = httpx.Client(timeout=120)

    def send(
        self, method: str, path: str, body: Any, version: str = "2.0"
    ) -> tuple[httpx.Response, httpx.Response]:
        """What both answer, the stock server first."""
        answers = []
        for url, ids in zip(self.urls, self.ids, strict=True):
            own = _exchanged(body, ids)
            where = f"{url}/api/{version}/mlflow/{path}"
            if method == "GET":
                answers.append(self.http.get(where, params=own))
            else:
                answers.append(self.http.request(method, where, json=own))
        return answers[0], answers[1]

    def name(self, label: str, values: tuple[str, str]) -> None:
        """Let ``<label>`` in a body stand for each server's own id."""
        for ids, value in zip(self.ids, values, strict=True):
            ids[label] = value

    def same(self, method: str, path: str, body: Any = None) -> Any:
        """Both answers alike in status, code and content; ours is returned."""
        theirs, ours = self.send(method, path, body or {})
        assert theirs.status_code == ours.status_code, (path, body, theirs.text, ours.text)
        left, right = theirs.json(), ours.json()
        if theirs.status_code != 200:
            assert left["error_code"] == right["error_code"], (path, body, left, right)
            return right
        left, right = (
            _plain(answer, {v: k for k, v in ids.items()})
            for answer, ids in zip((left, right), self.ids, strict=True)
        )
        assert left == right, (path, body)
        return right


def _exchanged(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _exchanged(one, ids) for key, one in value.items()}
    if isinstance(value, list):
        return [_exchanged(one, ids) for one in value]
    if isinstance(value, str):
        for label, own in ids.items():
            value = value.replace(f"<{label}>", own)
    return value


def _plain(value: Any, labels: dict[str, str]) -> Any:
    """Without what must differ: ids, places, times of the server, empty fields."""
    if isinstance(value, dict):
        out = {}
        for key, one in value.items():
            if key in ("artifact_uri", "artifact_location", "creation_time", "last_update_time",
                       "user_id", "next_page_token", "effective_trace_archival_retention",
                       "workspace"):  # fmt: skip
                continue
            plain = labels.get(one, one) if key in _IDS else _plain(one, labels)
            if plain not in ({}, [], ""):
                out[key] = plain
        return out
    if isinstance(value, list):
        plain = [_plain(one, labels) for one in value]
        if plain and all(isinstance(one, dict) and "key" in one for one in plain):
            return sorted(plain, key=lambda one: (one["key"], one.get("step", 0), one.get("timestamp", 0), repr(one.get("value"))))  # fmt: skip
        return plain
    return value
