"""Who holds a run: a name for this process, and whether the process behind a name is gone."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path

STANDING = "standing"
"""Ends the name of a worker that claims runs for its children."""


def this_owner() -> str:
    """A name for this process that no other process, on any machine, has had or will have."""
    return owner_of(os.getpid())


def owner_of(process: int) -> str:
    """The name of a process of this machine."""
    return f"{_machine()}/{process}/{_started(process) or 0}"


def is_gone(owner: str) -> bool:
    """Whether the process behind a name has certainly ended; False where that cannot be known.

    >>> is_gone(this_owner()), is_gone("elsewhere/1/1")
    (False, False)
    """
    machine, _, process = owner.rpartition("/")[0].rpartition("/")
    if machine != _machine() or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    started = _started(int(process))
    # Process numbers are used again; the start time tells the new process from the old.
    return started is not None and started != int(owner.rpartition("/")[2])


def is_free(owner: str) -> bool:
    """Whether this process may take a run from its holder: it is gone, or our standing parent."""
    process, _, standing = owner.rpartition("/")
    if standing == STANDING:
        return process == owner_of(os.getppid()) or is_gone(process)
    return is_gone(owner)


@cache
def _machine() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id")
    try:
        return f"{platform.node()}-{boot.read_text()[:8]}"
    except OSError:
        return platform.node()


def _started(process: int) -> int | None:
    """Start time of a process in clock ticks since boot; None where the system does not say."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # A zombie has ended, though its parent has not noticed: no start time is its own.
    return -1 if fields[0] in "ZX" else int(fields[19])
