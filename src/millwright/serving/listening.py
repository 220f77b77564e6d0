"""The socket of an inference server, and the names of the secrets it is given."""

from __future__ import annotations

import errno
import os
import socket

from millwright.kernel.errors import Unavailable

ADMIN_TOKEN = "MILLWRIGHT_ADMIN_TOKEN"  # noqa: S105 - the name of a variable
"""Environment variable with what ``POST /admin/config`` asks for."""
ACCESS_TOKEN = "MILLWRIGHT_SERVING_TOKEN"  # noqa: S105 - the name of a variable
"""Environment variable with what every other path asks for, where it is set."""
OPEN = "MILLWRIGHT_SERVING_OPEN"
"""Environment variable: ``1`` where the network around the server is its guard and no token is."""
BACKLOG = 2048
"""Callers that may wait for a server to accept them."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that a child process may inherit; port 0 takes a free one.

    Raises:
        Unavailable: the port is taken, or the address is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        # Until somebody listens, Linux lets another program bind the same port.
        bound.listen(BACKLOG)
    except OSError as cause:
        bound.close()
        if cause.errno == errno.EADDRINUSE:
            raise Unavailable(
                "serving.port_in_use",
                f"Port {port} on {host} is in use by another program.",
                hint="Stop that program, or choose another port (--port 0 takes a free one).",
            ) from cause
        raise Unavailable(
            "serving.cannot_listen",
            f"Cannot listen on port {port} of {host}: {os.strerror(cause.errno or 0)}.",
            hint="Choose another address or port (--port 0 takes a free one).",
        ) from cause
    bound.set_inheritable(True)
    return bound
