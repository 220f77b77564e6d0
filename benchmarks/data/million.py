"""A version of 1,000,000 files: how long a diff and a switch of versions take when 100 differ.

    python benchmarks/data/million.py [FILES] [FOLDER] [STEP …]

The steps are `make`, `add`, `change`, `switch`, `push` (with `fsck` and `gc`) and `pull`, all of them
by default; a folder that is given is kept, so that each can be a process of its own.
Files hold a few bytes each, a thousand to a folder, so that what is measured is the count. The first
version is kept, 100 files anywhere are changed and kept as the second; then the working copy goes
back and forth. CPU seconds, wall seconds and most memory of the whole process `mw`, start-up included; the diff
is also measured inside of one process, as the server does it, with nothing read before.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from measuring import Cost, cost, environment

from millwright.data import trees
from millwright.data.tree_store import TreeStore
from millwright.kernel.objects import ObjectStore

MW = str(Path(sys.executable).parent / "mw")
STEPS = ("make", "add", "change", "switch", "push", "pull")
CHANGED = 100
ROUNDS = 3
MOST_SWITCH_S = 1.0
MOST_DIFF_S = 0.05


def make_files(folder: Path, count: int) -> None:
    """``count`` small files."""
    for start in range(0, count, 1000):
        below = folder / f"{start // 1000:04d}"
        below.mkdir(parents=True)
        for number in range(start, min(start + 1000, count)):
            (below / f"{number:07d}").write_text(f"file {number}\n")


def change_some(folder: Path, count: int) -> None:
    """Other bytes for files anywhere."""
    for number in random.Random(5).sample(range(count), CHANGED):
        path = folder / f"{number // 1000:04d}" / f"{number:07d}"
        temporary = path.with_suffix(".new")
        temporary.write_text(f"changed {number}\n")
        temporary.replace(path)


def main(count: int, place: Path, steps: Sequence[str] = STEPS) -> None:
    """Run and print."""
    # Permission bits protect well enough here, and files can be replaced by root as by anybody.
    around = {**environment(), "MILLWRIGHT_PROTECT": "mode"}

    def run(*words: str) -> Cost:
        spent = cost([MW, "data", *words], place, around)
        print(f"{' '.join(words[:3]):24} {spent} {spent.peak_mb:6.0f} MB", flush=True)
        return spent

    if "make" in steps:
        (place / ".millwright").mkdir(parents=True)
        (place / ".millwright" / "project").write_text("bench\n")
        make_files(place / "d", count)
        print(f"{count:,} files", flush=True)
    if "add" in steps:
        run("add", "d")
        run("status")
    if "change" in steps:
        change_some(place / "d", count)
        run("add", "d", "-m", "second")
    if "switch" in steps:
        switches = [run("checkout", f"d@{version}") for _ in range(ROUNDS) for version in (1, 2)]
        run("diff", "d@1", "d@2", "--json")
        best = min(diff_once(place) for _ in range(ROUNDS))
        print(f"diff in one process: {best[0] * 1000:.0f} ms CPU, {best[1] * 1000:.0f} ms wall")
        switch = min(spent.cpu for spent in switches)
        print(f"switch ≤ {MOST_SWITCH_S} s: {'within' if switch <= MOST_SWITCH_S else 'OVER'}")
        print(f"diff ≤ {MOST_DIFF_S * 1000:.0f} ms: {_verdict(best[0])}")

    if "push" in steps:
        (place / "remote").mkdir()
        run("remote", "add", "origin", str(place / "remote"))
        run("push")
        run("push")
        run("fsck")
        run("gc")
    if "pull" in steps:
        shutil.rmtree(place / "d")
        shutil.rmtree(place / ".millwright" / "objects")
        run("pull")


def _verdict(seconds: float) -> str:
    return "within" if seconds <= MOST_DIFF_S else "OVER"


def diff_once(place: Path) -> tuple[float, float]:
    """CPU and wall seconds of a diff in a store just opened."""
    from millwright.data.working.journal import Journal

    second, first = Journal(place / ".millwright").versions("bench", "d")
    nodes = TreeStore(ObjectStore(place / ".millwright" / "objects").of("bench"))
    cpu, wall = time.process_time(), time.perf_counter()
    found = trees.diff(nodes, bytes.fromhex(first.digest), bytes.fromhex(second.digest))
    assert len(found) == CHANGED
    return time.process_time() - cpu, time.perf_counter() - wall


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    if len(sys.argv) > 2:
        main(wanted, Path(sys.argv[2]), sys.argv[3:] or STEPS)
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(wanted, Path(folder))
