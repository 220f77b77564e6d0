"""`mw data add`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from millwright.data.commands.shared import JSON, PROJECT, amount, counted, print_json, progress
from millwright.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from millwright.data.working.adding import Kept

_TABLES = (
    ".csv", ".csv.gz", ".csv.zip", ".tsv", ".tsv.gz", ".tsv.zip", ".parquet", ".pq", ".json",
    ".jsonl", ".ndjson", ".arrow", ".feather", ".ipc",
)  # fmt: skip
_ADDRESSES = ("http://", "https://")


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--name", help="The dataset; by default named after the folder or file.")
@click.option("-m", "--message", default="", help="What changed and why.")
@click.option("--key", help="Columns whose values together name a row, separated by commas.")
@click.option("--files", "as_kind", flag_value="files", help="Keep a table file as it is only.")
@click.option("--table", "as_kind", flag_value="table", help="Read a folder of tables as one.")
@click.option(
    "--follow/--no-follow",
    default=None,
    help="Keep what links point to instead of the links; later adds do as the last that said.",
)
@PROJECT
@JSON
def add(
    paths: tuple[str, ...],
    name: str | None,
    message: str,
    key: str | None,
    as_kind: str | None,
    follow: bool | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Keep PATH as the next version of a dataset: a folder, files, or a table.

    A CSV, Parquet, JSON or Arrow file is a table, of which the bytes are kept as given too.
    Everything else is files, kept without a second copy and write-protected (see `mw data
    unprotect`). Content that is the newest version already adds nothing.
    """
    if len(paths) == 1 and as_kind != "files" and _is_table(paths[0], as_kind):
        kept = _add_table(paths[0], name, message, key, project)
    else:
        if key is not None:
            raise InvalidInput(
                "data.key_of_files",
                "Only a table has key columns.",
                hint="Leave --key out, or add a single CSV, Parquet, JSON or Arrow file.",
            )
        kept = _add_files(paths, name, message, follow, project, quiet=as_json)
    version = kept.version
    if as_json:
        print_json({"new": kept.is_new, **_plain(kept)})
        return
    content = (
        counted(version.files, "file") if version.kind == "files" else f"{version.rows:,} rows"
    )
    if not kept.is_new:
        click.echo(f"{version.reference} has exactly this already: {content}.")
        return
    click.echo(
        f"{version.reference}: {content}, {amount(version.size)}, digest {version.digest[:12]}."
    )


def _is_table(path: str, as_kind: str | None) -> bool:
    if as_kind == "table" or path.startswith(_ADDRESSES):
        return True
    local = Path(path)
    if any(sign in local.name for sign in "*?[") and not local.exists():
        return True
    return local.name.lower().endswith(_TABLES) and not local.is_dir()


def _add_files(
    paths: tuple[str, ...],
    name: str | None,
    message: str,
    follow: bool | None,
    project: str | None,
    *,
    quiet: bool,
) -> Kept:
    from millwright.data.references import split
    from millwright.data.working.adding import add as add_files
    from millwright.data.working.adding import target_of
    from millwright.data.working.copies import WorkingCopy

    _refuse_old_order(paths)
    if name is not None:
        split(name)
    with WorkingCopy.opened(project, start=True) as copy:
        tracked = copy.known(paths[0], copy.index.tracked()) if len(paths) == 1 else None
        target = target_of(copy.place, [Path(path) for path in paths], name)
        if tracked is not None and name is None and tracked.path == target.path:
            # A folder keeps the name that it was given first.
            target = target_of(copy.place, [Path(path) for path in paths], tracked.name)
        return add_files(
            copy.place,
            copy.index,
            copy.ledger,
            target,
            message=message,
            follow=follow,
            on_progress=None if quiet else progress("Adding"),
        )


def _add_table(
    path: str, name: str | None, message: str, key: str | None, project: str | None
) -> Kept:
    from millwright.data.working.copies import WorkingCopy
    from millwright.data.working.tables_added import add_table

    columns = tuple(part.strip() for part in key.split(",") if part.strip()) if key else ()
    with WorkingCopy.opened(project, start=True) as copy:
        return add_table(copy, path, name=name, message=message, key=columns)


def _refuse_old_order(paths: tuple[str, ...]) -> None:
    if len(paths) == 2 and not Path(paths[0]).exists() and Path(paths[1]).exists():
        raise InvalidInput(
            "data.no_file",
            f"There is nothing at '{paths[0]}'.",
            hint=f"To give the dataset a name: mw data add {paths[1]} --name {paths[0]}",
            value=paths[0],
        )


def _plain(kept: Kept) -> dict[str, object]:
    version = kept.version
    return {
        "id": version.id,
        "name": version.name,
        "version": version.version,
        "kind": version.kind,
        "digest": version.digest,
        "files": version.files,
        "rows": version.rows,
        "size": version.size,
        "branch": version.branch,
        "parents": list(version.parents),
        "message": version.message,
        "added": kept.added,
        "modified": kept.modified,
        "removed": kept.removed,
    }
