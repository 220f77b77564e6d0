"""``mw policy``: when models are trained again, now, by hand, and as it would have been."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from millwright.automation.backtest.records import Backtest
    from millwright.kernel.config import ProjectConfig


@click.group()
def policy() -> None:
    """When models are trained again, and what other rules would have come to."""


@policy.command("show")
@click.argument("deployment")
@click.option("--project", help="Another project than the one of this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(deployment: str, project: str | None, as_json: bool) -> None:
    """Whether DEPLOYMENT's model would be trained again now, and why or why not."""
    from millwright.automation.client import outlook
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace

    with connect() as door:
        found = outlook(door, project or Workspace.find().starts().project, deployment)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    decision = found["retraining"]
    click.echo(f"{'Retrain' if decision['retrain'] else 'Wait'}: {decision['reason']}")


@policy.command("retrain")
@click.argument("deployment")
@click.option("--reason", required=True, help="Why; it is recorded with your name.")
@click.option("--project", help="Another project than the one of this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def retrain(deployment: str, reason: str, project: str | None, as_json: bool) -> None:
    """Train a challenger for DEPLOYMENT now, whatever the policy says."""
    from millwright.automation.client import start_retraining
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace

    with connect() as door:
        found = start_retraining(
            door, project or Workspace.find().starts().project, deployment, reason
        )
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    click.echo(f"Retraining {found.id} of {deployment} has begun. Follow it with: mw retrainings")


@policy.command("backtest")
@click.argument("log", type=click.Path(exists=True))
@click.option("--target", help="Column of what came true; millwright.yaml's where there is one.")
@click.option("--time", help="Column with the moment of the prediction; without one, row order.")
@click.option("--ignore", multiple=True, help="A column no model may use; may be repeated.")
@click.option("--task", type=click.Choice(["auto", "classification", "regression"]), default="auto")
@click.option("--policy", "names", multiple=True, help="Only this policy; may be repeated.")
@click.option("--first", default=2500, show_default=True, help="Rows of the first model.")
@click.option("--window", default=250, show_default=True, help="Rows of a window.")
@click.option("--html", type=click.Path(dir_okay=False), help="Write the curves to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backtest(
    log: str,
    target: str | None,
    time: str | None,
    ignore: tuple[str, ...],
    task: Literal["auto", "classification", "regression"],
    names: tuple[str, ...],
    first: int,
    window: int,
    html: str | None,
    as_json: bool,
) -> None:
    """What each retraining policy would have come to on LOG: a table of rows and what came true.

    LOG is lived through again under never retraining, retraining in every window, by the calendar,
    on drift, by the policy millwright, and by the one of this folder's project.
    """
    from pathlib import Path

    from millwright.automation.backtest.api import backtest as replayed
    from millwright.automation.backtest.report import to_html

    config = _own_project()
    target, time, ignore = _named(config, target, time, ignore)
    with _Narration(quiet=as_json) as narration:
        found = replayed(
            _table(Path(log)),
            target=target,
            time=time,
            ignore=ignore,
            task=task,
            policies=names or None,
            project=None if config is None else config.retraining,
            first_rows=first,
            window_rows=window,
            on_progress=narration.tell,
        )
    if html:
        Path(html).write_text(to_html(found, f"Retraining policies on {Path(log).name}"), "utf-8")
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    _print(found)
    if html:
        click.echo(f"The curves are in {html}.")


class _Narration:
    """Says which policy is being lived through, and how far it is."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._shown = ""

    def __enter__(self) -> _Narration:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            click.echo("\r\033[K", nl=False, err=True)

    def tell(self, name: str, row: int, rows: int) -> None:
        """One window more."""
        text = f"{name}: {row * 20 // rows * 5} %"
        if self._quiet or text == self._shown or not sys.stderr.isatty():
            return
        self._shown = text
        click.echo(f"\r\033[K{text}", nl=False, err=True)


def _own_project() -> ProjectConfig | None:
    from millwright.kernel.errors import NotFound
    from millwright.kernel.workspace import Workspace

    try:
        return Workspace.find().project()
    except NotFound:
        return None


def _named(
    config: ProjectConfig | None, target: str | None, time: str | None, ignore: tuple[str, ...]
) -> tuple[str, str | None, tuple[str, ...]]:
    """The columns as said here, or else as the project says."""
    if target is not None:
        return target, time, ignore
    if config is None:
        raise click.UsageError("Name the column of what came true: --target COLUMN.")
    return config.data.target, time or config.data.time, (*config.data.ignore, *ignore)


def _table(path: Path) -> pa.Table:
    from millwright.data import read_table

    return read_table(path)


def _print(found: Backtest) -> None:
    from millwright.automation.backtest.report import policy_text

    never = next((c.error for c in found.policies if c.name == "never"), None)
    click.echo(f"{'POLICY':22} {found.loss.upper():>16} {'RETRAININGS':>12} {'AGAINST NEVER':>14}")
    for curve in found.policies:
        change = "-" if not never else f"{curve.error / never - 1.0:+.1%}"
        click.echo(f"{curve.name:22} {curve.error:>16.4g} {curve.retrainings:>12} {change:>14}")
    for curve in found.policies:
        if curve.name in ("millwright", "project"):
            for decision in curve.decisions:
                rows = decision.row - decision.learned_from
                click.echo(
                    f"{curve.name} retrained at row {decision.row:,} ({decision.time[:10]}) on the"
                    f" latest {rows:,}: {decision.reason}"
                )
    click.echo(f"The policy millwright, for millwright.yaml:\n{policy_text(found)}")
