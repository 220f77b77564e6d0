"""``mw monitor ingest``: a table of predictions that another server made."""

from __future__ import annotations

import json

import click


@click.command("ingest")
@click.argument("deployment")
@click.argument("source")
@click.option("--id", "identifier", default="prediction_id", show_default=True, help="Its column.")
@click.option("--time", default="event_time", show_default=True, help="When it was asked for.")
@click.option("--score", default="score", show_default=True, help="P(positive), or the value.")
@click.option("--label", help="The column of the class that was answered.")
@click.option("--latency", help="The column of milliseconds.")
@click.option("--truth", help="The column of what came true, sent as labels where it is known.")
@click.option("--project", help="Another project than the one of this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ingest(
    deployment: str,
    source: str,
    identifier: str,
    time: str,
    score: str,
    label: str | None,
    latency: str | None,
    truth: str | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Put SOURCE into the log of DEPLOYMENT: a file, folder or address of Parquet, CSV or JSON.

    All other columns are features. What was taken in before is not counted again.
    """
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace
    from millwright.monitoring.external.client import Columns, send_table

    named = Columns(
        identifier=identifier, time=time, score=score, label=label, latency=latency, truth=truth
    )

    def progress(done: int, rows: int) -> None:
        if not as_json:
            click.echo(f"{done:,} of {rows:,} rows", err=True)

    with connect() as door:
        chosen = project or Workspace.find().starts().project
        sent = send_table(door, chosen, deployment, source, named, progress)
    if as_json:
        click.echo(json.dumps(sent))
        return
    click.echo(
        f"{sent['rows']:,} rows were read; {sent['accepted']:,} are new in the log of {deployment},"
        f" with {sent['labels']:,} labels. See them with: mw monitor show {deployment}"
    )
