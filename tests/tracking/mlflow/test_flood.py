"""Requests that are far too large, while others go on: they are refused, and the others do not wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from mlflow_server import Served

SECONDS = 0.7
# Of a machine that does other things as well; alone it is some milliseconds.
SLOWEST_OF_A_HUNDRED = 1.5


@contextmanager
def flooding(*floods: Callable[[], int]) -> Iterator[list[int]]:
    """Send each flood again and again, beside; what the answers were."""
    answers: list[int] = []
    ended = threading.Event()

    def go_on(flood: Callable[[], int]) -> None:
        while not ended.is_set():
            try:
                answers.append(flood())
            except httpx.TransportError:
                # The server answered and hung up before it had been told everything.
                answers.append(413)

    threads = [threading.Thread(target=go_on, args=(flood,)) for flood in floods]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_batches_of_100_000_metrics_and_huge_bodies_make_nobody_wait(served: Served) -> None:
    run = served.run()
    api = f"{served.url}/api/2.0/mlflow"
    point = '{"key": "m", "value": 1, "timestamp": 1, "step": 0}'
    batch = f'{{"run_id": "{run}", "metrics": [{",".join([point] * 100_000)}]}}'.encode()
    deep = b'{"run_id": ' + b"[" * 8_000_000
    value = b'{"run_id": "' + run.encode() + b'", "key": "p", "value": "'

    def posting(path: str, content: Any) -> Callable[[], int]:
        def post() -> int:
            with httpx.Client(timeout=60) as http:
                sent = content() if callable(content) else content
                headers = {"content-type": "application/json"}
                return http.post(f"{api}/{path}", content=sent, headers=headers).status_code

        return post

    def endless_value() -> Iterator[bytes]:
        yield value
        for _ in range(1024):
            yield b"x" * (1 << 20)

    taken = []
    with flooding(
        posting("runs/log-batch", batch),
        posting("runs/search", deep),
        posting("runs/log-parameter", endless_value),
    ) as answers:
        end = time.perf_counter() + SECONDS
        while time.perf_counter() < end or len(set(answers)) < 2:
            began = time.perf_counter()
            body = {"run_id": run, "key": "small", "value": 1, "timestamp": 1, "step": len(taken)}
            assert served.post("runs/log-metric", body).is_success
            taken.append(time.perf_counter() - began)
    assert set(answers) <= {400, 413}
    assert sorted(taken)[int(len(taken) * 0.99)] < SLOWEST_OF_A_HUNDRED
    read = served.get("runs/get", run_id=run).json()["run"]["data"]
    assert [metric["key"] for metric in read["metrics"]] == ["small"]
    assert "params" not in read or read["params"] == []


def test_a_run_of_100_000_tags_is_made_while_others_are_answered(served: Served) -> None:
    tags = [{"key": f"k{number}", "value": "v"} for number in range(100_000)]
    made: list[httpx.Response] = []

    def make() -> None:
        with httpx.Client(timeout=60) as http:
            url = f"{served.url}/api/2.0/mlflow/runs/create"
            made.append(http.post(url, json={"experiment_id": "0", "tags": tags}))

    making = threading.Thread(target=make)
    making.start()
    answered = 0
    with httpx.Client(timeout=60) as http:
        while making.is_alive():
            assert http.get(f"{served.url}/version").status_code == 200
            answered += 1
    making.join()
    assert made[0].status_code == 200
    assert len(made[0].json()["run"]["data"]["tags"]) == 100_001
    # Before, one or two: those that came while the body did.
    assert answered > 20
