"""Tracked outputs against the working tree: what differs, what is kept, what is brought back."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from millwright.data.dvc import linking
from millwright.data.dvc.dir_objects import Entry, is_dir
from millwright.data.dvc.files import Output
from millwright.data.dvc.folders import Found, look
from millwright.data.dvc.memory import Seen
from millwright.data.dvc.repository import Repository, Tracked
from millwright.kernel.errors import Conflict, InvalidInput


def current(repository: Repository, tracked: Tracked) -> Found | None:
    """A tracked output as it stands in the working tree."""
    return look_at(repository, tracked.place, tracked.out.hash)


def look_at(repository: Repository, place: str, kind: str) -> Found | None:
    """A path of the repository as it stands."""
    return look(repository.full(place), place, kind, repository.memory, repository.rules)


def state(repository: Repository, tracked: Tracked) -> str | None:
    """What is wrong with an output in ``status``'s words; None where all is well."""
    out = tracked.out
    found = current(repository, tracked)
    if found is None:
        if out.md5 and out.cached and not repository.cache.has(out.md5, out.hash):
            return "not in cache"
        return "deleted"
    if out.md5 is None:
        return "new"
    if found.md5 != out.md5:
        return "modified"
    if out.cached and not repository.cache.has(out.md5, out.hash):
        return "not in cache"
    return None


def entries(repository: Repository, out: Output) -> dict[str, str] | None:
    """What an output's record says it holds: path inside ("" for a file) → MD5.

    None where a folder's list is not in the cache.
    """
    if out.md5 is None:
        return {}
    if not out.is_dir:
        return {"": out.md5}
    if not repository.cache.has(out.md5, out.hash):
        return None
    return dict(repository.cache.entries(out.md5, out.hash))


def keep(repository: Repository, place: str, found: Found, kind: str) -> Output:
    """Put an output's files into the cache and say what to record of it.

    Raises:
        Conflict: a file changed while it was being read.
    """
    cache, full = repository.cache, repository.full(place)
    kinds = repository.config.link_kinds()
    by_md5: dict[str, str] = {}
    for inside, seen in found.files.items():
        by_md5.setdefault(seen.md5, f"{full}/{inside}" if inside else full)
    for md5 in cache.missing(by_md5, kind):
        _into_cache(repository, by_md5[md5], md5, kind, kinds)
    if found.content is not None:
        cache.put_bytes(found.content, found.md5, kind)
    for inside, seen in found.files.items():
        status = os.stat(f"{full}/{inside}" if inside else full)
        if (status.st_mtime_ns, status.st_size) != (seen.mtime, seen.size):
            os.unlink(cache.path(seen.md5, kind))
            raise Conflict(
                "dvc.changing",
                f"{place}/{inside}".rstrip("/") + " changed while it was being added.",
                hint="Add it again when nothing writes to it.",
            )
    if kinds[0] in ("hardlink", "symlink"):
        relink(repository, place, found, kind)
    return Output(place, found.md5, found.size, found.nfiles, kind, found.isexec, {})


def _into_cache(
    repository: Repository, source: str, md5: str, kind: str, kinds: tuple[str, ...]
) -> None:
    if kinds[0] != "symlink" or os.path.islink(source):
        ways = tuple(k for k in kinds if k != "symlink") or ("copy",)
        # A hard link to a link is one more link; everything else goes through it by itself.
        real = os.path.realpath(source) if "hardlink" in ways else source
        repository.cache.put_file(real, md5, kind, ways)
        return
    target = repository.cache.ready(md5, kind)
    try:
        os.rename(source, target)
    except OSError:
        linking.place(source, target, ("copy",))
    os.chmod(target, linking.READ_ONLY)
    linking.place(target, source, ("symlink",))


def relink(repository: Repository, place: str, found: Found, kind: str) -> None:
    """Make an output's files links into the cache, as ``cache.type`` asks."""
    full = repository.full(place)
    kinds = repository.config.link_kinds()
    for inside, seen in found.files.items():
        path = f"{full}/{inside}" if inside else full
        held = repository.cache.path(seen.md5, kind)
        if kinds[0] == "symlink":
            linked = os.path.islink(path)
        else:
            linked = seen.size == 0 or os.path.samefile(path, held)
        if not linked:
            linking.place(held, path, kinds)


class Change(NamedTuple):
    """What a checkout did to one output: ``A``dded, ``M``odified, or ``failed``."""

    kind: str
    place: str


