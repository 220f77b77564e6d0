"""`mw data import`, `import-url`, `import-db`, `sources` and `update`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from millwright.data.commands.shared import JSON, PROJECT, opened, print_json
from millwright.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from millwright.data.connectors.importing import Imported
    from millwright.data.connectors.records import SourceState

_MESSAGE = click.option("-m", "--message", default="", help="What changed and why.")
_KEY = click.option("--key", multiple=True, help="A column that names a row; may be repeated.")
_TABLES = click.option("--as-table", "kind", flag_value="table", help="Read it as one table.")
_FILES = click.option("--as-files", "kind", flag_value="files", help="Keep its files as they are.")
_TABLE = click.option("--table", help="A table of a database: table, or schema.table.")
_QUERY = click.option("--query", help="A query of a database, with parameters written :name.")
_PARAMETERS = click.option(
    "--param", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the query."
)
_WATCH = click.option("--watch", metavar="COLUMN", help="Its greatest value tells of changes.")


@click.command("import")
@click.argument("name")
@click.argument("source")
@_TABLES
@_FILES
@_TABLE
@_QUERY
@_PARAMETERS
@_WATCH
@click.option("--config", help="Configuration of a Hugging Face dataset.")
@click.option("--split", help="Only this split of a Hugging Face dataset.")
@_KEY
@_MESSAGE
@PROJECT
@JSON
def import_(name: str, source: str, project: str | None, as_json: bool, **options: Any) -> None:
    """Keep what SOURCE holds as the next version of NAME, and remember where it came from.

    SOURCE is a file or folder, http(s)://, s3://, gs://, az://, a database (postgresql://…,
    duckdb:///file), delta:FOLDER, iceberg:FOLDER, iceberg+catalog:CATALOG/NAMESPACE.TABLE,
    hf:FOLDER, another Millwright
    (millwright+https://host/PROJECT/NAME@VERSION), or env:VARIABLE for an address with a password.
    """
    _import(name, source, project, as_json, options)


@click.command("import-url")
@click.argument("name")
@click.argument("url")
@_TABLES
@_FILES
@_KEY
@_MESSAGE
@PROJECT
@JSON
def import_url(name: str, url: str, project: str | None, as_json: bool, **options: Any) -> None:
    """Keep what is at an address (http, https, s3, gs, az) as the next version of NAME."""
    if not url.lower().startswith(("http://", "https://", "s3://", "gs://", "az://", "env:")):
        raise InvalidInput(
            "data.no_address",
            f"'{url}' is not an address that starts with http, https, s3, gs or az.",
            hint=f"Import other sources with: mw data import {name} SOURCE",
            value=url,
        )
    _import(name, url, project, as_json, options)


@click.command("import-db")
@click.argument("name")
@click.argument("database")
@_TABLE
@_QUERY
@_PARAMETERS
@_WATCH
@_KEY
@_MESSAGE
@PROJECT
@JSON
def import_db(name: str, database: str, project: str | None, as_json: bool, **options: Any) -> None:
    """Keep a table or query of DATABASE as the next version of NAME.

    DATABASE is a URL of SQLAlchemy without a password, or env:VARIABLE for one with: the variable's
    name is remembered, never its value. `adbc+postgresql://…` reads through ADBC.
    """
    _import(name, database, project, as_json, options)


@click.command()
@PROJECT
@JSON
def sources(project: str | None, as_json: bool) -> None:
    """Where the datasets of the project were imported from."""
    from millwright.data.connectors.importing import list_sources

    with opened(project) as (door, project_name):
        found = list_sources(door, project_name)
    if as_json:
        print_json([source.model_dump() for source in found])
    elif not found:
        click.echo("No dataset was imported yet. Import one with: mw data import NAME SOURCE")
    width = max((len(f"{source.name}@{source.version}") for source in found), default=0)
    for source in () if as_json else found:
        state = _state_told(source.state)
        click.echo(f"{source.name + '@' + str(source.version):<{width}}  {state:<28} {source.url}")


def _state_told(state: SourceState) -> str:
    # Of a digest the beginning is enough to tell it by; of a moment or a number it is not.
    value = state.value[:12] if state.kind in ("digest", "listing", "result") else state.value
    return f"{state.kind} {value}"


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME…]")
@click.option(
    "--check",
    is_flag=True,
    help="Only say what changed; exit code 1 if anything did, 6 if one fails.",
)
@PROJECT
@JSON
def update(names: tuple[str, ...], check: bool, project: str | None, as_json: bool) -> None:
    """Look at the sources again, and import what changed (all datasets when none is named)."""
    if check:
        _check(names, project, as_json)
        return
    from millwright.data.connectors.importing import update as update_sources

    plain, failed = [], False
    with opened(project) as (door, project_name):
        for one in update_sources(door, project_name, names, on_progress=_progress(as_json)):
            new = one.imported if one.imported is not None and one.imported.is_new else None
            failed |= one.error is not None
            plain.append(
                {
                    "name": one.name,
                    "changed": one.changed,
                    "version": new.version.version if new else None,
                    "error": one.error.message if one.error else None,
                }
            )
            if not as_json and one.error is not None:
                click.echo(f"{one.name}: {one.error}", err=True)
            elif not as_json and new is not None:
                click.echo(f"{one.name}: the source changed. {_told(new)}")
            elif not as_json:
                click.echo(f"{one.name}: the source is as it was.")
    if as_json:
        print_json(plain)
    if failed:
        sys.exit(6)


def _check(names: tuple[str, ...], project: str | None, as_json: bool) -> None:
    from millwright.data.connectors.importing import look_for_changes

    plain: list[dict[str, Any]] = []
    said = {True: "changed", False: "as it was", None: "only reading it will tell"}
    with opened(project) as (door, project_name):
        for one in look_for_changes(door, project_name, names):
            error = one.error.message if one.error else None
            plain.append({"name": one.name, "changed": one.changed, "error": error})
            if not as_json and one.error is not None:
                click.echo(f"{one.name}: {one.error}", err=True)
            elif not as_json:
                click.echo(f"{one.name}: {said[one.changed]}.")
    if as_json:
        print_json(plain)
    if any(one["error"] for one in plain):
        sys.exit(6)
    if any(one["changed"] for one in plain):
        sys.exit(1)


def _import(
    name: str, source: str, project: str | None, as_json: bool, options: dict[str, Any]
) -> None:
    from millwright.data.connectors.importing import import_source
    from millwright.data.connectors.records import SourceOptions

    wanted = {
        "kind": options.get("kind") or "auto",
        "parameters": _parameters(options.get("parameters", ())),
        **{k: options.get(k) for k in ("table", "query", "watch", "config", "split")},
    }
    with opened(project, start=True) as (door, project_name):
        imported = import_source(
            door,
            project_name,
            name,
            source,
            SourceOptions.model_validate(wanted),
            message=options["message"],
            key=options["key"],
            on_progress=_progress(as_json),
        )
    if as_json:
        content = {"new": imported.is_new, "version": imported.version.model_dump()}
        print_json({**content, "source": imported.source.model_dump()})
        return
    click.echo(_told(imported))


def _told(imported: Imported) -> str:
    version = imported.version
    size = f"{version.rows:,} rows" if version.kind == "table" else f"{version.files:,} files"
    if not imported.is_new:
        return f"{version.reference} has exactly this already: {size}."
    return f"{version.reference}: {size} from {imported.source.url}."


def _progress(quiet: bool) -> Callable[[int, int], None] | None:
    if quiet or not sys.stderr.isatty():
        return None

    def show(done: int, of: int) -> None:
        what = f"{done:,} of {of:,} files" if of else f"{done:,} rows"
        click.echo(f"\r\x1b[KReading {what}", nl=of > 0 and done == of, err=True)

    return show


def _parameters(given: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.isidentifier():
            raise InvalidInput(
                "data.parameter",
                f"'{one}' is no parameter.",
                hint="Write it as --param NAME=VALUE.",
            )
        found[name] = _typed(value)
    return found


def _typed(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
