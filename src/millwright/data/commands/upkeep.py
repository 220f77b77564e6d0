"""`mw data gc`, `mw data fsck` and `mw data erase`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from millwright.data.commands.shared import (
    JSON,
    PROJECT,
    amount,
    counted,
    first_names,
    opened,
    print_json,
)
from millwright.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from millwright.data.storage.records import ErasureReport, FsckReport


@click.command()
@click.option("--yes", is_flag=True, help="Do it; without, only say what would be removed.")
@click.option(
    "--grace", default="1d", show_default=True, help="What is younger stays; 15m or more."
)
@click.option("--remote", help="On this remote, counting every version that anybody pushed.")
@click.option(
    "--despite-damage",
    is_flag=True,
    help="Also where manifests cannot be read: what they alone name is removed.",
)
@PROJECT
@JSON
def gc(
    yes: bool,
    grace: str,
    remote: str | None,
    despite_damage: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Remove bytes that nothing refers to, and those of versions that retention does not keep."""
    from millwright.data.storage.client import collect
    from millwright.data.storage.records import GarbageRequest
    from millwright.kernel.clock import parse_duration

    seconds = parse_duration(grace) / 1000
    if seconds < 900:
        raise InvalidInput(
            "gc.grace",
            "The grace must be a quarter of an hour or more.",
            hint="Somebody may be about to refer to what was stored just now.",
            value=grace,
        )
    if remote is not None:
        _gc_on(remote, yes, seconds, project, as_json)
        return
    request = GarbageRequest(dry_run=not yes, grace_seconds=seconds, despite_damage=despite_damage)
    with opened(project) as (door, name):
        found = collect(door, name, request)
    if as_json:
        print_json(found.model_dump())
        return
    for reference in found.expired:
        click.echo(f"  {reference}: retention keeps it no longer")
    if found.expired and not found.chunks:
        click.echo("  Their bytes go once they are older than the grace (--grace).")
    for one in found.named:
        click.echo(f"  {one.digest[:12]}: was {one.was}")
    for digest in found.unreadable:
        click.echo(f"  {digest[:12]}: cannot be read, so what it names is not known")
    what = f"{counted(found.chunks, 'chunk')} ({amount(found.size)}) that nothing refers to"
    if found.dry_run:
        click.echo(f"Would remove {what}. Do it with: mw data gc --yes")
    else:
        click.echo(f"Removed {what}; {amount(found.freed)} of disk are free again.")


def _gc_on(remote: str, yes: bool, grace: float, project: str | None, as_json: bool) -> None:
    from millwright.data.storage.client import collect_on_remote
    from millwright.data.storage.records import RemoteGarbageRequest

    request = RemoteGarbageRequest(dry_run=not yes, grace_seconds=grace)
    with opened(project) as (door, name):
        found = collect_on_remote(door, name, remote, request)
    if as_json:
        print_json(found.model_dump())
        return
    for pack in found.packs:
        kept = f"; {amount(pack.kept)} of it move to a new pack" if pack.kept else ""
        click.echo(f"  pack {pack.name[:12]}: {amount(pack.size)}{kept}")
    for one in found.named:
        click.echo(f"  {one.digest[:12]}: was {one.was}")
    what = f"{counted(found.chunks, 'chunk')} ({amount(found.freed)}) that no version on {remote} needs"
    if yes:
        click.echo(f"Removed {what}.")
    else:
        click.echo(f"Would remove {what}. Do it with: mw data gc --remote {remote} --yes")


