"""Whether a step can be found by another process, and where its code is."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from millwright.kernel.errors import InvalidInput
from millwright.pipelines.entry_point import PACKAGE
from millwright.pipelines.steps import Step

if TYPE_CHECKING:
    from millwright.pipelines.board import Live

_worker = False


def become_worker() -> None:
    """From here on this process is one that calls steps for an engine."""
    global _worker
    _worker = True


def in_worker() -> bool:
    """Whether this process calls steps for an engine."""
    return _worker


def is_importable(step: Step[..., Any], *, required: bool) -> bool:
    """Whether another process can load a step by its name.

    Raises:
        InvalidInput: it cannot, and the step asks for a process of its own.
    """
    module = sys.modules.get(step.function.__module__)
    found = "<" not in step.entry_point and getattr(module, "__file__", None) is not None
    if required and not found:
        raise InvalidInput(
            "pipelines.not_importable",
            f"The step {step.name!r} is to run in a process of its own, which cannot find it.",
            hint="Define it at the top of a module, not inside a function or a console.",
            value=step.entry_point,
        )
    return found


def root_of(step: Step[..., Any]) -> str:
    """The folder from which a step's module is imported."""
    module = sys.modules[step.function.__module__]
    assert module.__file__ is not None
    return _root(module.__file__, step.entry_point.partition(":")[0].count("."))


@cache
def _root(file: str, depth: int) -> str:
    path = Path(file).resolve()
    return str(path.parents[depth + (path.name == "__init__.py")])


def wants_worker(live: Live, *, elsewhere: bool = False) -> bool:
    """Whether a step is to run in a worker rather than in the engine.

    Light steps, which ask for nothing that needs a process, run where the engine is; ``elsewhere``:
    unless workers are on other machines, where all steps of the user's own go that can.

    Raises:
        InvalidInput: it asks for a process, which cannot find it.
    """
    setting = live.setting
    if live.step is None or setting.isolation == "inline":
        return False
    special = setting.python or setting.packages or setting.environment or setting.memory_mb
    wanted = setting.isolation == "process" or bool(special)
    alone = live.node.timeout_ms is not None or live.node.kind == "item"
    ours = live.node.step.startswith(f"{PACKAGE}.")
    if not wanted and not alone and (ours or not elsewhere):
        return False
    return is_importable(live.step, required=wanted)
