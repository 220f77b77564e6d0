"""Runs through the one door: what is recorded, found, refused."""

from __future__ import annotations

import math
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from millwright.kernel.access import Actor
from millwright.kernel.door import Door
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.store import Store
from millwright.tracking import (
    MetricPoint,
    NewRun,
    create_run,
    download_artifact,
    each_run,
    end_run,
    get_run,
    list_artifacts,
    list_runs,
    log_artifact,
    log_metrics,
    log_params,
    metric_history,
    set_tags,
)
from millwright.tracking.records import ArtifactName, CodeVersion, NewArtifact

P = "flights"


def test_a_run_keeps_everything_it_was_started_with(door: Door) -> None:
    new = NewRun(
        experiment="late",
        name="first",
        seed=7,
        inputs=("ds1", "ds2"),
        code=CodeVersion(commit="abc", dirty=True, diff_digest="d" * 64),
        command="mw run",
        params={"depth": 6, "rate": 0.1, "kind": "gbdt", "deep": True, "none": None},
        tags={"team": "ops"},
    )
    started = create_run(door, P, new)
    read = get_run(door, started.id)
    assert read == started
    assert (read.status, read.seed, read.inputs) == ("running", 7, ("ds1", "ds2"))
    assert read.params == new.params
    assert read.code == new.code
    assert read.tags == {"team": "ops"}
    assert read.ended_at is None


def test_ending_twice_the_same_way_is_fine_and_another_way_is_refused(door: Door) -> None:
    run = create_run(door, P, NewRun())
    ended = end_run(door, run.id)
    assert ended.status == "finished"
    assert ended.duration_ms is not None
    assert end_run(door, run.id).ended_at == ended.ended_at
    with pytest.raises(Conflict, match="cannot become failed"):
        end_run(door, run.id, "failed")


def test_unknown_runs_and_parents_are_named(door: Door) -> None:
    with pytest.raises(NotFound, match="no run 'nope'"):
        get_run(door, "nope")
    with pytest.raises(NotFound):
        create_run(door, P, NewRun(parent="0" * 32))
    elsewhere = create_run(door, "other", NewRun())
    with pytest.raises(NotFound):
        create_run(door, P, NewRun(parent=elsewhere.id))


def test_a_parameter_keeps_its_first_value(door: Door) -> None:
    run = create_run(door, P, NewRun(params={"depth": 6}))
    log_params(door, run.id, {"depth": 6, "rate": 0.5})
    with pytest.raises(Conflict, match="'depth'"):
        log_params(door, run.id, {"depth": 7})
    assert get_run(door, run.id).params == {"depth": 6, "rate": 0.5}


def test_a_tag_is_replaced(door: Door) -> None:
    run = create_run(door, P, NewRun(tags={"a": "1", "b": "2"}))
    set_tags(door, run.id, {"a": "3"})
    assert get_run(door, run.id).tags == {"a": "3", "b": "2"}


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    values=st.lists(
        st.tuples(st.integers(-5, 5), st.floats(allow_nan=True, allow_infinity=True)), min_size=1
    )
)
def test_every_float_round_trips_and_the_latest_is_the_highest_step(
    door: Door, values: list[tuple[int, float]]
) -> None:
    run = create_run(door, P, NewRun())
    log_metrics(
        door,
        run.id,
        [MetricPoint(key="a/b", value=v, step=s, time_ms=1) for s, v in values],
    )
    history = metric_history(door, run.id, "a/b")
    # A point sent twice is one point; NaN stands where 0 would.
    distinct = {_place(step, value): (step, value) for step, value in reversed(values)}
    expected = [distinct[place] for place in sorted(distinct)]
    assert [point.step for point in history] == [step for step, _ in expected]
    assert all(_same(p.value, v) for p, (_, v) in zip(history, expected, strict=True))
    assert _same(get_run(door, run.id).metrics["a/b"], expected[-1][1])


def _place(step: int, value: float) -> tuple[int, float, bool]:
    return step, 0.0 if math.isnan(value) else value, math.isnan(value)


