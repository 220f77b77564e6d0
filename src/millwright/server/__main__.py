"""`python -m millwright.server`: the control plane as a supervised child."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from millwright.kernel.errors import MillwrightError
from millwright.kernel.workspace import Workspace


def main() -> None:
    """Parse the arguments and serve; a known error ends with a sentence and its exit code."""
    parser = argparse.ArgumentParser(prog="python -m millwright.server")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--allow-host", action="append", default=[])
    parser.add_argument("--lifeline", action="store_true")
    given = parser.parse_args()
    try:
        from millwright.server.control_plane import Listen, serve

        listen = Listen(given.host, given.port, tuple(given.allow_host))
        serve(Workspace(given.workspace), listen, lifeline=given.lifeline)
    except MillwrightError as error:
        sys.stderr.write(f"Error: {error.message}\n")
        if error.hint:
            sys.stderr.write(f"  Next: {error.hint}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
