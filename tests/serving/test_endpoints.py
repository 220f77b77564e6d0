"""The server as its callers see it: a real process on a free port."""

from __future__ import annotations

import gzip
import json

import pytest


def test_it_answers_health_metadata_and_inference(start_server, make_package, one_champion, ask):
    server = start_server(one_champion(make_package()))
    assert server.get("/v2/health/live").json() == {"live": True}
    assert server.get("/v2/health/ready").status_code == 200
    assert server.get("/v2").json()["name"] == "millwright"
    assert server.get("/ping").status_code == 200
    assert server.get("/version").json()["revision"] == 0
    metadata = server.get("/v2/models/delays").json()
    assert [i["datatype"] for i in metadata["inputs"]] == ["FP64", "BYTES", "BOOL"]
    assert metadata["versions"] == ["1"]
    assert server.get("/v2/models/delays/ready").json()["ready"] is True
    assert server.get("/v2/models/delays/versions/1/ready").status_code == 200

    reply = server.infer(ask(id="r-1"))
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["id"] == "r-1"
    assert body["parameters"] == {"variant": "champion", "version": "1"}
    probability, label = body["outputs"]
    assert probability["datatype"] == "FP64"
    assert 0 < probability["data"][0] < 1
    assert label["data"] == ["yes" if probability["data"][0] >= 0.5 else "no"]
    pinned = server.infer(ask(), "/v2/models/delays/versions/1/infer")
    assert pinned.json()["outputs"] == body["outputs"]


def test_unknown_paths_models_and_versions_are_404(start_server, make_package, one_champion, ask):
    server = start_server(one_champion(make_package()))
    unknown = server.infer(ask(), "/v2/models/weather/infer")
    assert unknown.status_code == 404
    assert "no model 'weather'" in unknown.json()["error"]
    assert server.infer(ask(), "/v2/models/delays/versions/9/infer").status_code == 404
    assert server.get("/nowhere").status_code == 404
    assert server.get("/v2/models/delays/versions/9").status_code == 404
    assert server.infer(ask(), "/nowhere").status_code == 404
    assert server.get("/invocations").status_code == 405
    assert server.infer(ask(), "/v2").status_code == 405


BAD_BODIES = {
    "truncated": (b'{"inputs": [', "not valid JSON"),
    "empty": (b"", "not valid JSON"),
    "NaN": (b'{"inputs":[{"name":"distance","shape":[1],"datatype":"FP64","data":[NaN]}]}', "null"),
    "not text": (b'{"inputs":"\xff\xfe"}', "not"),
    "deep": (b'{"a":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b',"inputs":[]}', "too deeply"),
    "no inputs": (b'{"inputs": []}', "no input tensors"),
    "list": (b"[]", "not an inference request"),
    "claimed shape": (
        b'{"inputs":[{"name":"distance","shape":[999999999999],"datatype":"FP64","data":[1]}]}',
        "expected 999999999999 values",
    ),
    "typed wrong": (
        b'{"inputs":[{"name":"distance","shape":"one","datatype":"FP64","data":[1]}]}',
        'tensor "distance"',
    ),
}


def test_a_body_that_is_no_request_gets_a_sentence(start_server, make_package, one_champion, ask):
    server = start_server(one_champion(make_package()))
    for case, (body, sentence) in BAD_BODIES.items():
        for path in ("/v2/models/delays/infer", "/invocations"):
            reply = server.infer(body, path)
            assert reply.status_code == 400, (case, path)
            assert "Traceback" not in reply.text
        reply = server.infer(body)
        assert sentence in reply.json()["error"], case
    assert server.infer(ask()).status_code == 200


def test_compressed_and_oversized_bodies(start_server, make_package, one_champion, ask):
    server = start_server(one_champion(make_package(), max_body_bytes=100_000))
    body = json.dumps(ask()).encode()
    headers = {"content-encoding": "gzip"}
    assert server.infer(gzip.compress(body), **headers).status_code == 200
    assert server.infer(gzip.compress(b" " * 50_000_000), **headers).status_code == 413
    assert server.infer(gzip.compress(body)[:-4], **headers).status_code == 400
    assert server.infer(body, **headers).status_code == 400
    assert server.infer(body, **{"content-encoding": "br"}).status_code == 415
    assert server.infer(b" " * 200_000).status_code == 413
    assert server.infer(body, **{"content-type": "text/plain"}).status_code == 415
    untyped = {"content-type": ""}
    assert server.infer(ask(), **untyped).status_code == 200
    assert server.infer(ask(), **untyped, origin="https://elsewhere.test").status_code == 415
    chunks = (b" " * 50_000 for _ in range(10))
    streamed = server.client.post(
        f"{server.url}/v2/models/delays/infer",
        content=chunks,
        headers={"content-type": "application/json"},
    )
    assert streamed.status_code == 413