def _same(left: float, right: float) -> bool:
    return left == right or (math.isnan(left) and math.isnan(right))


def test_an_older_step_does_not_replace_the_latest(door: Door) -> None:
    run = create_run(door, P, NewRun())
    log_metrics(door, run.id, [MetricPoint(key="loss", value=0.1, step=10)])
    log_metrics(door, run.id, [MetricPoint(key="loss", value=0.9, step=2)])
    assert get_run(door, run.id).metrics == {"loss": 0.1}


def test_a_long_history_is_thinned_keeping_both_ends(door: Door) -> None:
    run = create_run(door, P, NewRun())
    log_metrics(door, run.id, [MetricPoint(key="m", value=i, step=i) for i in range(5000)])
    thin = metric_history(door, run.id, "m", limit=100)
    assert len(thin) == 100
    assert (thin[0].step, thin[-1].step) == (0, 4999)


def test_many_writers_lose_nothing(door: Door) -> None:
    run = create_run(door, P, NewRun())

    def write(worker: int) -> None:
        for step in range(20):
            log_metrics(door, run.id, [MetricPoint(key=f"w{worker}", value=step, step=step)])

    threads = [threading.Thread(target=write, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert get_run(door, run.id).metrics == {f"w{i}": 19.0 for i in range(8)}
    assert all(len(metric_history(door, run.id, f"w{i}")) == 20 for i in range(8))
    assert door.get("/audit/verify")["ok"]


@pytest.mark.parametrize("order", ["created", "-created", "metrics.auc", "-metrics.auc"])
def test_pages_cover_every_run_once_in_order(store: Store, actor: Actor, order: str) -> None:
    from millwright.tracking.service import create_run, list_runs, log_metrics

    values = [0.5, None, math.nan, 0.9, 0.5, math.inf, -math.inf, 0.0]
    made = []
    for value in values:
        run = create_run(store, actor, P, NewRun())
        made.append(run.id)
        if value is not None:
            log_metrics(store, actor, run.id, [MetricPoint(key="auc", value=value)])
    seen, token = [], None
    while True:
        page = list_runs(store, P, order_by=order, limit=3, page_token=token)
        seen += page.runs
        token = page.next_page_token
        if token is None:
            break
    assert sorted(run.id for run in seen) == sorted(made)
    if "auc" in order:
        got = [run.metrics.get("auc", math.nan) for run in seen]
        numbers = [v for v in got if not math.isnan(v)]
        assert numbers == sorted(numbers, reverse=order.startswith("-"))
        assert all(math.isnan(v) for v in got[len(numbers) :])
    else:
        assert [run.id for run in seen] == sorted(made, reverse=order.startswith("-"))


def test_runs_are_ordered_by_numbers_then_by_text(door: Door) -> None:
    for value in (10, 9, "b", "a", None, 2.5):
        create_run(door, P, NewRun(params={"p": value}))
    create_run(door, P, NewRun())
    got = [run.params.get("p", "absent") for run in each_run(door, P, order_by="params.p")]
    assert got[:3] == [2.5, 9, 10]
    assert got[3:5] == ["a", "b"]
    assert got[-1] == "absent"


def test_runs_are_filtered(door: Door) -> None:
    parent = create_run(door, P, NewRun(experiment="search"))
    child = create_run(door, P, NewRun(experiment="search", parent=parent.id))
    end_run(door, child.id, "failed", error="boom")
    create_run(door, "elsewhere", NewRun(experiment="search"))
    assert [r.id for r in list_runs(door, P, parent=parent.id).runs] == [child.id]
    assert [r.id for r in list_runs(door, P, parent="none").runs] == [parent.id]
    assert [r.error for r in list_runs(door, P, status="failed").runs] == ["boom"]
    assert not list_runs(door, P, experiment="other").runs


@pytest.mark.parametrize("order", ["size", "metrics.", "metrics", "", "id; drop table runs"])
def test_an_unknown_order_is_refused(door: Door, order: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be ordered"):
        list_runs(door, P, order_by=order)


@pytest.mark.parametrize("token", ["x", "W10=", "bm8=", "é"])
def test_a_broken_page_token_is_refused(door: Door, token: str) -> None:
    with pytest.raises(InvalidInput, match="page token"):
        list_runs(door, P, page_token=token)


HOSTILE = [
    "",
    "/etc/passwd",
    "../secret",
    "a/../b",
    "a//b",
    "a/",
    "./a",
    "c:\\windows",
    "a\x00b",
    "a\nb",
    "x" * 251,
    "..",
    "\u202etxt.exe",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_artifact_names_are_refused(door: Door, name: str) -> None:
    run = create_run(door, P, NewRun())
    with pytest.raises(InvalidInput):
        log_artifact(door, P, run.id, name, b"x")
    assert list_artifacts(door, run.id) == []


@pytest.mark.parametrize(
    "name",
    ["model.onnx", "plots/roc.png", "a b.txt", "ünïcode/✓.txt", "x%2e%2e?#&.txt", "...", "~"],
)
def test_artifacts_come_back_as_they_went(door: Door, name: str) -> None:
    run = create_run(door, P, NewRun())
    content = b"<script>alert(1)</script>\x00\xff"
    logged = log_artifact(door, P, run.id, name, content, media_type="text/html")
    assert (logged.name, logged.size) == (name, len(content))
    assert download_artifact(door, run.id, name) == content
    assert [a.name for a in list_artifacts(door, run.id)] == [name]


def test_an_artifact_is_served_as_a_download_that_runs_nothing(door: Door) -> None:
    run = create_run(door, P, NewRun())
    log_artifact(door, P, run.id, "x/page.html", b"<script>1</script>", media_type="text/html")
    answer = door._send("GET", f"/runs/{run.id}/artifacts/x/page.html")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_name_that_was_never_logged_is_not_found_whatever_it_says(door: Door) -> None:
    run = create_run(door, P, NewRun())
    for name in ("../../../etc/passwd", "etc/passwd", "x"):
        with pytest.raises(NotFound):
            download_artifact(door, run.id, name)


def test_bytes_that_were_never_uploaded_cannot_be_named(store: Store, actor: Actor) -> None:
    from millwright.tracking.service import artifacts, create_run, log_artifact

    run = create_run(store, actor, P, NewRun())
    with pytest.raises(NotFound):
        log_artifact(store, actor, run.id, NewArtifact(name="a", digest="0" * 64))
    assert artifacts(store, run.id) == []


@given(st.text(max_size=300))
def test_an_accepted_name_never_leaves_its_folder(name: str) -> None:
    from pathlib import PurePosixPath, PureWindowsPath

    from pydantic import TypeAdapter

    try:
        accepted = TypeAdapter(ArtifactName).validate_python(name)
    except ValidationError:
        return
    assert not PurePosixPath(accepted).is_absolute()
    assert ".." not in PurePosixPath(accepted).parts
    assert ".." not in PureWindowsPath(accepted).parts
    assert accepted.isprintable()


def test_every_change_is_an_event_and_an_edge(door: Door) -> None:
    run = create_run(door, P, NewRun(inputs=("d1",)))
    log_metrics(door, run.id, [MetricPoint(key="a", value=1), MetricPoint(key="b", value=2)])
    logged = log_artifact(door, P, run.id, "m.txt", b"m")
    end_run(door, run.id)
    kinds = [e["kind"] for e in door.get("/events", subject=f"run:{run.id}")]
    assert kinds == ["run.created", "run.metrics-logged", "run.artifact-logged", "run.finished"]
    graph = door.get(f"/projects/{P}/lineage", node=f"artifact:{logged.digest}")
    pairs = {(edge["source"], edge["target"]) for edge in graph["edges"]}
    me = f"run:{run.id}"
    assert pairs == {("dataset:d1", me), (me, f"artifact:{logged.digest}")}
    labels = {node["id"]: node["label"] for node in graph["nodes"]}
    assert labels[me] == run.name
    assert labels[f"artifact:{logged.digest}"] == "m.txt"
