"""Millwright and DVC on the same 20,000 files of 4 KiB: add, status, change, add again, check out.

    python benchmarks/data/files.py [--local] [FILES] [FOLDER]

Each program works in a git repository of its own on a copy of the same files, one after the other,
in one run. CPU seconds count the whole process with its children, start-up included; they come
first since wall time on shared machines says little. DVC is the newest release, as it is installed
(`ci/peer dvc`); its version says so below, as does the number of rounds, of which the least counts.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from measuring import Cost, bytes_on_disk, cost, environment

ROOT = Path(__file__).resolve().parents[2]
MW = str(Path(sys.executable).parent / "mw")
CHANGED = 0.005
STATUS_ROUNDS = 3
# Operation: the most CPU seconds, and how many times less than DVC (0: no bar).
BARS = {
    "start": (0.15, 0.0),
    "add": (1.5, 6.0),
    "status": (0.3, 0.0),
    "add again": (0.4, 0.0),
    "checkout": (0.0, 5.0),
    "push": (0.0, 10.0),
    "push nothing": (0.2, 0.0),
    "pull": (0.0, 5.0),
}


@dataclass(frozen=True)
class Program:
    """How the same things are asked of one program."""

    name: str
    start: list[str]
    add: list[str]
    status: list[str]
    unprotect: list[str] | None
    commit: list[list[str]]
    checkout: list[str]
    remote: list[list[str]]
    push: list[str]
    pull: list[str]
    state: str
    cache: tuple[str, ...]
    """What is removed to check out, or pull, from nothing."""


def millwright(remote: Path) -> Program:
    """Millwright."""
    return Program(
        name="millwright",
        start=[MW, "data", "status"],
        add=[MW, "data", "add", "d"],
        status=[MW, "data", "status"],
        unprotect=[MW, "data", "unprotect", "d"],
        commit=[["git", "add", "-A"], ["git", "commit", "-qm", "x"]],
        checkout=[MW, "data", "checkout"],
        remote=[[MW, "data", "remote", "add", "origin", str(remote)]],
        push=[MW, "data", "push"],
        pull=[MW, "data", "pull"],
        state=".millwright",
        cache=(".millwright/objects",),
    )


def dvc(remote: Path) -> Program:
    """DVC, from its own environment."""
    python = subprocess.run(
        [str(ROOT / "ci" / "peer"), "dvc"], capture_output=True, text=True, check=True
    ).stdout.strip()
    command = str(Path(python).parent / "dvc")
    return Program(
        name="dvc",
        start=[command, "version"],
        add=[command, "add", "-q", "d"],
        status=[command, "status", "-q"],
        unprotect=None,
        commit=[["git", "add", "-A"], ["git", "commit", "-qm", "x"]],
        checkout=[command, "checkout", "-q"],
        remote=[[command, "remote", "add", "-q", "-d", "origin", str(remote)]],
        push=[command, "push", "-q"],
        pull=[command, "pull", "-q"],
        state=".dvc",
        cache=(".dvc/cache",),
    )


def make_files(folder: Path, count: int) -> None:
    """Files of 4 KiB that nothing compresses, a thousand to a folder."""
    fixed = random.Random(7)
    for number in range(count):
        path = folder / f"{number // 1000:02d}" / f"{number:06d}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(fixed.randbytes(4096))


def change_some(folder: Path) -> None:
    """Give every two hundredth file other bytes, as an editor does: a new file under the name."""
    fixed = random.Random(8)
    for number, path in enumerate(sorted(folder.rglob("*.bin"))):
        if number % round(1 / CHANGED) == 0:
            # What a person does with `mw data unprotect`, where root is held back too.
            subprocess.run(["chattr", "-i", str(path)], check=False, capture_output=True)
            temporary = path.with_suffix(".new")
            temporary.write_bytes(fixed.randbytes(4096))
            temporary.replace(path)


def measure(
    program: Program, repository: Path, source: Path, remote: Path, *, with_remote: bool
) -> tuple[dict[str, Cost], dict[str, int]]:
    """All operations of one program, in order."""
    around = environment()
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    if program.name == "dvc":
        dvc_command = program.add[0]
        subprocess.run([dvc_command, "init", "-q"], cwd=repository, env=around, check=True)
    else:
        (repository / ".millwright").mkdir()
        (repository / ".millwright" / "project").write_text("bench\n")

    def run(command: list[str]) -> Cost:
        return cost(command, repository, around)

    run(program.start)
    found = {"start": least(lambda: run(program.start), 5)}
    shutil.copytree(source, repository / "d")
    os.sync()
    data = bytes_on_disk(repository / "d")
    found["add"] = run(program.add)
    sizes = {"data": data, "after add": bytes_on_disk(repository / "d", repository / program.state)}
    found["status"] = least(lambda: run(program.status), STATUS_ROUNDS)
    for command in program.commit:
        run(command)
    change_some(repository / "d")
    found["add again"] = run(program.add)
    remove(repository / "d", program, run)
    found["checkout"] = run(program.checkout)
    assert same(source, repository / "d") > 0.99
    if with_remote:
        for command in program.remote:
            run(command)
        found["push"] = run(program.push)
        found["push nothing"] = least(lambda: run(program.push), STATUS_ROUNDS)
        sizes["remote objects"] = sum(len(names) for _, _, names in os.walk(remote))
        remove(repository / "d", program, run)
        for part in program.cache:
            subprocess.run(["chattr", "-R", "-i", str(repository / part)], check=False)
            shutil.rmtree(repository / part)
        found["pull"] = run(program.pull)
        assert same(source, repository / "d") > 0.99
    return found, sizes


def least(run: Callable[[], Cost], rounds: int) -> Cost:
    """The cheapest of several rounds."""
    return min((run() for _ in range(rounds)), key=lambda cost: cost.cpu)


def remove(folder: Path, program: Program, run: Callable[[list[str]], Cost]) -> None:
    """Remove the working files, whatever protects them."""
    if program.unprotect is not None:
        subprocess.run(["chattr", "-R", "-i", str(folder)], check=False, capture_output=True)
    shutil.rmtree(folder)


def same(source: Path, folder: Path) -> float:
    """The share of the files with the bytes that they had at first."""
    paths = sorted(source.rglob("*.bin"))
    equal = sum(
        path.read_bytes() == (folder / path.relative_to(source)).read_bytes() for path in paths
    )
    return equal / len(paths)


def main(count: int, place: Path, *, with_remote: bool) -> None:
    """Run and print."""
    source = place / "source"
    make_files(source, count)
    results = {}
    for make in (millwright, dvc):
        folder, remote = place / make.__name__, place / f"{make.__name__}-remote"
        folder.mkdir()
        remote.mkdir()
        program = make(remote)
        results[program.name] = measure(program, folder, source, remote, with_remote=with_remote)
    ours, theirs = results["millwright"], results["dvc"]
    print(f"{count:,} files of 4 KiB\n")
    print(f"{'':14} {'millwright':>26} {'dvc':>26} {'CPU ratio':>10}")
    for name, mine in ours[0].items():
        other = theirs[0].get(name)
        ratio = other.cpu / max(mine.cpu, 1e-3) if other else 0.0
        most, times = BARS[name]
        fine = (not most or mine.cpu <= most) and (not times or ratio >= times)
        bar = "  ".join(
            [*([f"≤ {most} CPU-s"] if most else []), *([f"≥ {times:.0f}×"] if times else [])]
        )
        verdict = "" if not bar else f"  {bar}: {'within' if fine else 'OVER'}"
        print(f"{name:14} {mine!s:>26} {other!s:>26} {ratio:9.1f}×{verdict}")
    for name in ours[1]:
        mine_size, other_size = ours[1][name], theirs[1].get(name, 0)
        print(f"{name:14} {mine_size:>26,} {other_size:>26,}")
    for name, (_, sizes) in results.items():
        share = sizes["after add"] / sizes["data"]
        print(f"{name}: {share:.3f} of the data's bytes on disk after adding")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--local"]
    wanted = int(words[0]) if words else 20_000
    far = "--local" not in sys.argv
    if len(words) > 1:
        main(wanted, Path(words[1]), with_remote=far)
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(wanted, Path(folder), with_remote=far)
