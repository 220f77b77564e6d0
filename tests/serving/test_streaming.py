"""Answers that come bit by bit: their events, their end, and what is left of them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from millwright.kernel.scoring import Scorer
from millwright.serving.application import Application
from millwright.serving.config import ServerConfig
from millwright.serving.models import Models
from watching import wait_until

PATH = "/v2/models/delays/infer_stream"
NUMBERS, AT_ONCE, MIDDLE, SLOW, TEXT, BIG = range(6)


def question(kind: int, steps: int, **parameters: Any) -> dict[str, Any]:
    return {
        "id": "mine",
        "parameters": parameters,
        "inputs": [
            {"name": "kind", "shape": [1], "datatype": "FP64", "data": [kind]},
            {"name": "steps", "shape": [1], "datatype": "FP64", "data": [steps]},
        ],
    }


def events(text: str) -> list[tuple[str, Any]]:
    """Events by name, as a browser reads them."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields.get("event", "message"), json.loads(fields["data"])))
    return found


@pytest.fixture
def serving(slowly, one_champion, start_server, tmp_path):
    return start_server(one_champion(slowly, tmp_path / "spool", trust_code=True))


def seen(slowly: Path) -> list[str]:
    file = slowly / "seen"
    return file.read_text().split() if file.exists() else []


def test_each_thing_the_model_yields_is_an_event_and_the_last_is_logged(serving, tmp_path):
    reply = serving.infer(question(NUMBERS, 5), PATH)
    assert reply.headers["content-type"] == "text/event-stream"
    said = events(reply.text)
    assert [name for name, _ in said] == ["message"] * 5
    assert [one["outputs"][0]["data"] for _, one in said] == [[0.0], [1.0], [2.0], [3.0], [4.0]]
    assert {one["id"] for _, one in said} == {"mine"}
    words = events(serving.infer(question(TEXT, 3), PATH.replace("infer_", "generate_")).text)
    assert [one["outputs"][0]["data"] for _, one in words] == [["word0 "], ["word1 "], ["word2 "]]
    metrics = serving.get("/metrics").text
    assert 'millwright_streams_total{model="delays",ended="done"} 2' in metrics
    assert 'millwright_stream_events_total{model="delays"} 8' in metrics
    assert 'millwright_requests_total{protocol="stream",code="200"} 2' in metrics
    assert "millwright_in_flight 0" in metrics
    serving.process.terminate()
    serving.process.wait(10)
    tables = [
        pa.ipc.open_file(file).read_all() for file in sorted((tmp_path / "spool").glob("*.arrow"))
    ]
    logged = pa.concat_tables(tables)
    assert logged["request_id"].to_pylist() == ["mine", "mine"]
    assert logged["score"].to_pylist() == [4.0, None]
    assert logged["label"].to_pylist() == [None, "word0 word1 word2 "]


def test_asked_for_all_of_it_the_answer_is_one(serving):
    path = PATH.replace("infer_stream", "generate")
    assert serving.infer(question(TEXT, 3), path).json()["outputs"][0]["data"] == [
        "word0 word1 word2 "
    ]
    assert serving.infer(question(NUMBERS, 3), path).json()["outputs"][0]["data"] == [2.0]
    assert serving.infer(question(AT_ONCE, 3), path).status_code == 500
    assert serving.get(path).status_code == 405
    metrics = serving.get("/metrics").text
    assert 'millwright_requests_total{protocol="open-inference",code="200"} 2' in metrics
    assert 'millwright_requests_total{protocol="open-inference",code="500"} 1' in metrics


