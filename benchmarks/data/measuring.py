"""What a command costs: CPU and wall seconds and memory of the process, bytes on disk."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What one run of a command took."""

    cpu: float
    wall: float
    peak_mb: float = 0.0
    """Most memory of the process itself."""

    def __str__(self) -> str:
        return f"{self.cpu:6.2f} CPU-s {self.wall:6.2f} s"


def cost(command: list[str], folder: Path, environment: dict[str, str]) -> Cost:
    """Run a command to its end; it has to succeed."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=told, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        if process.returncode != 0:
            told.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed:\n{told.read()}")
    return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1000)


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
