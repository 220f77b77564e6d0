"""What only a run can know: the items of a map, and the turns of a loop, as nodes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import JsonValue

from millwright.kernel.errors import InvalidInput
from millwright.pipelines import values
from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.board import Live
from millwright.pipelines.fingerprint import Recipe, recipe
from millwright.pipelines.graph import SINGLE, Node, NodeKind, Reference, reference_of
from millwright.pipelines.records import NewTask
from millwright.pipelines.steps import Step
from millwright.pipelines.trusted import trusted

MOST_ITEMS = 100_000
StoreItem = Callable[[object, Reference], None]
"""Stores an item that is no plain data under a reference of its own."""


def items_of(live: Live, collection: object, store: StoreItem) -> list[JsonValue]:
    """The trees of a map's items; what is no plain data is stored, and its tree is a reference.

    Raises:
        InvalidInput: it is no collection, or too large a one.
    """
    if not isinstance(collection, Iterable) or isinstance(collection, str | bytes | dict):
        raise InvalidInput(
            "pipelines.not_a_collection",
            f"{live.name!r} is to be called for each item of a {type(collection).__name__}.",
            hint="Map over a list.",
        )
    trees: list[JsonValue] = []
    for index, item in enumerate(collection):
        try:
            trees.append(values.encode(item))
        except InvalidInput:
            reference = Reference(live.name, f"item {index}")
            store(item, reference)
            trees.append(reference.tree())
    if len(trees) > MOST_ITEMS:
        raise InvalidInput(
            "pipelines.too_many_items",
            f"{live.name!r} is to be called {len(trees):,} times; {MOST_ITEMS:,} is the most.",
            hint="Give each call several items.",
        )
    return trees


def parts_as_items(live: Live, parts: list[Artifact]) -> dict[Reference, Artifact]:
    """The results of another map as items: each a reference of its own, nothing is loaded."""
    return {Reference(live.name, f"item {i}"): part for i, part in enumerate(parts)}


def map_items(live: Live, trees: list[JsonValue]) -> list[Live]:
    """One node per item of a map."""
    assert live.recipe is not None
    (over,) = live.node.over
    others = {name: tree for name, tree in live.node.inputs.items() if name != over}
    shared = live.recipe
    names = {name: ref for name, ref in shared.inputs.items() if name.partition("[")[0] != over}
    fixed = {
        name: digest for name, digest in shared.parameters.items() if name not in (over, "(map)")
    }
    made: list[Live] = []
    for index, tree in enumerate(trees):
        node = _part(live, f"{live.name}[{index}]", "item", {over: tree, **others}, live.node.step)
        made.append(
            Live(node, live.step, _recipe(shared, node, over, tree, names, fixed), live.position,
                 parent=live.name)
        )  # fmt: skip
    return made


def turn(live: Live, index: int, before: Reference | None, code: Recipe) -> Live:
    """The next turn of a loop; the first is given what the loop is given."""
    (over,) = live.node.over
    inputs = dict(live.node.inputs)
    if before is not None:
        inputs[over] = before.tree()
    node = _part(live, f"{live.name}[{index}]", "turn", inputs, live.node.step)
    made = recipe(node, code.code)
    return Live(node, live.step, made, live.position, parent=live.name)


def question(live: Live, index: int, until: Step[..., Any], code: dict[str, str]) -> Live:
    """The call that says whether a loop is done after a turn."""
    first = next(iter(until.signature.parameters))
    turned = Reference(f"{live.name}[{index}]", SINGLE)
    inputs: dict[str, JsonValue] = {first: turned.tree()}
    node = _part(live, f"{live.name}[{index}].until", "turn", inputs, until.entry_point)
    node = node.model_copy(update={"cache": until.cache, "setting": until.setting})
    return Live(
        node, until, recipe(node, code), live.position,
        parent=live.name,
    )  # fmt: skip


def new_task(live: Live) -> NewTask:
    """The task of such a node, for the ledger."""
    return trusted(
        NewTask,
        name=live.name,
        step=live.node.step,
        kind=live.node.kind,
        parent=live.parent or "",
        outputs=live.node.outputs,
        position=live.position,
    )


def _part(
    live: Live, name: str, kind: NodeKind, inputs: dict[str, JsonValue], step: str
) -> Node:  # fmt: skip
    return trusted(
        Node,
        name=name,
        step=step,
        inputs=inputs,
        outputs=(SINGLE,),
        retries=live.node.retries,
        timeout_ms=live.node.timeout_ms,
        cache=live.node.cache,
        kind=kind,
        after=(),
        when=(),
        over=(),
        until=None,
        at_most=1,
        message=None,
        role=None,
        setting=live.node.setting,
    )


def _recipe(
    shared: Recipe,
    node: Node,
    over: str,
    tree: JsonValue,
    names: dict[str, Reference],
    fixed: dict[str, str],
) -> Recipe:
    code = shared.fixed.partition(" ")[0]
    if isinstance(tree, dict) and tree.get(values.TAG) == "output":
        return shared.rebuilt(node.name, code, fixed, {over: reference_of(tree), **names})
    parameters = {**fixed, over: values.digest_of(tree)}
    return shared.rebuilt(node.name, code, parameters, names)
