"""What a server keeps, and what it refuses to take on."""

from __future__ import annotations

import json
import socket

from hypothesis import given
from hypothesis import strategies as st

from millwright.serving.cache import AnswerCache
from millwright.serving.outcome import Outcome
from millwright.serving.signature import Rows


def samples(text: str, name: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(f"millwright_{name}")]


def test_same_values_are_answered_from_the_cache_with_ids_and_a_log_of_their_own(
    start_server, make_package, one_champion, ask
):
    server = start_server(one_champion(make_package(), cache_rows=10))
    first, second = server.infer(ask(id="a")).json(), server.infer(ask(id="b")).json()
    other = server.infer(ask(distance=101.0)).json()
    assert (first["id"], second["id"]) == ("a", "b")
    assert first["outputs"] == second["outputs"] != other["outputs"]
    text = server.get("/metrics").text
    assert samples(text, "cache_requests_total") == [
        'millwright_cache_requests_total{model="delays",variant="champion",outcome="hit"} 1',
        'millwright_cache_requests_total{model="delays",variant="champion",outcome="miss"} 2',
    ]
    assert samples(text, "answers_total")[0].endswith(" 3")


def test_without_a_cache_every_request_is_scored(start_server, make_package, one_champion, ask):
    server = start_server(one_champion(make_package()))
    assert server.infer(ask()).json()["outputs"] == server.infer(ask()).json()["outputs"]
    text = server.get("/metrics").text
    assert not samples(text, "cache_requests_total")
    assert samples(text, "batch_rows_total") == [
        'millwright_batch_rows_total{model="delays",variant="champion"} 2'
    ]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 3)), max_size=60), st.integers(0, 8))
def test_a_cache_gives_what_was_put_and_stays_within_its_rows(requests, capacity):
    cache = AnswerCache(capacity)
    for value, count in requests:
        rows = Rows(count, 1, [float(value)] * count)
        kept = cache.get(rows)
        answer = Outcome([value / 10] * count, None, None)
        assert kept is None or kept == answer
        cache.put(rows, answer)
        assert cache.rows <= capacity
        assert cache.get(rows) == (answer if count <= capacity else None)


def test_more_requests_than_allowed_at_once_are_told_when_to_come_back(
    start_server, make_package, one_champion, ask
):
    server = start_server(one_champion(make_package(), max_in_flight=1))
    body = json.dumps(ask()).encode()
    head = (
        "POST /v2/models/delays/infer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), 10) as slow:
        slow.sendall(head.encode() + body[:20])
        while "millwright_in_flight 1" not in server.get("/metrics").text:
            pass  # until the slow request is under way
        refused = server.infer(ask())
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert "1 requests under way" in refused.json()["error"]
        assert server.get("/v2/health/ready").status_code == 200
        slow.sendall(body[20:])
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")
    assert server.infer(ask()).status_code == 200


def test_a_request_that_waited_past_its_timeout_is_told_so(
    start_server, make_package, one_champion, ask
):
    server = start_server(one_champion(make_package()))
    assert server.infer(ask(parameters={"timeout": 60_000_000})).status_code == 200
    body = json.dumps(ask(parameters={"timeout": 1})).encode()
    reply = server.infer(body)
    assert reply.status_code == 504
    assert reply.json()["code"] == "serving.expired"
    assert samples(server.get("/metrics").text, "expired_total")[0].endswith(" 1")
