"""Pipelines done again from their record: the same code, parameters and dataset versions, no cache.

They run in a project beside the own one (``PROJECT-reproduction``), where the cache is empty and
nothing that they register or crown is in anybody's way.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from millwright.automation.lifecycle import training_again, training_pipeline
from millwright.automation.sources import Snapshot
from millwright.kernel.door import Door
from millwright.kernel.errors import Conflict, NotFound
from millwright.kernel.workspace import Workspace
from millwright.pipelines import (
    Pipeline,
    PipelineClient,
    PipelineResult,
    PipelineRunDetail,
    decode,
    execute,
    load_entry_point,
    restored_code,
)
from millwright.tracking import (
    Difference,
    Reproduction,
    Run,
    Wanted,
    get_run,
    reproduce_script,
    why_results_differ,
)

_BESIDE = "-reproduction"
_NEVER_EQUAL = ("snapshot_data", "check_data", "register_model", "train_model.report")
"""Steps and outputs of the main job that hold ids and times."""
_JUDGED_BY = {"train_model.model": "evaluate"}
"""How a fitted estimator is written down differs with the identity of equal objects in memory. Two of
them are the same where everything that is measured of what they predict is."""


def reproduce(
    door: Door,
    workspace: Workspace,
    project: str,
    run: str,
    wanted: Wanted,
    say: Callable[[str], None],
) -> Reproduction:
    """Do a run again: a pipeline run, or the run of a script.

    Raises:
        NotFound: there is no such run.
        MillwrightError: it cannot be done again; the message says what is missing.
    """
    try:
        pipeline_run = PipelineClient(door).get(run)
    except NotFound:
        return reproduce_script(door, workspace, get_run(door, run), wanted, say)
    if pipeline_run.status != "succeeded":
        raise Conflict(
            "reproduce.not_succeeded",
            f"The pipeline run {run} has {pipeline_run.status}: there are no results to compare.",
            value=run,
        )
    with_code = restored_code(
        pipeline_run, workspace.root, workspace.state, lambda digest: door.fetch(project, digest)
    )
    work, params = _work(door, pipeline_run, with_code)
    say(f"Running the pipeline {pipeline_run.name} again, without the cache")
    result = execute(
        door,
        f"{project[: 100 - len(_BESIDE)]}{_BESIDE}",
        work,
        params,
        folder=with_code,
        scratch=workspace.folder("scratch"),
    )
    result.raise_if_failed()
    return _compared(door, pipeline_run, result)


def _work(
    door: Door, run: PipelineRunDetail, folder: Path
) -> tuple[Pipeline[..., Any], dict[str, Any]]:
    """The pipeline and its parameters; the main job reads the versions that it read then."""
    params = {name: decode(tree) for name, tree in run.params.items()}
    if run.name != training_pipeline.name or not run.entry_point.startswith("millwright."):
        return load_entry_point(run.entry_point, folder), params
    before = PipelineResult.of(run, door)
    taken = before.output("snapshot_data")
    assert isinstance(taken, Snapshot)
    trials = len(before.output("train_model", "report").trials)
    plan = params["plan"].model_copy(update={"trials": trials or None})
    del params["period"]
    return training_again, {**params, "taken": taken, "plan": plan}


def _compared(door: Door, before: PipelineRunDetail, result: PipelineResult) -> Reproduction:
    """Hold the outputs of all steps against each other, by digest."""
    after = result.run
    again = {task.name: task for task in after.tasks}
    same = 0
    differences: list[Difference] = []
    for task in before.tasks:
        other = again.get(task.name)
        if other is None or task.name in _NEVER_EQUAL:
            continue
        for name, artifact in task.outputs.items():
            if f"{task.name}.{name}" in _NEVER_EQUAL:
                continue
            new = other.outputs.get(name)
            if new is not None and new.digest == artifact.digest:
                same += 1
                continue
            judge = _JUDGED_BY.get(f"{task.name}.{name}")
            if judge is not None and _digests(before, judge) == _digests(after, judge) != {}:
                same += 1
                continue
            differences.append(
                Difference(
                    aspect="artifact",
                    name=f"{task.name}.{name}",
                    before=artifact.digest,
                    after=None if new is None else new.digest,
                )
            )
    first, second = _tracked(door, before.id), _tracked(door, after.id)
    reasons: tuple[str, ...] = ()
    if first is not None and second is not None:
        reasons = why_results_differ(door, first, second, differences)
    return Reproduction(
        run=before.id,
        again=after.id,
        same={"artifact": same},
        differences=tuple(differences),
        reasons=reasons,
    )


def _digests(run: PipelineRunDetail, step: str) -> dict[str, str]:
    """The outputs of a step by digest; none where it has not run."""
    found = next((task for task in run.tasks if task.name == step), None)
    return {} if found is None else {name: one.digest for name, one in found.outputs.items()}


def _tracked(door: Door, run: str) -> Run | None:
    try:
        return get_run(door, run)
    except NotFound:
        return None