def test_what_fails_at_once_is_refused_and_what_fails_later_is_an_event(serving):
    at_once = serving.infer(question(AT_ONCE, 5), PATH)
    assert (at_once.status_code, at_once.json()["code"]) == (500, "serving.failed")
    later = events(serving.infer(question(MIDDLE, 5), PATH).text)
    assert [name for name, _ in later] == ["message", "message", "error"]
    assert later[-1][1]["code"] == "serving.failed"
    assert "in the middle" not in str(later)
    metrics = serving.get("/metrics").text
    assert 'millwright_streams_total{model="delays",ended="failed"} 2' in metrics
    assert 'requests_total{protocol="stream",code="500"} 1' in metrics


def test_a_stream_ends_with_its_time_and_its_generator_is_closed(serving, slowly):
    said = events(serving.infer(question(SLOW, 10_000, timeout=300_000), PATH).text)
    assert (said[-1][0], said[-1][1]["code"]) == ("error", "serving.expired")
    assert 1 < len(said) < 30
    wait_until(lambda: seen(slowly)[-1:] == ["closed"])
    assert 'model="delays",ended="expired"} 1' in serving.get("/metrics").text


def test_who_hangs_up_ends_the_generator(serving, slowly):
    body = json.dumps(question(SLOW, 100_000)).encode()
    headers = {"content-type": "application/json"}
    with serving.client.stream("POST", serving.url + PATH, content=body, headers=headers) as reply:
        next(reply.iter_lines())
    wait_until(lambda: seen(slowly)[-1:] == ["closed"])
    wait_until(lambda: 'ended="cancelled"} 1' in serving.get("/metrics").text)
    assert "millwright_in_flight 0" in serving.get("/metrics").text


def test_several_workers_pass_events_on_as_they_come(slowly, one_champion, start_server):
    workers = {"least": 2, "most": 2}
    server = start_server(one_champion(slowly, trust_code=True, workers=workers))
    said = events(server.infer(question(NUMBERS, 3), PATH).text)
    assert [one["outputs"][0]["data"] for _, one in said] == [[0.0], [1.0], [2.0]]
    at_once = server.infer(question(AT_ONCE, 1), PATH)
    assert (at_once.status_code, at_once.json()["code"]) == (500, "serving.failed")
    body = json.dumps(question(SLOW, 100_000)).encode()
    headers = {"content-type": "application/json"}
    with server.client.stream("POST", server.url + PATH, content=body, headers=headers) as reply:
        next(reply.iter_lines())
    wait_until(lambda: seen(slowly)[-1:] == ["closed"])
    assert 'ended="cancelled"} 1' in server.get("/metrics").text


def test_a_model_that_answers_all_at_once_says_so(make_package, one_champion, start_server, ask):
    server = start_server(one_champion(make_package()))
    reply = server.infer(ask(), PATH)
    assert (reply.status_code, reply.json()["code"]) == (409, "serving.no_stream")
    assert server.get(PATH).status_code == 405


def test_the_model_is_asked_for_no_more_than_its_caller_takes(slowly, one_champion):
    class Request:
        method, path = "POST", PATH

        def __init__(self) -> None:
            self.headers = {"content-type": "application/json"}

        async def whole(self) -> bytes:
            return json.dumps(question(NUMBERS, 1000)).encode()

    async def run() -> None:
        models = Models(ServerConfig.model_validate(one_champion(slowly, trust_code=True)))
        models.start()
        stream: Any = await Application(models).respond(Request())  # type: ignore[arg-type]
        for _ in range(3):
            await stream.part()
        assert seen(slowly) == ["0", "1", "2"]
        assert models.in_flight == 1
        await stream.close()
        assert models.in_flight == 0
        models.close()

    asyncio.run(run())
    wait_until(lambda: seen(slowly) == ["0", "1", "2", "closed"])


def test_predictions_of_such_a_class_are_as_ever(slowly):
    scorer = Scorer.open(slowly, trust_code=True)
    np.testing.assert_array_equal(scorer.score_matrix(np.ones((2, 2), np.float32)), [10.0, 10.0])
    with pytest.raises(RuntimeError, match="at once"):
        list(scorer.stream_matrix(np.array([[AT_ONCE, 1]], np.float32)))