def bring_back(
    repository: Repository, tracked: Tracked, part: str = "", *, force: bool = False
) -> Change | None:
    """Make an output in the working tree what its record says; None where it was so already.

    Args:
        part: a path inside a folder, to bring back only that.
        force: overwrite and remove files whose bytes are not in the cache.
    """
    out = tracked.out
    if out.md5 is None or not out.cached:
        return None
    shown = tracked.place + ("/" if is_dir(out.md5) else "")
    found = current(repository, tracked)
    if found is not None and found.md5 == out.md5:
        return None
    wanted = entries(repository, out)
    if wanted is None or repository.cache.missing(
        {md5 for inside, md5 in wanted.items() if _within(inside, part)}, out.hash
    ):
        return Change("failed", tracked.place)
    there = found.files if found is not None else {}
    differing = [
        inside
        for inside, seen in there.items()
        if wanted.get(inside) != seen.md5 and _within(inside, part)
    ]
    if found is not None and (found.content is None) != (not out.is_dir):
        differing = list(there)
    if not force:
        _refuse_unsaved(repository, tracked, there, differing)
    full = repository.full(tracked.place)
    _check_inside(repository, full)
    _remove(full, differing, is_dir(out.md5))
    missing = [
        Entry(inside, md5)
        for inside, md5 in wanted.items()
        if _within(inside, part) and (inside not in there or there[inside].md5 != md5)
    ]
    written = _write(repository, full, missing, out)
    kept = {k: v for k, v in there.items() if wanted.get(k) == v.md5}
    repository.memory.keep(tracked.place, out.hash, kept | written)
    if not missing and not differing:
        return None
    return Change("A" if found is None else "M", shown)


def _within(inside: str, part: str) -> bool:
    return not part or inside == part or inside.startswith(part + "/")


def _refuse_unsaved(
    repository: Repository, tracked: Tracked, there: dict[str, Seen], differing: list[str]
) -> None:
    lost = repository.cache.missing((there[inside].md5 for inside in differing), tracked.out.hash)
    unsaved = [
        f"{tracked.place}/{inside}".rstrip("/") for inside in differing if there[inside].md5 in lost
    ]
    if unsaved:
        shown = "\n".join(unsaved[:20]) + ("\n…" if len(unsaved) > 20 else "")
        raise Conflict(
            "dvc.unsaved",
            "Can't remove the following unsaved files without confirmation. "
            f"Use `--force` to force.\n{shown}",
        )


def _check_inside(repository: Repository, full: str) -> None:
    parent = os.path.realpath(os.path.dirname(full))
    root = os.path.realpath(repository.root)
    if parent != root and not parent.startswith(root + "/"):
        raise InvalidInput(
            "dvc.path",
            f"{full} lies behind a link that leads out of the repository.",
            hint="Replace the link by a folder.",
        )


def _remove(full: str, differing: Iterable[str], folder: bool) -> None:
    parents = set()
    for inside in differing:
        if not inside or not folder:
            linking.remove(full)
            return
        os.unlink(f"{full}/{inside}")
        head = inside
        while "/" in head:
            head = head.rpartition("/")[0]
            parents.add(head)
    for parent in sorted(parents, key=len, reverse=True):
        try:
            os.rmdir(f"{full}/{parent}")
        except OSError:
            continue  # not empty: still in use


def _write(repository: Repository, full: str, missing: list[Entry], out: Output) -> dict[str, Seen]:
    kinds = repository.config.link_kinds()
    made: set[str] = set()
    written = {}
    if is_dir(out.md5):
        os.makedirs(full, exist_ok=True)
    real = os.path.realpath(full)
    for inside, md5 in missing:
        path = f"{full}/{inside}" if inside else full
        folder = path.rpartition("/")[0]
        if folder not in made:
            os.makedirs(folder, exist_ok=True)
            if inside and not (os.path.realpath(folder) + "/").startswith(real + "/"):
                raise InvalidInput("dvc.path", f"{path} lies behind a link out of its folder.")
            made.add(folder)
        linking.place(repository.cache.path(md5, out.hash), path, kinds)
        status = os.stat(path)
        if out.isexec and not inside and not status.st_mode & 0o100:
            linking.make_executable(path)
        written[inside] = Seen(status.st_mtime_ns, status.st_size, status.st_ino, md5)
    return written
