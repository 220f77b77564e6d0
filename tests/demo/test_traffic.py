"""Rows become Open Inference requests, and each is answered even if the server comes and goes."""

from __future__ import annotations

import http.server
import json
import threading
from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pytest

from millwright.demo.traffic import ROWS_PER_REQUEST, Request, requests, send
from millwright.kernel.errors import Unavailable
from millwright.kernel.model_package import Field

FIELDS = (Field(name="load", kind="numeric"), Field(name="city", kind="categorical"))


def work(rows: int) -> list[Request]:
    table = pa.table({"city": ["Ulm"] * rows, "load": [float("nan"), *map(float, range(1, rows))]})
    ids = [f"row-{i}" for i in range(rows)]
    return list(requests(table, FIELDS, ids, ["2024-03-01T00:00:00Z"] * rows, "day"))


def test_every_row_is_asked_about_once_and_under_its_own_id() -> None:
    made = work(ROWS_PER_REQUEST * 2 + 1)
    assert [request.rows for request in made] == [ROWS_PER_REQUEST, ROWS_PER_REQUEST, 1]
    bodies = [json.loads(request.body) for request in made]
    asked = [name for body in bodies for name in body["parameters"]["prediction_ids"]]
    assert asked == [f"row-{i}" for i in range(ROWS_PER_REQUEST * 2 + 1)]
    assert len({body["id"] for body in bodies}) == 3
    assert [tensor["name"] for tensor in bodies[0]["inputs"]] == ["load", "city"]
    assert [tensor["datatype"] for tensor in bodies[0]["inputs"]] == ["FP64", "BYTES"]
    # NaN is not JSON.
    assert bodies[0]["inputs"][0]["data"][0] is None


class Server:
    """An inference server that first refuses each request as ``answers`` says."""

    def __init__(self, *answers: int) -> None:
        self.bodies: Counter[bytes] = Counter()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.bodies[body] += 1
                turn = outer.bodies[body] - 1
                status = answers[turn] if turn < len(answers) else 200
                if status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    opened = Server(*request.param)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("server", "tries"), [((), 1), ((503,), 2), ((0,), 2), ((0, 429), 3)], indirect=["server"]
)
def test_each_request_is_repeated_until_it_is_answered(server: Server, tries: int) -> None:
    sent: list[int] = []
    made = work(11)
    send(lambda: server.url, "/v2/models/m/infer", made, sent.append)
    assert sum(sent) == 11
    assert set(server.bodies) == {request.body for request in made}
    assert set(server.bodies.values()) == {tries}


@pytest.mark.parametrize("server", [(400, 400)], indirect=True)
def test_a_request_that_is_wrong_is_not_repeated(server: Server) -> None:
    with pytest.raises(Unavailable, match="answered 400"):
        send(lambda: server.url, "/v2/models/m/infer", work(1), lambda _: None)
    assert set(server.bodies.values()) == {1}
