"""Workers are processes that may be killed at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from millwright.kernel.door import connect
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.workspace import Workspace
from millwright.pipelines import PipelineClient, execute, find_pipeline, queue_run
from millwright.pipelines.ownership import is_gone, this_owner

FOLDER = Path(__file__).parent


def worker(run_id: str, workspace: Workspace, *more: str) -> subprocess.Popen[bytes]:
    arguments = [
        "--run",
        run_id,
        "--workspace",
        str(workspace.root),
        "--folder",
        str(FOLDER),
        *more,
    ]
    return subprocess.Popen(
        [sys.executable, "-m", "millwright.pipelines.worker", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def wait_for_call(folder: Path, name: str, process: subprocess.Popen[bytes]) -> None:
    """Until the step says that it runs; the process must live meanwhile."""
    calls = folder / "calls.txt"
    pause = threading.Event()
    while not (calls.exists() and name in calls.read_text()):
        assert process.poll() is None, process.stdout and process.stdout.read().decode()
        pause.wait(0.02)


def called(folder: Path) -> list[str]:
    return [line.split()[0] for line in (folder / "calls.txt").read_text().splitlines()]


def test_a_killed_worker_is_continued_after_its_last_committed_step(
    workspace: Workspace, flows: ModuleType
) -> None:
    folder = workspace.root
    with connect(workspace) as door:
        run = queue_run(door, "p", flows.killable, {"folder": str(folder)})
        victim = worker(run.id, workspace)
        wait_for_call(folder, "slow", victim)
        with pytest.raises(Conflict, match="being executed"):
            execute(door, "p", run.id, folder=FOLDER)
        victim.send_signal(signal.SIGKILL)
        victim.wait()

        running = PipelineClient(door).get(run.id)
        assert [task.status for task in running.tasks] == ["succeeded", "running", "pending"]
        (folder / "gate").touch()
        rerun = worker(run.id, workspace)
        output, _ = rerun.communicate()
        assert rerun.returncode == 0, output.decode()
        done = PipelineClient(door).get(run.id)
    assert done.status == "succeeded"
    assert done.attempt == 2
    assert called(folder) == ["first", "slow", "slow", "last"]
    assert [task.attempt for task in done.tasks] == [1, 2, 1]


def test_a_worker_that_was_taken_over_stops_and_changes_nothing(
    workspace: Workspace, flows: ModuleType
) -> None:
    from millwright.pipelines.records import Claim

    folder = workspace.root
    with connect(workspace) as door:
        run = queue_run(door, "p", flows.killable, {"folder": str(folder)})
        stale = worker(run.id, workspace)
        wait_for_call(folder, "slow", stale)
        client = PipelineClient(door)
        holder = client.get(run.id).lease_owner
        client.claim(run.id, Claim(owner="new", replaces=holder))
        (folder / "gate").touch()
        output, _ = stale.communicate()
        assert stale.returncode == Conflict.exit_code
        assert "no longer this worker's" in output.decode()
        after = client.get(run.id)
    assert [task.status for task in after.tasks] == ["succeeded", "pending", "pending"]
    assert called(folder) == ["first", "slow"]


def test_an_owner_is_gone_when_its_process_is() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    machine = this_owner().rpartition("/")[0].rpartition("/")[0]
    stat = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    owner = f"{machine}/{process.pid}/{stat[19]}"
    assert not is_gone(owner)
    assert is_gone(f"{machine}/{process.pid}/1"), "the number belongs to a younger process"
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(owner), "a zombie has ended"
    process.communicate()
    assert is_gone(owner)


def test_a_file_with_one_pipeline_needs_no_name(tmp_path: Path) -> None:
    text = "import millwright as mw\n\n@mw.pipeline\ndef only() -> None:\n    return None\n"
    (tmp_path / "one_pipeline.py").write_text(text)
    assert find_pipeline(str(tmp_path / "one_pipeline.py")).name == "only"
    (tmp_path / "two_pipelines.py").write_text(
        text + text.split("\n", 2)[2].replace("only", "other")
    )
    target = str(tmp_path / "two_pipelines.py")
    with pytest.raises(InvalidInput, match="several pipelines: only, other"):
        find_pipeline(target)
    assert find_pipeline(f"{target}:other").name == "other"
    with pytest.raises(NotFound, match="Did you mean 'other'"):
        find_pipeline(f"{target}:othr")
    with pytest.raises(NotFound, match="no file"):
        find_pipeline(str(tmp_path / "absent.py"))
    (tmp_path / "no_pipeline.py").write_text("x = 1\n")
    with pytest.raises(NotFound, match="defines no pipeline"):
        find_pipeline(str(tmp_path / "no_pipeline.py"))
