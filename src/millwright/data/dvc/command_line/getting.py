"""``get`` and ``get-url``: data without tracking it."""

from __future__ import annotations

import os
import tempfile

from millwright.data.dvc import git, linking
from millwright.data.dvc.command_line.words import Parser
from millwright.data.dvc.files import Output
from millwright.data.dvc.object_cache import ObjectCache
from millwright.data.dvc.sources import Source, open_source
from millwright.kernel.errors import Conflict, NotFound


def get(arguments: list[str]) -> int:
    """Download tracked data of any repository."""
    parser = Parser("get", "Download tracked data (or files in git) of any repository.")
    parser.flags("-f/--force", "--show-url")
    parser.add_argument("-o", "--out")
    parser.add_argument("--rev")
    parser.ignored("-j/--jobs", "--remote", "--remote-config", "--config")
    parser.add_argument("url")
    parser.add_argument("path")
    options = parser.parse_args(arguments)
    path = os.path.normpath(options.path).replace(os.sep, "/")
    target = options.out or os.path.basename(path)
    if os.path.isdir(target) and options.out and options.out.endswith("/"):
        target = os.path.join(target, os.path.basename(path))
    _make_room(target, options.force)
    with open_source(options.url, options.rev) as source:
        download(source, path, target)
    return 0


def _make_room(target: str, force: bool) -> None:
    if os.path.lexists(target):
        if not force:
            raise Conflict("dvc.exists", f"{target} exists.", hint="Use --force to replace it.")
        linking.remove(target)


def download(source: Source, path: str, target: str) -> None:
    """Write a path of a source to ``target``.

    Raises:
        NotFound: neither DVC nor git tracks the path there.
    """
    found = source.out_for(path)
    if found is None:
        _from_git(source, path, target)
        return
    tracked, part = found
    out = tracked.out
    os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(target))) as folder:
        # The objects are moved from here to their names: each is written once.
        cache = ObjectCache(folder)
        entries = source.entries(out, cache)
        chosen = {
            inside: md5
            for inside, md5 in entries.items()
            if not part or inside == part or inside.startswith(part + "/")
        }
        if not chosen and part:
            raise NotFound("dvc.path", f"There is no {path} in {source.repository.root}.")
        source.obtain({out.hash: set(chosen.values())}, cache)
        place_entries(cache, out, chosen, part, target)


def place_entries(
    cache: ObjectCache, out: Output, chosen: dict[str, str], part: str, target: str
) -> None:
    """Move objects to their names below ``target``; the last use of each moves, others copy."""
    uses: dict[str, int] = {}
    for md5 in chosen.values():
        uses[md5] = uses.get(md5, 0) + 1
    if out.is_dir and not (part in chosen and part):
        os.makedirs(target, exist_ok=True)
    made: set[str] = set()
    for inside, md5 in chosen.items():
        below = inside[len(part) :].lstrip("/") if part else inside
        path = f"{target}/{below}" if below else target
        folder = os.path.dirname(path)
        if folder and folder not in made:
            os.makedirs(folder, exist_ok=True)
            made.add(folder)
        uses[md5] -= 1
        held = cache.path(md5, out.hash)
        if uses[md5]:
            linking.place(held, path, ("reflink", "copy"))
        else:
            os.rename(held, path)
        os.chmod(path, 0o755 if out.isexec and not below else 0o644)


def _from_git(source: Source, path: str, target: str) -> None:
    repository = source.repository
    inside = source.outs_below("" if path == "." else path)
    if source.commit is None and os.path.lexists(repository.full(path)):
        copy_path(repository.full(path), target)
    elif source.commit is not None:
        listing = repository.files_at(source.commit)
        chosen = {p: e for p, e in listing.items() if p == path or p.startswith(path + "/")}
        if not chosen and not inside:
            raise NotFound("dvc.path", f"There is no {path} in {repository.root}.", value=path)
        contents = git.blobs(repository.root, (blob for _, blob in chosen.values()))
        for place, (mode, blob) in chosen.items():
            full = target + place[len(path) :]
            os.makedirs(os.path.dirname(os.path.abspath(full)), exist_ok=True)
            linking.write_file(full, contents[blob], 0o755 if mode == "100755" else 0o644)
    elif not inside:
        raise NotFound("dvc.path", f"There is no {path} in {repository.root}.", value=path)
    for tracked in inside:
        full = target + tracked.place[len(path) :]
        if not os.path.lexists(full):
            download(source, tracked.place, full)


def get_url(arguments: list[str]) -> int:
    """Download from an address."""
    parser = Parser("get-url", "Download or copy a file or folder from an address.")
    parser.flags("-f/--force")
    parser.ignored("-j/--jobs", "--fs-config")
    parser.add_argument("url")
    parser.add_argument("out", nargs="?")
    options = parser.parse_args(arguments)
    target = options.out or os.path.basename(options.url.rstrip("/"))
    _make_room(target, options.force)
    download_url(options.url, target)
    return 0


def download_url(url: str, target: str) -> None:
    """Write what is at an address (a path, or an object store's) to ``target``.

    Raises:
        NotFound: there is nothing.
    """
    if "://" not in url or url.startswith("file://"):
        path = url.removeprefix("file://")
        if not os.path.exists(path):
            raise NotFound("dvc.missing", f"'{path}' does not exist.", value=path)
        copy_path(path, target)
        return
    from millwright.data.dvc.addresses import download_address

    download_address(url, target)


def copy_path(path: str, target: str) -> None:
    """Copy a file or folder, by reflinks where the filesystem has them."""
    if not os.path.isdir(path):
        os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
        linking.place(os.path.realpath(path), target, ("reflink", "copy"))
        return
    os.makedirs(target, exist_ok=True)
    pending = [(path, target)]
    while pending:
        source, into = pending.pop()
        with os.scandir(source) as entries:
            for entry in entries:
                if entry.is_dir():
                    os.makedirs(f"{into}/{entry.name}", exist_ok=True)
                    pending.append((entry.path, f"{into}/{entry.name}"))
                else:
                    linking.place(
                        os.path.realpath(entry.path) if entry.is_symlink() else entry.path,
                        f"{into}/{entry.name}",
                        ("reflink", "copy"),
                    )