def test_a_large_request_is_scored_off_the_event_loop(start_server, make_package, one_champion):
    server = start_server(one_champion(make_package()))
    rows = 5_000
    request = {
        "inputs": [
            {"name": "distance", "shape": [rows, 1], "datatype": "FP32", "data": [[1.0]] * rows},
            {"name": "carrier", "shape": [rows], "datatype": "BYTES", "data": ["AA"] * rows},
            {"name": "holiday", "shape": [rows], "datatype": "INT64", "data": [1] * rows},
        ],
        "outputs": [{"name": "probability"}],
    }
    [output] = server.infer(request).json()["outputs"]
    assert output["shape"] == [rows]
    assert len(set(output["data"])) == 1


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks_answer_in_their_own_terms(task, start_server, make_package, one_champion, ask):
    server = start_server(one_champion(make_package(task)))
    outputs = {o["name"]: o for o in server.infer(ask(distance=None)).json()["outputs"]}
    if task == "regression":
        assert list(outputs) == ["prediction"]
        return
    assert outputs["probabilities"]["shape"] == [1, 3]
    best = max(range(3), key=outputs["probabilities"]["data"].__getitem__)
    assert outputs["label"]["data"] == [("early", "late", "on time")[best]]


def test_invocations_speak_mlflow(start_server, make_package, one_champion, ask):
    server = start_server(one_champion(make_package()))
    expected = server.infer(ask()).json()["outputs"][1]["data"]
    row = {"distance": 100, "carrier": "AA", "holiday": True}
    bodies = [
        {"dataframe_split": {"columns": list(row), "data": [list(row.values())]}},
        {"dataframe_records": [{**row, "unrelated": "x"}]},
        {"instances": [row]},
        {"instances": [list(row.values())]},
        {"inputs": {name: [value] for name, value in row.items()}},
    ]
    for body in bodies:
        reply = server.infer(body, "/invocations")
        assert reply.status_code == 200, reply.text
        assert reply.json()["predictions"] == expected
    table = b"distance,carrier,holiday\n100,AA,true\n,AA,0\n"
    reply = server.infer(table, "/invocations", **{"content-type": "text/csv"})
    assert reply.json()["predictions"][0] == expected[0]
    assert len(reply.json()["predictions"]) == 2
    for body in ({}, {"instances": []}, {"instances": 3}, {"dataframe_split": {"columns": []}}):
        assert server.infer(body, "/invocations").status_code == 400
    missing = server.infer({"instances": [{"distance": 1, "carier": "AA"}]}, "/invocations")
    assert "'carrier' is missing" in missing.json()["error"]
    assert "'carier' was sent" in missing.json()["error"]


def test_metrics_are_prometheus_text(start_server, make_package, one_champion, ask):
    server = start_server(one_champion(make_package()))
    server.infer(ask())
    server.infer(b"[]")
    text = server.get("/metrics").text
    assert 'millwright_requests_total{protocol="open-inference",code="200"} 1' in text
    assert 'millwright_requests_total{protocol="open-inference",code="400"} 1' in text
    assert 'millwright_rows_total{model="delays",variant="champion",version="1"} 1' in text
    assert 'millwright_request_seconds_bucket{le="+Inf"} 2' in text
    assert 'millwright_batches_total{model="delays",variant="champion",reason="idle"} 1' in text
    assert 'millwright_batch_rows_total{model="delays",variant="champion"} 1' in text
    assert "millwright_log_dropped_rows_total 0" in text


def test_a_server_with_a_token_answers_only_who_has_it(
    start_server, make_package, one_champion, ask
):
    environment = {"MILLWRIGHT_SERVING_TOKEN": "s3cret"}
    server = start_server(one_champion(make_package()), environment=environment)
    assert server.infer(ask()).status_code == 401
    assert server.infer(ask(), authorization="Bearer s3cret").status_code == 200
    assert server.get("/v2/health/live").status_code == 200
