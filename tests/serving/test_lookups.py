"""Features looked up by ids while a model is asked: from the store, from memory, or not at all."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import orjson
import pyarrow as pa
import pytest

from millwright.serving.application import Application
from millwright.serving.asgi import AsgiServer
from millwright.serving.config import ServerConfig
from millwright.serving.models import Models

PATH = "/v2/models/delays/infer"
CSV = """carrier_id,tail,observed_at,miles,airline
7,a,2020-01-01T00:00:00Z,100.0,AA
7,a,2021-01-01T00:00:00Z,200.0,UA
7,a,2999-01-01T00:00:00Z,900.0,AA
8,b,2021-01-01T00:00:00Z,,AA
"""


class Store:
    """`mw features serve`, as a person starts it."""

    def __init__(self, file: Path) -> None:
        code = "from millwright.cli.main import main; main()"
        command = [sys.executable, "-c", code, "features", "serve", str(file), "--port", "0"]
        command += ["--keys", "carrier_id", "--time", "observed_at"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        said = self.process.stdout.readline().decode()
        assert said.startswith("Features of 2 entities of 'routes'"), said
        self.url = said.split()[-1]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Iterator[Store]:
    file = tmp_path_factory.mktemp("store") / "routes.csv"
    file.write_text(CSV)
    found = Store(file)
    yield found
    found.process.kill()
    found.process.wait()


@pytest.fixture
def allowed(monkeypatch) -> Any:
    def allow(url: str) -> None:
        monkeypatch.setenv("MILLWRIGHT_EGRESS_ALLOW", url.split("/")[2])

    return allow


def lookup(url: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "routes",
        "url": url,
        "entities": {"carrier_id": "numeric"},
        "features": {"distance": "routes:miles", "carrier": "routes:airline"},
        **more,
    }


def asked(ids: list[float | None], **sent: Any) -> dict[str, Any]:
    inputs = [
        {"name": "carrier_id", "shape": [len(ids)], "datatype": "FP64", "data": ids},
        {"name": "holiday", "shape": [len(ids)], "datatype": "BOOL", "data": [True] * len(ids)},
    ]
    for name, values in sent.items():
        inputs.append({"name": name, "shape": [len(ids)], "datatype": "FP64", "data": values})
    return {"inputs": inputs}


def replies(config: dict[str, Any], *rounds: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    """What a server of this configuration answers, each round at once; its metrics at the end."""

    async def run() -> list[Any]:
        models = Models(ServerConfig.model_validate(config))
        models.start()
        transport = httpx.ASGITransport(AsgiServer(Application(models)))
        found: list[Any] = []
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                for each in rounds:
                    coming = [client.post(path, json=body) for path, body in each]
                    found += await asyncio.gather(*coming)
                about = (await client.get("/v2/models/delays")).json()
                return [*found, about, (await client.get("/metrics")).text]
        finally:
            models.close()

    return asyncio.run(run())


def scores(reply: httpx.Response) -> list[float]:
    assert reply.status_code == 200, reply.text
    found: list[float] = reply.json()["outputs"][0]["data"]
    return found


def test_what_was_known_last_of_an_entity_is_what_the_model_is_asked_with(
    store, allowed, make_package, one_champion, ask, tmp_path
):
    allowed(store.url)
    package = make_package()
    config = one_champion(package, tmp_path / "spool", lookups=[lookup(store.url)])
    whole, again, sent, streams, about, metrics = replies(
        config,
        [(PATH, asked([7.0, 8.0, 7.0, 99.0, None]))],
        [(PATH, asked([7.0])), (PATH, asked([7.0], distance=[50.0]))],
        [("/invocations", {"instances": [[True, 7]]})],
    )
    (plain,) = replies(one_champion(package), [(PATH, ask(200.0, "UA"))])[:1]
    known = scores(plain)[0]
    (nothing,) = replies(one_champion(package), [(PATH, ask(None, None))])[:1]
    empty = scores(nothing)[0]
    (half,) = replies(one_champion(package), [(PATH, ask(None, "AA"))])[:1]
    assert scores(whole) == pytest.approx([known, scores(half)[0], known, empty, empty])
    assert scores(again) == pytest.approx([known]), "not the row of the future, nor the first"
    (other,) = replies(one_champion(package), [(PATH, ask(50.0, "UA"))])[:1]
    assert scores(sent) == pytest.approx(scores(other)), "what a caller sends counts"
    assert streams.json()["probabilities"] == pytest.approx([known])
    assert [one["name"] for one in about["inputs"]] == ["holiday", "carrier_id"]
    assert 'lookup_entities_total{model="delays",lookup="routes",outcome="miss"} 3' in metrics
    assert 'lookup_entities_total{model="delays",lookup="routes",outcome="hit"} 3' in metrics
    assert 'lookup_fetches_total{model="delays",lookup="routes"} 1' in metrics
    (segment,) = (tmp_path / "spool").glob("*.arrow")
    logged = pa.ipc.open_file(segment).read_all()
    assert logged["f.distance"].to_pylist()[:2] == [200.0, None]
    assert logged["f.carrier_id"].to_pylist()[:2] == [7.0, 8.0]


def test_an_unknown_entity_can_be_refused_and_old_values_are_as_good_as_none(
    store, allowed, make_package, one_champion
):
    allowed(store.url)
    config = one_champion(make_package(), lookups=[lookup(store.url, missing="reject")])
    known, unknown = replies(config, [(PATH, asked([7.0])), (PATH, asked([99.0]))])[:2]
    assert (known.status_code, unknown.status_code) == (200, 400)
    assert "of 'distance' for carrier_id=99.0" in unknown.json()["error"]
    old = one_champion(
        make_package(name="b"), lookups=[lookup(store.url, missing="reject", max_age="30d")]
    )
    (late,) = replies(old, [(PATH, asked([7.0]))])[:1]
    assert (late.status_code, late.json()["code"]) == (400, "serving.unknown_entity")


def test_a_field_that_must_be_known_and_is_not_is_refused(
    store, allowed, make_package, one_champion
):
    allowed(store.url)
    features = {"holiday": "routes:miles"}
    config = one_champion(make_package(), lookups=[lookup(store.url, features=features)])
    body = asked([99.0], distance=[1.0])
    body["inputs"][1] = {"name": "carrier", "shape": [1], "datatype": "BYTES", "data": ["AA"]}
    (reply,) = replies(config, [(PATH, body)])[:1]
    assert reply.status_code == 400
    assert "'holiday' must not hold null, and nothing was found for row 0" in reply.json()["error"]


class Failing(BaseHTTPRequestHandler):
    """A store that answers once, then fails; counts what it is asked."""

    bodies: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = orjson.loads(self.rfile.read(int(self.headers["content-length"])))
        self.bodies.append({**body, "token": self.headers["authorization"]})
        count = len(body["entities"]["carrier_id"])
        column = {"values": [5.0] * count, "statuses": ["PRESENT"] * count}
        text = {"values": ["AA"] * count, "statuses": ["PRESENT"] * count}
        names = ["carrier_id", "miles", "airline"]
        answer = {"metadata": {"feature_names": names}, "results": [column, column, text]}
        content = orjson.dumps(answer)
        self.send_response(200 if len(self.bodies) == 1 else 500)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


def test_when_the_store_fails_what_was_known_is_used_and_what_never_was_is_unavailable(
    allowed, make_package, one_champion, monkeypatch
):
    bodies: list[dict[str, Any]] = []
    handler = type("Counting", (Failing,), {"bodies": bodies})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/get-online-features"
        allowed(url)
        monkeypatch.setenv("STORE_TOKEN", "tell")
        config = one_champion(
            make_package(), lookups=[lookup(url, ttl_seconds=0, token_variable="STORE_TOKEN")]
        )
        first, same, second, third, _, metrics = replies(
            config,
            [(PATH, asked([7.0])), (PATH, asked([7.0]))],
            [(PATH, asked([7.0]))],
            [(PATH, asked([8.0]))],
        )
        server.shutdown()
    assert scores(first) == scores(same) == scores(second)
    assert (third.status_code, third.json()["code"]) == (503, "serving.lookup_failed")
    assert bodies[0] == {
        "features": ["routes:miles", "routes:airline"],
        "entities": {"carrier_id": [7]},
        "full_feature_names": True,
        "token": "Bearer tell",
    }
    assert len(bodies) == 3, "two requests of a moment ask together"
    assert 'outcome="old"} 1' in metrics
    assert 'outcome="failed"} 1' in metrics


def test_a_store_on_a_private_address_is_asked_only_where_that_is_allowed(
    store, make_package, one_champion
):
    assert "MILLWRIGHT_EGRESS_ALLOW" not in os.environ
    config = one_champion(make_package(), lookups=[lookup(store.url)])
    (reply,) = replies(config, [(PATH, asked([7.0]))])[:1]
    assert reply.status_code == 503
    assert "MILLWRIGHT_EGRESS_ALLOW" in reply.json()["error"]


def test_a_field_that_the_model_lacks_is_refused_before_it_serves(make_package, one_champion):
    from millwright.kernel.errors import InvalidInput

    features = {"distnace": "routes:miles"}
    config = one_champion(make_package(), lookups=[lookup("https://x.org/", features=features)])
    with pytest.raises(InvalidInput, match="Did you mean 'distance'"):
        replies(config)
