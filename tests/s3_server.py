"""A real S3 over HTTP for the tests: moto's server in a process of its own, on a free port.

Requests are handled one after the other, since moto checks a condition and writes in two steps: a
store in which racers meet between the two would be no S3.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

_BEGIN = """
import sys, threading
from werkzeug.serving import WSGIRequestHandler, make_server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

store, turn = DomainDispatcherApplication(create_backend_app), threading.Lock()
"""

_ONE_AT_A_TIME = """
def application(environ, start_response):
    with turn:
        return store(environ, start_response)
"""

_SERVE = """
class Quiet(WSGIRequestHandler):
    def log(self, *_):
        pass

server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
"""


@contextmanager
def running(application: str = _ONE_AT_A_TIME) -> Iterator[str]:
    """Start a server and yield its address; it ends with this process, however that ends.

    ``application`` is a program that defines one of this name by ``store``, moto's, and ``turn``.
    """
    child = subprocess.Popen(
        [sys.executable, "-c", _BEGIN + application + _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(child.stdout.readline())}"
    finally:
        child.kill()
        child.wait()


def make_bucket(endpoint: str, name: str) -> None:
    """Create a bucket, or empty it where it is there."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.create_bucket(Bucket=name)


@dataclass
class CuttingProxy:
    """Passes TCP on to a server and cuts connections after so many bytes, until told not to."""

    target: int
    cuts: list[int] = field(default_factory=list)
    """One entry per connection to cut: after how many bytes, both directions together."""
    connections: int = 0
    passed: int = 0
    """Bytes that came through, both directions together."""

    @contextmanager
    def running(self) -> Iterator[str]:
        """Listen on a free port; yields the address."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            left = [self.cuts.pop(0) if self.cuts else sys.maxsize]
            far = socket.create_connection(("127.0.0.1", self.target))
            for source, sink in ((near, far), (far, near)):
                arguments = (source, sink, left)
                threading.Thread(target=self._pass_on, args=arguments, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, left: list[int]) -> None:
        try:
            while block := source.recv(min(1 << 16, max(left[0], 1))):
                sink.sendall(block[: left[0]])
                self.passed += len(block)
                left[0] -= len(block)
                if left[0] <= 0:
                    break
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
