"""`mw data remote add|list|show|publish|remove`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from millwright.data.commands.shared import JSON, PROJECT, amount, counted, opened, print_json

if TYPE_CHECKING:
    from millwright.data.storage.records import RemoteInfo


@click.group()
def remote() -> None:
    """Places outside of this workspace where versions are kept as well."""


@remote.command()
@click.argument("name")
@click.argument("address")
@click.option("--endpoint", help="Of an S3-compatible store: http(s)://host:port.")
@click.option("--key", help="Encrypt with the key in env:NAME or file:PATH (64 hex digits).")
@click.option("--default", is_flag=True, help="Use it where no remote is named.")
@PROJECT
@JSON
def add(
    name: str,
    address: str,
    endpoint: str | None,
    key: str | None,
    default: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Add ADDRESS (a folder, s3://, gs://, az://, or https:// to read only) as the remote NAME.

    Credentials are taken from the environment (AWS_ACCESS_KEY_ID and the like), never from here.
    """
    from millwright.data.storage.client import add_remote
    from millwright.data.storage.records import NewRemote

    _make_workspace(project)
    request = NewRemote(name=name, address=address, endpoint=endpoint, key=key, default=default)
    with opened(project) as (door, project_name):
        added = add_remote(door, project_name, request)
    if as_json:
        print_json(added.model_dump())
        return
    click.echo(f"Remote {_sentence(added)}")


@remote.command("list")
@PROJECT
@JSON
def list_command(project: str | None, as_json: bool) -> None:
    """The remotes of this workspace."""
    from millwright.data.storage.client import list_remotes

    with opened(project) as (door, project_name):
        found = list_remotes(door, project_name)
    if as_json:
        print_json([item.model_dump() for item in found])
        return
    for item in found:
        click.echo(_sentence(item))
    if not found:
        click.echo("There are no remotes. Add one with: mw data remote add NAME ADDRESS")


@remote.command()
@click.argument("name")
@PROJECT
@JSON
def show(name: str, project: str | None, as_json: bool) -> None:
    """What the project has on the remote NAME."""
    from millwright.data.storage.client import show_remote

    with opened(project) as (door, project_name):
        found = show_remote(door, project_name, name)
    if as_json:
        print_json(found.model_dump())
        return
    click.echo(_sentence(found.remote))
    click.echo(
        f"  {counted(found.datasets, 'dataset')}, {counted(found.versions, 'version')}, "
        f"{counted(found.chunks, 'chunk')} in {counted(found.packs, 'pack')}, {amount(found.size)}."
    )


@remote.command()
@click.argument("name")
@PROJECT
@JSON
def publish(name: str, project: str | None, as_json: bool) -> None:
    """Let anyone read the remote NAME who reaches its folder or bucket by plain HTTP.

    A list of its objects is kept on it from now on, renewed by every push. Whoever serves the
    folder or bucket decides who may read.
    """
    from millwright.data.storage.client import publish_remote

    with opened(project) as (door, project_name):
        done = publish_remote(door, project_name, name)
    if as_json:
        print_json(done.model_dump())
        return
    click.echo(
        f"Remote '{done.remote}' is published: {done.objects:,} objects are listed. Elsewhere, add "
        f"the address at which {done.address} is served:\n"
        f"  mw data remote add origin https://HOST/PATH --project {project_name}"
    )


@remote.command()
@click.argument("name")
@PROJECT
@JSON
def remove(name: str, project: str | None, as_json: bool) -> None:
    """Forget the remote NAME; what is stored there stays."""
    from millwright.data.storage.client import remove_remote

    with opened(project) as (door, project_name):
        gone = remove_remote(door, project_name, name)
    if as_json:
        print_json(gone.model_dump())
        return
    click.echo(f"Remote '{gone.name}' is forgotten. What is stored at {gone.address} stays.")


def _make_workspace(project: str | None) -> None:
    """Start a workspace where there is none: a remote is how data comes to a new place."""
    from millwright.data.working.place import Place
    from millwright.kernel.errors import NotFound
    from millwright.kernel.workspace import Workspace

    try:
        Workspace.find()
    except NotFound:
        place = Place.find(start=True)
        if project is not None:
            (place.state / "project").write_text(f"{project}\n", "utf-8")


def _sentence(item: RemoteInfo) -> str:
    facts = [
        fact
        for fact, holds in (
            ("the default", item.default),
            ("encrypted", item.encrypted),
            ("can only be read", item.address.startswith(("http://", "https://"))),
            (
                "versions are listed in the database, because the store ignores conditional writes",
                item.heads == "database",
            ),
        )
        if holds
    ]
    return f"{item.name}: {item.address}{' (' + '; '.join(facts) + ')' if facts else ''}."
