"""Child processes that never outlive their parent.

The parent gives each child a pipe as standard input and never writes to it. When the parent ends,
however it ends, the pipe closes and the child sees it: no orphan survives a ``kill -9``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_FRUGAL = {
    "MALLOC_ARENA_MAX": "2",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""Several processes share one machine: memory that is freed goes back, waiting threads sleep."""


def spawn(
    arguments: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    inherit: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start ``python ARGUMENTS`` with a lifeline to this process, its output appended to ``log``.

    The child should call ``watch_lifeline`` early. It gets its own process group, so that Ctrl-C
    in the terminal reaches only the parent, which then ends its children in order. Of this
    process's open files it gets only those in ``inherit``, such as a bound socket.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={**_FRUGAL, **os.environ, **(environment or {})},
            start_new_session=True,
            pass_fds=inherit,
        )


def watch_lifeline(on_parent_gone: Callable[[], None] | None = None) -> None:
    """End this process when the parent that spawned it is gone.

    By default the process gets SIGTERM first, to finish cleanly, and is ended for good after ten
    seconds.
    """

    def wait() -> None:
        while os.read(0, 1024):
            pass
        if on_parent_gone is not None:
            on_parent_gone()
            return
        end_soon()

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def end_soon() -> None:
    """Ask this process to end in order, and end it for good should that take ten seconds."""
    reaper = threading.Timer(10, os._exit, args=(70,))
    reaper.daemon = True
    reaper.start()
    os.kill(os.getpid(), signal.SIGTERM)


def stop(process: subprocess.Popen[bytes], *, grace_seconds: float = 8.0) -> int:
    """End a child: SIGTERM, then SIGKILL to its whole group after the grace; its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                process.kill()
            process.wait()
    if process.stdin is not None:
        process.stdin.close()
    return process.returncode
