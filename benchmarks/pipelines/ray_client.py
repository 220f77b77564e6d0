"""Steps through Ray's client, ``ray://HOST:10001``: the digests of a run here.

``ci/peer ray`` once, then ``.venv/bin/python benchmarks/pipelines/ray_client.py``. It starts a head
with a token that answers clients at the port that such addresses name, so that must be free.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import ray_losses

PORT = 10001
HEAD = [
    *("-m", "ray.scripts.scripts", "start", "--head", "--block", "--port=0", "--num-cpus=2"),
    *("--include-dashboard=false", "--object-store-memory=104857600"),
    f"--ray-client-server-port={PORT}",
]


def main() -> int:
    """A head, then the part below as its client."""
    with tempfile.TemporaryDirectory(prefix="mw-ray-") as folder:
        told = ray_losses.with_ray(Path(folder))
        head = subprocess.Popen(
            [sys.executable, *HEAD], env=told, stdout=subprocess.DEVNULL, start_new_session=True
        )
        try:
            while not _answers():
                if head.poll() is not None:
                    return 1
                time.sleep(0.2)
            command = [sys.executable, __file__, "measure", folder]
            return subprocess.run(command, env=told, check=False, timeout=300).returncode
        finally:
            os.killpg(head.pid, signal.SIGTERM)
            head.wait()


def measure(folder: Path) -> dict[str, Any]:
    """Run here, then through the client, and compare."""
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines import execute, find_pipeline

    pipeline = find_pipeline(f"{ray_losses.__file__}:losing")
    here = execute(Workspace(ray_losses.made(folder / "here")), "p", pipeline, {})
    far = execute(
        Workspace(ray_losses.made(folder / "far")), "p", pipeline, {},
        executor=f"ray://127.0.0.1:{PORT}?files=shared",
    )  # fmt: skip
    same = ray_losses.digests(here) == ray_losses.digests(far)
    return {"status": far.status, "same_digests": same}


def _answers() -> bool:
    try:
        socket.create_connection(("127.0.0.1", PORT), 1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(Path(sys.argv[2]))))
    else:
        sys.exit(main())
