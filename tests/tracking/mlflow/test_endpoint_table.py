"""The documentation lists exactly the endpoints that answer."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from millwright.server.mlflow_table import later, table, unanswered
from millwright.server.rooms import mlflow_endpoints
from millwright.tracking.mlflow.endpoints import EndpointMap
from millwright.tracking.mlflow.gateway import short
from millwright.tracking.mlflow.later import family
from mlflow_server import Served

PAGE = Path(__file__).parents[3] / "docs/guide/mlflow.md"


def between(text: str, name: str) -> str:
    return text.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- /{name} -->")[0]


def test_the_guide_lists_what_answers_and_what_does_not() -> None:
    text = PAGE.read_text("utf-8")
    hint = "Write the tables anew with: python -m millwright.server.mlflow_table"
    assert between(text, "endpoints") == table(), hint
    assert between(text, "unanswered") == later(), hint


def test_what_is_not_implemented_says_so(served: Served) -> None:
    paths = {endpoint.path for endpoint in unanswered()}
    for path in sorted(paths):
        below = path.replace("{rest:path}", "x").lstrip("/")
        place = path if path.startswith("/") else f"/api/3.0/mlflow/{below}"
        answer = served.http.get(f"{served.url}{place}")
        assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED")


def calls_of_the_protocol() -> set[tuple[str, str]]:
    """Method and path of everything that MLflow's own definitions of its services name."""
    from mlflow.protos import databricks_pb2

    found = set()
    for name in ("service", "model_registry", "mlflow_artifacts", "webhooks"):
        module = importlib.import_module(f"mlflow.protos.{name}_pb2")
        for service in module.DESCRIPTOR.services_by_name.values():
            for call in service.methods:
                for each in call.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
                    path = re.sub(r"[{<][^}>]*[}>]", "x", each.path).lstrip("/")
                    found.add((each.method, f"/api/{each.since.major}.0/{path}"))
    return found


def test_every_call_that_clients_know_is_answered_but_for_those_that_the_guide_names() -> None:
    pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")
    endpoints = EndpointMap(mlflow_endpoints())
    later = {id(endpoint) for endpoint in unanswered()}
    missing = set()
    for method, path in calls_of_the_protocol():
        found = endpoints.find(method, short(path))
        assert found is not None, f"{method} {path} is neither answered nor said to be missing"
        if id(found[0]) in later:
            missing.add(family(path))
    assert missing == {
        "Issues",
        "Label schemas",
        "Online trace details",
        "Prompt optimization",
        "Review queues",
        "The AI gateway",
        "Unified traces",
        "Workspaces (projects stand in their place)",
    }
