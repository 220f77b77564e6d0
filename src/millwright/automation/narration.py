"""What `mw run` says while it works: each step, what came of it, and the end in a few lines."""

from __future__ import annotations

import sys

import click

from millwright.automation.candidates import Registered
from millwright.kernel.clock import format_duration
from millwright.pipelines import PipelineEvent

_TITLES = {
    "snapshot_data": "read the sources and kept them as dataset versions",
    "check_data": "held the data against its contract",
    "make_features": "computed the features, looking only backwards",
    "split_rows": "kept rows for validation that the search does not see",
    "train_model": "searched for a model",
    "evaluate": "measured it on rows it never saw",
    "register_model": "packaged it, wrote its card, registered it",
}


class Narration:
    """Writes one line for each step; on a terminal the running step redraws its line."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._drawn = False

    def __call__(self, event: PipelineEvent) -> None:
        """Hear what the engine says."""
        if self._quiet or event.task is None:
            return
        title = _TITLES.get(event.task, event.task)
        if event.kind == "task_progress" and event.progress is not None:
            self._draw(f"  … {event.task}: {event.progress.done:.0f} {event.progress.note}")
        elif event.kind == "task_started":
            self._draw(f"  … {event.task}")
        elif event.kind == "task_succeeded":
            took = format_duration(event.duration_ms or 0)
            self._write(f"  {click.style('✓', fg='green')} {title} ({took})")
        elif event.kind == "task_cached":
            self._write(
                f"  {click.style('=', fg='blue')} {title} (unchanged, taken from the cache)"
            )
        elif event.kind == "task_failed":
            self._write(f"  {click.style('✗', fg='red')} {event.task}: {event.error}")

    def conclude(self, made: Registered) -> None:
        """The end, and what to do next."""
        click.echo(
            f"\n{made.model} version {made.version}: {made.family}, {made.metric} {made.value:.4f} "
            "on the held-out rows"
        )
        if made.gates_passed:
            self._passed(made)
            return
        for reason in made.failed_gates:
            click.echo(f"  {click.style('✗', fg='red')} {reason}")
        click.echo(
            "  It was registered, and is not champion. Next: improve the data or the features, "
            "change evaluation.gates in millwright.yaml, or overrule the gates: "
            f'mw models alias {made.model} champion {made.version} --override --reason "…"'
        )

    def _passed(self, made: Registered) -> None:
        if made.comparison is not None:
            click.echo(f"  {made.comparison.reason}")
        if made.is_champion:
            click.echo(f"  {click.style('✓', fg='green')} the gates passed; it is the champion now")
        else:
            click.echo(
                f"  {click.style('!', fg='yellow')} the gates passed, but the champion is better and "
                f"stays. To change it all the same: mw models alias {made.model} champion "
                f"{made.version}"
            )
        click.echo(f"  card: mw models card {made.model} {made.version}")
        click.echo("  next: mw deploy, then mw up")

    def _draw(self, text: str) -> None:
        if self._live:
            sys.stderr.write(f"\r\x1b[2K{text[:100]}")
            sys.stderr.flush()
            self._drawn = True

    def _write(self, text: str) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[2K")
            self._drawn = False
        click.echo(text, err=True)
