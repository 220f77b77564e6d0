"""What the steps of a stored run made, read where the store is."""

from __future__ import annotations

import json

from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.store import Store
from millwright.pipelines import values
from millwright.pipelines.graph import SINGLE
from millwright.pipelines.records import PipelineRunDetail


def stored_output(store: Store, run: PipelineRunDetail, task: str, name: str = SINGLE) -> object:
    """One output of one step, where it is plain data or a record.

    Raises:
        NotFound: the step did not run or has no such output.
        InvalidInput: the output is not plain data; nothing else is read in the control plane.
    """
    outputs = {one.name: one.outputs for one in run.tasks}.get(task, {})
    if name not in outputs:
        raise NotFound("pipelines.no_output", f"Run {run.id} has no output of the step {task!r}.")
    artifact = outputs[name]
    if artifact.kind != "json":
        raise InvalidInput(
            "pipelines.not_plain", f"The output of the step {task!r} is a {artifact.kind}."
        )
    return values.decode(json.loads(store.objects.of(run.project).read(artifact.digest)))
