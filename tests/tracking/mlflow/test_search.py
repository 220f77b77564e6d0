"""The search grammar: against a loop too simple to be wrong, and what it refuses."""

from __future__ import annotations

import contextlib
import fnmatch
import operator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millwright.tracking.mlflow.errors import MlflowError
from millwright.tracking.mlflow.run_filter import Condition, conditions, orders
from mlflow_server import Served

_OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
}


@pytest.fixture
def runs(served: Served) -> list[dict[str, Any]]:
    """Runs whose facts are known, in the order in which they were started."""
    made = []
    for number in range(12):
        metrics = {"acc": number / 10} if number % 5 else {}
        if number == 7:
            metrics = {"acc": float("nan")}
        params = {"kind": "gbdt" if number % 2 else "Linear", "a b/c": f"v{number % 3}"}
        run = served.run(start_time=1000 + number, run_name=f"Run_{number}")
        served.post(
            "runs/log-batch",
            {
                "run_id": run,
                "metrics": [
                    {"key": k, "value": str(v), "timestamp": "1"} for k, v in metrics.items()
                ],
                "params": [{"key": k, "value": v} for k, v in params.items()],
                "tags": [{"key": "team", "value": "ops"}] if number > 3 else [],
            },
        )
        made.append({"id": run, "no": number, "acc": metrics.get("acc"), **params})
    return made


def found(served: Served, text: str = "", order_by: list[str] | None = None, **more: Any) -> Any:
    body = {"experiment_ids": ["0"], "filter": text, "order_by": order_by or [], **more}
    answer = served.post("runs/search", body)
    assert answer.status_code == 200, answer.text
    names = [run["info"]["run_name"] for run in answer.json().get("runs", [])]
    return [int(name.removeprefix("Run_")) for name in names]


def test_every_kind_of_name_and_comparator_is_understood(
    served: Served, runs: list[dict[str, Any]]
) -> None:
    has = {run["no"]: run["acc"] for run in runs if run["acc"] is not None}
    whole = {no: acc for no, acc in has.items() if acc == acc}
    for sign, compare in _OPERATORS.items():
        expected = {no for no, acc in has.items() if compare(acc, 0.6)}
        assert set(found(served, f"metrics.acc {sign} 0.6")) == expected, sign
    assert set(found(served, "metric.`acc` > 0.5 AND params.kind = 'gbdt'")) == {
        no for no, acc in whole.items() if acc > 0.5 and no % 2
    }
    assert set(found(served, "params.\"a b/c\" = 'v1'")) == {1, 4, 7, 10}
    assert set(found(served, "params.kind LIKE 'L%'")) == {0, 2, 4, 6, 8, 10}
    assert found(served, "params.kind LIKE 'l%'") == []
    assert len(found(served, "params.kind ILIKE 'l%'")) == 6
    assert set(found(served, "tags.team IS NULL")) == {0, 1, 2, 3}
    assert set(found(served, "tags.team IS NOT NULL and attributes.start_time < 1006")) == {4, 5}
    assert found(served, "run_name = 'Run_3'") == [3]
    assert found(served, "tags.`mlflow.runName` LIKE 'Run_1_'") == [11, 10]
    ids = ", ".join(f"'{run['id']}'" for run in runs[:3])
    assert set(found(served, f"attributes.run_id IN ({ids})")) == {0, 1, 2}
    assert len(found(served, f"run_id NOT IN ({ids})")) == 9
    assert len(found(served, "status = 'RUNNING'")) == 12
    assert found(served, "status != 'RUNNING'") == []


def test_orders_put_what_is_missing_last_in_both_directions(
    served: Served, runs: list[dict[str, Any]]
) -> None:
    rising = [1, 2, 3, 4, 6, 8, 9, 11]
    for order, numbers in (("metrics.acc", rising), ("metrics.acc DESC", rising[::-1])):
        assert found(served, order_by=[order]) == [*numbers, 7, 10, 5, 0]
        for size in (1, 3, 9, 11):
            pages: list[int] = []
            token = None
            while True:
                body = {"experiment_ids": ["0"], "order_by": [order], "max_results": size}
                answer = served.post("runs/search", {**body, "page_token": token}).json()
                pages += [int(run["info"]["run_name"][4:]) for run in answer["runs"]]
                token = answer.get("next_page_token")
                if token is None:
                    break
            assert pages == [*numbers, 7, 10, 5, 0]
    assert found(served, order_by=["params.kind", "start_time ASC"])[:3] == [0, 2, 4]
    assert found(served)[:2] == [11, 10]


