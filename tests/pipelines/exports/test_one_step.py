"""One step on its own: called in the graph's order, they make what a run of the whole makes."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from millwright.kernel.door import Door, connect
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.workspace import Workspace
from millwright.pipelines import Pipeline, execute
from millwright.pipelines.exports.one_step import Outcome, read_outcome, run_step
from millwright.pipelines.exports.shape import shape_of, tasks_of


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with connect(Workspace(tmp_path_factory.mktemp("workspace"))) as opened:
        yield opened


def step_by_step(
    door: Door, pipeline: Pipeline[..., Any], params: dict[str, object]
) -> dict[str, Outcome]:
    """As another orchestrator does it: outcomes go from task to task as text."""
    lines: dict[str, str] = {}
    for task in tasks_of(pipeline.plan(**params)):
        given = {node: read_outcome(node, lines[node]) for node in task.told}
        plan = pipeline.prepare(params)
        done = run_step(
            door,
            "parts",
            plan,
            task.node.name,
            given,
            shape=shape_of(plan.graph),
            cause={"by": "t"},
        )
        lines[task.node.name] = done.model_dump_json(exclude_defaults=True)
    return {name: read_outcome(name, line) for name, line in lines.items()}


@pytest.mark.parametrize(
    ("name", "params"),
    [("sizes", {"rows": 7}), ("judged", {"count": 3}), ("judged", {"count": 5}), ("grown", {})],
    ids=["several-outputs", "map-and-else", "map-and-then", "loop"],
)
def test_steps_on_their_own_make_the_same_digests_as_one_run(
    name: str,
    params: dict[str, object],
    door: Door,
    flows: ModuleType,
) -> None:
    pipeline = getattr(flows, name)
    whole = execute(door, "whole", pipeline, params).run

    parts = step_by_step(door, pipeline, params)

    tops = [task for task in whole.tasks if task.parent is None]
    assert [task.name for task in tops] == list(parts)
    for task in tops:
        assert (task.status == "skipped") == (parts[task.name].status == "skipped")
        assert parts[task.name].outputs == task.outputs


def test_a_step_that_is_asked_for_again_is_taken_from_the_cache(
    door: Door, flows: ModuleType
) -> None:
    plan = flows.sum_of_squares.prepare({"count": 3})
    first = run_step(door, "p", plan, "numbers", {})
    again = run_step(door, "p", plan, "numbers", {})

    assert again.outputs == first.outputs
    assert again.run != first.run


def test_another_shape_than_the_exported_one_is_refused(door: Door, flows: ModuleType) -> None:
    with pytest.raises(Conflict, match="not those that were exported"):
        run_step(door, "p", flows.sizes.prepare({}), "read", {}, shape="0" * 16)


def test_what_cannot_be_called_is_told(door: Door, flows: ModuleType) -> None:
    plan = flows.sizes.prepare({})
    with pytest.raises(NotFound, match="no step 'reed'"):
        run_step(door, "p", plan, "reed", {})
    with pytest.raises(InvalidInput, match="what became of 'read'"):
        run_step(door, "p", plan, "split", {})
    with pytest.raises(InvalidInput, match="the outcome of 'read'"):
        read_outcome("read", "Traceback (most recent call last):")
