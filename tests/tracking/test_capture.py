"""What a run keeps of its code and machine without being asked, seen from real scripts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from millwright.kernel.door import Door
from millwright.kernel.objects import digest_of
from millwright.kernel.workspace import Workspace
from millwright.tracking import Run, download_artifact, get_run, list_artifacts, list_runs
from millwright.tracking.api import start_run
from millwright.tracking.hardware import Gauges
from millwright.tracking.records import MetricPoint
from millwright.tracking.system_metrics import SystemMetrics

P = "shop"
SCRIPT = """\
import sys
import numpy
import millwright as mw
import helper
numpy.random.seed(11)
with mw.start_run(seed=3) as run:
    mw.log_metric("loss", helper.loss())
"""


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def code(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = workspace.root
    (root / "millwright.yaml").write_text(f"project: {P}\ndata: {{source: a.csv, target: y}}\n")
    (root / "jobs").mkdir()
    (root / "jobs/train.py").write_text(SCRIPT)
    (root / "jobs/helper.py").write_text("def loss():\n    return 0.5\n")
    (root / ".gitignore").write_text(".millwright/\n")
    monkeypatch.chdir(root)
    return root


def ran(code: Path, door: Door, *arguments: str) -> Run:
    done = subprocess.run(
        [sys.executable, "jobs/train.py", *arguments],
        cwd=code,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list_runs(door, P).runs[0]


def test_outside_git_the_script_and_its_modules_are_kept(code: Path, door: Door) -> None:
    run = ran(code, door, "--token", "abc", "--depth=3")
    assert run.code is not None
    assert run.code.detail is not None
    assert (run.code.commit, run.code.dirty) == (None, False)
    assert run.code.detail.entry_point == "train.py"
    assert run.code.detail.arguments == ("--token", "***", "--depth=3")
    assert run.code.detail.files == ("helper.py", "train.py")
    assert download_artifact(door, run.id, "code/files/train.py").decode() == SCRIPT


def test_in_git_the_commit_the_changes_and_what_is_in_no_commit_are_kept(
    code: Path, door: Door
) -> None:
    git(code, "init", "-q")
    git(code, "add", ".gitignore", "jobs/train.py")
    git(code, "commit", "-qm", "one")
    git(code, "remote", "add", "origin", "https://me:secret@example.org/shop.git")
    (code / "jobs/train.py").write_text(SCRIPT + "# changed\n")
    run = ran(code, door)
    assert run.code is not None
    assert run.code.detail is not None
    assert len(run.code.commit or "") == 40
    assert run.code.dirty
    assert run.code.detail.entry_point == "jobs/train.py"
    assert run.code.detail.remote == "https://example.org/shop.git"
    assert run.code.detail.files == ("jobs/helper.py",)
    patch = download_artifact(door, run.id, "code/uncommitted.patch")
    assert b"+# changed" in patch
    assert run.code.diff_digest == digest_of(patch)


def test_a_clean_commit_needs_nothing_beside_it(code: Path, door: Door) -> None:
    git(code, "init", "-q")
    git(code, "add", ".")
    git(code, "commit", "-qm", "one")
    run = ran(code, door)
    assert run.code is not None
    assert not run.code.dirty
    assert list_artifacts(door, run.id) == []


def test_machine_and_seeds_are_kept(code: Path, door: Door) -> None:
    run = ran(code, door)
    assert run.environment is not None
    assert run.environment.processor
    assert (run.environment.memory_bytes or 0) > 1 << 28
    assert run.environment.seeds["numpy"] == 11
    assert run.seed == 3


def test_the_use_of_the_machine_is_logged_beside_the_run(door: Door) -> None:
    with start_run(project=P, door=door, system_metrics=True) as run:
        run.log_metric("loss", 1.0)
    found = get_run(door, run.id).metrics
    wanted = {"system_memory_usage_megabytes", "disk_usage_percentage", "disk_available_megabytes"}
    assert {f"system/{name}" for name in wanted} <= set(found)
    assert 0 < found["system/system_memory_usage_percentage"] < 100


def test_a_child_does_not_log_the_machine_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLWRIGHT_SYSTEM_METRICS", "1")
    with start_run(project=P, door=door) as outer, start_run() as inner:
        pass
    assert any(key.startswith("system/") for key in get_run(door, outer.id).metrics)
    assert get_run(door, inner.id).metrics == {}


def test_the_processors_use_is_that_between_two_samples() -> None:
    seen: list[MetricPoint] = []
    metrics = SystemMetrics(seen.extend, every_seconds=0.05)
    while sum(p.key == "system/cpu_utilization_percentage" for p in seen) < 2:
        sum(range(1000))
    metrics.stop()
    values = [p.value for p in seen if p.key == "system/cpu_utilization_percentage"]
    assert all(0 <= value <= 100 for value in values)
    assert max(values) > 1
    steps = [p.step for p in seen if p.key == "system/disk_usage_percentage"]
    assert steps == list(range(len(steps)))


def test_a_sample_costs_a_few_milliseconds_at_most() -> None:
    import time

    gauges = Gauges()
    gauges.read()
    started = time.process_time()
    for _ in range(50):
        gauges.read()
    assert (time.process_time() - started) / 50 < 0.005
