"""``mw predict``: a whole table scored at once, without a server."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

import click


@click.command()
@click.argument("model", metavar="MODEL@ALIAS|FOLDER")
@click.option(
    "--data",
    required=True,
    metavar="FILE|FOLDER|NAME@VERSION",
    help="What to score: Parquet, CSV or Arrow files, or a version of a dataset.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder for the predictions."
)
@click.option("--keep", multiple=True, help="Hand on only this column (repeatable; default: all).")
@click.option("--workers", type=click.IntRange(min=1), help="Pieces at once (default: cores).")
@click.option(
    "--trust-code",
    is_flag=True,
    help="Let the package run code that it holds: PyTorch, MLflow, Python classes, graphs' functions.",
)
@click.option("--project", help="Whose model; by default the project of this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def predict(
    model: str,
    data: str,
    out: Path,
    keep: tuple[str, ...],
    workers: int | None,
    trust_code: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Score every row of a table with a version of a model, or of a graph of models.

    The predictions are a folder of Parquet files in the order of the data. Killed, the same command
    goes on where it was.
    """
    from millwright.deployment.batch.pieces import files_of, rows_of
    from millwright.deployment.batch.scoring import score_files
    from millwright.serving import package_at

    folder, version = package_at(model, project)
    source = _source(data, project)
    total = rows_of(files_of(source))
    with contextlib.ExitStack() as stack:
        on_rows: Callable[[int], None] = _unseen
        if total is not None and not as_json and sys.stderr.isatty():
            shown = click.progressbar(
                length=total, label="Rows scored", show_pos=True, file=sys.stderr
            )
            on_rows = stack.enter_context(shown).update
        scored = score_files(
            folder,
            version,
            source,
            out,
            keep=keep or None,
            workers=workers,
            on_rows=on_rows,
            trust_code=trust_code,
        )
    if as_json:
        click.echo(scored.model_dump_json(indent=1))
        return
    kept = f", {scored.kept_rows:,} of them before" if scored.kept_rows else ""
    click.echo(
        f"{scored.rows:,} rows scored by {scored.model} in {scored.seconds:.1f} s{kept}: "
        f"{scored.parts} files in {scored.out}."
    )


def _unseen(_rows: int) -> None:
    """Progress that nobody looks at."""


def _source(data: str, project: str | None) -> Path:
    """The files that are meant: there as they are, or a dataset's, fetched."""
    if Path(data).exists() or "@" not in data:
        return Path(data)
    from millwright import dataset

    return dataset(data, project=project).path()
