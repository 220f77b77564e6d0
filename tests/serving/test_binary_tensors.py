"""Tensors as raw bytes, and one tensor for all columns: the same answers as JSON, column by column."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import EncodedColumn, Field
from millwright.serving.binary_tensors import RawTensors, packed, split

NUMBERS = tuple(Field(name=f"x{i}", kind="numeric") for i in range(4))
PLAIN = tuple(EncodedColumn(field=f.name, how="number", fill=0.0) for f in NUMBERS)


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), max_size=20))
def test_texts_come_back_as_they_were(values):
    raw = packed("BYTES", values)
    assert RawTensors(memoryview(raw)).take("t", "BYTES", len(values), len(raw)) == values


@given(
    st.sampled_from(["FP32", "FP64", "INT8", "INT64", "UINT16"]),
    st.lists(st.integers(0, 100), min_size=1, max_size=20),
)
def test_numbers_come_back_as_they_were(datatype, values):
    raw = packed(datatype, values)
    assert RawTensors(memoryview(raw)).take("n", datatype, len(values), len(raw)) == values


@given(st.binary(max_size=40), st.integers(0, 5), st.sampled_from(["BYTES", "FP32", "BOOL", "XY"]))
def test_any_bytes_are_values_or_a_sentence(raw, count, datatype):
    try:
        values = RawTensors(memoryview(raw)).take("t", datatype, count, len(raw))
    except InvalidInput as error:
        said = error.message
    else:
        said = "'t'" if len(values) == count else ""
    assert "'t'" in said


@pytest.mark.parametrize("said", ["-1", "99", "x", "1" * 40, "", "²"])
def test_a_header_that_is_no_length_is_refused(said):
    with pytest.raises(InvalidInput, match="Inference-Header-Content-Length"):
        split({"inference-header-content-length": said}, b"{}")


def binary_question(binary_output: bool = True) -> tuple[bytes, dict[str, str]]:
    raw = struct.pack("<d", 100.0) + packed("BYTES", ["AA"]) + b"\x01"
    inputs = [
        {"name": name, "shape": [1], "datatype": kind, "parameters": {"binary_data_size": size}}
        for name, kind, size in (
            ("distance", "FP64", 8),
            ("carrier", "BYTES", 6),
            ("holiday", "BOOL", 1),
        )
    ]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": binary_output}})
    return head.encode() + raw, {"inference-header-content-length": str(len(head))}


def test_raw_tensors_are_answered_as_json_is(start_server, make_package, one_champion, ask):
    server = start_server(one_champion(make_package()))
    expected = server.infer(ask()).json()["outputs"]
    body, headers = binary_question()
    reply = server.infer(body, **headers, **{"content-type": "application/octet-stream"})
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/octet-stream"
    end = int(reply.headers["inference-header-content-length"])
    outputs = json.loads(reply.content[:end])["outputs"]
    label = expected[1]["data"][0]
    assert [o["parameters"]["binary_data_size"] for o in outputs] == [8, 4 + len(label)]
    assert struct.unpack("<d", reply.content[end : end + 8])[0] == expected[0]["data"][0]
    assert reply.content[end + 12 :].decode() == label
    body, headers = binary_question(binary_output=False)
    assert server.infer(body, **headers).json()["outputs"] == expected
    assert "binary_tensor_data" in server.get("/v2").json()["extensions"]


def test_bytes_that_do_not_fit_their_tensors_get_a_sentence(
    start_server, make_package, one_champion, ask
):
    server = start_server(one_champion(make_package()))
    body, headers = binary_question()
    for wrong, expected in (
        (body[:-1], "'holiday': expected 1 bytes"),
        (body + b"!", "belong to none"),
        (body.replace(b'"shape": [1]', b'"shape": [9]'), "expected 72 bytes for 9 values"),
        (body.replace(b'"binary_data_size": 8', b'"binary_data_size":-1'), "'distance'"),
    ):
        reply = server.infer(wrong, **headers)
        assert reply.status_code == 400, reply.text
        assert expected in reply.json()["error"]
    without = server.infer(json.loads(body[: int(headers["inference-header-content-length"])]))
    assert "needs the header" in without.json()["error"]
    assert server.infer(ask()).status_code == 200


def test_one_tensor_may_hold_all_columns_of_a_model_of_numbers(
    start_server, make_package, one_champion
):
    server = start_server(one_champion(make_package(fields=NUMBERS, columns=PLAIN)))
    rows = np.random.default_rng(5).normal(size=(3, 4)).round(3)
    by_column = [
        {"name": f"x{i}", "shape": [3], "datatype": "FP64", "data": rows[:, i].tolist()}
        for i in range(4)
    ]
    expected = server.infer({"inputs": by_column}).json()["outputs"]
    whole = {"name": "input", "shape": [3, 4], "datatype": "FP64"}
    for data in (rows.tolist(), rows.ravel().tolist()):
        reply = server.infer({"inputs": [{**whole, "data": data}]})
        assert reply.json()["outputs"] == expected
    raw = rows.astype("<f8").tobytes()
    head = json.dumps(
        {"inputs": [{**whole, "parameters": {"binary_data_size": len(raw)}}]}
    ).encode()
    reply = server.infer(
        head + raw, **{"inference-header-content-length": str(len(head)), "content-type": "x/y"}
    )
    assert reply.json()["outputs"] == expected
    short = server.infer({"inputs": [{**whole, "data": rows.tolist()[:2]}]})
    assert "expected 12 values" in short.json()["error"]
