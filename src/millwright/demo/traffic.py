"""Replaying rows as live traffic: Open Inference Protocol requests over kept-open connections."""

from __future__ import annotations

import http.client
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
import orjson
import pyarrow as pa

from millwright.kernel.errors import MillwrightError, Unavailable
from millwright.kernel.model_package import Field

ROWS_PER_REQUEST = 4
_CONNECTIONS = 2
_PATIENCE_SECONDS = 60.0
_ENDING_SECONDS = 5.0


@dataclass(frozen=True)
class Request:
    """One request body and how many rows it asks about."""

    body: bytes
    rows: int


def requests(
    rows: pa.Table, fields: Sequence[Field], ids: Sequence[str], times: Sequence[str], name: str
) -> Iterator[Request]:
    """The rows as requests of a few rows each, in their order.

    Args:
        rows: one column per field.
        fields: the model's signature.
        ids: prediction ids, by which the truth is joined later.
        times: the simulated moment of each prediction, RFC 3339.
        name: a prefix of the request ids.
    """
    columns = {field.name: rows[field.name].to_pylist() for field in fields}
    for start in range(0, rows.num_rows, ROWS_PER_REQUEST):
        end = min(start + ROWS_PER_REQUEST, rows.num_rows)
        body = {
            "id": f"{name}-{start}",
            "parameters": {
                "prediction_ids": list(ids[start:end]),
                "event_times": list(times[start:end]),
            },
            "inputs": [
                {
                    "name": field.name,
                    "shape": [end - start],
                    "datatype": field.datatype,
                    "data": [_plain(value) for value in columns[field.name][start:end]],
                }
                for field in fields
            ],
        }
        yield Request(orjson.dumps(body), end - start)


def send(
    endpoint: Callable[[], str],
    path: str,
    work: Sequence[Request],
    on_sent: Callable[[int], None],
) -> None:
    """Send every request and wait for every answer.

    A connection that breaks (the server was killed and is being restarted) is opened again and
    the request repeated: prediction ids make repeats harmless.

    Args:
        endpoint: the address of the server, asked for again after each failure.
        path: the path of the infer call.
        work: the requests.
        on_sent: called with the number of rows after each answer.

    Raises:
        Unavailable: the server did not come back in time.
        MillwrightError: the server refused a request.
    """
    waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
    for request in work:
        waiting.put(request)
    problems: list[MillwrightError] = []
    stopping = threading.Event()

    def drain() -> None:
        connection: http.client.HTTPConnection | None = None
        while not problems and not stopping.is_set():
            try:
                request = waiting.get_nowait()
            except queue.Empty:
                break
            try:
                connection = _send_one(endpoint, path, request, connection, stopping)
            except MillwrightError as error:
                problems.append(error)
                break
            on_sent(request.rows)
        if connection is not None:
            connection.close()

    threads = [threading.Thread(target=drain, daemon=True) for _ in range(_CONNECTIONS)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        # On Ctrl-C the senders end before what they talk to does.
        stopping.set()
        for thread in threads:
            thread.join(_ENDING_SECONDS)
    if problems:
        raise problems[0]


def _send_one(
    endpoint: Callable[[], str],
    path: str,
    request: Request,
    connection: http.client.HTTPConnection | None,
    stopping: threading.Event,
) -> http.client.HTTPConnection:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    headers = {"content-type": "application/json"}
    while True:
        try:
            if connection is None:
                connection = http.client.HTTPConnection(urlsplit(endpoint()).netloc, timeout=30)
            connection.request("POST", path, request.body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException, MillwrightError) as cause:
            if connection is not None:
                connection.close()
            connection = None
            if time.monotonic() > deadline or stopping.is_set():
                raise Unavailable(
                    "demo.no_answer",
                    f"The inference server has not answered for {_PATIENCE_SECONDS:.0f} seconds.",
                    hint="See its log under .millwright/logs, then run mw demo again.",
                ) from cause
            time.sleep(0.1)
            continue
        if answer.status == 200:
            return connection
        if answer.status not in (429, 503) or time.monotonic() > deadline:
            raise Unavailable(
                "demo.refused",
                f"The inference server answered {answer.status}: {content[:200]!r}.",
            )
        time.sleep(0.1)


def _plain(value: object) -> object:
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
