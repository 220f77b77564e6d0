"""`mw data ls`, `du` and `get`: a version's files without checking it out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from millwright.data.commands.shared import (
    JSON,
    PROJECT,
    amount,
    counted,
    print_json,
    progress,
)
from millwright.kernel.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from millwright.data.trees import Entry, Nodes
    from millwright.data.working.copies import WorkingCopy
    from millwright.data.working.journal import Known

_BLOCK = 1 << 20
_KINDS = ("file", "executable", "link", "folder", "erased")


@click.command()
@click.argument("reference", metavar="NAME[@VERSION]")
@click.argument("path", required=False, default="", metavar="[PATH]")
@click.option("-r", "--recursive", is_flag=True, help="Everything below, not only this folder.")
@PROJECT
@JSON
def ls(reference: str, path: str, recursive: bool, project: str | None, as_json: bool) -> None:
    """The names in a folder of a version. PATH may be a pattern such as '**/*.jpg'."""
    from millwright.data import trees
    from millwright.data.working.copies import WorkingCopy

    with WorkingCopy.opened(project) as copy:
        nodes, root = _tree(copy, reference)
        folder = path.strip("/")
        if any(sign in folder for sign in "*?["):
            found = [_plain(key.decode(), e) for key, e in trees.glob(nodes, root, folder)]
        elif recursive:
            listed = trees.walk_under(nodes, root, folder.encode())
            found = [_plain(key.decode(), entry) for key, entry in listed]
        else:
            found = []
            for item in trees.list_folder(nodes, root, folder.encode()):
                if item.entry is not None:
                    found.append(_plain(item.name, item.entry))
                elif item.below is not None:
                    size, count = item.below.size, item.below.entries
                    found.append(
                        {"name": item.name, "kind": "folder", "size": size, "files": count}
                    )
        if not found and folder:
            entry = trees.lookup(nodes, root, folder.encode())
            if entry is None:
                raise _unknown(reference, path)
            found = [_plain(folder, entry)]
    if as_json:
        print_json(found)
        return
    for one in found:
        slash = "/" if one["kind"] == "folder" else ""
        many = f"  ({counted(one['files'], 'file')})" if one.get("files") else ""
        mark = f"  [{one['kind']}]" if one["kind"] in ("link", "erased", "executable") else ""
        click.echo(f"{amount(one['size']):>10}  {one['name']}{slash}{many}{mark}")


@click.command()
@click.argument("reference", metavar="NAME[@VERSION]")
@click.argument("path", required=False, default="", metavar="[PATH]")
@PROJECT
@JSON
def du(reference: str, path: str, project: str | None, as_json: bool) -> None:
    """How many files and bytes a version has in each of its folders."""
    from millwright.data import trees
    from millwright.data.working.copies import WorkingCopy

    with WorkingCopy.opened(project) as copy:
        nodes, root = _tree(copy, reference)
        folder = path.strip("/").encode()
        whole = trees.totals_under(nodes, root, folder)
        listed = trees.list_folder(nodes, root, folder)
        found = [(item.name, item.below) for item in listed if item.below is not None]
    found.sort(key=lambda one: -one[1].size)
    if as_json:
        folders = [{"name": name, "files": n, "size": size} for name, (n, size) in found]
        print_json({"files": whole.entries, "size": whole.size, "folders": folders})
        return
    for name, below in found:
        click.echo(f"{amount(below.size):>10}  {below.entries:>12,}  {name}/")
    click.echo(f"{amount(whole.size):>10}  {whole.entries:>12,}  {path or reference} in all")


@click.command()
@click.argument("reference", metavar="NAME[@VERSION]")
@click.argument("path", required=False, default="", metavar="[PATH]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to; '-' for stdout.")
@click.option("--range", "byte_range", metavar="START:END", help="Only these bytes of a file.")
@click.option("--original", is_flag=True, help="The file that a table was given as.")
@PROJECT
@JSON
def get(
    reference: str,
    path: str,
    output: Path | None,
    byte_range: str | None,
    original: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Copy a file, a folder or a pattern out of a version, without checking it out.

    A table is one file: as it was given, or else Parquet.
    """
    from millwright.data import trees
    from millwright.data.working.copies import WorkingCopy

    with WorkingCopy.opened(project) as copy:
        nodes, root = _tree(copy, reference)
        inside = path.strip("/") or _table_file(copy.version_of(reference)) or ""
        entry = trees.lookup(nodes, root, inside.encode()) if inside else None
        if original:
            entry, inside = _original(copy, reference)
        if entry is not None and entry.kind in (trees.Kind.FILE, trees.Kind.EXECUTABLE):
            target = output or Path(inside.rpartition("/")[2])
            start, end = _range(byte_range, entry.size)
            _copy_bytes(copy, entry, start, end, target)
            if entry.kind == trees.Kind.EXECUTABLE and byte_range is None and str(target) != "-":
                target.chmod(target.stat().st_mode | 0o111)
            done: dict[str, Any] = {"files": 1, "size": end - start, "output": str(target)}
        elif byte_range is not None:
            raise InvalidInput(
                "data.range_of_folder", "A range of bytes can be taken of one file only."
            )
        else:
            done = _copy_many(copy, nodes, root, reference, inside, output, quiet=as_json)
    if done["output"] == "-":
        return
    if as_json:
        print_json(done)
        return
    files, size = counted(done["files"], "file"), amount(done["size"])
    click.echo(f"{files}, {size}, written to {done['output']}.")


