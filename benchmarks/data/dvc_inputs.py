"""What DVC's own command-line benchmark tests need, made here instead of fetched from the internet.

`make(place, dvc)` builds three things under a folder with the `dvc` given to it:

- ``dvc-bench``: the repository of data sets the tests copy from (``data/NAME/dataset[.dvc]``);
- ``example``: a project with stages, parameters, metrics, plots and saved experiments;
- ``gitconfig``: sends git to that project where a test names its address on GitHub.
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

EXAMPLE_URL = "https://github.com/iterative/example-get-started"
SIZES = {"tiny": 10, "small": 1_000, "many": 10_000}

_DVC_YAML = """\
stages:
  prepare:
    cmd: python3 src/prepare.py
    deps:
    - data/data.csv
    - src/prepare.py
    params:
    - prepare.seed
    - prepare.split
    outs:
    - data/prepared
  train:
    cmd: python3 src/train.py
    deps:
    - data/prepared
    - src/train.py
    params:
    - train.rate
    - train.rounds
    outs:
    - model.txt
metrics:
- eval/metrics.json
plots:
- ROC:
    template: simple
    x: fpr
    y:
      eval/roc.json: tpr
- eval/loss.csv:
    x: round
    y: loss
"""
_PARAMS = """\
prepare:
  seed: 20170428
  split: 0.2
train:
  rate: 0.1
  rounds: 40
"""
_PREPARE = """\
import pathlib, random
rows = pathlib.Path("data/data.csv").read_text().splitlines()
random.Random(20170428).shuffle(rows)
out = pathlib.Path("data/prepared"); out.mkdir(parents=True, exist_ok=True)
cut = len(rows) // 5
(out / "test.csv").write_text("\\n".join(rows[:cut]))
(out / "train.csv").write_text("\\n".join(rows[cut:]))
"""
_TRAIN = """\
import json, pathlib, re
text = pathlib.Path("params.yaml").read_text()
rate = float(re.search(r"rate: (.*)", text)[1]); rounds = int(re.search(r"rounds: (.*)", text)[1])
pathlib.Path("model.txt").write_text(f"{rate} {rounds}\\n")
out = pathlib.Path("eval"); out.mkdir(exist_ok=True)
loss = [1 / (1 + rate * i) for i in range(rounds)]
(out / "loss.csv").write_text("round,loss\\n" + "".join(f"{i},{x}\\n" for i, x in enumerate(loss)))
(out / "metrics.json").write_text(json.dumps({"loss": loss[-1], "auc": {"test": 1 - loss[-1] / 2}}))
roc = [{"fpr": i / 50, "tpr": (i / 50) ** loss[-1]} for i in range(51)]
(out / "roc.json").write_text(json.dumps({"roc": roc}))
"""


def make(place: Path, dvc: str, sizes: dict[str, int] = SIZES) -> dict[str, Path]:
    """The three things, under a folder that does not exist yet."""
    place.mkdir(parents=True)
    config = place / "gitconfig"
    config.write_text(
        "[user]\n\tname = A Person\n\temail = person@example.com\n"
        "[init]\n\tdefaultBranch = main\n"
        f'[url "{place / "example"}"]\n\tinsteadOf = {EXAMPLE_URL}\n'
    )
    steps = Steps(dvc, config)
    _data_sets(place, steps, sizes)
    _example(place, steps)
    return {
        "bench_repo": place / "dvc-bench",
        "example": place / "example",
        "gitconfig": config,
    }


class Steps:
    """Commands run one after the other, each of which must succeed."""

    def __init__(self, dvc: str, gitconfig: Path) -> None:
        self._dvc = dvc
        self.environment = environment(gitconfig)

    def dvc(self, where: Path, *arguments: str) -> None:
        """One `dvc` command."""
        self._run(where, self._dvc, *arguments)

    def git(self, where: Path, *arguments: str) -> None:
        """One `git` command."""
        self._run(where, "git", *arguments)

    def _run(self, where: Path, *command: str) -> None:
        done = subprocess.run(
            command, cwd=where, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")


def environment(gitconfig: Path) -> dict[str, str]:
    """The environment for git and DVC: this configuration, no analytics, nobody's home."""
    # A worker of pytest-xdist says so in its environment, and pytest-benchmark then measures nothing.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return kept | {
        "GIT_CONFIG_GLOBAL": str(gitconfig),
        "GIT_CONFIG_NOSYSTEM": "1",
        "DVC_NO_ANALYTICS": "1",
        "DVC_TEST": "1",
    }


def _data_sets(place: Path, steps: Steps, sizes: dict[str, int]) -> None:
    root = place / "dvc-bench"
    root.mkdir()
    source = random.Random(4231)
    for name, files in sizes.items():
        for number in range(files):
            part = "train" if number % 6 else "test"
            path = root / "data" / name / "dataset" / part / str(number % 10) / f"{number:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.randbytes(source.randint(150, 900)))
    steps.git(root, "init", "-q")
    steps.dvc(root, "init", "-q")
    steps.dvc(root, "remote", "add", "-q", "-d", "storage", str(place / "dvc-bench-remote"))
    for name in sizes:
        steps.dvc(root, "add", "-q", f"data/{name}/dataset")
    steps.dvc(root, "push", "-q")
    steps.git(root, "add", "-A")
    steps.git(root, "commit", "-q", "-m", "Data sets")


def _example(place: Path, steps: Steps) -> None:
    root = place / "example"
    (root / "src").mkdir(parents=True)
    (root / "data").mkdir()
    source = random.Random(1)
    rows = "".join(f"{i},{source.random()},{source.randint(0, 1)}\n" for i in range(500))
    (root / "data" / "data.csv").write_text(rows)
    (root / "src" / "prepare.py").write_text(_PREPARE)
    (root / "src" / "train.py").write_text(_TRAIN)
    (root / "dvc.yaml").write_text(_DVC_YAML)
    (root / "params.yaml").write_text(_PARAMS)
    steps.git(root, "init", "-q")
    steps.dvc(root, "init", "-q")
    steps.dvc(root, "remote", "add", "-q", "-d", "storage", str(place / "example-remote"))
    steps.dvc(root, "add", "-q", "data/data.csv")
    steps.dvc(root, "repro", "-q")
    steps.git(root, "add", "-A")
    steps.git(root, "commit", "-q", "-m", "A first model")
    steps.git(root, "tag", "first")
    (root / "params.yaml").write_text(_PARAMS.replace("rounds: 40", "rounds: 60"))
    steps.dvc(root, "repro", "-q")
    steps.git(root, "commit", "-q", "-a", "-m", "More rounds")
    for rate in ("0.2", "0.3"):
        steps.dvc(root, "exp", "run", "-q", "-S", f"train.rate={rate}")
    steps.git(root, "checkout", "-q", "--force", "HEAD")
    steps.dvc(root, "checkout", "-q", "--force")
    steps.dvc(root, "push", "-q")
