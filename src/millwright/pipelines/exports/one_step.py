"""One step of a pipeline on its own: what another orchestrator calls, one process per task.

What earlier tasks made comes as the lines that they ended with, and what this one makes is such a
line again. Conditions, maps and loops are settled inside the task by the usual engine, so the other
side only has to keep the order. Each call is a run of its own in the ledger, whose cause names the
other side's run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from millwright.kernel.errors import Conflict, InvalidInput, NotFound, nearest
from millwright.kernel.record import Record
from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.dsl import Plan
from millwright.pipelines.engine import execute
from millwright.pipelines.exports.shape import safe_name, shape_of
from millwright.pipelines.graph import Graph, Node
from millwright.pipelines.records import Task

if TYPE_CHECKING:
    from millwright.kernel.door import Door
    from millwright.kernel.workspace import Workspace


class Outcome(Record):
    """What became of a step, as the tasks after it are told: a line of JSON."""

    status: Literal["succeeded", "skipped"]
    outputs: dict[str, Artifact] = Field(default_factory=dict)
    reason: str = ""
    run: str = ""
    """The run of Millwright that did it."""


def read_outcome(name: str, text: str) -> Outcome:
    """The line that the task before ended with.

    Raises:
        InvalidInput: it is no such line.
    """
    try:
        return Outcome.model_validate_json(text)
    except ValidationError as cause:
        raise InvalidInput(
            "pipelines.bad_outcome",
            f"What was given as the outcome of {name!r} is not the line that its task ended with.",
            hint="Give NAME={…} exactly as `mw pipelines step` printed it.",
            value=text[:80],
        ) from cause


def run_step(
    door: Door | Workspace,
    project: str,
    plan: Plan,
    name: str,
    given: Mapping[str, Outcome],
    *,
    shape: str | None = None,
    cause: Mapping[str, Any] | None = None,
) -> Outcome:
    """Execute one node of a plan.

    Args:
        door: the way to the control plane.
        project: where outputs are stored.
        plan: of the whole pipeline, with the parameters of this run.
        name: of the node.
        given: what became of the nodes that it needs.
        shape: of the pipeline when it was exported; another one is refused.
        cause: what the run is for.

    Raises:
        Conflict: with these parameters or this code the pipeline has other steps than exported.
        NotFound: there is no such node.
        InvalidInput: an outcome is missing.
        PipelineFailed: the step failed.
    """
    if shape is not None and shape != shape_of(plan.graph):
        raise Conflict(
            "pipelines.other_shape",
            f"The steps of {plan.graph.pipeline!r} are not those that were exported.",
            hint="A parameter or an edit has changed them; export the pipeline again.",
        )
    node = _node(plan.graph, name)
    known: dict[str, Task] = {}
    for needed in sorted(_needed(node)):
        if needed not in given:
            raise InvalidInput(
                "pipelines.missing_outcome",
                f"The step {name!r} needs to know what became of {needed!r}.",
                hint=f"Give it: --input {needed}=…",
                value=needed,
            )
        outcome = given[needed]
        status: Literal["cached", "skipped"] = (
            "skipped" if outcome.status == "skipped" else "cached"
        )
        known[needed] = Task(name=needed, status=status, outputs=outcome.outputs)
    result = execute(door, project, _alone(plan, node), known=known, cause=cause)
    result.raise_if_failed()
    task = next(task for task in result.run.tasks if task.name == name)
    if task.status == "skipped":
        return Outcome(status="skipped", reason="; ".join(task.reason), run=result.run_id)
    return Outcome(status="succeeded", outputs=task.outputs, run=result.run_id)


def _node(graph: Graph, name: str) -> Node:
    names = [node.name for node in graph.nodes]
    if name not in names:
        guess = nearest(name, names)
        raise NotFound(
            "pipelines.unknown_step",
            f"The pipeline {graph.pipeline!r} has no step {name!r}.",
            hint=f"Did you mean {guess!r}?" if guess else f"It has: {', '.join(names)}.",
            value=name,
        )
    return graph.node(name)


def _needed(node: Node) -> set[str]:
    """The nodes whose outcome decides what a node does; the order is kept by who calls."""
    data = {reference.node for reference in node.references().values()}
    return data | {condition.node for condition in node.when}


def _alone(plan: Plan, node: Node) -> Plan:
    """The plan of one node, with those before it as if nothing led to them."""
    needed = _needed(node)
    # Made anew rather than copied: what a node needs is worked out once, and kept in it.
    before = [
        Node(
            name=one.name, step=one.step, inputs={}, outputs=one.outputs, kind=one.kind, cache=False
        )
        for one in plan.graph.nodes
        if one.name in needed
    ]
    alone = Node(**{**{name: getattr(node, name) for name in Node.model_fields}, "after": ()})
    graph = Graph(
        pipeline=f"{plan.graph.pipeline}.{safe_name(node.name)}"[:100],
        parameters=plan.graph.parameters,
        nodes=(*before, alone),
    )
    own = (node.name, f"{node.name}.until")
    steps = {key: step for key, step in plan.steps.items() if key in own}
    return Plan(graph, steps, plan.entry_point)
