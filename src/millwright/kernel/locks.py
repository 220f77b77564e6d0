"""Locks between processes on one machine, released by the kernel when their holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from millwright.kernel.errors import Conflict


@contextmanager
def exclusive(
    path: Path, *, wait: bool = True, busy: str = "Another process holds the lock."
) -> Iterator[None]:
    """Hold the lock file for the duration of the block.

    Raises:
        Conflict: somebody else holds it and ``wait`` is false; ``busy`` is the sentence.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as cause:
            raise Conflict("lock.held", busy, hint="Stop it first, or wait.") from cause
        yield
    finally:
        os.close(handle)
