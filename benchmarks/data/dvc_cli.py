"""DVC's command-line benchmark tests with `dvc` and with `mw-dvc`, in one run.

    python benchmarks/data/dvc_cli.py [--data-set small] [--rounds 2] [--wall] [--only EXPRESSION]

Needs DVC in an environment of its own (`ci/peer dvc`). The two take turns, so that a busy machine
is busy for both; the best of the rounds counts. Nothing is removed before the end: ext4 passes by the
inodes of files that were just deleted one by one, which would be charged to whoever comes next. CPU
seconds of the program and its children are
measured (wall time with `--wall`). `exp show` is timed on a clone that has the
experiments already, since DVC's own test fetches them from GitHub.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from children_timer import cpu_of_children
from dvc_benchmark_tests import CPU, NEEDS_GITHUB, WALL, run_tests
from dvc_inputs import environment, make

WANTED = 3.0
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Print the table; exit 1 where a test fails or a timing is less than three times faster."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-set", default="small")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--wall", action="store_true")
    parser.add_argument("--only", default="", help="pytest's -k")
    options = parser.parse_args()
    python = str(ROOT / ".peers" / "dvc" / "bin" / "python")
    programs = {
        "dvc": str(Path(python).parent / "dvc"),
        "mw-dvc": str(Path(sys.executable).parent / "mw-dvc"),
    }
    with tempfile.TemporaryDirectory(prefix="mw-dvc-bench-") as folder:
        place = Path(folder)
        inputs = make(place / "inputs", programs["dvc"], {"tiny": 10, "small": 1_000})
        best: dict[str, dict[str, float]] = {name: {} for name in programs}
        timer = WALL if options.wall else CPU
        for number in range(options.rounds):
            for name, program in programs.items():
                chosen = f"({options.only or 'test'}) and not {NEEDS_GITHUB}"
                if name == "mw-dvc":
                    chosen = options.only
                outcome = run_tests(
                    python, program, inputs, place / f"{name}-{number}",
                    data_set=options.data_set, chosen=chosen, timer=timer,
                )  # fmt: skip
                print(f"{name}: {outcome.text.strip().splitlines()[-1]}", file=sys.stderr)
                if outcome.code:
                    sys.exit(outcome.text)
                timings = outcome.seconds
                if not options.only:
                    timings |= {"exp show": _exp_show(program, inputs, place, timer)}
                for timing, seconds in timings.items():
                    best[name][timing] = min(seconds, best[name].get(timing, seconds))
    _print(best, "wall" if options.wall else "CPU")
    worst = min(best["dvc"][each] / best["mw-dvc"][each] for each in best["dvc"])
    sys.exit(0 if worst >= WANTED else 1)


def _exp_show(program: str, inputs: dict[str, Path], place: Path, timer: str) -> float:
    clone = place / "clone"
    settings = environment(inputs["gitconfig"])
    if not clone.exists():
        subprocess.run(["git", "clone", "-q", inputs["example"], clone], check=True, env=settings)
        refs = "refs/exps/*:refs/exps/*"
        subprocess.run(["git", "fetch", "-q", "origin", refs], cwd=clone, check=True, env=settings)
    clock = time.perf_counter if timer == WALL else cpu_of_children
    start = clock()
    subprocess.run(
        [program, "exp", "show", "-A", "--no-pager"],
        cwd=clone,
        check=True,
        env=settings,
        stdout=subprocess.DEVNULL,
    )
    return clock() - start


def _print(best: dict[str, dict[str, float]], what: str) -> None:
    print(f"{os.cpu_count()} cores; {what} seconds, best of all rounds\n")
    print("| timing | dvc | mw-dvc | times faster |\n|---|---:|---:|---:|")
    rows = sorted(best["dvc"], key=lambda each: best["dvc"][each] / best["mw-dvc"][each])
    for each in rows:
        theirs, ours = best["dvc"][each], best["mw-dvc"][each]
        print(f"| {each} | {theirs:.3f} | {ours:.3f} | {theirs / ours:.1f} |")


if __name__ == "__main__":
    main()
