"""Graphs that grow while they run: maps, choices, loops, sub-pipelines, questions to people."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

import millwright as mw
from millwright.kernel.access import Actor, Role
from millwright.kernel.door import Door
from millwright.kernel.errors import Conflict, Forbidden, InvalidInput
from millwright.kernel.store import Store
from millwright.pipelines import PipelineClient, decide, execute, fire_due
from millwright.pipelines.records import Decision

pytestmark = pytest.mark.usefixtures("each_database")

FOLDER = Path(__file__).parent


def statuses(result: object) -> dict[str, str]:
    return {task.name: task.status for task in result.run.tasks}  # type: ignore[attr-defined]


def test_a_map_calls_its_step_for_each_item_and_only_for_new_ones_the_next_time(
    door: Door, flows: ModuleType
) -> None:
    result = execute(door, "p", flows.sum_of_squares, {"count": 4})
    assert result.value() == 14 == flows.sum_of_squares(4)
    assert statuses(result) == {
        **dict.fromkeys(["numbers", "square", "total"], "succeeded"),
        **dict.fromkeys([f"square[{i}]" for i in range(4)], "succeeded"),
    }
    assert result.output("square") == [0, 1, 4, 9]
    again = execute(door, "p", flows.sum_of_squares, {"count": 4})
    assert set(statuses(again).values()) == {"cached"}
    longer = execute(door, "p", flows.sum_of_squares, {"count": 6})
    assert [f"square[{i}]" for i in range(6) if statuses(longer)[f"square[{i}]"] != "cached"] == [
        "square[4]",
        "square[5]",
    ]
    assert execute(door, "p", flows.sum_of_squares, {"count": 0}).value() == 0


def test_a_choice_runs_one_side_and_says_why_not_the_other(door: Door, flows: ModuleType) -> None:
    small = execute(door, "p", flows.judged, {"count": 3})
    assert small.value() == 10 == flows.judged(3)
    large = execute(door, "p", flows.judged, {"count": 4})
    assert large.value() == 196 == flows.judged(4)
    skipped = {task.name: task.reason for task in small.run.tasks if task.status == "skipped"}
    assert skipped == {"square": ("is_large was false",)}
    assert statuses(large)["double"] == "skipped"


def test_a_loop_goes_on_until_it_is_done_or_has_gone_often_enough(
    door: Door, flows: ModuleType
) -> None:
    result = execute(door, "p", flows.grown, {"start": 1})
    assert result.value() == 16 == flows.grown(1)
    assert statuses(result)["double[3].until"] == "succeeded"
    assert execute(door, "p", flows.grown, {"start": 1, "at_most": 2}).value() == 4


def test_the_whole_plan_is_there_before_it_runs(flows: ModuleType) -> None:
    nodes = flows.judged.plan().nodes
    assert [(node.name, node.kind) for node in nodes] == [
        ("sum_of_squares/numbers", "step"),
        ("sum_of_squares/square", "map"),
        ("sum_of_squares/total", "step"),
        ("is_large", "step"),
        ("square", "step"),
        ("double", "step"),
        ("is_large.either", "either"),
    ]
    assert nodes[4].when[0].expected
    assert not nodes[5].when[0].expected


def test_steps_in_a_sequence_come_after_one_another(flows: ModuleType) -> None:
    @mw.pipeline
    def ordered() -> int:
        with mw.sequence():
            flows.numbers(1)
            flows.numbers(2)
        return flows.double(1)

    nodes = ordered.plan().nodes
    assert [node.after for node in nodes] == [(), ("numbers",), ()]


def test_wrong_items_and_wrong_turns_are_refused_while_planning(flows: ModuleType) -> None:
    @mw.pipeline
    def over_a_number() -> list[int]:
        return flows.square.map(flows.double(1))

    @mw.pipeline
    def over_texts() -> list[int]:
        return flows.square.map(["a"])

    @mw.pipeline
    def odd_turns() -> int:
        return mw.repeat(flows.numbers, 1, until=flows.is_large)

    for wrong, words in (
        (over_a_number, "mapped over"),
        (over_texts, "takes int as 'x', but is given str"),
        (odd_turns, "where int is taken"),
    ):
        with pytest.raises(InvalidInput, match=words):
            wrong.plan()


def called(folder: Path) -> list[str]:
    return [line.split()[0] for line in (folder / "calls.txt").read_text().splitlines()]


def test_a_question_holds_nobody_and_an_answer_lets_the_run_go_on(
    store: Store, door: Door, tmp_path: Path, flows: ModuleType, actor: Actor
) -> None:
    result = execute(door, "p", flows.asked, {"folder": str(tmp_path)})
    assert result.status == "waiting"
    client = PipelineClient(door)
    (question,) = client.approvals("p")
    assert (question.task, question.message, question.pipeline) == ("approval", "Ship it?", "asked")
    run = client.get(result.run_id)
    assert (run.status, run.lease_expires) == ("waiting", None)
    with pytest.raises(Forbidden, match="this needs operator"):
        decide(store, Actor("eve", Role.EDITOR), run.id, "approval", Decision(approve=True))
    decide(store, actor, run.id, "approval", Decision(approve=True, reason="looks good"))
    with pytest.raises(Conflict, match="approved by tester already"):
        decide(store, actor, run.id, "approval", Decision(approve=False, reason="no"))
    assert client.get(run.id).status == "queued"
    assert execute(door, "p", run.id, folder=FOLDER).value() == 2
    assert called(tmp_path) == ["first", "last"], "what was done before the question stays done"
    (answered,) = client.approvals("p", waiting=False)
    assert (answered.decided_by, answered.reason) == ("tester", "looks good")


def test_a_no_and_no_answer_in_time_end_the_run(
    store: Store, door: Door, tmp_path: Path, flows: ModuleType, actor: Actor
) -> None:
    refused = execute(door, "p", flows.asked, {"folder": str(tmp_path)}).run_id
    with pytest.raises(InvalidInput, match="needs a reason"):
        decide(store, actor, refused, "approval", Decision(approve=False))
    decide(store, actor, refused, "approval", Decision(approve=False, reason="too risky"))
    late = execute(door, "p", flows.asked, {"folder": str(tmp_path), "timeout": "1ms"}).run_id
    assert fire_due(store) == 1
    client = PipelineClient(door)
    for run_id, words in ((refused, "rejected by tester: too risky"), (late, "Nobody answered")):
        ended = client.get(run_id)
        assert ended.status == "failed"
        assert ended.error is not None
        assert words in ended.error.message
        assert ended.tasks[-1].status == "skipped"
