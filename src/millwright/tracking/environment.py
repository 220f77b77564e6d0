"""What a run records without being asked: code version, environment, command line."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from millwright.kernel.objects import digest_of
from millwright.tracking.records import CodeVersion, RunEnvironment

_SECRET = re.compile(
    r"(token|secret|passw|api[-_]?key|credential|private[-_]?key|auth)", re.IGNORECASE
)
_URL_LOGIN = re.compile(r"(\w+://)[^/\s@]+@")
_GIT_SECONDS = 5


@functools.cache
def packages() -> str:
    """The installed packages as pinned requirements, one per line, sorted by name."""
    pins = {
        re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower(): found.version
        for found in importlib.metadata.distributions()
        if found.metadata["Name"]
    }
    return "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))


def run_environment(digest: str | None = None) -> RunEnvironment:
    """This process's Python, system and CPUs; ``digest`` is that of the stored package list."""
    return RunEnvironment(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cpus(),
        digest=digest,
    )


def code_version(folder: Path | None = None) -> CodeVersion | None:
    """The git commit of a folder and a digest of what is not committed; None outside git.

    Files git does not track are left out: results beside the code would make every run dirty.
    """
    where = folder or Path.cwd()
    status = _git(where, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if status is None:
        return None
    lines = status.decode(errors="replace").splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid")), None)
    if commit == "(initial)":
        return CodeVersion(dirty=True)
    dirty = any(not line.startswith("#") for line in lines)
    diff = _git(where, "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--binary")
    digest = digest_of(diff) if dirty and diff else None
    return CodeVersion(commit=commit, dirty=dirty, diff_digest=digest)


def command_line(arguments: Sequence[str] | None = None) -> str:
    """The command line with everything that looks like a secret replaced by ``***``.

    >>> command_line(["train.py", "--token", "abc", "--db=pg://me:pw@host/x", "--seed=1"])
    'train.py --token *** --db=pg://***@host/x --seed=1'
    """
    shown: list[str] = []
    hide_next = False
    for word in sys.argv if arguments is None else arguments:
        name, assigned, _ = word.partition("=")
        if hide_next and not word.startswith("-"):
            shown.append("***")
        elif assigned and _SECRET.search(name):
            shown.append(f"{name}=***")
        else:
            shown.append(_URL_LOGIN.sub(r"\1***@", word))
        hide_next = word.startswith("-") and not assigned and bool(_SECRET.search(name))
    return " ".join(shown)[:10_000]


def _git(folder: Path, *arguments: str) -> bytes | None:
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


def _cpus() -> int:
    return os.cpu_count() or 1
