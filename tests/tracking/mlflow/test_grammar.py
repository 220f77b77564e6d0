"""Any filter and any order get the same answer from a stock MLflow server and from ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mlflow_both import Both, stock_server
from mlflow_grammar import SEARCHES, fill, filters, labels, orders, request
from mlflow_server import Served, serving

pytestmark = pytest.mark.slow
COUNT = 40
# Sets come in any order, and what a database says of itself is not ours to say.
_SETS = re.compile(
    r"(not one of|[Vv]alid (?:\w+ )*(?:keys|values|types)|Only the '\{|, got ).*", re.S
)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    for url in stock_server(tmp_path_factory.mktemp("stock")):
        for ours, store in serving(tmp_path_factory.mktemp("served")):
            made = Both(url, Served(ours, "default", store, httpx.Client()).url)
            fill(made)
            yield made


def answered(both: Both, kind: str, text: str, order: list[str]) -> tuple[Any, Any]:
    """What each answers: labels in order, or a code and a sentence. A stock server's 500 is None."""
    search = SEARCHES[kind]
    version = "3.0" if kind == "traces" else "2.0"
    answers = both.send(search.method, search.path, request(kind, text, order), version)
    told = [_told(kind, answer) for answer in answers]
    if " AND " in text and None not in told:
        # Of several faults each may name another.
        told = [one if isinstance(one, list) else one[0] for one in told]
    return told[0], told[1]


def _told(kind: str, answer: httpx.Response) -> Any:
    if answer.status_code >= 500:
        return None
    body = answer.json()
    if answer.status_code == 200:
        return labels(kind, body)
    if "sqlalche.me" in body["message"]:
        return None
    return body["error_code"], _SETS.sub(r"\1", body["message"])


@pytest.mark.parametrize("kind", SEARCHES)
def test_any_filter_and_any_order_are_answered_alike(both: Both, kind: str) -> None:
    search = SEARCHES[kind]
    different = []
    asked = [(text, []) for text in filters(search, 1, COUNT)]
    asked += [("", order) for order in orders(search, 2, COUNT // 3)]
    for text, order in asked:
        theirs, ours = answered(both, kind, text, order)
        assert ours is not None, (text, order)
        if theirs is not None and theirs != ours:
            different.append(f"{text!r} {order}: stock {theirs}, ours {ours}")
    assert not different, "\n".join(different)
