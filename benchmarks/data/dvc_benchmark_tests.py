"""DVC's own command-line benchmark tests, run with one program or another.

The tests are those in the wheel (``dvc.testing.benchmarks``), unchanged; what they read from the
internet is made by ``dvc_inputs`` instead.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dvc_inputs import environment

WALL, CPU = "time.perf_counter", "children_timer.cpu_of_children"
NEEDS_GITHUB = "test_exp_show"
"""Its ``exp pull`` goes through DVC's git library, which has no way to a copy of the project."""


@dataclass(frozen=True)
class Outcome:
    """How a run of the tests went.

    Attributes:
        code: pytest's exit code, 0 where all passed.
        text: what it printed.
        seconds: per timing, the best of its rounds.
    """

    code: int
    text: str
    seconds: dict[str, float]


def run_tests(
    python: str,
    program: str,
    inputs: dict[str, Path],
    folder: Path,
    *,
    data_set: str = "small",
    chosen: str = "",
    timer: str = WALL,
) -> Outcome:
    """Run the tests.

    Args:
        python: the interpreter of the environment that DVC is installed in.
        program: what is measured, as ``--dvc-bin``.
        inputs: what ``dvc_inputs.make`` made.
        folder: an empty folder for temporary files and the result.
        data_set: which of the data sets.
        chosen: pytest's ``-k``.
        timer: what is measured, ``WALL`` or ``CPU``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\n")
    result = folder / "result.json"
    done = subprocess.run(
        [
            python, "-m", "pytest", "-q", "-c", "pytest.ini", "--rootdir", ".",
            "-p", "no:cacheprovider", "-p", "dvc.testing.plugin",
            "--pyargs", "dvc.testing.benchmarks",
            "--dvc-bin", program, "--dataset", data_set,
            "--dvc-bench-repo", str(inputs["bench_repo"]),
            "--project-repo", str(inputs["example"]),
            "--basetemp", str(folder / "tmp"),
            "--benchmark-json", str(result), "--benchmark-timer", timer,
            *(["-k", chosen] if chosen else []),
        ],
        cwd=folder,
        env=environment(inputs["gitconfig"]) | {"PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    seconds = {}
    if result.exists() and result.stat().st_size:
        for row in json.loads(result.read_text())["benchmarks"]:
            seconds[row["name"].removesuffix("[None]")] = row["stats"]["min"]
    return Outcome(done.returncode, done.stdout + done.stderr, seconds)
