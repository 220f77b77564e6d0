"""Running pipelines: results, caching, retries, failures, progress, cancelling."""

from __future__ import annotations

import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import millwright as mw
from millwright.kernel.door import Door
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.events import read as read_events
from millwright.kernel.ids import new_id
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.pipelines import PipelineClient, PipelineEvent, PipelineFailed, execute
from millwright.pipelines.context import step_context

calls: list[str] = []
seen: list[Any] = []
folders: list[Path] = []


@mw.step
def load(source: str) -> list[int]:
    calls.append("load")
    return [len(source)]


@mw.step
def combine(name: str, parts: list[Any], extra: int = 0) -> list[int]:
    calls.append(name)
    return [sum(sum(part) for part in parts) + extra]


def ran(door: Door, pipeline: Any, params: dict[str, Any], project: str = "p") -> list[str]:
    """Which steps executed."""
    result = execute(door, project, pipeline, params)
    assert result.status == "succeeded"
    return [task.name for task in result.run.tasks if task.status == "succeeded"]


def test_a_pipeline_gives_what_its_function_gives(door: Door, flows: ModuleType) -> None:
    result = execute(door, "p", flows.sizes, {"rows": 20})
    assert result.value() == (16, 4) == flows.sizes(20)
    assert result.output("split", "test").num_rows == 4
    assert [task.status for task in result.run.tasks] == ["succeeded"] * 4
    with pytest.raises(NotFound):
        result.output("split", "middle")


def test_a_second_run_takes_every_result_from_the_first(door: Door, flows: ModuleType) -> None:
    execute(door, "p", flows.sizes, {"rows": 20})
    again = execute(door, "p", flows.sizes, {"rows": 20})
    assert [task.status for task in again.run.tasks] == ["cached"] * 4
    assert again.value() == (16, 4)


def test_another_project_takes_nothing(door: Door, flows: ModuleType) -> None:
    execute(door, "p", flows.sizes, {"rows": 20})
    assert len(ran(door, flows.sizes, {"rows": 20}, project="other")) == 4


def test_a_changed_parameter_runs_what_depends_on_it_and_says_why(
    door: Door, flows: ModuleType
) -> None:
    execute(door, "p", flows.sizes, {"share": 0.8})
    result = execute(door, "p", flows.sizes, {"share": 0.5})
    assert [task.status for task in result.run.tasks] == ["cached"] + ["succeeded"] * 3
    split = result.run.tasks[1]
    assert split.reason == ("the parameter share changed",)
    assert result.run.tasks[2].reason == ("the input table changed",)


def test_a_step_that_makes_the_same_again_does_not_run_what_follows(
    door: Door, flows: ModuleType
) -> None:
    @mw.pipeline
    def rounded(share: float) -> int:
        return flows.count(flows.split(flows.read(10), share).train)

    execute(door, "p", rounded, {"share": 0.5})
    result = execute(door, "p", rounded, {"share": 0.51})
    assert [task.status for task in result.run.tasks] == ["cached", "succeeded", "cached"]


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    wiring=st.lists(st.sets(st.integers(0, 20), max_size=3), min_size=1, max_size=6),
    changed=st.integers(0, 20),
)
def test_a_change_runs_exactly_the_changed_step_and_what_is_below_it(
    door: Door, wiring: list[set[int]], changed: int
) -> None:
    target = changed % len(wiring)

    @mw.pipeline
    def built(extra: int) -> Any:
        made: list[Any] = [load("data")]
        for index, wanted in enumerate(wiring):
            parts = [made[i] for i in sorted({w % len(made) for w in wanted})]
            # Distinct powers keep different nodes from making equal results by chance.
            own = 10 ** (index + 2) + (extra if index == target else 0)
            made.append(combine(f"step {index}", parts, own))
        return made[-1]

    project = new_id()
    graph = built.plan(extra=0)
    name = graph.nodes[target + 1].name
    assert len(ran(door, built, {"extra": 0}, project)) == len(graph.nodes)
    assert ran(door, built, {"extra": 1}, project) == [
        node.name for node in graph.nodes if node.name in {name, *graph.downstream(name)}
    ]
    assert ran(door, built, {"extra": 1}, project) == []


