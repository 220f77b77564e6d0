"""What the pod of one step does: ``python -m millwright.pipelines.executors.pod PROJECT DIGEST``.

It fetches its message from the control plane (``MILLWRIGHT_URL``, ``MILLWRIGHT_TOKEN``), calls the
step, stores the answer and leaves its digest as the termination message. Exit code 0 whether or not
the step failed: an answer is an answer, and no other pod need try.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from millwright.kernel.door import connect
from millwright.kernel.workspace import Workspace
from millwright.pipelines.executors.remote_call import perform

_TERMINATION = "/dev/termination-log"


def main(arguments: list[str]) -> int:
    """Do what the message says; the exit code."""
    project, told = arguments
    with connect(Workspace(Path.cwd()), patience_seconds=60.0) as door:
        message = msgspec.msgpack.decode(door.fetch(project, told))
        answer = perform({**message, "url": door.url, "objects": ""})
        digest = door.upload(project, msgspec.msgpack.encode(answer))
    Path(os.environ.get("MILLWRIGHT_TERMINATION_LOG", _TERMINATION)).write_text(digest, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
