"""The table of runs: any row of any order, alike on SQLite and PostgreSQL."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from millwright.kernel.access import Actor
from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput
from millwright.kernel.store import Store
from millwright.kernel.tables import metadata
from millwright.kernel.workspace import Workspace
from millwright.server.opening import open_store
from millwright.tracking import MetricPoint, NewRun
from millwright.tracking.comparing import CurvesQuestion, compared, curves, parameter_importance
from millwright.tracking.importance import importances
from millwright.tracking.records import RunPatch
from millwright.tracking.run_table.layout import grouped, nested
from millwright.tracking.run_table.records import TableExport, TableQuestion, TableView
from millwright.tracking.run_table.service import table_columns, table_csv, table_rows
from millwright.tracking.run_table.snapshots import snapshots_of
from millwright.tracking.service import create_run, log_metrics, patch_run
from postgres_server import binaries, running

P = "flights"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install '.[postgres]'")
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running() as url:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MILLWRIGHT_DATABASE_URL", url)
            opened = open_store(Workspace(tmp_path_factory.mktemp("postgres")))
        yield opened
        opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(workspace: Workspace, request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "postgresql":
        opened: Store = request.getfixturevalue("postgres")
        yield opened
        with opened.database.write() as connection:
            tables = ", ".join(table.name for table in metadata.sorted_tables)
            connection.execute(text(f"TRUNCATE {tables} CASCADE"))
        snapshots_of(opened).close()
        return
    opened = open_store(workspace)
    yield opened
    opened.close()


@pytest.fixture
def runs(store: Store, actor: Actor) -> dict[str, str]:
    """Seven runs: a search with two trials, and four that stand alone."""
    made = {}

    def make(name: str, auc: float | None, **more: Any) -> None:
        parent = made.get(more.pop("parent", ""))
        params = {"depth": more.pop("depth", None), "kind": more.pop("kind", "tree")}
        new = NewRun(experiment="late", name=name, parent=parent, params=params, tags=more)
        made[name] = create_run(store, actor, P, new).id
        if auc is not None:
            log_metrics(store, actor, made[name], [MetricPoint(key="auc", value=auc)])

    make("search", None, team="ops")
    make("trial 1", 0.7, parent="search", depth=2)
    make("trial 2", 0.9, parent="search", depth=10)
    make("plain", 0.8, depth=3, kind="linear", team="ops")
    make("broken", math.nan, depth=30)
    make("100%", None, team="web")
    make("best", 0.95, depth=9)
    return made


def names(store: Store, **asked: Any) -> list[str]:
    """The names of the rows of a view."""
    return [row["name"] for row in table_rows(store, P, TableQuestion(**asked))["rows"]]


def test_trials_come_below_their_search_when_it_is_open(store: Store, runs: dict[str, str]) -> None:
    assert names(store) == ["best", "100%", "broken", "plain", "search"]
    answer = table_rows(store, P, TableQuestion(open=(runs["search"],)))
    rows = answer["rows"]
    assert [(row["name"], row["depth"]) for row in rows[-3:]] == [
        ("search", 0),
        ("trial 2", 1),
        ("trial 1", 1),
    ]
    assert (rows[-3]["children"], rows[-3]["open"], rows[0]["open"]) == (2, True, False)
    assert (answer["total"], answer["runs"]) == (7, 7)


@pytest.mark.parametrize(
    ("sort", "descending", "expected"),
    [
        ("metrics.auc", True, ["best", "trial 2", "plain", "trial 1", "broken", "100%", "search"]),
        ("metrics.auc", False, ["trial 1", "plain", "trial 2", "best", "broken", "100%", "search"]),
        (
            "params.depth",
            False,
            ["trial 1", "plain", "best", "trial 2", "broken", "100%", "search"],
        ),
        ("name", False, ["100%", "best", "broken", "plain", "search", "trial 1", "trial 2"]),
    ],
    ids=["metric down", "metric up", "numbers of parameters", "names"],
)
def test_rows_are_sorted_and_those_without_a_value_come_last(
    store: Store, runs: dict[str, str], sort: str, descending: bool, expected: list[str]
) -> None:
    found = names(store, sort=sort, descending=descending, group=None)
    if sort == "params.depth":
        assert found[:5] == expected[:5]
    else:
        assert found == expected


def test_the_search_grammar_text_status_and_experiment_narrow_it(
    store: Store, actor: Actor, runs: dict[str, str]
) -> None:
    assert names(store, filter="metrics.auc >= 0.8 AND params.kind = 'tree'", group=None) == [
        "best",
        "trial 2",
    ]
    assert names(store, text="TRIAL") == ["trial 2", "trial 1"]
    assert names(store, text="100%") == ["100%"]
    assert names(store, text="%") == ["100%"]
    assert names(store, text=runs["plain"]) == ["plain"]
    patch_run(store, actor, runs["best"], RunPatch(status="finished"))
    assert names(store, status="finished") == ["best"]
    assert names(store, experiments=("other",)) == []


def test_what_is_not_understood_is_said(store: Store, runs: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="filter is not understood"):
        names(store, filter="metrics.auc >")
    with pytest.raises(InvalidInput, match="no column 'colour'"):
        names(store, sort="colour")
    with pytest.raises(InvalidInput, match="no column"):
        names(store, columns=("auc",))


def test_groups_are_in_the_order_of_their_best_run_and_show_means(
    store: Store, runs: dict[str, str]
) -> None:
    asked = TableQuestion(
        group="tags.team", sort="metrics.auc", open=("ops",), columns=("metrics.auc", "tags.team")
    )
    answer = table_rows(store, P, asked)
    shown = [(row["name"], row["children"], row["open"]) for row in answer["rows"]]
    assert shown == [
        ("", 4, False),
        ("ops", 2, True),
        ("plain", 0, False),
        ("search", 0, False),
        ("web", 1, False),
    ]
    assert answer["values"]["metrics.auc"][0] == pytest.approx((0.95 + 0.9 + 0.7) / 3)
    assert answer["values"]["tags.team"] == [None, None, "ops", "ops", None]


def test_rows_do_not_move_while_one_scrolls(
    store: Store, actor: Actor, runs: dict[str, str]
) -> None:
    first = table_rows(store, P, TableQuestion(count=2))
    create_run(store, actor, P, NewRun(experiment="late", name="new"))
    same = TableQuestion(start=2, count=2, snapshot=first["snapshot"])
    rest = table_rows(store, P, same)
    assert [row["name"] for row in rest["rows"]] == ["broken", "plain"]
    fresh = table_rows(store, P, TableQuestion(count=2))
    assert fresh["rows"][0]["name"] == "new"
    assert fresh["snapshot"] != first["snapshot"]
    lost = table_rows(store, P, TableQuestion(count=2, snapshot="1-gone"))
    assert lost["snapshot"] == fresh["snapshot"]


def test_columns_are_found_and_the_usual_ones_chosen(store: Store, runs: dict[str, str]) -> None:
    found = table_columns(store, P)
    assert (found.metrics, found.params, found.tags) == (("auc",), ("depth", "kind"), ("team",))
    assert found.experiments == ("late",)
    answer = table_rows(store, P, TableQuestion(group=None))
    assert answer["columns"] == ("metrics.auc", "params.depth", "params.kind")
    assert answer["values"]["params.depth"][:2] == [9, None]
    assert answer["values"]["metrics.auc"][2] == "NaN"


def test_a_file_has_every_row_and_no_formula(
    store: Store, actor: Actor, runs: dict[str, str]
) -> None:
    create_run(store, actor, P, NewRun(experiment="late", name="=1+1"))
    written = b"".join(table_csv(store, P, TableExport(columns=("metrics.auc",)))).decode()
    lines = written.splitlines()
    assert lines[0].endswith("parent,metrics.auc")
    assert len(lines) == 9
    assert ",'=1+1," in lines[1]


def test_the_table_is_asked_over_http(door: Door) -> None:
    door.post(f"/projects/{P}/runs", {"name": "one"})
    found = door.post(f"/projects/{P}/runs/table", {"count": 5})
    assert found["rows"][0]["name"] == "one"
    assert door.get(f"/projects/{P}/runs/table/columns")["experiments"] == ["default"]


def test_curves_and_environments_of_several_runs(
    store: Store, actor: Actor, runs: dict[str, str]
) -> None:
    points = [MetricPoint(key="loss", value=1 / (i + 1), step=i, time_ms=i) for i in range(100)]
    log_metrics(store, actor, runs["best"], points)
    asked = CurvesQuestion(runs=(runs["best"], runs["plain"], "0" * 32), keys=("loss",), limit=12)
    (curve,) = curves(store, P, asked)
    assert (curve.run, curve.steps[0], curve.steps[-1]) == (runs["best"], 0, 99)
    assert len(curve.steps) <= 12
    found = compared(store, P, (runs["plain"], runs["best"]))
    assert [run.name for run in found.runs] == ["plain", "best"]
    assert curves(store, "other", asked) == []


def test_importance_finds_what_the_metric_was_made_of(store: Store, actor: Actor) -> None:
    for i in range(30):
        params = {"depth": i % 5, "seed": i, "kind": "ab"[i % 2]}
        run = create_run(store, actor, P, NewRun(params=params))
        log_metrics(store, actor, run.id, [MetricPoint(key="auc", value=(i % 5) ** 2 + i / 1000)])
    found = parameter_importance(store, P, TableView(), "auc")
    assert found[0].param == "depth"
    assert found[0].share > 0.9
    assert found[0].trend is not None
    assert found[0].trend > 0.9
    assert next(each for each in found if each.param == "kind").share < 0.2


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(-5, 5), st.integers(0, 9)),
        min_size=8,
        max_size=60,
    )
)
def test_importance_is_kruskal_and_spearman(rows: list[tuple[str, int, int]]) -> None:
    stats = pytest.importorskip("scipy.stats")
    metric = [float(value) for _, value, _ in rows]
    words = [word for word, _, _ in rows]
    found = {
        each.param: each
        for each in importances(metric, {"word": words, "number": [n for _, _, n in rows]})
    }
    groups = [[m for m, w in zip(metric, words, strict=True) if w == word] for word in set(words)]
    if len(groups) > 1 and len(set(metric)) > 1:
        h = stats.kruskal(*groups).statistic
        k, n = len(groups), len(rows)
        assert found["word"].share == pytest.approx(max(0, (h - k + 1) / (n - k)), abs=1e-9)
    if "number" in found and len(set(metric)) > 1:
        rho = stats.spearmanr(metric, [n for _, _, n in rows]).statistic
        assert found["number"].trend == pytest.approx(rho, abs=1e-9)


@given(st.dictionaries(st.integers(1, 20), st.integers(1, 20)), st.sets(st.integers(1, 20)))
def test_nesting_leaves_no_run_out(parents: dict[int, int], opened: set[int]) -> None:
    numbers = list(range(1, 21))
    every = nested(numbers, parents, set(numbers))
    assert sorted(every.lines) == numbers
    some = nested(numbers, parents, opened)
    assert set(some.lines) <= set(numbers)
    assert len(set(some.lines)) == len(some.lines)


@given(st.lists(st.sampled_from(["x", "y", ""]), max_size=20))
def test_grouping_leaves_no_run_out(labels: list[str]) -> None:
    numbers = list(range(1, len(labels) + 1))
    found = grouped(numbers, dict(zip(numbers, labels, strict=True)), set(labels))
    assert sorted(line for line in found.lines if line > 0) == numbers
