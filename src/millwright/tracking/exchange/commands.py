"""``mw import mlflow`` and ``mw export mlflow``."""

from __future__ import annotations

import click


@click.command("mlflow")
@click.argument("source")
@click.option("--project", help="Whose runs they become; by default the project of this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def import_mlflow(source: str, project: str | None, as_json: bool) -> None:
    """Take experiments, runs, files and registered models from MLflow.

    SOURCE is the URL of a tracking server, sqlite:///FILE, or an mlruns folder. Run it again to
    take what is new since; what was interrupted goes on where it was.
    """
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace
    from millwright.tracking.api import project_here
    from millwright.tracking.exchange.importing import carry_over
    from millwright.tracking.exchange.opening import opened

    found = opened(source)
    with connect() as door:
        report = carry_over(
            door,
            project or project_here(door),
            found,
            source,
            Workspace.find().folder("imports"),
            lambda text: None if as_json else click.echo(f"{text} …", err=True),
        )
    if as_json:
        click.echo(report.model_dump_json(indent=2))
        return
    click.echo(
        f"{report.experiments} experiments; {report.new_runs} new runs, "
        f"{report.runs - report.new_runs} brought up to date, {report.unchanged} unchanged; "
        f"{report.points} metric points, {report.artifacts} files; {report.models} models with "
        f"{report.versions} new versions and {report.aliases} aliases; "
        f"{report.logged_models} new logged models, {report.traces} new traces."
    )
    for reason in report.left:
        click.echo(f"Left out: {reason}", err=True)


@click.command("mlflow")
@click.argument("url")
@click.option("--project", help="Whose runs; by default the project of this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export_mlflow(url: str, project: str | None, as_json: bool) -> None:
    """Bring runs, files, models and traces to the tracking server at URL.

    Run it again and only what is new goes over; what was interrupted goes on.
    """
    from millwright.kernel.door import connect
    from millwright.tracking.api import project_here
    from millwright.tracking.exchange.exporting import hand_out

    with connect() as door:
        report = hand_out(
            door,
            project or project_here(door),
            url,
            lambda text: None if as_json else click.echo(f"{text} …", err=True),
        )
    if as_json:
        click.echo(report.model_dump_json(indent=2))
        return
    click.echo(
        f"{report.runs} runs, {report.new_runs} of them new; {report.points} metric points, "
        f"{report.artifacts} files; {report.logged_models} new logged models, {report.versions} "
        f"new versions of registered models, {report.traces} new traces."
    )
    for reason in report.left:
        click.echo(f"Left here: {reason}", err=True)
