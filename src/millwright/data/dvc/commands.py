"""`mw import dvc` and `mw export dvc`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from millwright.data.commands.shared import JSON, PROJECT, amount, counted, print_json, progress

if TYPE_CHECKING:
    from millwright.data.dvc.exporting import ExportReport
    from millwright.data.dvc.import_report import ImportReport

_SHOWN = 20


@click.command("dvc")
@click.argument("repository", metavar="REPO")
@click.option("--rev", help="Up to which commit, branch or tag; what is checked out by default.")
@click.option(
    "--history/--latest", default=True, help="All versions (default), or only the newest of each."
)
@click.option(
    "--remote", help="The DVC remote for what the cache lacks; the default one if omitted."
)
@PROJECT
@JSON
def import_dvc(
    repository: str,
    rev: str | None,
    history: bool,
    remote: str | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Take the data of a DVC repository (a folder, or a git address) with its history.

    Every tracked path becomes a dataset, every commit that changed it a version. The cache's files
    are linked, not copied, and verified; the repository stays as it is and DVC goes on working.
    Doing it again adds what is new since.
    """
    from millwright.data.dvc.importing import import_repository
    from millwright.data.working.place import Place

    place = Place.find(project, start=True)
    report = import_repository(
        place,
        repository,
        revision=rev,
        history=history,
        remote=remote,
        on_progress=None if as_json else progress("Linking", "objects"),
    )
    refused = _tag(report, place)
    if as_json:
        print_json(report.plain() | {"tags_refused": refused})
    else:
        _show_import(report, refused)
    if not report.complete:
        raise SystemExit(1)


def _tag(report: ImportReport, place: object) -> list[str]:
    """Name versions by the git tags they have; the tags that could not be given, with the reason."""
    wanted = [(v.dataset, tag, v.version) for v in report.versions for tag in v.tags]
    if not wanted:
        return []
    from millwright.data.client import list_refs, put_ref
    from millwright.data.records import NewRef
    from millwright.data.working.place import Place
    from millwright.kernel.door import connect
    from millwright.kernel.errors import MillwrightError

    assert isinstance(place, Place)
    refused = []
    with connect(place.workspace) as door:
        have = {
            name: {ref.ref: ref.version for ref in list_refs(door, place.project, name)}
            for name in {dataset for dataset, _, _ in wanted}
        }
        for dataset, tag, version in wanted:
            if have[dataset].get(tag) == version:
                continue
            try:
                put_ref(door, place.project, dataset, tag, NewRef(kind="tag", version=str(version)))
            except MillwrightError as error:
                refused.append(f"{dataset}@{tag}: {error.message}")
    return refused


def _show_import(report: ImportReport, refused: list[str]) -> None:
    known = len(report.versions) - report.new
    click.echo(
        f"{counted(report.new, 'version')} of {counted(len(report.datasets), 'dataset')} imported"
        + (f", {known:,} were here already." if known else ".")
    )
    for name in report.datasets:
        mine = [version for version in report.versions if version.dataset == name]
        newest = max(mine, key=lambda version: version.version)
        click.echo(
            f"  {name}@{newest.version}  {newest.path}: {counted(newest.files, 'file')}, "
            f"{amount(newest.size)}"
        )
    click.echo(
        f"{counted(report.objects_linked, 'object')} ({amount(report.bytes_linked)}) linked, "
        "none copied"
        + (
            f"; {report.objects_fetched:,} fetched from the remote."
            if report.objects_fetched
            else "."
        )
    )
    if report.stages:
        names = ", ".join(stage.name for stage in report.stages)
        click.echo(f"Pipeline stages (their outputs are datasets; run them with dvc): {names}")
    for sentence in [*report.left_out, *refused]:
        click.echo(f"Left out: {sentence}")
    for commit, why in report.unreadable:
        click.echo(f"Not readable at commit {commit[:12]}: {why}", err=True)
    for one in report.missing[:_SHOWN]:
        where = f"{one.path}/{one.file}" if one.file else one.path
        at = f" at commit {one.commit[:12]}" if one.commit else ""
        click.echo(f"Missing: {where}{at} (md5 {one.md5}): {one.why}.", err=True)
    if len(report.missing) > _SHOWN:
        click.echo(f"… and {len(report.missing) - _SHOWN:,} more; see --json.", err=True)
    if report.missing:
        click.echo(
            "The versions that need them were not imported. Fetch them where they are "
            "(`dvc fetch --all-commits`), then import again.",
            err=True,
        )


@click.command("dvc")
@click.argument("references", nargs=-1, metavar="[NAME@VERSION]…")
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The repository's folder; made if it is not there.",
)
@click.option(
    "--format",
    "generation",
    type=click.Choice(["3", "2"]),
    default="3",
    show_default=True,
    help="Whose files: 2 is for DVC 2, which reads no newer ones; DVC 3 reads both.",
)
@PROJECT
@JSON
def export_dvc(
    references: tuple[str, ...], target: Path, generation: str, project: str | None, as_json: bool
) -> None:
    """Write versions as a DVC repository, or into one, that DVC finds clean.

    Without NAME@VERSION the newest version of every dataset is written.
    """
    from millwright.data.dvc.exporting import export_versions
    from millwright.data.dvc.files import CURRENT, LEGACY
    from millwright.data.working.place import Place

    kind = LEGACY if generation == "2" else CURRENT
    report = export_versions(Place.find(project), references, target, kind)
    if as_json:
        print_json(asdict(report))
        return
    _show_export(report)


def _show_export(report: ExportReport) -> None:
    for version in report.versions:
        click.echo(
            f"{version.dataset}@{version.version} → {version.path}: "
            f"{counted(version.files, 'file')}, {amount(version.size)}, md5 {version.md5}"
        )
    click.echo(f"{counted(report.linked, 'object')} linked, {report.copied:,} copied.")
    for sentence in report.left_out:
        click.echo(f"Left out: {sentence}")
    click.echo(f"Next: cd {report.repository} && git add . && git commit && dvc status")
