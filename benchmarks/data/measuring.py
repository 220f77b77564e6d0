"""What a command costs: CPU seconds of the process and its children, wall seconds, bytes on disk."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What one run of a command took."""

    cpu: float
    wall: float

    def __str__(self) -> str:
        return f"{self.cpu:6.2f} CPU-s {self.wall:6.2f} s"


def cost(command: list[str], folder: Path, environment: dict[str, str]) -> Cost:
    """Run a command to its end; it has to succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return Cost(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall)


def bytes_on_disk(*folders: Path) -> int:
    """Bytes of blocks in use; a file with several names counts once."""
    used: dict[int, int] = {}
    for root in folders:
        for folder, _, names in os.walk(root):
            for name in names:
                found = (Path(folder) / name).lstat()
                if stat.S_ISREG(found.st_mode):
                    used[found.st_ino] = found.st_blocks * 512
    return sum(used.values())


def environment() -> dict[str, str]:
    """The environment of both programs: byte code is kept, as after any installation."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MILLWRIGHT_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {
        **kept,
        "DVC_NO_ANALYTICS": "1",
        "GIT_AUTHOR_NAME": "b", "GIT_AUTHOR_EMAIL": "b@b",
        "GIT_COMMITTER_NAME": "b", "GIT_COMMITTER_EMAIL": "b@b",
    }  # fmt: skip
