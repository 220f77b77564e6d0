"""``python -m millwright.serving --config FILE --port N``: one inference server in one process."""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path

from millwright.kernel.errors import MillwrightError


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; the exit code is 0, or that of the error on stderr."""
    parser = argparse.ArgumentParser(prog="python -m millwright.serving", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="a JSON ServerConfig")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--socket", type=int, help="an inherited, bound socket, in place of --port")
    parser.add_argument("--server", choices=["uvicorn", "granian"])
    parser.add_argument("--grpc-port", type=int, help="answer gRPC here too; 0 takes a free one")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input closes")
    options = parser.parse_args(arguments)
    if options.lifeline:
        from millwright.kernel.process import watch_lifeline

        watch_lifeline()
    try:
        from millwright.serving.config import load_config
        from millwright.serving.listening import listen
        from millwright.serving.server import serve

        config = load_config(options.config)
        bound = (
            listen(options.host, options.port)
            if options.socket is None
            else socket.socket(fileno=options.socket)
        )
        with bound:
            serve(config, bound, options.server, options.grpc_port)
    except MillwrightError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
