"""The endpoints of the MLflow protocol as the documentation lists them:
``python -m millwright.server.mlflow_table`` prints the tables of docs/guide/mlflow.md."""

from __future__ import annotations

import sys

from millwright.server.rooms import mlflow_endpoints
from millwright.tracking import Endpoint

_LATER = ".later"
"""The module whose endpoints say that they are not implemented."""


def answered() -> list[Endpoint]:
    """The endpoints that do something."""
    return [e for e in mlflow_endpoints() if not e.handler.__module__.endswith(_LATER)]


def unanswered() -> list[Endpoint]:
    """The endpoints that say they do nothing."""
    return [e for e in mlflow_endpoints() if e.handler.__module__.endswith(_LATER)]


def table() -> str:
    """Every answered endpoint with the permission it asks for, as a Markdown table."""
    rows: dict[str, list[tuple[str, str]]] = {}
    for endpoint in answered():
        rows.setdefault(endpoint.path, []).append((endpoint.method, endpoint.permission.value))
    lines = ["| endpoint | methods | permission |", "|---|---|---|"]
    for path in sorted(rows):
        methods = ", ".join(sorted({method for method, _ in rows[path]}))
        permissions = ", ".join(sorted({permission for _, permission in rows[path]}))
        lines.append(f"| `{path}` | {methods} | {permissions} |")
    return "\n".join(lines) + "\n"


def later() -> str:
    """What is known and not answered, as a Markdown list."""
    paths = sorted({endpoint.path for endpoint in unanswered()})
    return "\n".join(f"- `{path}`" for path in paths) + "\n"


if __name__ == "__main__":
    sys.stdout.write(f"{table()}\n{later()}")
