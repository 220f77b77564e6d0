"""One large file in Millwright, DVC and hf-xet: add, push, edit, add and push again, pull.

    python benchmarks/data/large.py [--mib 1024] [--folder FOLDER]

Random bytes; the edit overwrites 1 % in 20 places and inserts 1,000 bytes at 10 %. Each program works
on a copy of the same file, one after the other, in one run; CPU seconds are of whole processes with
their children. hf-xet keeps nothing of its own, so its upload stands beside both adding and pushing.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from files import Program, Xet, aside, begin, dvc, hf_xet, millwright
from measuring import Cost, bytes_on_disk, cost, environment
from objects import edit

NAME = "large.bin"
GIB = 1 << 30
# CPU seconds for each GiB, at the most, and what may be stored and pushed for the edit.
MOST_ADD, MOST_AGAIN, MOST_NEW = 2.0, 1.0, 0.013


def make(path: Path, mib: int) -> None:
    """Random bytes."""
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(1 << 20))


def versioned(program: Program, place: Path, source: Path, edited: Path) -> dict[str, float]:
    """What Millwright or DVC takes, in CPU seconds and bytes."""
    repository, remote, around = place / "repository", place / "remote", environment()
    repository.mkdir()
    begin(program, repository, around)

    def run(command: list[str]) -> float:
        return cost(command, repository, around).cpu

    data, state = repository / "d", repository / program.state
    data.mkdir()
    shutil.copyfile(source, data / NAME)
    os.sync()
    for command in program.remote:
        run(command)
    found = {"add": run(program.add), "push": run(program.push)}
    stored, pushed = bytes_on_disk(data, state), bytes_on_disk(remote)
    found["disk after add"] = stored / source.stat().st_size
    if program.unprotect:
        found["unprotect"] = run(program.unprotect)
    stored = bytes_on_disk(state)
    with edited.open("rb") as new, (data / NAME).open("wb") as file:
        shutil.copyfileobj(new, file, 1 << 20)
    found["add again"] = run(program.add)
    found["stored again"] = (bytes_on_disk(state) - stored) / source.stat().st_size
    found["push again"] = run(program.push)
    found["pushed again"] = (bytes_on_disk(remote) - pushed) / source.stat().st_size
    aside(place, data, *(repository / part for part in program.cache))
    found["pull"] = run(program.pull)
    assert filecmp.cmp(edited, data / NAME, shallow=False)
    return found


def transferred(xet: Xet, place: Path, source: Path, edited: Path) -> dict[str, float]:
    """What hf-xet takes to upload, again after the edit, and to download."""
    target, around = place / NAME, environment()

    def run(command: list[str]) -> Cost:
        return cost(command, place, around)

    shutil.copyfile(source, target)
    found = {"push": run(xet.upload(target)).cpu}
    pushed = bytes_on_disk(xet.remote)
    shutil.copyfile(edited, target)
    found["push again"] = run(xet.upload(target)).cpu
    found["pushed again"] = (bytes_on_disk(xet.remote) - pushed) / source.stat().st_size
    target.unlink()
    found["pull"] = run(xet.download()).cpu
    assert filecmp.cmp(edited, target, shallow=False)
    return found


def judged(found: dict[str, dict[str, float]], size: int) -> list[str]:
    """Which bars were missed."""
    ours, scale = found["millwright"], size / GIB
    bars = {
        "add": MOST_ADD * scale,
        "add again": MOST_AGAIN * scale,
        "stored again": MOST_NEW,
        "pushed again": MOST_NEW,
    }
    return [f"{name} {ours[name]:.4f} > {bar}" for name, bar in bars.items() if ours[name] > bar]


def main() -> int:
    """Measure and print; 0 if every bar was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--folder", type=Path, default=None, help="where to work; needs 7 x mib")
    given = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        place = Path(name)
        source, edited = place / "source", place / "edited"
        make(source, given.mib)
        shutil.copyfile(source, edited)
        edit(edited)
        for program in (millwright, dvc, hf_xet):
            at = place / program.__name__
            (at / "remote").mkdir(parents=True)
            made = program(at / "remote")
            if isinstance(made, Xet):
                found[made.name] = transferred(made, at, source, edited)
            else:
                found[made.name] = versioned(made, at, source, edited)
            print(made.name, json.dumps(found[made.name], indent=2), flush=True)
            subprocess.run(["chattr", "-R", "-i", str(at)], check=False, capture_output=True)
            shutil.rmtree(at)
    missed = judged(found, given.mib << 20)
    print("missed: " + ", ".join(missed) if missed else "every bar was met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