def test_a_step_without_cache_runs_every_time(door: Door) -> None:
    seen.clear()

    @mw.step(cache=False)
    def now() -> int:
        seen.append(1)
        return 7

    @mw.pipeline
    def clock() -> Any:
        return combine("after now", [[now()]])

    calls.clear()
    execute(door, "p", clock)
    execute(door, "p", clock)
    assert len(seen) == 2
    assert calls == ["after now"], "its result was the same, so what follows is known"


def test_a_failing_step_is_tried_again_and_told(door: Door) -> None:
    attempts: list[int] = []
    told: list[PipelineEvent] = []

    @mw.step(retries=1)
    def flaky() -> int:
        attempts.append(step_context().attempt)
        if len(attempts) == 1:
            raise OSError("the network blinked")
        return 1

    @mw.pipeline
    def hopeful() -> int:
        return flaky()

    result = execute(door, "p", hopeful, on_event=told.append)
    assert result.status == "succeeded"
    assert attempts == [1, 2]
    assert [event.kind for event in told] == [
        "run_started",
        "task_started",
        "task_retrying",
        "task_started",
        "task_succeeded",
        "run_finished",
    ]
    assert told[2].error == "the network blinked"


def test_a_failed_run_says_where_and_why_and_skips_the_rest(door: Door, flows: ModuleType) -> None:
    @mw.step
    def broken(count: int) -> int:
        print("about to divide")
        return count // 0

    @mw.pipeline
    def doomed() -> int:
        return flows.last("unused", broken(flows.count(flows.read(3))))

    result = execute(door, "p", doomed)
    assert [task.status for task in result.run.tasks] == [
        "succeeded",
        "succeeded",
        "failed",
        "skipped",
    ]
    failed = result.run.tasks[2]
    assert failed.error is not None
    assert failed.error.kind == "ZeroDivisionError"
    assert "return count // 0" in (failed.error.traceback or "")
    assert "execution.py" not in (failed.error.traceback or "")
    log = door.fetch("p", failed.log_digest or "").decode()
    assert "about to divide" in log
    assert "ZeroDivisionError" in log
    with pytest.raises(PipelineFailed, match="The step 'broken' failed: ZeroDivisionError"):
        result.value()


def test_an_error_meant_for_people_is_raised_as_it_is(door: Door) -> None:
    @mw.step
    def strict() -> int:
        raise InvalidInput("data.empty", "The file has no rows.", hint="Give another.")

    @mw.pipeline
    def checked() -> int:
        return strict()

    with pytest.raises(InvalidInput, match="The file has no rows"):
        mw.run_pipeline(checked, project="p", door=door)


def test_a_step_that_takes_too_long_fails(door: Door) -> None:
    @mw.step(timeout="100ms")
    def endless() -> int:
        while True:
            pass

    @mw.pipeline
    def stuck() -> int:
        return endless()

    result = execute(door, "p", stuck)
    assert result.status == "failed"
    assert result.run.error is not None
    assert "longer than its timeout of 100 ms" in result.run.error.message


def test_a_step_that_returns_too_few_outputs_fails_with_a_sentence(door: Door) -> None:
    @mw.step(outputs=("a", "b"))
    def pair() -> Any:
        return (1,)

    @mw.pipeline
    def paired() -> Any:
        return pair().a

    result = execute(door, "p", paired)
    assert result.run.error is not None
    assert "should return the 2 values a, b" in result.run.error.message


def test_a_step_knows_its_surroundings_and_reports_progress(door: Door) -> None:
    told: list[PipelineEvent] = []
    folders.clear()
    seen.clear()

    @mw.step
    def curious(x: int) -> Path:
        context = step_context()
        seen.append(context)
        mw.progress(1, 4, "a quarter")
        folders.append(context.workdir)
        made = context.workdir / "made.txt"
        made.write_text(str(np.random.default_rng(context.seed).integers(1000)))
        return made

    @mw.step
    def text_of(path: Path) -> str:
        return path.read_text()

    @mw.pipeline
    def explore(x: int) -> Any:
        return text_of(curious(x))

    first = execute(door, "p", explore, {"x": 1}, on_event=told.append)
    other = execute(door, "q", explore, {"x": 1})
    assert first.value() == other.value(), "the seed depends on what the step is given, only"
    assert (seen[0].project, seen[0].task, seen[0].run_id) == ("p", "curious", first.run.id)
    assert not folders[0].exists()
    progress = next(event.progress for event in told if event.kind == "task_progress")
    assert progress is not None
    assert (progress.done, progress.total, progress.note) == (1, 4, "a quarter")
    assert progress.left_ms is not None