@pytest.mark.parametrize(
    "text",
    [
        "metrics.acc",
        "metrics.acc >",
        "metrics.acc > 'x'",
        "metrics.acc LIKE 'x'",
        "params.kind > 'x'",
        "params.kind = gbdt",
        "params.kind = 3",
        "nothing.x = 'y'",
        "attributes.nothing = 'y'",
        "dataset.nothing = 'y'",
        "start_time = 'x'",
        "metrics.a > 1 OR metrics.a < 2",
        "metrics.a > 1; DROP TABLE runs",
        "run_id IN ()",
        "run_id IN (1, 2)",
        "params.kind IN ('x')",
        "'; DELETE FROM runs; --",
        "metrics.a > 1 UNION SELECT 1",
        "metrics.a IS NULL",
        "\x00",
        "((((",
    ],
)
def test_what_is_not_in_the_grammar_is_refused(served: Served, text: str) -> None:
    body = {"experiment_ids": ["0"], "filter": text}
    status, code, _ = served.refusal(served.post("runs/search", body))
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "order",
    ["", "metrics", "metrics.a sideways", "nothing.a", "a; DROP TABLE runs", "dataset.name"],
)
def test_orders_that_mean_nothing_are_refused(served: Served, order: str) -> None:
    body = {"experiment_ids": ["0"], "order_by": [order]}
    assert served.post("runs/search", body).status_code == 400


@pytest.mark.parametrize(
    "token", ["x", "e30=", "eyJvZmZzZXQiOiAtMX0=", "eyJvZmZzZXQiOiB0cnVlfQ==", "bnVsbA=="]
)
def test_tokens_that_are_none_are_refused(served: Served, token: str) -> None:
    body = {"experiment_ids": ["0"], "page_token": token}
    assert served.post("runs/search", body).status_code == 400
    assert served.post("experiments/search", {"page_token": token}).status_code == 400


def test_experiments_are_searched(served: Served) -> None:
    for name, team in (("alpha", "ops"), ("Beta", "ml"), ("gamma", "ml")):
        tags = [{"key": "team", "value": team}]
        served.post("experiments/create", {"name": name, "tags": tags})

    def names(text: str, **more: Any) -> list[str]:
        answer = served.post("experiments/search", {"filter": text, **more})
        assert answer.status_code == 200, answer.text
        return [found["name"] for found in answer.json().get("experiments", [])]

    assert names("name = 'alpha'") == ["alpha"]
    assert set(names("name ILIKE 'b%' and tags.team = 'ml'")) == {"Beta"}
    assert names("name LIKE 'b%'") == []
    assert set(names("tags.team IS NULL")) == {"Default"}
    assert names("attribute.creation_time > 0", order_by=["name DESC"], max_results=2) == [
        "gamma",
        "alpha",
    ]
    assert names("", order_by=["experiment_id ASC"])[0] == "Default"
    for text in ("name > 'a'", "tags.team > 'a'", "params.x = 'y'", "creation_time = 'x'"):
        assert served.post("experiments/search", {"filter": text}).status_code == 400


_KEYS = st.from_regex(r"[a-z][a-z ./_\-]{0,8}[a-z]", fullmatch=True)
# A backslash before the closing quote escapes it, as in MLflow's own grammar.
_TEXTS = st.text(st.characters(blacklist_characters="'\"\x00\\", blacklist_categories=["Cs"]))


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.tuples(
                st.just("metric"),
                _KEYS,
                st.sampled_from(list(_OPERATORS)),
                st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: round(number, 6)),
            ),
            st.tuples(
                st.sampled_from(["parameter", "tag"]),
                _KEYS,
                st.sampled_from(["=", "!=", "LIKE", "ILIKE"]),
                _TEXTS,
            ),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_written_is_what_is_read(parts: list[tuple[Any, ...]]) -> None:
    text = " AND ".join(
        f"{kind}.`{key}` {sign} {value if kind == 'metric' else repr_of(value)}"
        for kind, key, sign, value in parts
    )
    assert conditions(text) == [Condition(*part) for part in parts]


def repr_of(value: str) -> str:
    return f"'{value}'"


@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    for read in (conditions, lambda given_text: orders([given_text])):
        with contextlib.suppress(MlflowError):
            read(text)


def test_like_patterns_match_as_in_a_shell(served: Served) -> None:
    values = ["abc", "aXc", "a[c", "a*c", "ac", "ABC"]
    for value in values:
        run = served.run(run_name=value)
        served.post("runs/set-tag", {"run_id": run, "key": "t", "value": value})
    for pattern, shell in (("a_c", "a?c"), ("a%c", "a*c"), ("a*c", "a[*]c"), ("a[c", "a[[]c")):
        answer = served.post(
            "runs/search", {"experiment_ids": ["0"], "filter": f"tags.t LIKE '{pattern}'"}
        ).json()
        got = {run["info"]["run_name"] for run in answer.get("runs", [])}
        assert got == {value for value in values if fnmatch.fnmatchcase(value, shell)}


def test_pages_neither_repeat_nor_skip_while_others_write(served: Served) -> None:
    made = [served.run(start_time=1000 + number) for number in range(30)]
    seen: list[str] = []
    body = {"experiment_ids": ["0"], "max_results": 7}
    while True:
        page = served.post("runs/search", body).json()
        seen += [run["info"]["run_id"] for run in page.get("runs", [])]
        if not page.get("next_page_token"):
            break
        body["page_token"] = page["next_page_token"]
        # Newer than all that were shown, so they belong on pages that have passed.
        served.run(start_time=5000 + len(seen))
    assert seen == made[::-1]
