"""What people write after ``--pipeline`` and ``--param``, checked before it is stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from millwright.automation.starting import filled
from millwright.kernel.config_automation import TRAIN
from millwright.kernel.errors import InvalidInput
from millwright.kernel.workspace import Workspace


def given_params(texts: Iterable[str]) -> dict[str, JsonValue]:
    """``NAME=VALUE`` pairs; a value that is JSON is taken as that, anything else as text.

    Raises:
        InvalidInput: one has no ``=``.

    >>> given_params(["depth=3", "day={fire_date}"])
    {'depth': 3, 'day': '{fire_date}'}
    """
    found: dict[str, JsonValue] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise InvalidInput(
                "run.parameter", f"'{text}' is not a parameter.", hint="Write it as NAME=VALUE."
            )
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def checked_pipeline(
    workspace: Workspace,
    pipeline: str,
    params: Mapping[str, JsonValue],
    known: Mapping[str, Any] | None,
) -> str:
    """``FILE.py:NAME`` of a pipeline that can be planned with these parameters.

    Args:
        known: what placeholders stand for, as an example; None where that is not known yet, and
            only the pipeline itself is looked for.

    Raises:
        NotFound, InvalidInput: there is no such pipeline, or it cannot be planned.
    """
    if pipeline == TRAIN:
        return pipeline
    from millwright.pipelines import find_pipeline

    found = find_pipeline(pipeline)
    if known is not None:
        found.prepare({name: filled(value, known) for name, value in params.items()})
    file, separator, name = pipeline.rpartition(":")
    path = Path(file if separator and file.endswith(".py") else pipeline).resolve()
    if not path.is_relative_to(workspace.root.resolve()):
        raise InvalidInput(
            "automation.pipeline",
            f"{path} is not in the project's folder {workspace.root}.",
            hint="Move it there: the control plane runs nothing else.",
        )
    attribute = name if separator and file.endswith(".py") else found.function.__name__
    return f"{path.relative_to(workspace.root.resolve())}:{attribute}"
