"""``mw pipelines export`` and ``mw pipelines call``, the command that exported tasks run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines.dsl import Pipeline

_PARAM = click.option(
    "--param", "-p", multiple=True, metavar="NAME=VALUE", help="A parameter of the pipeline."
)


@click.command("export")
@click.argument("target")
@click.option(
    "--to",
    required=True,
    type=click.Choice(["airflow", "kubeflow", "argo", "gitlab", "kubernetes", "rayjob"]),
    help="Who is to run it.",
)
@_PARAM
@click.option("--name", default="", help="Of the workflow; the pipeline's own otherwise.")
@click.option("--image", default="", help="Of the tasks; needed wherever they are containers.")
@click.option("--url", default="", envvar="MILLWRIGHT_URL", help="Of the control plane.")
@click.option("--secret", default="", help="The Kubernetes Secret with MILLWRIGHT_TOKEN.")
@click.option("--namespace", default="", help="In Kubernetes.")
@click.option("--service-account", default="", help="In Kubernetes.")
@click.option("--cpu", default="", help="Processors of a task, such as 500m.")
@click.option("--memory", default="", help="Memory of a task, such as 2Gi.")
@click.option("--gpu", default=0, help="GPUs of a task.")
@click.option("--schedule", default="", help="A cron expression.")
@click.option("--timezone", default="UTC", show_default=True, help="Of the schedule.")
@click.option("--command", default="mw", show_default=True, help="How tasks call Millwright.")
@click.option("--folder", default="", help="The project's folder on Airflow's workers.")
@click.option("--workers", default=2, show_default=True, help="Nodes of a Ray cluster.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="A file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export(
    target: str, to: Any, param: tuple[str, ...], output: Path | None, as_json: bool, **place: Any
) -> None:
    """Write TARGET (FILE.py or FILE.py:pipeline) as another orchestrator reads it.

    Each task is one call of `mw pipelines call`, which works on the same store as a run here. What
    would go wrong over there is refused here.
    """
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines.api import find_pipeline, project_of
    from millwright.pipelines.doorway import near_or_far
    from millwright.pipelines.exports.exporting import exported
    from millwright.pipelines.exports.records import Place
    from millwright.pipelines.own_file import given_parameters

    workspace = Workspace.find()
    project, pipeline = project_of(workspace), find_pipeline(target)
    with near_or_far(workspace) as doorway:
        text = exported(
            pipeline,
            to,
            Place(**place),
            project=project,
            put=lambda content: doorway.put(project, content),
            params=given_parameters(param),
        )
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, "utf-8")
    if as_json:
        found = {"target": to, "path": None if output is None else str(output)}
        click.echo(json.dumps(found if output is not None else {**found, "text": text}))
    elif output is None:
        click.echo(text, nl=False)
    else:
        click.echo(f"Wrote {output}")


@click.command("call")
@click.argument("entry_point")
@click.argument("step", required=False)
@_PARAM
@click.option("--input", "-i", "inputs", multiple=True, metavar="STEP=OUTCOME",
              help="The line that the call of an earlier step ended with.")  # fmt: skip
@click.option("--code", help="The digest of stored code; the folder's own otherwise.")
@click.option("--shape", help="Of the exported pipeline; refuses any other.")
@click.option("--project", help="Where outputs are stored; that of this folder otherwise.")
@click.option("--by", default="call", help="Who calls.")
@click.option("--group", help="The caller's own run: asked again, the same run goes on.")
@click.option("--on", "executor", help="Where steps run, such as ray://HOST:10001.")
@click.option("--result", type=click.Path(path_type=Path), help="A file for the outcome, too.")
def call(
    entry_point: str,
    step: str | None,
    param: tuple[str, ...],
    inputs: tuple[str, ...],
    code: str | None,
    shape: str | None,
    project: str | None,
    by: str,
    group: str | None,
    executor: str | None,
    result: Path | None,
) -> None:
    """Execute one STEP of a pipeline (module:name), or the whole of it, for another orchestrator.

    The last line printed is the outcome as JSON: which outputs were made, by digest.
    """
    from millwright.pipelines.api import project_of
    from millwright.pipelines.exports.one_step import read_outcome, run_step
    from millwright.pipelines.exports.whole import run_whole
    from millwright.pipelines.own_file import given_parameters

    workspace = _workspace()
    name = project or project_of(workspace)
    params = given_parameters(param)
    cause = {"by": by, **({} if group is None else {"group": group})}
    pipeline = _pipeline(entry_point, code, workspace, name)
    if step is None:
        done = run_whole(workspace, name, pipeline, params, cause=cause, executor=executor)
    else:
        told = dict(text.partition("=")[::2] for text in inputs)
        given = {node: read_outcome(node, text) for node, text in told.items()}
        plan = pipeline.prepare(params)
        done = run_step(
            workspace, name, plan, step, given, shape=shape, cause={**cause, "step": step}
        )
    line = done.model_dump_json(exclude_defaults=True)
    if result is not None:
        result.parent.mkdir(parents=True, exist_ok=True)
        result.write_text(line, "utf-8")
    click.echo(line)


def _workspace() -> Workspace:
    """The workspace here; in a container that has none, a folder for what is only of this task."""
    import os

    from millwright.kernel.errors import NotFound
    from millwright.kernel.workspace import Workspace

    try:
        return Workspace.find()
    except NotFound:
        if not os.environ.get("MILLWRIGHT_URL"):
            raise
        return Workspace(Path.cwd())


def _pipeline(
    entry_point: str, code: str | None, workspace: Workspace, project: str
) -> Pipeline[..., Any]:
    from millwright.kernel.errors import InvalidInput
    from millwright.pipelines.code_snapshot import code_folder
    from millwright.pipelines.doorway import near_or_far
    from millwright.pipelines.dsl import Pipeline
    from millwright.pipelines.entry_point import load_entry_point

    folder = Path.cwd()
    if code is not None:
        with near_or_far(workspace) as doorway:
            folder = code_folder(
                code, folder, workspace.state, lambda digest: doorway.read(project, [digest])[0]
            )
    found = load_entry_point(entry_point, folder)
    if not isinstance(found, Pipeline):
        raise InvalidInput(
            "pipelines.not_a_pipeline",
            f"{entry_point} is not a pipeline.",
            hint="Name a function decorated with @mw.pipeline.",
            value=entry_point,
        )
    return found
