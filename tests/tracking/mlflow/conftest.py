"""A real server on a real socket, and the real MLflow client against it, on both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from millwright.kernel.store import Store
from mlflow_server import Served, serving
from postgres_server import binaries, running


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Store]]:
    if request.param == "sqlite":
        yield from serving(tmp_path_factory.mktemp("served"))
        return
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install '.[postgres]'")
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running() as url:
        yield from serving(tmp_path_factory.mktemp("served"), url)


@pytest.fixture
def served(server: tuple[str, Store], request: pytest.FixtureRequest) -> Iterator[Served]:
    """A project of its own for every test."""
    url, store = server
    project = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:90].strip("-")
    with httpx.Client(timeout=60) as http:
        yield Served(f"{url}/projects/{project}/mlflow", project, store, http)


@pytest.fixture
def client(served: Served, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The unmodified client, in no experiment of an earlier test."""
    mlflow = pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")
    monkeypatch.setattr("mlflow.tracking.fluent._active_experiment_id", None)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID", raising=False)
    mlflow.set_tracking_uri(served.url)
    return mlflow.MlflowClient()
