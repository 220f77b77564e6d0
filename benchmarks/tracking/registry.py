"""Registering, fetching by alias and uploading 100 MB: the stock MLflow server and Millwright, one run.

Wall milliseconds and server CPU milliseconds a call. The upload is compared with writing the same bytes
to the same disk in blocks and flushing them.

    python benchmarks/tracking/registry.py [--calls 60] [--megabytes 100]
"""

from __future__ import annotations

import argparse
import http.client
import os
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

from servers import Server, measured, ours, started, stock


def work(server: Server, calls: int) -> dict[str, tuple[float, float]]:
    """Wall and CPU milliseconds a call, by what was called."""
    server.call("registered-models/create", {"name": "late"})
    body = {"name": "late", "source": "s3://bucket/model"}
    found = {
        "register": measured(server, calls, lambda _: server.call("model-versions/create", body))
    }
    alias = {"name": "late", "alias": "champion", "version": "1"}
    server.call("registered-models/alias", alias)
    query = urlencode({"name": "late", "alias": "champion"})
    path = f"registered-models/alias?{query}"
    found["alias"] = measured(server, calls * 3, lambda _: server.call(path, None, "GET"))
    return found


def upload(server: Server, content: bytes) -> float:
    """Seconds of a PUT of the bytes through the artifact proxy."""
    connection = http.client.HTTPConnection(server.host, timeout=300)
    began = time.perf_counter()
    connection.request("PUT", "/api/2.0/mlflow-artifacts/artifacts/bench/large.bin", content)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
    return time.perf_counter() - began


def copied(folder: Path, content: bytes) -> float:
    """Seconds of writing the same bytes to a file and flushing them."""
    began = time.perf_counter()
    with (folder / "copy.bin").open("wb") as file:
        for start in range(0, len(content), 1 << 20):
            file.write(content[start : start + (1 << 20)])
        file.flush()
        os.fsync(file.fileno())
    return time.perf_counter() - began


def main() -> None:
    """Measure both, print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--megabytes", type=int, default=100)
    arguments = parser.parse_args()
    for name, command_of in (("mlflow", stock), ("millwright", ours)):
        with tempfile.TemporaryDirectory(prefix="registry-") as place:
            folder = Path(place)
            if name == "millwright":
                text = "project: bench\ndata: {source: x.csv, target: y}\n"
                (folder / "millwright.yaml").write_text(text)
            command, port = command_of(folder)
            with started(command, folder, port) as (server, _):
                found = work(server, arguments.calls)
                content = os.urandom(arguments.megabytes << 20)
                sent, plain = upload(server, content), copied(folder, content)
        for what, (wall, cpu) in found.items():
            print(f"{name:11} {what:10} {wall:8.2f} ms wall {cpu:8.2f} ms CPU")
        share = 100 * plain / sent
        print(f"{name:11} upload     {sent:8.2f} s, {share:.0f} % of the speed of a copy")


if __name__ == "__main__":
    main()
