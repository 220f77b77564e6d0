"""Whether a step can be found by another process, and where its code is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from millwright.kernel.errors import InvalidInput
from millwright.pipelines.steps import Step


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
    path = Path(module.__file__).resolve()
    depth = step.entry_point.partition(":")[0].count(".") + (path.name == "__init__.py")
    return str(path.parents[depth])
