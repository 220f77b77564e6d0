"""``list`` and ``du``: what a repository holds, in DVC and in git."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from typing import Any

from millwright.data.dvc.command_line.words import Parser
from millwright.data.dvc.object_cache import ObjectCache
from millwright.data.dvc.sources import Source, open_source
from millwright.kernel.errors import NotFound

Row = dict[str, Any]


def list_(arguments: list[str]) -> int:
    """List what a repository holds."""
    parser = Parser("list", "List what a repository holds.")
    parser.flags("-R/--recursive", "--dvc-only", "--json", "--size", "--show-hash", "-T/--tree")
    parser.add_argument("--rev")
    parser.add_argument("-L", "--level", type=int)
    parser.ignored("--config", "--remote", "--remote-config")
    parser.add_argument("url")
    parser.add_argument("path", nargs="?", default="")
    options = parser.parse_args(arguments)
    path = os.path.normpath(options.path).replace(os.sep, "/") if options.path else ""
    path = "" if path == "." else path
    with open_source(options.url, options.rev) as source:
        deep = options.recursive or options.tree
        rows = rows_of(source, path, deep, options.dvc_only)
    if options.level is not None:
        rows = [row for row in rows if row["path"].count("/") < options.level]
    _show(rows, options)
    return 0


def _show(rows: list[Row], options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps(rows))
        return
    for row in rows:
        hashed = f"{row['md5'] or '-':<36}  " if options.show_hash else ""
        size = f"{row['size'] if row['size'] is not None else '-':>12}  " if options.size else ""
        print(f"{size}{hashed}{row['path']}")


def rows_of(source: Source, path: str, recursive: bool, dvc_only: bool) -> list[Row]:
    """The members of a folder of a source (or the file itself), sorted by path."""
    members = _all(source, path, recursive)
    below: dict[str, Row] = {}
    prefix = f"{path}/" if path else ""
    for place, row in members.items():
        if dvc_only and not row["isout"]:
            continue
        if place == path:
            if row["isdir"]:
                continue
            return [row | {"path": place.rpartition("/")[2]}]
        if not place.startswith(prefix):
            continue
        inside = place[len(prefix) :]
        head, slash, _ = inside.partition("/")
        if recursive:
            if not row["isdir"]:
                below[inside] = row | {"path": inside}
        elif slash:
            below.setdefault(head, _folder(head, row["isout"]))
        else:
            below[head] = row | {"path": head}
    if (
        not below
        and path
        and not any(place.startswith(prefix) or place == path for place in members)
    ):
        raise NotFound("dvc.path", f"There is no '{path}' in the repository.", value=path)
    return [below[name] for name in sorted(below)]


def _folder(name: str, is_out: bool) -> Row:
    return {
        "isout": is_out,
        "isdir": True,
        "isexec": False,
        "size": None,
        "md5": None,
        "path": name,
    }


def _all(source: Source, path: str, recursive: bool) -> dict[str, Row]:
    found = _in_git(source, path, recursive)
    with tempfile.TemporaryDirectory(prefix="mw-dvc-") as folder:
        cache = ObjectCache(folder)
        for tracked in source.outs:
            out, place = tracked.out, tracked.place
            row: Row = {
                "isout": True,
                "isdir": out.is_dir,
                "isexec": out.isexec,
                "size": out.size,
                "md5": out.md5,
            }
            found[place] = row
            wanted = recursive or place == path or path.startswith(place + "/")
            if out.is_dir and wanted and (not path or _meets(place, path)):
                for inside, md5 in source.entries(out, cache).items():
                    size = _size(source.repository.cache, md5, out.hash)
                    found[f"{place}/{inside}"] = row | {"isdir": False, "size": size, "md5": md5}
    return found


def _meets(place: str, path: str) -> bool:
    return place == path or place.startswith(path + "/") or path.startswith(place + "/")


def _size(cache: ObjectCache, md5: str, kind: str) -> int | None:
    try:
        return os.stat(cache.path(md5, kind)).st_size
    except FileNotFoundError:
        return None


def _in_git(source: Source, path: str, recursive: bool) -> dict[str, Row]:
    repository = source.repository
    found: dict[str, Row] = {}
    if source.commit is not None:
        for place, (mode, _) in repository.files_at(source.commit).items():
            if not place.startswith(".dvc/"):
                found[place] = _file(None, mode == "100755")
        return found
    outputs = {tracked.place for tracked in source.outs}
    start = path if os.path.isdir(repository.full(path)) else path.rpartition("/")[0]
    pending = [start] if start not in outputs else []
    while pending:
        folder = pending.pop()
        try:
            entries = list(os.scandir(repository.full(folder)))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            place = f"{folder}/{entry.name}" if folder else entry.name
            is_dir = entry.is_dir(follow_symlinks=False)
            if place in outputs or repository.rules.ignores(place, entry.name, is_dir):
                continue
            if not is_dir:
                status = entry.stat(follow_symlinks=False)
                found[place] = _file(status.st_size, bool(status.st_mode & 0o100))
            elif recursive:
                pending.append(place)
            else:
                found[place] = _folder(entry.name, False)
    return found


def _file(size: int | None, executable: bool) -> Row:
    return {"isout": False, "isdir": False, "isexec": executable, "size": size, "md5": None}


def du(arguments: list[str]) -> int:
    """Show how much space data takes, in bytes."""
    parser = Parser("du", "Show how much space data takes, in bytes.")
    parser.flags("-s/--summarize")
    parser.add_argument("--rev")
    parser.ignored("--config", "--remote", "--max-depth")
    parser.add_argument("url")
    parser.add_argument("path", nargs="?", default="")
    options = parser.parse_args(arguments)
    path = "" if options.path in ("", ".") else os.path.normpath(options.path)
    with open_source(options.url, options.rev) as source:
        rows = rows_of(source, path, True, False)
    sizes: dict[str, int] = {}
    for row in rows:
        head = row["path"].partition("/")[0]
        sizes[head] = sizes.get(head, 0) + int(row["size"] or 0)
    if not options.summarize:
        for name, size in sorted(sizes.items()):
            print(f"{size}\t{path + '/' if path else ''}{name}")
    print(f"{sum(sizes.values())}\t{path or options.url}")
    return 0
