"""What a run records of its surroundings without being asked: packages, machine, seeds, command line."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import re
import sys
from collections.abc import Sequence

from millwright.tracking import hardware
from millwright.tracking.records import RunEnvironment

_SECRET = re.compile(
    r"(token|secret|passw|api[-_]?key|credential|private[-_]?key|auth)", re.IGNORECASE
)
_URL_LOGIN = re.compile(r"(\w+://)[^/\s@]+@")


@functools.cache
def packages() -> str:
    """The installed packages as pinned requirements, one per line, sorted by name."""
    pins = {
        re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower(): found.version
        for found in importlib.metadata.distributions()
        if found.metadata["Name"]
    }
    return "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))


def run_environment(digest: str | None = None) -> RunEnvironment:
    """This process's Python, system and CPUs; ``digest`` is that of the stored package list."""
    return RunEnvironment(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cpus(),
        digest=digest,
        processor=hardware.processor(),
        memory_bytes=hardware.memory_bytes(),
        gpus=hardware.gpu_names(),
        seeds=seeds_now(),
    )


def seeds_now() -> dict[str, int]:
    """The seeds that somebody set in this process, as far as they can be read back.

    NumPy's legacy generator begins with the seed it was given as its first word; ``random`` and
    generators that are passed around do not tell theirs.
    """
    found: dict[str, int] = {}
    hashing = os.environ.get("PYTHONHASHSEED", "")
    if hashing.isdecimal():
        found["PYTHONHASHSEED"] = int(hashing)
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        state = numpy.random.get_state(legacy=False)["state"]
        # Fresh from the seed: nothing was drawn since.
        if state["pos"] == 624 and int(state["key"][0]) < 1 << 31:
            found["numpy"] = int(state["key"][0])
    if torch is not None and hasattr(torch, "initial_seed"):
        found["torch"] = int(torch.initial_seed()) % (1 << 63)
    return found


def command_line(arguments: Sequence[str] | None = None) -> str:
    """The command line with everything that looks like a secret replaced by ``***``.

    >>> command_line(["train.py", "--token", "abc", "--db=pg://me:pw@host/x", "--seed=1"])
    'train.py --token *** --db=pg://***@host/x --seed=1'
    """
    return " ".join(shown_arguments(sys.argv if arguments is None else arguments))[:10_000]


def shown_arguments(arguments: Sequence[str]) -> list[str]:
    """Arguments with everything that looks like a secret replaced by ``***``."""
    shown: list[str] = []
    hide_next = False
    for word in arguments:
        name, assigned, _ = word.partition("=")
        if hide_next and not word.startswith("-"):
            shown.append("***")
        elif assigned and _SECRET.search(name):
            shown.append(f"{name}=***")
        else:
            shown.append(_URL_LOGIN.sub(r"\1***@", word))
        hide_next = word.startswith("-") and not assigned and bool(_SECRET.search(name))
    return shown


def _cpus() -> int:
    return os.cpu_count() or 1