@click.command()
@click.option("--repair-from", metavar="REMOTE", help="Take good copies from this remote.")
@click.option("--remote", metavar="REMOTE", help="Read the packs of this remote instead.")
@click.option("--repair", is_flag=True, help="With --remote: send again, from here, what is bad.")
@PROJECT
@JSON
def fsck(
    repair_from: str | None,
    remote: str | None,
    repair: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Read every stored byte again; exit code 7 where something is damaged and not repaired."""
    from millwright.data.storage.client import fsck as check
    from millwright.data.storage.records import FsckRequest

    if (repair and remote is None) or (repair_from is not None and remote is not None):
        raise InvalidInput(
            "fsck.what",
            "--repair mends a remote (--remote), --repair-from mends what is here.",
            hint="Mend one after the other.",
        )
    request = FsckRequest(repair_from=repair_from, remote=remote, repair=repair)
    with opened(project) as (door, name):
        found = check(door, name, request)
    if as_json:
        print_json(found.model_dump())
    else:
        _show_damage(found, remote)
    if not found.ok:
        sys.exit(7)


def _show_damage(found: FsckReport, remote: str | None) -> None:
    for one in found.damaged:
        needed = ", ".join(one.versions) or "no version"
        state = "repaired" if one.repaired else "damaged"
        click.echo(f"  {state}: {one.kind} {one.chunk[:12]} in {one.path}, needed by {needed}")
    where = "not here and on no remote" if remote is None else f"not on {remote}"
    for reference in found.missing:
        click.echo(f"  missing: some bytes of {reference} are {where}")
    click.echo(
        f"Read {counted(found.chunks, 'chunk')} ({amount(found.size)}): "
        + ("all are what was stored." if found.ok else "not all are what was stored.")
    )
    if not found.ok:
        help_ = f"--remote {remote} --repair" if remote else "--repair-from REMOTE"
        click.echo(f"Mend it from a whole copy with: mw data fsck {help_}")


@click.command()
@click.argument("dataset", required=False)
@click.option("--path", help="A file of the dataset, or a folder with all below it.")
@click.option("--digest", help="Content wherever it is, by its BLAKE3.")
@click.option("--row", "rows", multiple=True, metavar="COLUMN=VALUE", help="Rows by key.")
@click.option("--reason", help="Kept in tombstones and the log: why, not what.")
@click.option("--dry-run", is_flag=True, help="Only say what would be erased, and what used it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--resume", is_flag=True, help="Bring erasures to their end that were cut off.")
@PROJECT
@JSON
def erase(
    dataset: str | None,
    path: str | None,
    digest: str | None,
    rows: tuple[str, ...],
    reason: str | None,
    dry_run: bool,
    yes: bool,
    resume: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Erase from every kept version, here and on every remote, and prove that the bytes are gone."""
    from millwright.data.storage import client
    from millwright.data.storage.records import ErasureRequest

    if resume:
        with opened(project) as (door, name):
            reports = client.resume_erasures(door, name)
        _show_ends(reports, as_json)
        return
    pairs = dict(row.split("=", 1) for row in rows if "=" in row)
    if len(pairs) != len(rows):
        raise InvalidInput("erase.rows", "Rows are named by --row COLUMN=VALUE.", value=rows)
    if not reason:
        raise InvalidInput(
            "erase.reason", "Say why, with --reason: tombstones and the log keep it."
        )
    request = ErasureRequest(
        dataset=dataset, path=path, digest=digest, rows=pairs or None, reason=reason
    )
    with opened(project) as (door, name):
        would = client.erase(door, name, request)
        if dry_run or (as_json and not yes):
            _show_plan(would, as_json)
            return
        if not yes:
            _show(would)
            click.confirm("This cannot be undone. Erase?", abort=True, err=True)
        done = client.erase(door, name, request.model_copy(update={"dry_run": False}))
    if as_json:
        print_json(done.model_dump())
    else:
        _show(done)
    if not done.proven:
        sys.exit(1)


def _show_plan(would: ErasureReport, as_json: bool) -> None:
    if as_json:
        print_json(would.model_dump())
        return
    _show(would)
    click.echo(f"Would erase this from {counted(len(would.versions), 'version')}: say --yes.")


def _show_ends(reports: list[ErasureReport], as_json: bool) -> None:
    if as_json:
        print_json([report.model_dump() for report in reports])
    elif not reports:
        click.echo("No erasure was cut off.")
    else:
        for report in reports:
            _show(report)
    if not all(report.proven for report in reports):
        sys.exit(1)


def _show(report: ErasureReport) -> None:
    for one in report.versions:
        what = counted(one.paths, "path") if one.paths else counted(one.rows, "row")
        click.echo(f"  {one.reference}: {what}")
        for kind, names in (
            ("run", one.runs),
            ("model", one.models),
            ("deployment", one.deployments),
        ):
            if names:
                click.echo(f"    used by {counted(len(names), kind)}: {first_names(names)}")
    if report.dry_run:
        return
    for path in report.working_files:
        click.echo(f"  removed: {path}")
    if report.working_files:
        click.echo("  What is left comes back with: mw data checkout")
    for place in report.still_found:
        click.echo(f"  still found: {place}")
    verdict = "nothing of it was found" if report.proven else "some of it is still there"
    click.echo(
        f"Erased from {counted(len(report.versions), 'version')}; "
        f"{counted(report.objects, 'object')} removed. "
        f"Searched {amount(report.searched)} afterwards: {verdict}."
    )
    if not report.proven:
        click.echo("When that is put right, go on with: mw data erase --resume")
