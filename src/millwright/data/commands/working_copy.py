"""`mw data status`, `checkout` and `unprotect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from millwright.data.commands.shared import JSON, PROJECT, counted, print_json, progress

if TYPE_CHECKING:
    from millwright.data.working.checking_out import CheckedOut
    from millwright.data.working.copies import WorkingCopy
    from millwright.data.working.index import Tracked
    from millwright.data.working.reviewing import Review

_SHOWN = 20


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME|PATH]…")
@PROJECT
@JSON
def status(names: tuple[str, ...], project: str | None, as_json: bool) -> None:
    """What changed in the working copy since its versions."""
    from millwright.data.working.copies import WorkingCopy
    from millwright.data.working.reviewing import review

    with WorkingCopy.opened(project) as copy:
        found = [
            (tracked, review(copy.place, copy.index, tracked), _elsewhere(copy, tracked))
            for tracked in copy.chosen(names)
        ]
        if as_json:
            print_json([_plain(*each) for each in found])
            return
        for each in found:
            _show(*each)
        if not found:
            click.echo("Nothing is kept here yet. Keep something with: mw data add PATH")


def _elsewhere(copy: WorkingCopy, tracked: Tracked) -> str | None:
    """The version that the manifest file names, where that is another one than is here."""
    from millwright.data.working.manifest_file import manifest_path, read_manifest

    file = manifest_path(copy.place.root / tracked.path)
    if not file.exists():
        return None
    manifest = read_manifest(file)
    same = manifest.digest == tracked.digest
    return None if same else f"{manifest.dataset}@{manifest.version}"


def _plain(tracked: Tracked, found: Review, wanted: str | None) -> dict[str, Any]:
    return {
        "name": tracked.name,
        "version": tracked.version,
        "branch": tracked.branch,
        "path": tracked.path,
        "clean": found.clean,
        "absent": found.absent,
        "files": found.files,
        "added": list(found.added),
        "modified": list(found.modified),
        "removed": [] if found.absent else list(found.removed),
        "renamed": [{"from": old, "to": new} for old, new in found.renamed],
        "wanted": wanted,
    }


def _show(tracked: Tracked, found: Review, wanted: str | None) -> None:
    branch = "" if tracked.branch == "main" else f" on branch {tracked.branch}"
    head = f"{tracked.reference}{branch} in {tracked.path}"
    if wanted is not None:
        click.echo(f"{tracked.path}.mw names {wanted}. Bring it here with: mw data checkout")
    if found.absent:
        click.echo(f"{head}: not there. Bring it back with: mw data checkout {tracked.name}")
        return
    if found.clean:
        click.echo(f"{head}: no changes, {counted(found.files, 'file')}.")
        return
    count = len(found.added) + len(found.modified) + len(found.removed) + len(found.renamed)
    click.echo(f"{head}: {counted(count, 'change')}. Keep them with: mw data add {tracked.path}")
    lines = [("added", path) for path in found.added]
    lines += [("modified", path) for path in found.modified]
    lines += [("removed", path) for path in found.removed]
    lines += [("renamed", f"{old} → {new}") for old, new in found.renamed]
    for word, path in lines[:_SHOWN]:
        click.echo(f"  {word:<9} {path}")
    if len(lines) > _SHOWN:
        click.echo(f"  … and {len(lines) - _SHOWN:,} more (all of them with --json)")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME[@VERSION]|PATH|FILE.mw]…")
@click.option("--to", type=click.Path(path_type=Path), help="Where, if not at its own place.")
@click.option("--force", is_flag=True, help="Overwrite changes that no version has.")
@PROJECT
@JSON
def checkout(
    names: tuple[str, ...], to: Path | None, force: bool, project: str | None, as_json: bool
) -> None:
    """Bring versions' files here: those that the .mw files name, or NAME@VERSION.

    Changes that no version has are never overwritten without --force.
    """
    from millwright.data.working.copies import WorkingCopy

    with WorkingCopy.opened(project) as copy:
        done = [_check_out(copy, name, to, force, quiet=as_json) for name in names or _all(copy)]
        if as_json:
            print_json([_done(each) for each in done])
            return
        for each in done:
            lost = f"; {counted(each.erased, 'file')} had been erased" if each.erased else ""
            click.echo(
                f"{each.version.reference}: {counted(each.written, 'file')} written, "
                f"{each.removed:,} removed{lost}."
            )
        if not done:
            click.echo("There is no .mw file and no kept data here. See: mw data list")


def _all(copy: WorkingCopy) -> list[str]:
    from millwright.data.working.switching import manifests

    files = manifests(copy)
    with_manifest = {copy.place.root / str(path).removesuffix(".mw") for path in files}
    outside = [
        each.path
        for each in copy.index.tracked()
        if copy.place.root / each.path not in with_manifest
    ]
    return [str(path) for path in files] + outside


def _check_out(
    copy: WorkingCopy, name: str, to: Path | None, force: bool, *, quiet: bool
) -> CheckedOut:
    from millwright.data.working.manifest_file import SUFFIX, manifest_path
    from millwright.data.working.switching import checkout_manifest, checkout_reference

    show = None if quiet else progress("Writing")
    path = Path(name)
    if to is None and "@" not in name:
        tracked = copy.known(name, copy.index.tracked())
        if tracked is not None and not name.endswith(SUFFIX):
            path = manifest_path(copy.place.root / tracked.path)
            if not path.exists():
                reference = f"{tracked.name}@{tracked.version_id}"
                here = copy.place.root / tracked.path
                return checkout_reference(copy, reference, to=here, force=force, on_progress=show)
        elif not name.endswith(SUFFIX):
            path = manifest_path(path)
        if path.exists():
            return checkout_manifest(copy, path.absolute(), force=force, on_progress=show)
    return checkout_reference(copy, name, to=to, force=force, on_progress=show)


def _done(found: CheckedOut) -> dict[str, Any]:
    return {
        "name": found.version.name,
        "version": found.version.version,
        "digest": found.version.digest,
        "written": found.written,
        "removed": found.removed,
        "erased": found.erased,
    }


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@PROJECT
@JSON
def unprotect(paths: tuple[Path, ...], project: str | None, as_json: bool) -> None:
    """Make kept files writable: private copies, of files or of all in a folder."""
    from millwright.data.working.copies import WorkingCopy
    from millwright.data.working.unprotecting import unprotect as make_writable

    with WorkingCopy.opened(project) as copy:
        count = sum(make_writable(copy.place, copy.index, path) for path in paths)
    if as_json:
        print_json({"files": count})
        return
    click.echo(f"{counted(count, 'file')} can be written to now.")
