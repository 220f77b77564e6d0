"""What DVC's files need of git: finding its root, reading trees and files of any revision."""

from __future__ import annotations

import os
from collections.abc import Iterable

from millwright.kernel.errors import InvalidInput, NotFound

_SAFE = (
    "-c",
    "core.fsmonitor=false",
    "-c",
    "log.showSignature=false",
    "-c",
    "core.quotePath=false",
)
"""A repository's configuration may name programs for these; somebody else's is not to be run."""


def root_of(path: str) -> str | None:
    """The working tree that a path lies in, None where there is none."""
    folder = path
    while not os.path.exists(f"{folder}/.git"):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder


def run(root: str, *arguments: str, given: bytes | None = None, check: bool = True) -> bytes:
    """What a git command prints.

    Raises:
        InvalidInput: git is missing or refuses; its own words are the message.
    """
    import subprocess  # most commands need no git

    try:
        done = subprocess.run(
            ["git", *_SAFE, *arguments],
            cwd=root,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            check=False,
            close_fds=False,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise NotFound("dvc.git", "git is not installed.", hint="Install git.") from None
    if check and done.returncode:
        words = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise InvalidInput("dvc.git", f"git {arguments[0]}: {words or 'failed'}.")
    return done.stdout


def has_commits(root: str) -> bool:
    """Whether HEAD is a commit."""
    return bool(run(root, "rev-parse", "-q", "--verify", "HEAD", check=False))


def resolve(root: str, revision: str) -> str:
    """The commit a revision names.

    Raises:
        NotFound: there is none.
    """
    if revision.startswith("-") or "\x00" in revision:
        raise InvalidInput("dvc.revision", f"{revision!r} is no revision.", value=revision)
    found = run(root, "rev-parse", "-q", "--verify", f"{revision}^{{commit}}", check=False)
    if not found:
        raise NotFound(
            "dvc.revision",
            f"There is no revision {revision!r}.",
            hint="See them: `git log --all --oneline`.",
            value=revision,
        )
    return found.decode().strip()


def tree(root: str, revision: str, below: str = "") -> dict[str, tuple[str, str]]:
    """Every file of a revision: path → (mode, blob id)."""
    pathspec = ["--", below] if below else []
    listing = run(root, "ls-tree", "-r", "-z", "--full-tree", revision, *pathspec)
    files = {}
    for row in listing.split(b"\x00"):
        if row:
            head, _, path = row.partition(b"\t")
            mode, _, blob = head.decode().split(" ")
            files[os.fsdecode(path)] = (mode, blob)
    return files


def blobs(root: str, ids: Iterable[str]) -> dict[str, bytes]:
    """The bytes of blobs by id, all in one git process."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return {}
    answer = run(root, "cat-file", "--batch", given="".join(f"{i}\n" for i in wanted).encode())
    found: dict[str, bytes] = {}
    at = 0
    for blob in wanted:
        end = answer.index(b"\n", at)
        fields = answer[at:end].split()
        if fields[-1] == b"missing":
            at = end + 1
            continue
        size = int(fields[2])
        found[blob] = answer[end + 1 : end + 1 + size]
        at = end + 1 + size + 1
    return found
