"""Locks, leases and children: whatever dies, nothing is left held or running."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from millwright.kernel import leases
from millwright.kernel.errors import Conflict
from millwright.kernel.locks import exclusive
from millwright.kernel.process import spawn, stop
from millwright.kernel.store import Store

pytestmark = pytest.mark.core

HOLDER = """
import sys
from pathlib import Path
from millwright.kernel.locks import exclusive

with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
PARENT = """
import sys
from pathlib import Path
from millwright.kernel.process import spawn

child = spawn(["-c", sys.argv[1]], log=Path(sys.argv[2]))
print(child.pid, flush=True)
sys.stdin.read()
"""
CHILD = """
import signal
from millwright.kernel.process import watch_lifeline

watch_lifeline()
print("ready", flush=True)
signal.pause()
"""


def test_a_lock_is_held_by_one_process_and_freed_when_it_is_killed(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    with (
        pytest.raises(Conflict, match="The demo is running already"),
        exclusive(lock, wait=False, busy="The demo is running already."),
    ):
        pass
    child.kill()
    child.wait()
    with exclusive(lock, wait=False):
        pass


def test_a_lease_has_one_holder_until_it_is_given_back_or_runs_out(store: Store) -> None:
    assert leases.acquire(store, "leader", "a", seconds=60)
    assert leases.acquire(store, "leader", "a", seconds=60)
    assert not leases.acquire(store, "leader", "b", seconds=60)
    leases.release(store, "leader", "b")
    assert not leases.acquire(store, "leader", "b", seconds=60)
    leases.release(store, "leader", "a")
    assert leases.acquire(store, "leader", "b", seconds=-1)
    assert leases.acquire(store, "leader", "a", seconds=60)


def test_of_many_that_want_a_lease_at_once_one_gets_it(store: Store) -> None:
    won: list[str] = []

    def want(owner: str) -> None:
        if leases.acquire(store, "leader", owner, seconds=60):
            won.append(owner)

    threads = [threading.Thread(target=want, args=(f"owner-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD, str(tmp_path / "child.log")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    gone, alive = psutil.wait_procs([child], timeout=15)
    assert gone or alive[0].status() == psutil.STATUS_ZOMBIE


STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True: time.sleep(60)
"""


def test_a_child_that_ignores_the_request_is_ended_after_the_grace(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    child = spawn(["-c", STUBBORN], log=log)
    while "ready" not in (log.read_text() if log.exists() else ""):
        assert child.poll() is None
    assert stop(child, grace_seconds=0.2) == -9
