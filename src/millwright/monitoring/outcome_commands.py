"""``mw monitor ranking``, ``forecast`` and ``skew``: what a table says besides drift."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from millwright.monitoring.outcomes import OutcomeEstimate


@click.command()
@click.argument("table", type=click.Path(exists=True, dir_okay=False))
@click.option("--query", required=True, help="The column of what a row is an answer to.")
@click.option("--relevance", required=True, help="The column of relevance, 0 for none.")
@click.option("--score", required=True, help="The column that rows are ranked by.")
@click.option("--cut", "cuts", multiple=True, type=click.IntRange(min=1), help="A k; repeatable.")
@click.option("--by", help="Also for each value of this column.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ranking(
    table: str,
    query: str,
    relevance: str,
    score: str,
    cuts: tuple[int, ...],
    by: str | None,
    as_json: bool,
) -> None:
    """NDCG, MAP, MRR, precision and recall of the rankings in TABLE."""
    from millwright.monitoring.judging.api import ranking_performance

    found = ranking_performance(
        table, query=query, relevance=relevance, score=score, cuts=cuts or (5, 10), by=by
    )
    _tell(found, "QUERIES", as_json)


@click.command()
@click.argument("table", type=click.Path(exists=True, dir_okay=False))
@click.option("--target", required=True, help="The column of what came true.")
@click.option("--prediction", required=True, help="The column of what was forecast.")
@click.option("--time", help="The column that rows are put in order by.")
@click.option("--series", help="The column of what a row is of.")
@click.option(
    "--quantile", "quantiles", multiple=True, metavar="LEVEL=COLUMN", help="Such as 0.1=low."
)
@click.option(
    "--history",
    type=click.Path(exists=True, dir_okay=False),
    help="What the model learned from: the naive forecast's error on it is the unit.",
)
@click.option("--season", type=click.IntRange(min=1), default=1, show_default=True, help="Steps.")
@click.option("--by", help="Also for each value of this column, such as the horizon.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def forecast(
    table: str,
    target: str,
    prediction: str,
    time: str | None,
    series: str | None,
    quantiles: tuple[str, ...],
    history: str | None,
    season: int,
    by: str | None,
    as_json: bool,
) -> None:
    """MASE, RMSSE, sMAPE, pinball losses and coverage of the forecasts in TABLE."""
    from millwright.monitoring.judging.api import forecast_performance

    found = forecast_performance(
        table,
        target=target,
        prediction=prediction,
        time=time,
        series=series,
        quantiles=_levels(quantiles),
        history=history,
        season=season,
        by=by,
    )
    _tell(found, "ROWS", as_json)


@click.command()
@click.argument("offline", type=click.Path(exists=True, dir_okay=False))
@click.argument("served", type=click.Path(exists=True, dir_okay=False))
@click.option("--on", multiple=True, required=True, help="A column of the key; repeatable.")
@click.option("--column", "columns", multiple=True, help="Only this feature; repeatable.")
@click.option("--tolerance", default=1e-6, show_default=True, help="Of numbers, as a share.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--fail", is_flag=True, help="Exit with 1 where a feature differs.")
def skew(
    offline: str,
    served: str,
    on: tuple[str, ...],
    columns: tuple[str, ...],
    tolerance: float,
    as_json: bool,
    fail: bool,
) -> None:
    """Whether rows of SERVED have the features that they have in OFFLINE, where models learn."""
    from dataclasses import asdict

    from millwright.monitoring.judging.api import serving_skew

    found = serving_skew(offline, served, on=on, columns=columns or None, tolerance=tolerance)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        click.echo(f"{'FEATURE':28} {'DIFFERS':>8} {'SHIFT':>10}  FOR EXAMPLE")
        for each in found.columns:
            shift = "-" if each.shift is None else f"{each.shift:+.4g}"
            shown = "; ".join(f"{e.key}: {e.offline} → {e.served}" for e in each.examples[:1])
            click.echo(f"{each.column[:28]:28} {each.share:>8.1%} {shift:>10}  {shown}")
        click.echo(
            f"{found.matched:,} rows stand on both sides, {found.only_served:,} were served only,"
            f" {found.only_offline:,} are offline only."
        )
    if fail and any(each.share for each in found.columns):
        raise SystemExit(1)


def _levels(given: tuple[str, ...]) -> dict[float, str]:
    found = {}
    for each in given:
        level, _, column = each.partition("=")
        try:
            found[float(level)] = column
        except ValueError as cause:
            raise click.BadParameter(f"'{each}' is not LEVEL=COLUMN.") from cause
        if not 0.0 < float(level) < 1.0 or not column:
            raise click.BadParameter(f"'{each}' is not LEVEL=COLUMN with a level between 0 and 1.")
    return found


def _tell(found: Mapping[str, tuple[OutcomeEstimate, ...]], units: str, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        told = {name: [asdict(each) for each in part] for name, part in found.items()}
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"{'OF':20} {'METRIC':14} {'VALUE':>10} {'95 % INTERVAL':>23} {units:>9}")
    for name, part in found.items():
        for each in part:
            bounds = "-" if each.low is None else f"{each.low:.4g} to {each.high:.4g}"
            click.echo(
                f"{name[:20] or 'all rows':20} {each.metric:14} {each.value:>10.4g} {bounds:>23}"
                f" {each.units:>9,}"
            )
