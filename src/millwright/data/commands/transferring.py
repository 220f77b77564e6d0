"""`mw data push`, `mw data fetch` and `mw data pull`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from millwright.data.commands.shared import JSON, PROJECT, amount, counted, opened, print_json
from millwright.kernel.errors import NotFound

if TYPE_CHECKING:
    from millwright.data.working.place import Place
    from millwright.kernel.remotes.progress import Moved


@dataclass(frozen=True, slots=True)
class _Asked:
    """What all three commands are told."""

    datasets: tuple[str, ...]
    remote: str | None
    jobs: int
    project: str | None
    as_json: bool


def _transfer(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments and options that the commands have in common, given to them as one."""

    @wraps(command)
    def run(
        datasets: tuple[str, ...],
        remote: str | None,
        jobs: int,
        project: str | None,
        as_json: bool,
        **own: bool,
    ) -> None:
        command(_Asked(datasets, remote, jobs, project, as_json), **own)

    for option in (
        JSON,
        PROJECT,
        click.option("--jobs", "-j", default=4, show_default=True, help="Packs moved at once."),
        click.option("--remote", "-r", help="A remote; the default one if omitted."),
        click.argument("datasets", nargs=-1),
    ):
        run = option(run)
    return run


@click.command()
@_transfer
@click.option("--all", "every", is_flag=True, help="Look at the bytes of every version again.")
def push(asked: _Asked, every: bool) -> None:
    """Bring versions (of DATASETS, or of all) to a remote; only missing bytes are moved."""
    _say(asked, _moved("push", asked, asked.datasets, every), "is there already", "Pushed")


@click.command()
@_transfer
@click.option("--all", "every", is_flag=True, help="Bytes of all versions, not of the latest only.")
def fetch(asked: _Asked, every: bool) -> None:
    """Bring versions here (NAME or NAME@VERSION; the latest of all if omitted); no file changes."""
    done = _moved("fetch", asked, asked.datasets, every)
    _say(asked, done, "was here already", "Fetched")


@click.command()
@_transfer
@click.option("--force", is_flag=True, help="Overwrite changes that no version has.")
def pull(asked: _Asked, force: bool) -> None:
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

    with WorkingCopy.opened(asked.project) as copy:
        files = [] if asked.datasets else manifests(copy)
        named = [read_manifest(file) for file in files]
        try:
            exact = tuple(f"{one.dataset}@{one.digest}" for one in named)
            done = _moved("fetch", asked, asked.datasets or exact)
        except NotFound as cause:
            if not named or cause.code != "data.unknown_version":
                raise
            # Bytes of a version were erased meanwhile: by its number it is still there.
            by_number = tuple(f"{one.dataset}@{one.version}" for one in named)
            done = _moved("fetch", asked, by_number)
            files = []
        if files:
            found = [checkout_manifest(copy, file.absolute(), force=force) for file in files]
        else:
            found = [checkout_reference(copy, name, force=force) for name in done["versions"]]
    if asked.as_json:
        print_json({**done, "written": sum(one.written for one in found)})
        return
    _say(asked, done, "was here already", "Fetched")
    for one in found:
        click.echo(
            f"{one.version.reference}: {one.written:,} files written, {one.removed:,} removed."
        )


def _moved(
    way: str, asked: _Asked, datasets: tuple[str, ...], every: bool = False
) -> dict[str, Any]:
    from millwright.data.storage import embedded
    from millwright.data.working.place import Place

    place = Place.find(asked.project)
    definition = embedded.possible(place, asked.remote)
    done: Any = None
    if definition is not None:
        act: Callable[..., Any] = embedded.push_here if way == "push" else embedded.fetch_here
        done = act(place, definition, datasets, every=every, jobs=asked.jobs, tell=_tell())
    if done is None:
        return _through_the_door(place, way, asked, datasets, every)
    return {
        "remote": done.remote,
        "versions": list(done.versions),
        "chunks": done.chunks,
        "packs": done.packs,
        "size": done.size,
    }


def _through_the_door(
    place: Place, way: str, asked: _Asked, datasets: tuple[str, ...], every: bool
) -> dict[str, Any]:
    from millwright.data.storage.client import transfer
    from millwright.data.storage.records import Transfer, Transferred

    total = 0

    def tell(turn: Transferred) -> None:
        nonlocal total
        total += turn.size
        if not turn.complete and sys.stderr.isatty():
            click.echo(f"{amount(total)} moved …", err=True)

    request = Transfer(remote=asked.remote, references=datasets, every=every, jobs=asked.jobs)
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


def _say(asked: _Asked, done: dict[str, Any], nothing: str, verb: str) -> None:
    if asked.as_json:
        print_json(done)
        return
    if not done["versions"] and verb == "Fetched":
        from millwright.data.working.place import Place

        project = Place.find(asked.project).project
        click.echo(
            f"{done['remote']} has nothing of project '{project}'.\n"
            "  Next: Where it was pushed from another project, name that one: --project NAME"
        )
        return
    names = ", ".join(done["versions"][:5]) + (" …" if len(done["versions"]) > 5 else "")
    if not done["versions"] or not (done["chunks"] or verb == "Pushed"):
        click.echo(f"Everything {nothing}; nothing was moved ({done['remote']}).")
        return
    click.echo(
        f"{verb} {names}: {counted(done['chunks'], 'chunk')}, {amount(done['size'])} "
        f"({done['remote']})."
    )
