"""Which code runs here: commit, uncommitted changes, and the files that git does not have.

Enough to put the same code in a folder again: the commit, a patch of what differs from it, and the
bytes of loaded files that are in no commit. ``mw reproduce`` does just that.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from millwright.kernel.door import Door
from millwright.kernel.objects import digest_of
from millwright.tracking import client
from millwright.tracking.environment import shown_arguments
from millwright.tracking.records import CodeDetail, CodeVersion

PATCH = "code/uncommitted.patch"
FILES = "code/files/"
_URL_LOGIN = re.compile(r"(\w+://)[^/\s@]+@")
_GIT_SECONDS = 5
_MOST_FILES = 300
_MOST_BYTES = 10 << 20


@dataclass(frozen=True)
class Source:
    """The code of this process."""

    version: CodeVersion | None
    """None outside git where no script runs either."""
    patch: bytes = b""
    """What differs from the commit, as ``git apply`` takes it."""
    files: dict[str, bytes] = field(default_factory=dict)
    """Loaded files that are in no commit, by their path below the root of the code."""


def source_here(folder: Path | None = None) -> Source:
    """The code version of a folder, and what git does not have of what is loaded from it."""
    where = (folder or Path.cwd()).resolve()
    root, version, patch = _committed(where)
    script = _script()
    base = root or (script.parent if script is not None else None)
    if base is None:
        return Source(None)
    known = _tracked(base) if root is not None else frozenset()
    files = _loaded(base, script, known)
    if version is None and not files:
        return Source(None)
    detail = CodeDetail(
        entry_point=_below(script, base),
        module=_module(),
        arguments=tuple(word[:10_000] for word in shown_arguments(sys.argv[1:])[:1000]),
        folder=_below(where, base) or ".",
        remote=_remote(base) if root is not None else None,
        files=tuple(sorted(files)),
    )
    version = (version or CodeVersion()).model_copy(update={"detail": detail})
    return Source(version, patch, files)


def keep_source(door: Door, project: str, run: str, source: Source) -> None:
    """Keep what git does not have as artifacts of a run; equal bytes are stored once."""
    if source.patch:
        client.log_artifact(door, project, run, PATCH, source.patch, media_type="text/x-patch")
    for name, content in source.files.items():
        place = f"{FILES}{name}"[:250]
        client.log_artifact(door, project, run, place, content, media_type="text/x-python")


def _committed(where: Path) -> tuple[Path | None, CodeVersion | None, bytes]:
    """The root of the work tree, its commit, and what differs from it in files that git tracks.

    Files git does not track do not make a run dirty: results beside the code would always do so.
    """
    status = _git(where, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    top = _git(where, "rev-parse", "--show-toplevel")
    if status is None or top is None:
        return None, None, b""
    root = Path(os.fsdecode(top.rstrip(b"\n")))
    lines = status.decode(errors="replace").splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid")), None)
    if commit == "(initial)":
        return root, CodeVersion(dirty=True), b""
    dirty = any(not line.startswith("#") for line in lines)
    patch = b""
    if dirty:
        patch = _git(root, "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--binary") or b""
    digest = digest_of(patch) if patch else None
    version = CodeVersion(commit=commit, dirty=dirty, diff_digest=digest)
    return root, version, patch if len(patch) <= _MOST_BYTES * 5 else b""


def _loaded(base: Path, script: Path | None, known: frozenset[str]) -> dict[str, bytes]:
    """The script and the modules below a folder that are loaded and not in a commit."""
    places = [script] if script is not None else []
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py"):
            places.append(Path(file))
    found: dict[str, bytes] = {}
    total = 0
    for place in places:
        name = _below(place, base)
        if name is None or name in known or name in found or _is_installed(name):
            continue
        try:
            content = place.read_bytes()
        except OSError:
            continue
        total += len(content)
        if total > _MOST_BYTES or len(found) >= _MOST_FILES:
            break
        found[name] = content
    return found


def _is_installed(name: str) -> bool:
    parts = Path(name).parts
    return any(part in ("site-packages", "dist-packages") or part[0] == "." for part in parts)


def _tracked(root: Path) -> frozenset[str]:
    listed = _git(root, "ls-files", "-z")
    if listed is None:
        return frozenset()
    return frozenset(os.fsdecode(name) for name in listed.split(b"\0") if name)


def _script() -> Path | None:
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if not isinstance(file, str) or not file.endswith(".py"):
        return None
    path = Path(file).resolve()
    return path if path.is_file() and not _is_installed(str(path).lstrip("/")) else None


def _module() -> str | None:
    """The name that ``python -m`` was given."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    name = getattr(spec, "name", None)
    return name.removesuffix(".__main__") if isinstance(name, str) else None


def _remote(root: Path) -> str | None:
    url = _git(root, "config", "--get", "remote.origin.url")
    return None if url is None else _URL_LOGIN.sub(r"\1", url.decode(errors="replace").strip())


def _below(path: Path | None, base: Path) -> str | None:
    if path is None:
        return None
    try:
        return path.resolve().relative_to(base.resolve()).as_posix()
    except ValueError:
        return None


def _git(folder: Path, *arguments: str) -> bytes | None:
    return git_output(folder, arguments)


def git_output(folder: Path, arguments: Sequence[str]) -> bytes | None:
    """What git says; None where it fails, is missing, or takes longer than five seconds."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            check=False,
            capture_output=True,
            timeout=_GIT_SECONDS,
            stdin=subprocess.DEVNULL,
            # Reading the status must not take the index lock from a person at work.
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
