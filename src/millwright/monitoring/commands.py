"""``mw monitor``: how a model fares while it serves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from millwright.monitoring.exports.commands import export
from millwright.monitoring.external.commands import ingest
from millwright.monitoring.outcome_commands import forecast, ranking, skew

if TYPE_CHECKING:
    from millwright.monitoring.comparison import Preset, TableComparison
    from millwright.monitoring.estimation import RowLoss
    from millwright.monitoring.records import Window


@click.group()
def monitor() -> None:
    """Drift and performance by window."""


@monitor.command("show")
@click.argument("deployment")
@click.option("--project", help="Another project than the one of this folder.")
@click.option("--limit", default=20, show_default=True, help="How many windows.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(deployment: str, project: str | None, limit: int, as_json: bool) -> None:
    """The latest windows of DEPLOYMENT."""
    from millwright.kernel.door import connect
    from millwright.monitoring import client

    with connect() as door:
        found = client.windows(door, project or _project(), deployment, limit)
    if as_json:
        click.echo(json.dumps([window.model_dump(mode="json") for window in found], indent=2))
        return
    if not found:
        click.echo(f"No predictions of '{deployment}' have been evaluated yet.")
        return
    click.echo(
        f"{'WINDOW':23} {'ROWS':>7} {'LABELS':>7} {'DRIFTED':>8} {'SCORE':>6}"
        f" {'METRIC':>26} {'P95':>9}  MOST DRIFTED"
    )
    for window in found:
        click.echo(_line(window))


@monitor.command("compare")
@click.argument("reference", type=click.Path(exists=True, dir_okay=False))
@click.argument("current", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--preset",
    type=click.Choice(["millwright", "evidently", "nannyml"]),
    default="millwright",
    show_default=True,
    help="Whose statistics and thresholds decide.",
)
@click.option("--column", "columns", multiple=True, help="Only this column; may be repeated.")
@click.option("--html", type=click.Path(dir_okay=False), help="Write a report to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--fail", is_flag=True, help="Exit with 1 where a column has drifted.")
def compare(
    reference: str,
    current: str,
    preset: Preset,
    columns: tuple[str, ...],
    html: str | None,
    as_json: bool,
    fail: bool,
) -> None:
    """Compare the columns of two tables: CURRENT against REFERENCE."""
    from pathlib import Path

    from millwright.monitoring.api import drift

    found = drift(reference, current, preset=preset, columns=columns or None)
    if html:
        title = f"{Path(current).name} against {Path(reference).name}"
        Path(html).write_text(found.to_html(title), encoding="utf-8")
    if as_json:
        click.echo(found.to_json())
    else:
        _print_comparison(found)
        if html:
            click.echo(f"The report is in {html}.")
    if fail and any(column.drifted for column in found.columns):
        raise SystemExit(1)


monitor.add_command(export)
monitor.add_command(forecast)
monitor.add_command(ingest)
monitor.add_command(ranking)
monitor.add_command(skew)


@monitor.command("profile")
@click.argument("tables", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--output", "-o", required=True, type=click.Path(dir_okay=False), help="A .mwprofile."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def profile(tables: tuple[str, ...], output: str, as_json: bool) -> None:
    """Keep what later tables need to be compared with TABLES, in kilobytes."""
    from functools import reduce
    from pathlib import Path

    from millwright.monitoring.api import sketch

    found = reduce(lambda left, right: left.merge(right), map(sketch, tables))
    content = found.to_bytes()
    Path(output).write_bytes(content)
    if as_json:
        told = {"rows": found.rows, "columns": len(found.columns), "bytes": len(content)}
        click.echo(json.dumps(told))
        return
    click.echo(
        f"{found.rows:,} rows in {len(found.columns)} columns are kept in {len(content):,} bytes."
        f" Compare a table with: mw monitor compare {output} TABLE"
    )


@monitor.command("explain")
@click.argument("reference", type=click.Path(exists=True, dir_okay=False))
@click.argument("current", type=click.Path(exists=True, dir_okay=False))
@click.option("--target", required=True, help="The column of truth.")
@click.option("--prediction", required=True, help="The column of the model's answer.")
@click.option(
    "--loss",
    type=click.Choice(["absolute", "squared", "error", "brier"]),
    required=True,
    help="Of a row: of a value, a value, a class, a score.",
)
@click.option("--input", "inputs", multiple=True, help="An input; by default all other columns.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(
    reference: str,
    current: str,
    target: str,
    prediction: str,
    loss: RowLoss,
    inputs: tuple[str, ...],
    as_json: bool,
) -> None:
    """Why predictions in CURRENT are better or worse than in REFERENCE, both labelled."""
    from dataclasses import asdict

    from millwright.monitoring.api import explain_performance

    found = explain_performance(
        reference,
        current,
        target=target,
        prediction=prediction,
        loss=loss,
        inputs=inputs or None,
    )
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    click.echo(str(found))
    click.echo(f"\n{'BY OTHER INPUTS':28} {'ADDS':>10}")
    for part in found.columns:
        click.echo(f"{part.column[:28]:28} {part.change:>+10.4g}")
    click.echo(
        f"\n{'SAME INPUTS, ANOTHER LOSS':48} {'ROWS':>8} {'EXPECTED':>9} {'MEASURED':>9} {'P':>8}"
    )
    for segment in found.segments:
        name = f"{segment.column}: {segment.values}"
        click.echo(
            f"{name[:48]:48} {segment.rows:>8,} {segment.expected:>9.4g} {segment.measured:>9.4g}"
            f" {segment.p_value:>8.1g}"
        )


@monitor.command("changes")
@click.argument("table", type=click.Path(exists=True, dir_okay=False))
@click.option("--column", required=True, help="The values, in their order: errors, or a score.")
@click.option(
    "--method",
    type=click.Choice(["adwin", "page-hinkley", "ddm", "hddm-a", "hddm-w", "kswin"]),
    default="adwin",
    show_default=True,
    help="The detector.",
)
@click.option("--option", "options", multiple=True, metavar="NAME=NUMBER", help="One of its own.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def changes(table: str, column: str, method: str, options: tuple[str, ...], as_json: bool) -> None:
    """Where the values of a column of TABLE changed, found as they came one after another."""
    from dataclasses import asdict

    from millwright.monitoring.api import changes_of

    found = changes_of(table, column, method, **_numbers(options))
    if as_json:
        click.echo(json.dumps([asdict(change) for change in found], indent=2))
        return
    for change in found:
        click.echo(
            f"Row {change.at:,}: {change.kind}, mean {change.before:.4g} before and"
            f" {change.after:.4g} after."
        )
    count = sum(change.kind == "change" for change in found)
    click.echo(f"{count} change{'' if count == 1 else 's'} of '{column}' found by {method}.")


def _numbers(options: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for option in options:
        name, _, value = option.partition("=")
        try:
            number = float(value)
        except ValueError as cause:
            raise click.BadParameter(f"'{option}' is not NAME=NUMBER.") from cause
        found[name] = int(number) if number.is_integer() and "." not in value else number
    return found


def _project() -> str:
    from millwright.kernel.workspace import Workspace

    return Workspace.find().starts().project


def _print_comparison(found: TableComparison) -> None:
    click.echo(f"{'COLUMN':28} {'VERDICT':8} {'STATISTIC':30} {'VALUE':>9} {'THRESHOLD':>9}")
    for column in found.columns:
        verdict = column.tier if column.tier != "none" else "drifted" if column.drifted else "-"
        value, threshold = (
            "-" if number is None else f"{number:.4g}"
            for number in (column.value, column.threshold)
        )
        method = column.method.replace("_", " ")
        click.echo(f"{column.name[:28]:28} {verdict:8} {method:30} {value:>9} {threshold:>9}")
        for text in column.findings:
            click.echo(f"  {text}")
    for text in found.findings:
        click.echo(text)
    moved = sum(column.drifted for column in found.columns)
    click.echo(
        f"{moved} of {len(found.columns)} columns have drifted: {found.rows[1]:,} rows against"
        f" {found.rows[0]:,}."
    )


def _line(window: Window) -> str:
    drifted = sorted((c for c in window.features if c.drifted), key=lambda c: -c.value)
    names = ", ".join(f"{column.feature} {column.value:.2f}" for column in drifted[:3])
    period = f"{window.start[:10]} to {window.end[:10]}"
    score = f"{window.prediction.value:.2f}" if window.prediction else "-"
    metric = "-"
    if window.performance:
        first = window.performance[0]
        metric = f"{first.metric} {first.value:.3f}"
        if first.reference is not None:
            metric += f" ({first.reference:.3f})"
    elif window.expected and not window.expected.why and "roc_auc" in window.expected.metrics:
        metric = f"expected roc_auc {window.expected.metrics['roc_auc']:.3f}"
    p95 = "-" if window.latency.p95_ms is None else f"{window.latency.p95_ms:.1f} ms"
    mark = "" if window.status == "closed" else "  (filling)"
    return (
        f"{period:23} {window.n:>7,} {window.n_labelled:>7,} {window.drifted_share:>8.0%}"
        f" {score:>6} {metric:>26} {p95:>9}  {names}{mark}"
    )
