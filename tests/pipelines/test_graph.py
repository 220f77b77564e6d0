"""Planning: pure, ordered, and wrong graphs refused before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import millwright as mw
from millwright.kernel.errors import InvalidInput
from millwright.pipelines import Graph, Node

calls: list[str] = []


@mw.step
def add(a: int, b: int = 1) -> int:
    calls.append("add")
    return a + b


@mw.step
def total(values: list[int]) -> int:
    return sum(values)


class Halves(NamedTuple):
    low: int
    high: int


@mw.step
def halve(value: int) -> Halves:
    return Halves(value // 2, value - value // 2)


@mw.step(outputs=("table", "name"), retries=2, timeout="90s", cache=False)
def table_of(rows: int) -> Any:
    return pa.table({"x": list(range(rows))}), "x"


@mw.step
def length(text: str) -> int:
    return len(text)


def test_a_step_called_on_its_own_is_its_function() -> None:
    assert add(2) == 3
    assert halve(5) == Halves(2, 3)
    assert add.__name__ == "add"


def test_planning_runs_no_step_and_always_gives_the_same_graph() -> None:
    @mw.pipeline
    def twice(x: int) -> int:
        return add(add(x))

    calls.clear()
    graph = twice.plan(x=1)
    assert calls == []
    assert graph == twice.plan(x=1)
    assert [node.name for node in graph.nodes] == ["add", "add-2"]
    assert graph == Graph.model_validate_json(graph.model_dump_json())


def test_a_pipeline_called_directly_computes_with_plain_values() -> None:
    @mw.pipeline
    def twice(x: int) -> int:
        return add(add(x))

    assert twice(1) == 3


def test_several_outputs_are_named_and_can_be_used_inside_collections() -> None:
    @mw.pipeline
    def spread(x: int) -> int:
        parts = halve(x)
        low, high = halve(parts.high)
        return total([parts.low, low, high])

    node = spread.plan(x=8).node("total")
    assert {key: (ref.node, ref.output) for key, ref in node.references().items()} == {
        "values[0]": ("halve", "low"),
        "values[1]": ("halve-2", "low"),
        "values[2]": ("halve-2", "high"),
    }


def test_settings_of_a_step_stand_in_its_node() -> None:
    @mw.pipeline
    def build() -> Any:
        return table_of(3).name

    node = build.plan().node("table_of")
    assert (node.retries, node.timeout_ms, node.cache) == (2, 90_000, False)
    assert node.outputs == ("table", "name")


@given(st.lists(st.lists(st.integers(min_value=0, max_value=30), max_size=4), max_size=12))
def test_any_plan_is_topological(wiring: list[list[int]]) -> None:
    @mw.pipeline
    def built() -> int:
        made: list[Any] = [add(0)]
        for wanted in wiring:
            made.append(total([made[index % len(made)] for index in wanted]))
        return made[-1]

    graph = built.plan()
    assert len(graph.nodes) == len(wiring) + 1
    position = {node.name: index for index, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        for needed in node.references().values():
            assert position[needed.node] < position[node.name]
    for node in graph.nodes:
        assert set(graph.downstream(node.name)) == _reached(graph, node.name)


def _reached(graph: Graph, start: str) -> set[str]:
    reached, frontier = set(), {start}
    while frontier:
        frontier = {
            node.name
            for node in graph.nodes
            for needed in node.references().values()
            if needed.node in frontier and node.name not in reached
        }
        reached |= frontier
    return reached


@given(st.permutations(["a", "b", "c"]))
def test_a_stored_graph_out_of_order_is_refused(order: list[str]) -> None:
    def reference(name: str) -> dict[str, Any]:
        return {"$type": "output", "node": name, "output": "result"}

    needs = {"a": None, "b": reference("a"), "c": reference("b")}
    nodes = tuple(
        Node(name=name, step="m:f", inputs={"x": needs[name]}, outputs=("result",))
        for name in order
    )
    if order == ["a", "b", "c"]:
        assert Graph(pipeline="p", parameters={}, nodes=nodes).nodes == nodes
        return
    with pytest.raises(InvalidInput, match="no earlier step"):
        Graph(pipeline="p", parameters={}, nodes=nodes)


@mw.pipeline
def sized(rows: int, name: str = "x", ratio: float = 0.5) -> int:
    return add(rows)


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        ({"rows": 1, "nmae": "y"}, "pipelines.unknown_parameter", "Did you mean 'name'"),
        ({}, "pipelines.missing_parameter", "'rows'"),
        ({"rows": "many"}, "pipelines.wrong_type", "should be int"),
        ({"rows": 1, "name": 3}, "pipelines.wrong_type", "should be str"),
    ],
)
def test_wrong_parameters_are_refused(params: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        sized.plan(**params)
    assert caught.value.code == code


def test_text_from_a_command_line_is_read_as_the_annotation_says() -> None:
    assert sized.plan(rows="3", ratio="0.25").parameters == {"rows": 3, "name": "x", "ratio": 0.25}


def test_an_output_of_the_wrong_type_is_refused() -> None:
    @mw.pipeline
    def wrong() -> int:
        return length(add(1))  # type: ignore[arg-type]

    with pytest.raises(InvalidInput, match="takes str as 'text', but is given int"):
        wrong.plan()


def test_a_missing_and_an_unknown_argument_are_refused() -> None:
    @mw.pipeline
    def missing() -> int:
        return add()  # type: ignore[call-arg]

    @mw.pipeline
    def unknown() -> int:
        return add(1, c=2)  # type: ignore[call-arg]

    for wrong, words in ((missing, "'a'"), (unknown, "'c'")):
        with pytest.raises(InvalidInput, match=words) as caught:
            wrong.plan()
        assert caught.value.code == "pipelines.wrong_arguments"


def test_an_output_of_another_plan_is_refused() -> None:
    leaked: list[Any] = []

    @mw.pipeline
    def first() -> int:
        leaked.append(halve(1).low)
        return leaked[0]

    @mw.pipeline
    def second() -> int:
        return add(leaked[0])

    first.plan()
    with pytest.raises(InvalidInput, match="which no earlier step"):
        second.plan()


def test_looking_into_an_output_while_planning_is_explained() -> None:
    @mw.pipeline
    def branching() -> int:
        return add(1) if add(2) else add(3)

    with pytest.raises(InvalidInput, match="not known while the pipeline is being planned"):
        branching.plan()


def test_a_value_that_cannot_be_stored_is_refused_as_an_argument() -> None:
    @mw.step
    def take(thing: object) -> int:
        return 1

    @mw.pipeline
    def careless() -> int:
        return take(open)

    with pytest.raises(InvalidInput, match="cannot be stored"):
        careless.plan()


def test_parameters_without_a_name_are_refused_at_decoration() -> None:
    with pytest.raises(InvalidInput, match="cannot be recorded by name"):

        @mw.step
        def anything(*values: int) -> int:
            return 0


def test_a_path_parameter_keeps_its_type() -> None:
    @mw.step
    def size(path: Path) -> int:
        return 1

    @mw.pipeline
    def sized_file(path: Path) -> int:
        return size(path)

    assert sized_file.plan(path="a.csv").parameters == {"path": {"$type": "path", "value": "a.csv"}}
