"""DVC repositories for tests: made with git and ``mw-dvc``, or by hand in the layout of DVC 2."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

from millwright.data.dvc.command_line.main import run

GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A Person",
    "GIT_AUTHOR_EMAIL": "person@example.com",
    "GIT_COMMITTER_NAME": "A Person",
    "GIT_COMMITTER_EMAIL": "person@example.com",
    "GIT_AUTHOR_DATE": "2024-05-06T07:08:09+00:00",
    "GIT_COMMITTER_DATE": "2024-05-06T07:08:09+00:00",
    "DVC_NO_ANALYTICS": "1",
}


def git(where: Path, *arguments: str) -> str:
    """One git command, and what it prints."""
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *arguments],
        cwd=where,
        env=os.environ | GIT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def mw_dvc(*arguments: str) -> None:
    """One ``mw-dvc`` command in the current folder, which must succeed."""
    assert run(list(arguments)) == 0, arguments


def commit(where: Path, message: str) -> str:
    """Commit everything; the commit's id."""
    git(where, "add", "-A")
    git(where, "commit", "-q", "-m", message)
    return git(where, "rev-parse", "HEAD")


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Write files, their folders made."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.unlink()  # it may be a link into the cache
        path.write_bytes(content)


def legacy_repository(root: Path, folders: dict[str, dict[str, bytes]]) -> None:
    """A repository as DVC 2 leaves it: ``.dvc/cache/ab/cdef…``, digests of text without CR."""
    git(root, "init", "-q")
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text("")
    (root / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    for place, files in folders.items():
        rows = []
        for name, content in sorted(files.items()):
            md5 = hashlib.md5(_hashed_by_dvc_2(content)).hexdigest()
            _keep(root, md5, content)
            rows.append({"md5": md5, "relpath": name})
        listing = json.dumps(rows, sort_keys=True).encode()
        md5 = hashlib.md5(listing).hexdigest() + ".dir"
        _keep(root, md5, listing)
        size = sum(map(len, files.values()))
        text = f"outs:\n- md5: {md5}\n  size: {size}\n  nfiles: {len(files)}\n  path: {place}\n"
        (root / f"{place}.dvc").write_text(text)


def _hashed_by_dvc_2(content: bytes) -> bytes:
    return content if b"\x00" in content else content.replace(b"\r\n", b"\n")


def _keep(root: Path, md5: str, content: bytes) -> None:
    path = root / ".dvc" / "cache" / md5[:2] / md5[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(content)
        path.chmod(0o444)
