"""What the protocol has beyond this server, answered in its own words: not implemented.

Gateway, running scorers, label schemas, review queues, issues, prompt optimisation and
workspaces. A client that asks is told so at once, in the shape of an error that it knows, and
nothing that looks like an answer comes back. ``docs/guide/mlflow.md`` lists them.
"""

from __future__ import annotations

from millwright.kernel.access import Permission
from millwright.tracking.mlflow.endpoints import Endpoints, MlflowCall
from millwright.tracking.mlflow.errors import MlflowError

endpoints = Endpoints()
FAMILIES = {
    "gateway": "The AI gateway",
    "scorers/online-config": "Scoring of live traces",
    "scorer": "Running scorers",
    "genai": "Evaluation",
    "gateway-proxy": "The AI gateway",
    "jobs": "Jobs",
    "demo": "Demonstration data",
    "ui-telemetry": "Telemetry",
    "label-schemas": "Label schemas",
    "review-queues": "Review queues",
    "issues": "Issues",
    "prompt-optimization": "Prompt optimization",
    "workspaces": "Workspaces (projects stand in their place)",
    "unified-traces": "Unified traces",
    "get-online-trace-details": "Online trace details",
}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def family(path: str) -> str:
    """What a path that is not answered is part of, as a refusal names it."""
    below = path.partition("/mlflow/")[2]
    found = [name for name in FAMILIES if f"{below}/".startswith(f"{name}/")]
    return FAMILIES[found[0]] if found else "This"


def not_implemented(call: MlflowCall) -> object:
    """Say that this part of the protocol is not answered here."""
    raise MlflowError("NOT_IMPLEMENTED", f"{family(call.path)} is not implemented by this server.")


for _name in FAMILIES:
    for _method in _METHODS:
        endpoints.add(
            _method, _name, f"{_name}/{{rest:path}}", permission=Permission.READ, max_bytes=1 << 20
        )(not_implemented)


for _method in _METHODS:
    endpoints.add(
        _method,
        "/ajax-api/3.0/jobs",
        "/ajax-api/3.0/jobs/{rest:path}",
        permission=Permission.READ,
        max_bytes=1 << 20,
    )(not_implemented)
