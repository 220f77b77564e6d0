"""Millwright, DVC and hf-xet on the same 20,000 files of 4 KiB: add, status, change, push, pull.

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
import time
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


@dataclass(frozen=True)
class Xet:
    """hf-xet, which sends and brings files and keeps nothing beside them."""

    name: str
    python: str
    remote: Path

    def upload(self, path: Path) -> list[str]:
        """The command that sends a file or a folder."""
        return [*self._command("upload"), str(path)]

    def download(self) -> list[str]:
        """The command that brings back what was sent last."""
        return self._command("download")

    def _command(self, act: str) -> list[str]:
        program = Path(__file__).with_name("xet_transfer.py")
        return [self.python, str(program), act, str(self.remote), f"{self.remote}.json"]


def hf_xet(remote: Path) -> Xet:
    """hf-xet, from its own environment."""
    return Xet(name="hf-xet", python=peer("hf-xet"), remote=remote)


def peer(name: str) -> str:
    """The Python of a peer's environment, which is made where it is missing."""
    made = subprocess.run(
        [str(ROOT / "ci" / "peer"), name], capture_output=True, text=True, check=True
    )
    return made.stdout.strip()


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
    command = str(Path(peer("dvc")).parent / "dvc")
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


def begin(program: Program, repository: Path, around: dict[str, str]) -> None:
    """Make a folder a repository of the program's."""
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    if program.name == "dvc":
        subprocess.run([program.add[0], "init", "-q"], cwd=repository, env=around, check=True)
    else:
        (repository / ".millwright").mkdir()
        (repository / ".millwright" / "project").write_text("bench\n")


def measure(
    program: Program, repository: Path, source: Path, remote: Path, *, with_remote: bool
) -> tuple[dict[str, Cost], dict[str, int]]:
    """All operations of one program, in order."""
    around = environment()
    begin(program, repository, around)

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
    aside(repository.parent, repository / "d")
    found["checkout"] = run(program.checkout)
    assert same(source, repository / "d") > 0.99
    if with_remote:
        for command in program.remote:
            run(command)
        found["push"] = run(program.push)
        found["push nothing"] = least(lambda: run(program.push), STATUS_ROUNDS)
        sizes["remote objects"] = sum(len(names) for _, _, names in os.walk(remote))
        aside(repository.parent, repository / "d", *(repository / part for part in program.cache))
        found["pull"] = run(program.pull)
        assert same(source, repository / "d") > 0.99
    return found, sizes


def transferred(xet: Xet, place: Path, source: Path) -> dict[str, Cost]:
    """What hf-xet takes for what the others do with a remote; ``push`` is adding, too."""
    around, folder = environment(), place / "d"
    shutil.copytree(source, folder)
    os.sync()

    def run(command: list[str]) -> Cost:
        return cost(command, place, around)

    found = {"add and push": run(xet.upload(folder))}
    found["both again"] = least(lambda: run(xet.upload(folder)), STATUS_ROUNDS)
    aside(place.parent, folder)
    found["pull"] = run(xet.download())
    assert same(source, folder) == 1.0
    return found


def least(run: Callable[[], Cost], rounds: int) -> Cost:
    """The cheapest of several rounds."""
    return min((run() for _ in range(rounds)), key=lambda cost: cost.cpu)


def aside(place: Path, *folders: Path) -> None:
    """Take folders away to a place outside of any repository, without deleting them.

    ext4 passes by the inodes that were freed in the last minutes one by one, so each file that is made
    after a deletion costs up to 0.3 ms more, in whatever program.
    """
    for folder in folders:
        folder.rename(place / f"aside-{time.monotonic_ns()}")


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
    if with_remote:
        xet = hf_xet(place / "hf_xet-remote")
        for folder in (place / "hf_xet", xet.remote):
            folder.mkdir()
        beside(transferred(xet, place / "hf_xet", source), ours[0], xet.remote)


def beside(theirs: dict[str, Cost], ours: dict[str, Cost], remote: Path) -> None:
    """Print what hf-xet took beside the same of Millwright."""
    same_of_ours = {
        "add and push": ours["add"].cpu + ours["push"].cpu,
        "both again": ours["status"].cpu + ours["push nothing"].cpu,
        "pull": ours["pull"].cpu,
    }
    print(f"\n{'':14} {'millwright':>12} {'hf-xet':>26}")
    for name, other in theirs.items():
        mine = same_of_ours[name]
        print(f"{name:14} {mine:6.2f} CPU-s {other!s:>26} {other.cpu / mine:9.1f}×")
    print(f"remote objects of hf-xet: {sum(len(names) for _, _, names in os.walk(remote))}")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--local"]
    wanted = int(words[0]) if words else 20_000
    far = "--local" not in sys.argv
    if len(words) > 1:
        main(wanted, Path(words[1]), with_remote=far)
    else:
        with tempfile.TemporaryDirectory() as folder:
            try:
                main(wanted, Path(folder), with_remote=far)
            finally:
                subprocess.run(["chattr", "-R", "-i", folder], check=False, capture_output=True)