def test_the_context_outside_a_step_is_refused_and_progress_ignored() -> None:
    mw.progress(1, 2)
    with pytest.raises(InvalidInput, match="outside a running step"):
        step_context()


def test_a_step_cannot_change_what_another_was_given(door: Door) -> None:
    @mw.step
    def numbers() -> list[int]:
        return [3, 1, 2]

    @mw.step
    def sort_in_place(values: list[int]) -> int:
        values.sort()
        return values[0]

    @mw.step
    def head(values: list[int], after: int) -> int:
        return values[0]

    @mw.pipeline
    def shared() -> int:
        made = numbers()
        return head(made, sort_in_place(made))

    assert execute(door, "p", shared).value() == 3


def test_a_cancelled_run_stops_inside_the_step(door: Door) -> None:
    client = PipelineClient(door)
    started = threading.Event()

    @mw.step
    def long() -> int:
        done = 0
        while True:
            mw.progress(done := done + 1)
            started.set()

    @mw.pipeline
    def patient() -> int:
        return load(str(long()))  # type: ignore[return-value]

    def cancel() -> None:
        started.wait()
        client.cancel(client.page("p").pipeline_runs[0].id)

    helper = threading.Thread(target=cancel)
    helper.start()

    @mw.pipeline
    def waiting() -> int:
        return long()

    result = execute(door, "p", waiting, lease_ms=1000)
    helper.join()
    assert result.status == "cancelled"
    (task,) = result.run.tasks
    assert (task.status, task.reason) == ("cancelled", ("local cancelled the run",))
    assert task.finished is not None
    assert result.run.cancelled_by == "local"
    assert result.run.cancel_asked is not None
    (tried,) = client.attempts(result.run_id)
    assert (tried.outcome, tried.finished) == ("cancelled", task.finished)


def test_a_stored_run_of_foreign_code_is_refused(door: Door, flows: ModuleType) -> None:
    run = door.post(
        "/projects/p/pipeline-runs",
        {
            "name": "evil",
            "entry_point": "os:system",
            "graph": {"pipeline": "evil", "parameters": {}, "nodes": []},
        },
    )
    with pytest.raises(Exception, match="not in the project's folder") as caught:
        execute(door, "p", run["id"], folder=Path(__file__).parent)
    assert caught.value.code == "pipelines.foreign_module"


def test_a_run_that_has_ended_is_not_executed_again(door: Door, flows: ModuleType) -> None:
    run = execute(door, "p", flows.sizes).run
    with pytest.raises(Conflict, match="succeeded already"):
        execute(door, "p", run.id, folder=Path(__file__).parent)


def test_lineage_and_events_tell_the_run(workspace: Workspace, flows: ModuleType) -> None:
    from millwright.kernel.door import connect
    from millwright.kernel.lineage import walk
    from millwright.server.opening import open_store

    with connect(workspace) as door:
        result = execute(door, "p", flows.sizes)
    store: Store = open_store(workspace)
    with store.read() as connection:
        subject = f"pipeline-run:{result.run.id}"
        kinds = [event.kind for event in read_events(connection, subject=subject)]
        edges = walk(connection, "p", subject, direction="down")
    store.close()
    assert (kinds[0], kinds[-1]) == ("pipeline-run.created", "pipeline-run.succeeded")
    assert set(kinds[1:-1]) == {"steps.changed"}
    train = f"artifact:{result.run.tasks[1].outputs['train'].digest}"
    count = f"artifact:{result.run.tasks[2].outputs['result'].digest}"
    assert (train, count) in {(edge.source, edge.target) for edge in edges.edges}
