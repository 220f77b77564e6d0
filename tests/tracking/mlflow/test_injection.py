"""SQL where filters and orders are asked for: refused or taken for a name, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from mlflow_server import Served

SEARCHES = (
    ("POST", "runs/search", {"experiment_ids": ["0"]}),
    ("POST", "experiments/search", {"max_results": 10}),
    ("POST", "logged-models/search", {"experiment_ids": ["0"]}),
    ("GET", "registered-models/search", {}),
    ("GET", "model-versions/search", {}),
    ("POST", "traces/search", {}),
)
FILTERS = (
    "name = 'x'; DROP TABLE runs",
    "name = 'x' OR 1=1 --",
    "name = 'x' OR '1'='1'",
    "name = 'x' UNION SELECT secret_hash FROM tokens",
    "name = '' OR name LIKE '%'",
    "name LIKE '%' ESCAPE '\\'",
    "name = (SELECT name FROM experiments)",
    "name = 'x'/**/OR/**/1=1",
    "name IN ('x') OR 1=1",
    "name IN (SELECT name FROM experiments)",
    "tags.`a' OR '1'='1` = 'x'",
    'tags."a\\" OR 1=1 --" = \'x\'',
    "tags.a = 'x'' OR ''1''=''1'",
    "params.`a`` OR 1=1 --` = 'x'",
    "metrics.`m); DROP TABLE runs; --` > 0",
    "tags.a = $1",
    "tags.a = ?",
    "tags.a = '%s' AND tags.b = ':name'",
    "1=1",
    "pg_sleep(5) = '1'",
)
ORDERS = (
    "name; DROP TABLE runs",
    "name DESC, (SELECT 1)",
    "(SELECT CASE WHEN 1=1 THEN 1 ELSE 2 END)",
    "name DESC NULLS FIRST; SELECT 1",
    "metrics.`m) DESC; DROP TABLE runs; --` DESC",
    "name COLLATE NOCASE",
    "1",
    "pg_sleep(5)",
)


@pytest.fixture
def populated(served: Served) -> Iterator[Served]:
    run = served.run(tags=[{"key": "a", "value": "b"}])
    served.post("runs/log-metric", {"run_id": run, "key": "m", "value": 1, "timestamp": 1})
    served.post("registered-models/create", {"name": "model"})
    served.post("model-versions/create", {"name": "model", "source": "s3://bucket/x"})
    served.post("logged-models", {"experiment_id": "0", "name": "logged"})
    before = rows(served)
    yield served
    assert rows(served) == before


def rows(served: Served) -> list[Any]:
    tables = ("runs", "experiments", "models", "model_versions", "logged_models", "run_tags")
    with served.store.read() as connection:
        return [
            connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar() for table in tables
        ]


def ask(served: Served, method: str, path: str, body: dict[str, Any]) -> Any:
    answer = served.get(path, **body) if method == "GET" else served.post(path, body)
    assert answer.status_code in (200, 400), (path, body, answer.text)
    if answer.status_code == 400:
        assert {"error_code", "message"} <= set(answer.json())
        for leak in ("Traceback", "sqlite", "psycopg", "SELECT key", "no such"):
            assert leak not in answer.text
        return None
    return answer.json()


@pytest.mark.parametrize(
    ("method", "path", "body"), SEARCHES, ids=[path for _, path, _ in SEARCHES]
)
def test_sql_in_a_filter_finds_nothing_and_changes_nothing(
    populated: Served, method: str, path: str, body: dict[str, Any]
) -> None:
    for given in FILTERS:
        found = ask(populated, method, path, {**body, "filter": given})
        assert not any((found or {}).values()), (given, found)


@pytest.mark.parametrize(
    ("method", "path", "body"), SEARCHES, ids=[path for _, path, _ in SEARCHES]
)
def test_sql_in_an_order_is_refused_or_a_name_and_changes_nothing(
    populated: Served, method: str, path: str, body: dict[str, Any]
) -> None:
    for given in ORDERS:
        order: Any = [{"field_name": given}] if path == "logged-models/search" else [given]
        ask(populated, method, path, {**body, "order_by": order})
