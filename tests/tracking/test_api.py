"""The Python API: buffered, nested, implicit, honest about failures."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from millwright.kernel.door import Door, connect
from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.workspace import Workspace
from millwright.tracking import download_artifact, get_run, list_artifacts, list_runs
from millwright.tracking.api import (
    active_run,
    log_artifact,
    log_metric,
    log_metrics,
    log_param,
    log_params,
    set_tag,
    start_run,
)

P = "own"


def test_a_run_records_where_it_ran_without_being_asked(door: Door) -> None:
    with start_run("first", "trial", project=P, seed=3, inputs=["d1"], door=door) as run:
        log_param("depth", 6)
        log_params({"rate": 0.1, "layers": (1, 2)})
        set_tag("team", "ops")
        log_metrics({"loss": 0.5, "auc": 0.7}, step=1)
        log_metric("loss", 0.25, step=2)
    read = get_run(door, run.id)
    assert (read.status, read.seed, read.inputs) == ("finished", 3, ("d1",))
    assert read.params == {"depth": 6, "rate": 0.1, "layers": "(1, 2)"}
    assert read.metrics == {"loss": 0.25, "auc": 0.7}
    assert read.tags == {"team": "ops"}
    assert read.command is not None
    assert read.environment is not None
    assert read.environment.digest is not None
    pins = door.fetch(P, read.environment.digest).decode().splitlines()
    names = [pin.partition("==")[0] for pin in pins]
    assert names == sorted(names)
    assert any(pin.startswith("pydantic==") for pin in pins)


def test_a_run_inside_a_run_is_its_child(door: Door) -> None:
    with start_run(project=P, door=door) as outer:
        with start_run() as inner:
            assert active_run() is inner
            assert inner.record.parent == outer.id
        assert active_run() is outer
        assert get_run(door, outer.id).status == "running"


def test_a_run_started_without_a_block_is_active_until_it_ends(door: Door) -> None:
    run = start_run(project=P, door=door)
    log_metric("m", 1.0)
    assert active_run() is run
    run.end()
    assert get_run(door, run.id).metrics == {"m": 1.0}
    with start_run(project=P, door=door) as other:
        assert other.record.parent is None


def test_a_thread_logs_to_the_run_it_was_started_in(door: Door) -> None:
    with start_run(project=P, door=door) as run:
        threads = [threading.Thread(target=log_metric, args=(f"m{i}", float(i))) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert get_run(door, run.id).metrics == {f"m{i}": float(i) for i in range(4)}


def test_files_folders_and_bytes_become_artifacts(door: Door, tmp_path: Path) -> None:
    (tmp_path / "plots" / "deep").mkdir(parents=True)
    (tmp_path / "plots" / "a.txt").write_text("a")
    (tmp_path / "plots" / "deep" / "b.txt").write_text("b")
    with start_run(project=P, door=door) as run:
        log_artifact(tmp_path / "plots")
        log_artifact(str(tmp_path / "plots" / "a.txt"))
        log_artifact(b"raw", "raw.bin")
        with pytest.raises(NotFound, match="no file"):
            log_artifact(tmp_path / "absent")
        with pytest.raises(InvalidInput, match="no name of their own"):
            log_artifact(b"x")
    listed = [artifact.name for artifact in list_artifacts(door, run.id)]
    names = [name for name in listed if not name.startswith("code/")]
    assert names == ["a.txt", "plots/a.txt", "plots/deep/b.txt", "raw.bin"]
    assert download_artifact(door, run.id, "plots/deep/b.txt") == b"b"


def test_a_value_that_is_no_number_is_refused_where_it_is_logged(door: Door) -> None:
    with (
        start_run(project=P, door=door),
        pytest.raises(InvalidInput, match="'loss' has the value 'low'"),
    ):
        log_metric("loss", "low")  # type: ignore[arg-type]


def test_an_interrupted_run_is_cancelled(door: Door) -> None:
    with pytest.raises(KeyboardInterrupt), start_run(project=P, door=door) as run:
        raise KeyboardInterrupt
    assert get_run(door, run.id).status == "cancelled"


SCRIPT = """
from millwright.tracking.api import log_metric, log_param
log_param("a", 1)
for step in range(50):
    log_metric("loss", 1 / (step + 1), step=step)
{end}
"""


@pytest.mark.parametrize(
    ("end", "status", "error", "text"),
    [
        ("", "finished", None, "project: own\n"),
        (
            "raise ValueError('bad')",
            "failed",
            "ValueError: bad",
            "project: own\ndata: {source: x.csv, target: y}\n",
        ),
    ],
    ids=["finished-without-main-job", "failed"],
)
def test_a_script_that_starts_no_run_gets_one(
    workspace: Workspace, end: str, status: str, error: str | None, text: str
) -> None:
    (workspace.root / "millwright.yaml").write_text(text)
    subprocess.run(
        [sys.executable, "-c", SCRIPT.format(end=end)],
        cwd=workspace.root,
        capture_output=True,
        check=not end,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
    )
    with connect(workspace) as door:
        (run,) = list_runs(door, "own").runs
        assert (run.status, run.error) == (status, error)
        assert run.metrics == {"loss": 1 / 50}
        assert [project["name"] for project in door.get("/projects")] == ["own"]
