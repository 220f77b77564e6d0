"""Filters and orders for the six searches of the MLflow protocol: good ones, odd ones, broken ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlflow_both import Both

_COMPARATORS = (
    "=",
    "!=",
    ">",
    "<",
    ">=",
    "<=",
    "LIKE",
    "ILIKE",
    "like",
    "IN",
    "NOT IN",
    "==",
    "<>",
)
_STRINGS = ("'a'", "'B'", "'%a%'", "'A_'", '"a"', "''", "'m1'", "'it''s'", "'1'", "'ü'")
_NUMBERS = ("1", "0.5", "-1", "1002", "1e3")
_LISTS = ("('a')", "('a', 'B')", "('m1','m2')", "(1)", "()", "('a',)")
_WORDS = ("a", "`a`")
_JUNK = ("AND", "OR", "(", ")", ",", "name", "'a'", "=", "1", "IN", "LIKE", "NOT")
_ENDS = ("", "", "", " ASC", " DESC", " desc", "  dEsC", " sideways", " ASC ASC")


@dataclass(frozen=True)
class Search:
    """One search: how it is asked, what its names are, and what its results are called."""

    method: str
    path: str
    found: str
    text: tuple[str, ...]
    number: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ("what", "what.x", "NAME", "1", "'name'")
    order: tuple[str, ...] = ()
    nullable: bool = False


SEARCHES = {
    "runs": Search(
        "POST", "runs/search", "runs",
        text=("params.p", "tags.t", "tag.`t`", "param.`a b`", "run_name", "attributes.status",
              "attribute.run_name", "run.status", "dataset.name", "datasets.digest", 'tags."t"'),
        number=("metrics.m", "metric.`m`", "start_time", "attributes.end_time", "created"),
        order=("metrics.m", "params.p", "tags.t", "start_time", "run_name", "`run_name`", "status",
               "metrics.`m`", "attributes.start_time", "dataset.name", "created"),
        nullable=True,
    ),
    "experiments": Search(
        "POST", "experiments/search", "experiments",
        text=("name", "attribute.name", "tags.t", "tag.`t`", "experiment_id", 'tags."t"'),
        number=("creation_time", "last_update_time"),
        order=("name", "experiment_id", "attribute.name", "last_update_time", "tags.t", "`name`"),
        nullable=True,
    ),
    "models": Search(
        "GET", "registered-models/search", "registered_models",
        text=("name", "attribute.name", "tags.t", "tag.`t`", 'tags."t"', "`name`"),
        order=("name", "timestamp", "last_updated_timestamp", "creation_timestamp", "`name`"),
    ),
    "versions": Search(
        "GET", "model-versions/search", "model_versions",
        text=("name", "attribute.name", "tags.t", "tag.`t`", "run_id", "source_path", "`name`"),
        number=("version_number", "attribute.version_number"),
        order=("name", "version_number", "attribute.name", "run_id", "tag.t", "`name`"),
    ),
    "logged models": Search(
        "POST", "logged-models/search", "models",
        text=("name", "attributes.name", "params.p", "tags.t", "tags.`t`", "model_type"),
        number=("metrics.m", "attributes.creation_time"),
        order=("name", "metrics.m", "model_type", "params.p", "what", "creation_timestamp"),
        # A number that is none ends in a stock server's log.
        wrong=("what.x", "tag.t"),
    ),
    "traces": Search(
        "POST", "traces/search", "traces",
        text=("tags.t", "tag.`t`", "name", "trace.name", "status", "attributes.status",
              "metadata.x", "request_metadata.`x`", "client_request_id", "request_id"),
        number=("timestamp_ms", "trace.execution_time_ms", "execution_time"),
        order=("timestamp_ms", "name", "tags.t", "metadata.x", "status", "execution_time", "what"),
        nullable=True,
    ),
}  # fmt: skip


def filters(search: Search, seed: int, count: int) -> Iterator[str]:
    """Filters of one to three clauses; some are broken by a word too many or too few."""
    draw = random.Random(seed)
    for _ in range(count):
        joined = " AND ".join(_clause(search, draw) for _ in range(draw.choice((1, 1, 1, 2, 3))))
        words = joined.split(" ")
        if draw.random() < 0.12:
            words.insert(draw.randrange(len(words) + 1), draw.choice(_JUNK))
        elif draw.random() < 0.08:
            words.pop(draw.randrange(len(words)))
        yield " ".join(words)


def orders(search: Search, seed: int, count: int) -> Iterator[list[str]]:
    """What to sort by: one or two keys, now and then nonsense."""
    draw = random.Random(seed)
    for _ in range(count):
        keys = [draw.choice((*search.order, "what")) for _ in range(draw.choice((1, 1, 2)))]
        yield [key + draw.choice(_ENDS) for key in keys]


def _clause(search: Search, draw: random.Random) -> str:
    name = draw.choice(search.text if draw.random() < 0.7 or not search.number else search.number)
    if draw.random() < 0.06:
        name = draw.choice(search.wrong)
    if search.nullable and draw.random() < 0.1:
        return f"{name} {draw.choice(('IS NULL', 'IS NOT NULL', 'is null'))}"
    comparator = draw.choice(_COMPARATORS)
    if search.path == "experiments/search":
        # There a stock server wants its words in capitals.
        comparator = comparator.upper()
    values = _LISTS if "IN" in comparator.split() else _STRINGS
    if name in search.number:
        # A stock server compares a time with a text without a word.
        lenient = search.path.startswith(("traces", "logged"))
        values = _NUMBERS if lenient or draw.random() < 0.85 else _STRINGS
    elif draw.random() < 0.1 and search.path != "logged-models/search":
        values = draw.choice((_NUMBERS, _LISTS, _WORDS))
    value = draw.choice(values)
    if search.path == "logged-models/search":
        # There, to a stock server, a text in double quotes has them inside.
        value = value.replace('"', "'") if value not in ("(1)", "()") else "('a')"
    return f"{name} {comparator} {value}"


def fill(both: Both) -> None:
    """The same content on both: experiments, runs, models, versions, logged models and traces."""
    for number, tag in enumerate(("a", "B", None, "it's", "ü")):
        tags = [{"key": "t", "value": tag}] if tag is not None else []
        both.send("POST", "registered-models/create", {"name": f"m{number}", "tags": tags})
        version = {"name": "m1", "source": f"s3://b/{'aB'[number % 2]}", "tags": tags}
        both.send("POST", "model-versions/create", version)
        _experiment(both, number, tags)
        _run(both, number, tags)
        _trace(both, number, tags)


def _experiment(both: Both, number: int, tags: list[Any]) -> None:
    theirs, ours = both.send("POST", "experiments/create", {"name": f"x{number}a", "tags": tags})
    ids = (theirs.json()["experiment_id"], ours.json()["experiment_id"])
    both.name("e" if number == 0 else f"e{number}", ids)


def _run(both: Both, number: int, tags: list[Any]) -> None:
    body = {"experiment_id": "<e>", "run_name": f"m{number}", "start_time": 1000 + number}
    theirs, ours = both.send("POST", "runs/create", {**body, "tags": tags})
    ids = (theirs.json()["run"]["info"]["run_id"], ours.json()["run"]["info"]["run_id"])
    both.name(f"r{number}", ids)
    params = [{"key": "p", "value": "aB1"[number % 3]}, {"key": "a b", "value": f"A{number}"}]
    model = {"experiment_id": "<e>", "name": f"m{number}", "params": params[:1], "tags": tags}
    theirs, ours = both.send("POST", "logged-models", model)
    logged = tuple(answer.json()["model"]["info"]["model_id"] for answer in (theirs, ours))
    both.name(f"l{number}", (logged[0], logged[1]))
    metric = {"key": "m", "value": number / 2, "timestamp": 1, "step": 0}
    run = {"run_id": f"<r{number}>"}
    both.send("POST", "runs/log-batch", {**run, "params": params})
    if number != 3:
        both.send("POST", "runs/log-batch", {**run, "metrics": [metric]})
        both.send("POST", "runs/log-metric", {**run, **metric, "model_id": f"<l{number}>"})


def _trace(both: Both, number: int, tags: list[Any]) -> None:
    info = {
        "trace_id": f"tr-{number:032x}",
        "trace_location": _place("<e>"),
        "request_time": f"2025-01-01T00:00:0{number}Z",
        "execution_duration": f"0.{number}s",
        "state": "ERROR" if number == 2 else "OK",
        "trace_metadata": {"x": "a"} if number % 2 else {},
        "tags": {"mlflow.traceName": f"m{number}", **{tag["key"]: tag["value"] for tag in tags}},
    }
    for answer in both.send("POST", "traces", {"trace": {"trace_info": info}}, version="3.0"):
        assert answer.status_code == 200, answer.text


def request(kind: str, text: str, order: list[str]) -> dict[str, Any]:
    """What is sent for a search."""
    body: dict[str, Any] = {"filter": text, "order_by": order}
    if kind == "experiments":
        body["max_results"] = 100
    if kind in ("runs", "logged models"):
        body["experiment_ids"] = ["<e>"]
    if kind == "logged models":
        body["order_by"] = [
            {"field_name": key.split()[0], "ascending": not key.lower().endswith("desc")}
            for key in order
        ]
    if kind == "traces":
        body["locations"] = [_place("<e>")]
    return body


def labels(kind: str, answer: dict[str, Any]) -> list[str]:
    """What was found, by names that both servers have."""
    found = answer.get(SEARCHES[kind].found, [])
    if kind == "runs":
        return [one["info"]["run_name"] for one in found]
    if kind == "logged models":
        return [one["info"]["name"] for one in found]
    if kind == "traces":
        return [one["trace_id"] for one in found]
    if kind == "versions":
        return [f"{one['name']} {one['version']}" for one in found]
    return [one["name"] for one in found if one["name"][0] in "xm"]


def _place(experiment: str) -> dict[str, Any]:
    return {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
