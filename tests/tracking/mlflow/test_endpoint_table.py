"""The documentation lists exactly the endpoints that answer."""

from __future__ import annotations

from pathlib import Path

from millwright.server.mlflow_table import later, table, unanswered
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
