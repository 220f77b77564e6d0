"""Erases in a process of its own, which dies by signal 9 at the given step."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from millwright.data.storage import destroying, erasing, erasure_finishing
from millwright.data.storage.records import ErasureRequest
from millwright.kernel.access import Actor, Role
from millwright.kernel.workspace import Workspace
from millwright.server.opening import open_store

STEPS: dict[str, tuple[Any, str]] = {
    "written-down": (erasing, "_record"),
    "recorded": (erasing, "finish"),
    "working-files": (erasure_finishing, "live_of"),
    "forgotten-here": (destroying, "_rewritten"),
    "destroyed-here": (erasure_finishing, "scrub_database"),
    "before-remotes": (erasure_finishing, "push"),
    "on-a-remote": (destroying, "write_anew"),
    "catalogue-replaced": (destroying, "replace_catalogue"),
    "before-the-search": (erasure_finishing, "search_objects"),
}


def main(root: str, step: str, request: str) -> None:
    """Erase, and die when the step begins (``catalogue-replaced``: when it is done)."""
    module, name = STEPS[step]
    real = getattr(module, name)

    def die(*arguments: Any, **named: Any) -> None:
        if step == "catalogue-replaced":
            real(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(module, name, die)
    store = open_store(Workspace(Path(root)))
    erasing.erase(
        store, Actor("tester", Role.ADMIN), "p", ErasureRequest.model_validate_json(request)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
