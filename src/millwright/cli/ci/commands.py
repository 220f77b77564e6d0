"""``mw ci``: workflows for continuous integration, and their reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from millwright.automation import Registered
    from millwright.cli.ci.markdown import Measured
    from millwright.kernel.door import Door

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_RESULT = click.argument("result", type=click.Path(path_type=Path))


@click.group("ci")
def ci() -> None:
    """Run this project in GitHub Actions, GitLab CI, Jenkins or CircleCI."""


@ci.command("init")
@click.option(
    "--provider",
    required=True,
    type=click.Choice(["github", "gitlab", "jenkins", "circleci"]),
    help="Whose workflow.",
)
@click.option("--python", default="3.12", show_default=True, help="Its version.")
@click.option("--branch", default="main", show_default=True, help="From which is promoted.")
@click.option("--force", is_flag=True, help="Replace a workflow that is there.")
@_JSON
def init(provider: Any, python: str, branch: str, force: bool, as_json: bool) -> None:
    """Write a workflow that tests, trains, gates, registers, reports and promotes."""
    import re

    from millwright import __version__
    from millwright.cli.ci.workflows import PLACES, workflow
    from millwright.kernel.errors import Conflict, InvalidInput
    from millwright.kernel.workspace import Workspace

    for name, text, wanted in (("python", python, r"3\.\d{1,2}"), ("branch", branch, r"[\w./-]+")):
        if not re.fullmatch(wanted, text):
            raise InvalidInput(
                f"ci.{name}", f"{text!r} is no usable value of --{name}.", value=text
            )
    path = Workspace.find().root / PLACES[provider]
    if path.exists() and not force:
        raise Conflict(
            "ci.exists", f"There is a {path.name} already.", hint="Replace it with --force."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    requirement = f"millwright[train]>={__version__}"
    path.write_text(
        workflow(provider, python=python, requirement=requirement, branch=branch), "utf-8"
    )
    if as_json:
        click.echo(json.dumps({"path": str(path)}))
        return
    click.echo(f"Wrote {path}")
    click.echo(
        "Add the secrets MILLWRIGHT_URL and MILLWRIGHT_TOKEN (mw token create --role editor)."
    )


@ci.command("report")
@_RESULT
@click.option(
    "--against", help="Version or alias to stand beside; the champion, or the one before."
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=Path("report"),
    show_default=True,
    help="Folder for the report and its plots.",
)
@_JSON
def report_(result: Path, against: str | None, into: Path, as_json: bool) -> None:
    """Report on the RESULT of `mw run --json`, where the provider shows it.

    On GitHub that is the job's summary, on GitLab a note on the merge request; the report and its
    plots are files to keep as artifacts everywhere.
    """
    from millwright.cli.ci.markdown import plots, report
    from millwright.cli.ci.posting import show
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here

    registered, project = _registered(result), project_here()
    with connect() as door:
        measured = _measured(door, project, registered.model, registered.version)
        other = _other(door, project, registered, against)
        link = _link(door, registered)
    text = report(measured, other, link=link)
    into.mkdir(parents=True, exist_ok=True)
    (into / "report.md").write_text(text, "utf-8")
    for name, drawing in plots(measured, other).items():
        (into / name).write_text(drawing, "utf-8")
    place = show(text)
    if as_json:
        click.echo(json.dumps({"folder": str(into), "shown": place}))
        return
    click.echo(f"The report is in {into}{f', and on {place}' if place else ''}.")


@ci.command("promote")
@_RESULT
@click.option("--alias", default="production", show_default=True, help="What points to it then.")
@_JSON
def promote(result: Path, alias: str, as_json: bool) -> None:
    """Point an alias to the RESULT of `mw run --json`, if its gates passed."""
    from millwright.kernel.door import connect
    from millwright.kernel.errors import Conflict
    from millwright.kernel.workspace import project_here
    from millwright.registry import set_alias

    registered = _registered(result)
    if not registered.gates_passed:
        raise Conflict(
            "ci.gates",
            f"Version {registered.version} of {registered.model} failed its gates.",
            hint=" ".join(registered.failed_gates) or None,
        )
    with connect() as door:
        set_alias(door, project_here(), registered.model, alias, registered.version)
    found = {"model": registered.model, "version": registered.version, "alias": alias}
    said = f"{registered.model}@{alias} points to version {registered.version}."
    click.echo(json.dumps(found) if as_json else said)


def _registered(result: Path) -> Registered:
    from pydantic import ValidationError

    from millwright.automation import Registered
    from millwright.kernel.errors import InvalidInput, NotFound

    try:
        return Registered.model_validate_json(result.read_bytes())
    except FileNotFoundError as cause:
        raise NotFound(
            "ci.no_result", f"There is no {result}.", hint="Make it with: mw run --json > FILE"
        ) from cause
    except ValidationError as cause:
        raise InvalidInput(
            "ci.result",
            f"{result} is not what `mw run --json` prints.",
            hint="If the run failed, its output says why.",
        ) from cause


def _measured(door: Door, project: str, model: str, version: int) -> Measured:
    from millwright.cli.ci.markdown import Measured
    from millwright.evaluation import Evaluation
    from millwright.registry import evaluation

    found = Evaluation.model_validate_json(evaluation(door, project, model, version))
    return Measured(model=model, version=version, evaluation=found)


def _other(
    door: Door, project: str, registered: Registered, against: str | None
) -> Measured | None:
    """The version to stand beside; None where there is none, or it was never evaluated."""
    from millwright.kernel.errors import NotFound
    from millwright.registry import CHAMPION, get_version

    try:
        version = get_version(door, project, registered.model, against or CHAMPION).version
    except NotFound:
        if against is not None:
            raise
        version = registered.version
    if version == registered.version and against is None:
        version -= 1
    if version < 1:
        return None
    try:
        return _measured(door, project, registered.model, version)
    except NotFound:
        return None


def _link(door: Door, registered: Registered) -> str | None:
    """The page of the version, where a server shows one."""
    if door.url is None:
        return None
    return f"{door.url}/models/{registered.model}/{registered.version}"