def _original(copy: WorkingCopy, reference: str) -> tuple[Entry, str]:
    """The file that a table was given as, and its name."""
    from millwright.data.trees import Entry, Kind

    version = copy.version_of(reference)
    if version.original is None:
        raise NotFound(
            "data.no_original",
            f"{reference} was not given as a file, or is files itself.",
            hint=f"Its rows are in: mw data get {reference}",
            value=reference,
        )
    size = copy.place.objects.size(version.original)
    return Entry(Kind.FILE, size, bytes.fromhex(version.original)), _table_file(version) or ""


def _table_file(version: Known) -> str | None:
    """The name of the file that a table is: as it was given, or else Parquet; None for files."""
    if version.kind == "files":
        return None
    if version.original is None:
        return f"{version.name}.parquet"
    return version.source.rstrip("/").rpartition("/")[2] or version.name


def _copy_bytes(copy: WorkingCopy, entry: Entry, start: int, end: int, target: Path) -> None:
    if str(target) != "-":
        _refuse_existing(target)
    with copy.place.objects.open(entry.hex) as source:
        source.seek(start)
        out = sys.stdout.buffer if str(target) == "-" else target.open("xb")
        try:
            left = end - start
            while left and (block := source.read(min(_BLOCK, left))):
                out.write(block)
                left -= len(block)
        finally:
            if out is not sys.stdout.buffer:
                out.close()


def _copy_many(
    copy: WorkingCopy,
    nodes: Nodes,
    root: bytes,
    reference: str,
    inside: str,
    output: Path | None,
    *,
    quiet: bool,
) -> dict[str, Any]:
    from millwright.data import trees
    from millwright.data.working.checking_out import write_out

    name = inside.rpartition("/")[2] or reference.partition("@")[0]
    if any(sign in inside for sign in "*?["):
        found = dict(trees.glob(nodes, root, inside))
        cut, name = 0, reference.partition("@")[0]
    else:
        found = dict(trees.walk_under(nodes, root, inside.encode()))
        cut = len(inside) + 1 if inside else 0
    if not found:
        raise _unknown(reference, inside)
    target = output or Path(name)
    _refuse_existing(target)
    wanted = {key.decode()[cut:]: entry for key, entry in found.items()}
    write_out(copy.place, target, wanted, None if quiet else progress("Writing"))
    size = sum(entry.size for entry in wanted.values())
    return {"files": len(wanted), "size": size, "output": str(target)}


def _refuse_existing(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise Conflict(
            "data.exists",
            f"There is something at '{target}' already.",
            hint="Say where else with --output.",
            value=str(target),
        )


def _range(text: str | None, size: int) -> tuple[int, int]:
    if text is None:
        return 0, size
    start, colon, end = text.partition(":")
    try:
        first, last = int(start or 0), int(end) if end else size
    except ValueError:
        first = last = -1
    if not colon or not 0 <= first <= last:
        raise InvalidInput(
            "data.range",
            f"'{text}' is no range of bytes.",
            hint="Write it as START:END, for example 0:1000 for the first thousand.",
            value=text,
        )
    return min(first, size), min(last, size)


def _tree(copy: WorkingCopy, reference: str) -> tuple[Nodes, bytes]:
    version = copy.version_of(reference)
    return copy.tree_of(version, _table_file(version))


def _plain(name: str, entry: Entry) -> dict[str, Any]:
    digest = None if _KINDS[entry.kind] == "folder" else entry.hex
    return {"name": name, "kind": _KINDS[entry.kind], "size": entry.size, "digest": digest}


def _unknown(reference: str, path: str) -> NotFound:
    return NotFound(
        "data.unknown_path",
        f"{reference} has no '{path}'.",
        hint=f"See what it has with: mw data ls {reference}",
        value=path,
    )
