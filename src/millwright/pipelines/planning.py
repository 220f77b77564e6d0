"""The recipes of a plan's nodes: what each would do, before anything is known of its inputs."""

from __future__ import annotations

from millwright.pipelines import values
from millwright.pipelines.code_digest import code_of
from millwright.pipelines.dsl import Plan
from millwright.pipelines.fingerprint import Recipe, recipe


def recipes_of(plan: Plan) -> dict[str, Recipe]:
    """By node; choices and questions have none. Each step's code is looked at once."""
    codes: dict[tuple[int, str | None], tuple[dict[str, str], str]] = {}
    recipes: dict[str, Recipe] = {}
    for node in plan.graph.nodes:
        step = plan.steps.get(node.name)
        if step is None:
            continue
        key = (id(step.function), node.until)
        if key not in codes:
            code = code_of(step.function)
            if node.kind == "loop":
                code |= code_of(plan.steps[f"{node.name}.until"].function)
            codes[key] = code, values.digest_of(dict(code))
        recipes[node.name] = recipe(node, *codes[key])
    return recipes
