"""`mw reproduce`: a run done again, and what came out the same."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from millwright.tracking import Reproduction

NOT_REPRODUCED = 9
"""Exit code of `mw reproduce` when a result was not the same."""
_SHOWN = 20


@click.command()
@click.argument("run")
@click.argument("arguments", nargs=-1)
@click.option("--project", help="Whose run; by default the project of this folder.")
@click.option(
    "--repository",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A clone that has the run's commit; by default that of this folder.",
)
@click.option(
    "--tolerance",
    default=0.0,
    type=click.FloatRange(0, 1),
    help="How far apart metrics may be, relative to the larger, and still be the same.",
)
@click.option("--venv", is_flag=True, help="Install the run's recorded packages first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def reproduce(
    run: str,
    arguments: tuple[str, ...],
    project: str | None,
    repository: Path | None,
    tolerance: float,
    venv: bool,
    as_json: bool,
) -> None:
    """Do RUN again from its record and compare what comes out.

    A script runs with its recorded code (commit, uncommitted changes, files), arguments and seeds; a
    pipeline with its code, parameters and dataset versions, without the cache. ARGUMENTS (after --)
    replace the recorded ones. Exit code 9: something did not come out the same.
    """
    from millwright.automation.reproducing import reproduce as do_again
    from millwright.kernel.door import connect
    from millwright.kernel.graph_client import get_lineage
    from millwright.kernel.workspace import Workspace, project_here
    from millwright.tracking import Wanted

    workspace, owner = Workspace.find(), project or project_here()
    wanted = Wanted(
        repository=repository or Path.cwd(),
        arguments=arguments or None,
        tolerance=tolerance,
        venv=venv,
    )

    def say(text: str) -> None:
        if not as_json:
            click.echo(f"{text} …", err=True)

    with connect() as door:
        identifier = run
        if len(run) < 32:
            identifier = (
                get_lineage(door, owner, f"run:{run}", depth=1).subject[0].partition(":")[2]
            )
        found = do_again(door, workspace, owner, identifier, wanted, say)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    else:
        _tell(found)
    if not found.reproduced:
        sys.exit(NOT_REPRODUCED)


def _tell(found: Reproduction) -> None:
    equal = ", ".join(f"{count} {what}s" for what, count in found.same.items() if count)
    if found.reproduced:
        click.echo(f"Reproduced: {equal or 'everything'} came out the same ({found.again}).")
    else:
        click.echo(f"Not reproduced ({found.again}). The same: {equal or 'nothing'}.")
    for one in found.differences[:_SHOWN]:
        click.echo(f"  {one.aspect:12} {one.name:32.32} {_short(one.before)} → {_short(one.after)}")
    if len(found.differences) > _SHOWN:
        click.echo(f"  and {len(found.differences) - _SHOWN} more differences (see --json)")
    for reason in found.reasons:
        click.echo(f"Why: {reason}")


def _short(text: str | None) -> str:
    return "absent" if text is None else text if len(text) <= 40 else f"{text[:16]}…"
