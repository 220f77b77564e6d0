"""What the tests of servers wait for and read."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for a condition; what is not met in time fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition not met in time"
        time.sleep(0.02)


def read_log(spool: Path) -> pa.Table:
    """The predictions that an inference server has written."""
    files = sorted(spool.glob("*.arrow"))
    return pa.concat_tables([pa.ipc.open_file(file).read_all() for file in files])
