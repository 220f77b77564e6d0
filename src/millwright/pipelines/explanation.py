"""Why a step would run again: for each node of a plan, which part of its fingerprint differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from millwright.kernel.workspace import Workspace
from millwright.pipelines.board import Board
from millwright.pipelines.doorway import near_or_far
from millwright.pipelines.dsl import Plan
from millwright.pipelines.fingerprint import Fingerprint, Recipe, explain
from millwright.pipelines.planning import recipes_of
from millwright.pipelines.records import Lookup


@dataclass(frozen=True)
class Verdict:
    """Whether a node's result is known; ``why`` it is not, in words."""

    node: str
    known: bool
    why: tuple[str, ...] = ()


def explained(workspace: Workspace, project: str, plan: Plan) -> list[Verdict]:
    """What a run of this plan would find, without running it.

    A node below one that runs is known only once that has run: its inputs may come out the same.
    """
    board = Board.of(plan.graph, plan.steps, recipes_of(plan))
    keys = board.recipe_keys()
    wanted = tuple(keys[name] for name, live in board.lives.items() if live.recipe is not None)
    steps = tuple(sorted({node.step for node in plan.graph.nodes}))[:1000]
    with near_or_far(workspace) as doorway:
        found = doorway.look_up(project, Lookup(recipe_keys=wanted, steps=steps))
    results = {one.key: one.outputs for one in found.results}
    verdicts: list[Verdict] = []
    while (live := board.next()) is not None:
        verdict = _verdict(board, live.name, live.recipe, results, found.before)
        outputs = results.get(live.key or "") if verdict.known else None
        verdicts.append(verdict)
        board.settle(live.name, outputs or {})
    return verdicts


def _verdict(
    board: Board,
    name: str,
    recipe: Recipe | None,
    results: Mapping[str, object],
    before: dict[str, Fingerprint],
) -> Verdict:
    node = board.lives[name].node
    if recipe is None:
        return Verdict(
            name, False, (f"it is {'a question' if node.kind == 'approval' else 'chosen'}",)
        )
    unknown = sorted({r.node for r in recipe.inputs.values() if r not in board.digests})
    if unknown:
        return Verdict(name, False, (f"it depends on what {', '.join(unknown)} will make",))
    board.lives[name].key = key = recipe.key(board.digests)
    if not node.cache:
        return Verdict(name, False, ("it is never taken from the cache",))
    if key in results:
        return Verdict(name, True)
    last = before.get(node.step)
    if last is None:
        return Verdict(name, False, ("it has not run in this project",))
    differs = explain(last, recipe.with_inputs(board.digests))
    return Verdict(name, False, differs or ("its result is gone from the store",))
