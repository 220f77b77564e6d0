"""`mw data push`, `mw data fetch` and `mw data pull`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from millwright.data.commands.shared import JSON, PROJECT, opened, print_json
from millwright.kernel.errors import NotFound

if TYPE_CHECKING:
    from millwright.data.working.place import Place
    from millwright.kernel.remotes.progress import Moved

_DATASETS = click.argument("datasets", nargs=-1)
_REMOTE = click.option("--remote", "-r", help="A remote; the default one if omitted.")
_JOBS = click.option("--jobs", "-j", default=4, show_default=True, help="Packs moved at once.")


@click.command()
@_DATASETS
@_REMOTE
@_JOBS
@click.option("--all", "every", is_flag=True, help="Look at the bytes of every version again.")
@PROJECT
@JSON
def push(
    datasets: tuple[str, ...],
    remote: str | None,
    jobs: int,
    every: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Bring versions (of DATASETS, or of all) to a remote; only missing bytes are moved."""
    done = _moved("push", datasets, remote, jobs, every, project)
    _say(done, as_json, "is there already", "Pushed")


@click.command()
@_DATASETS
@_REMOTE
@_JOBS
@click.option("--all", "every", is_flag=True, help="Bytes of all versions, not of the latest only.")
@PROJECT
@JSON
def fetch(
    datasets: tuple[str, ...],
    remote: str | None,
    jobs: int,
    every: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Bring versions here (NAME or NAME@VERSION; the latest of all if omitted); no file changes."""
    done = _moved("fetch", datasets, remote, jobs, every, project)
    _say(done, as_json, "was here already", "Fetched")


@click.command()
@_DATASETS
@_REMOTE
@_JOBS
@click.option("--force", is_flag=True, help="Overwrite changes that no version has.")
@PROJECT
@JSON
def pull(
    datasets: tuple[str, ...],
    remote: str | None,
    jobs: int,
    force: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Fetch versions and bring their files here: of DATASETS, or those that the .mw files name.

    Where neither names any, the latest of every dataset on the remote.
    """
    from millwright.data.working.copies import WorkingCopy
    from millwright.data.working.manifest_file import read_manifest
    from millwright.data.working.switching import (
        checkout_manifest,
        checkout_reference,
        manifests,
    )

    with WorkingCopy.opened(project) as copy:
        files = [] if datasets else manifests(copy)
        named = [read_manifest(file) for file in files]
        try:
            exact = tuple(f"{one.dataset}@{one.digest}" for one in named)
            done = _moved("fetch", datasets or exact, remote, jobs, False, project)
        except NotFound as cause:
            if not named or cause.code != "data.unknown_version":
                raise
            # Bytes of a version were erased meanwhile: by its number it is still there.
            by_number = tuple(f"{one.dataset}@{one.version}" for one in named)
            done = _moved("fetch", by_number, remote, jobs, False, project)
            files = []
        if files:
            found = [checkout_manifest(copy, file.absolute(), force=force) for file in files]
        else:
            found = [checkout_reference(copy, name, force=force) for name in done["versions"]]
    if as_json:
        print_json({**done, "written": sum(one.written for one in found)})
        return
    _say(done, as_json, "was here already", "Fetched")
    for one in found:
        click.echo(
            f"{one.version.reference}: {one.written:,} files written, {one.removed:,} removed."
        )


def _moved(
    way: str,
    datasets: tuple[str, ...],
    remote: str | None,
    jobs: int,
    every: bool,
    project: str | None,
) -> dict[str, Any]:
    from millwright.data.storage import embedded
    from millwright.data.working.place import Place

    place = Place.find(project)
    definition = embedded.possible(place, remote)
    done: Any = None
    if definition is not None:
        act: Callable[..., Any] = embedded.push_here if way == "push" else embedded.fetch_here
        done = act(place, definition, datasets, every=every, jobs=jobs, tell=_tell())
    if done is None:
        return _through_the_door(place, way, datasets, remote, jobs, every)
    return {
        "remote": done.remote,
        "versions": list(done.versions),
        "chunks": done.chunks,
        "packs": done.packs,
        "size": done.size,
    }


def _through_the_door(
    place: Place, way: str, datasets: tuple[str, ...], remote: str | None, jobs: int, every: bool
) -> dict[str, Any]:
    from millwright.data.storage.client import transfer
    from millwright.data.storage.records import Transfer, Transferred

    total = 0

    def tell(turn: Transferred) -> None:
        nonlocal total
        total += turn.size
        if not turn.complete and sys.stderr.isatty():
            click.echo(f"{total / 1e6:,.1f} MB moved …", err=True)

    request = Transfer(remote=remote, references=datasets, every=every, jobs=jobs)
    with opened(place.project) as (door, project):
        done = transfer(door, project, way, request, tell)
    return done.model_dump(exclude={"complete"}, mode="json")


def _tell() -> Callable[[Moved], None] | None:
    """Shows progress on a terminal; elsewhere nobody reads it."""
    if not sys.stderr.isatty():
        return None

    def show(moment: Moved) -> None:
        end = "\n" if moment.done >= moment.total else ""
        sys.stderr.write(f"\r\x1b[K{moment.sentence()}{end}")
        sys.stderr.flush()

    return show


def _say(done: dict[str, Any], as_json: bool, nothing: str, verb: str) -> None:
    if as_json:
        print_json(done)
        return
    names = ", ".join(done["versions"][:5]) + (" …" if len(done["versions"]) > 5 else "")
    if not done["versions"] or not (done["chunks"] or verb == "Pushed"):
        click.echo(f"Everything {nothing}; nothing was moved ({done['remote']}).")
        return
    click.echo(
        f"{verb} {names}: {done['chunks']:,} chunks, {done['size'] / 1e6:,.1f} MB "
        f"({done['remote']})."
    )
