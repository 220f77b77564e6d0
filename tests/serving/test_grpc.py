"""The gRPC service as its callers see it, beside HTTP in the same process."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

grpc = pytest.importorskip("grpc")

from millwright.serving.grpc.messages import message  # noqa: E402 - needs what may be missing
from watching import wait_until  # noqa: E402


class Caller:
    """A plain gRPC channel to the service."""

    def __init__(self, address: str, url: str) -> None:
        self.channel = grpc.insecure_channel(address)
        self.url = url

    def call(self, name: str, /, metadata: tuple[tuple[str, str], ...] = (), **fields: Any) -> Any:
        method = self.channel.unary_unary(
            f"/inference.GRPCInferenceService/{name}",
            request_serializer=message(f"{name}Request").SerializeToString,
            response_deserializer=message(f"{name}Response").FromString,
        )
        request = fields.pop("request", None) or message(f"{name}Request")(**fields)
        return method(request, timeout=20, metadata=metadata)

    def stream(self, requests: list[Any]) -> list[Any]:
        method = self.channel.stream_stream(
            "/inference.GRPCInferenceService/ModelStreamInfer",
            request_serializer=message("ModelInferRequest").SerializeToString,
            response_deserializer=message("ModelStreamInferResponse").FromString,
        )
        return list(method(iter(requests), timeout=20))


@pytest.fixture
def start_grpc(tmp_path: Path) -> Iterator[Callable[..., Caller]]:
    running: list[tuple[subprocess.Popen[bytes], Caller]] = []

    def start(config: dict[str, Any], **environment: str) -> Caller:
        file = tmp_path / "config.json"
        file.write_text(json.dumps(config))
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "millwright.serving"),
                *("--config", str(file), "--grpc-port", "0"),
            ],
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
        )
        assert process.stdout is not None
        address = process.stdout.readline().decode().split()[-1]
        url = process.stdout.readline().decode().split()[-1]
        running.append((process, Caller(address, url)))
        return running[-1][1]

    yield start
    for process, caller in running:
        caller.channel.close()
        process.terminate()
        assert process.wait(15) == 0


def question(distance: float = 100.0, **more: Any) -> Any:
    """One row, its tensors as typed contents."""
    request = message("ModelInferRequest")(model_name="delays", **more)
    for name, datatype, contents in (
        ("distance", "FP64", {"fp64_contents": [distance]}),
        ("carrier", "BYTES", {"bytes_contents": [b"AA"]}),
        ("holiday", "BOOL", {"bool_contents": [True]}),
    ):
        request.inputs.add(name=name, datatype=datatype, shape=[1], contents=contents)
    return request


def raw_question() -> Any:
    """The same row as raw bytes, as Triton's client sends it."""
    request = question()
    for tensor in request.inputs:
        tensor.ClearField("contents")
    request.raw_input_contents.extend(
        [struct.pack("<d", 100.0), struct.pack("<I", 2) + b"AA", b"\x01"]
    )
    return request


def test_it_answers_what_http_answers(start_grpc, make_package, one_champion, ask):
    caller = start_grpc(one_champion(make_package()))
    assert caller.call("ServerLive").live
    assert caller.call("ServerReady").ready
    assert caller.call("ServerMetadata").name == "millwright"
    assert caller.call("ModelReady", name="delays").ready
    metadata = caller.call("ModelMetadata", name="delays", version="1")
    assert [i.datatype for i in metadata.inputs] == ["FP64", "BYTES", "BOOL"]
    assert metadata.properties["task"] == "binary"

    over_http = httpx.post(
        f"{caller.url}/v2/models/delays/infer", json=ask(), trust_env=False
    ).json()["outputs"]
    reply = caller.call("ModelInfer", request=question(id="r-1"))
    assert (reply.id, reply.model_version) == ("r-1", "1")
    assert reply.parameters["variant"].string_param == "champion"
    assert [o.name for o in reply.outputs] == ["probability", "label"]
    assert list(reply.outputs[0].contents.fp64_contents) == over_http[0]["data"]
    assert list(reply.outputs[1].contents.bytes_contents) == [over_http[1]["data"][0].encode()]

    raw = caller.call("ModelInfer", request=raw_question())
    assert struct.unpack("<d", raw.raw_output_contents[0]) == tuple(over_http[0]["data"])
    text = httpx.get(f"{caller.url}/metrics", trust_env=False).text
    assert 'requests_total{protocol="open-inference-grpc",code="200"} 2' in text


def test_outputs_and_versions_can_be_chosen(start_grpc, make_package, one_champion):
    caller = start_grpc(one_champion(make_package()))
    request = question(model_version="1")
    request.outputs.add(name="label")
    assert [o.name for o in caller.call("ModelInfer", request=request).outputs] == ["label"]


def refused(caller: Caller, request: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        caller.call("ModelInfer", request=request)
    return caught.value.code().name, caught.value.details()


def test_mistakes_have_their_code_and_a_sentence(start_grpc, make_package, one_champion):
    caller = start_grpc(one_champion(make_package(), max_body_bytes=10_000))
    other = question()
    other.model_name = "weather"
    assert refused(caller, other)[0] == "NOT_FOUND"
    assert refused(caller, question(model_version="9"))[0] == "NOT_FOUND"
    short = question()
    del short.inputs[1]
    code, sentence = refused(caller, short)
    assert code == "INVALID_ARGUMENT"
    assert "Tensor 'carrier' is missing" in sentence
    wrong = question()
    wrong.inputs[0].shape[0] = 2
    assert "expected 2 values" in refused(caller, wrong)[1]
    half = raw_question()
    del half.raw_input_contents[2]
    assert "2 entries for 3 inputs" in refused(caller, half)[1]
    torn = raw_question()
    torn.raw_input_contents[0] = b"123"
    assert refused(caller, torn)[0] == "INVALID_ARGUMENT"
    strange = question()
    strange.inputs[0].datatype = "FP16"
    assert "raw_input_contents" in refused(caller, strange)[1]
    unread = question()
    unread.inputs[1].contents.bytes_contents[0] = b"\xff"
    assert "not UTF-8" in refused(caller, unread)[1]
    odd = question()
    odd.parameters["prediction_ids"].int64_param = 3
    assert "parameters are wrong" in refused(caller, odd)[1]
    large = question(id="x" * 20_000)
    assert refused(caller, large)[0] == "RESOURCE_EXHAUSTED"
    assert caller.call("ModelInfer", request=question()).outputs


def test_a_stream_goes_on_after_a_bad_request(start_grpc, make_package, one_champion):
    caller = start_grpc(one_champion(make_package()))
    bad = question(id="b")
    del bad.inputs[0]
    first, second, third = caller.stream([question(id="a"), bad, question(id="c")])
    assert first.infer_response.id == "a"
    assert "Tensor 'distance' is missing" in second.error_message
    assert (second.infer_response.id, len(second.infer_response.outputs)) == ("b", 0)
    assert third.infer_response.id == "c"
    assert third.infer_response.parameters["triton_final_response"].bool_param
    metrics = httpx.get(f"{caller.url}/metrics", trust_env=False).text
    assert 'nv_inference_request_failure{model="delays"} 1' in metrics


def bit_by_bit(kind: int, steps: int, **more: Any) -> Any:
    request = message("ModelInferRequest")(model_name="delays", **more)
    for name, value in (("kind", kind), ("steps", steps)):
        contents = {"fp64_contents": [float(value)]}
        request.inputs.add(name=name, datatype="FP64", shape=[1], contents=contents)
    return request


def test_a_model_that_answers_bit_by_bit_gives_a_reply_for_each(start_grpc, slowly, one_champion):
    caller = start_grpc(one_champion(slowly, trust_code=True))
    told = bit_by_bit(4, 2, id="b")
    told.parameters["triton_enable_empty_final_response"].bool_param = True
    said = caller.stream([bit_by_bit(0, 3, id="a"), told, bit_by_bit(2, 9, id="c")])
    values = [list(one.infer_response.outputs[0].contents.fp64_contents) for one in said[:3]]
    assert values == [[0.0], [1.0], [2.0]]
    words = [one.infer_response.outputs[0].contents.bytes_contents[0] for one in said[3:5]]
    assert words == [b"word0 ", b"word1 "]
    assert not said[5].infer_response.outputs
    finals = [one.infer_response.parameters["triton_final_response"].bool_param for one in said]
    assert finals == [False] * 5 + [True] + [False] * 3
    assert [one.infer_response.id for one in said] == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    assert [one.error_message for one in said] == [""] * 8 + [said[-1].error_message]
    assert "The server failed" in said[-1].error_message
    config = caller.call("ModelConfig", name="delays").config
    assert config.model_transaction_policy.decoupled
    assert [(one.name, one.data_type) for one in config.input] == [("kind", 12), ("steps", 12)]
    whole = caller.call("ModelInfer", request=bit_by_bit(0, 3))
    assert list(whole.outputs[0].contents.fp64_contents) == [0.0]
    metrics = httpx.get(f"{caller.url}/metrics", trust_env=False).text
    assert 'millwright_streams_total{model="delays",ended="done"} 2' in metrics
    assert 'millwright_streams_total{model="delays",ended="failed"} 1' in metrics
    assert "millwright_in_flight 0" in metrics


def test_who_leaves_a_stream_ends_its_generators(start_grpc, slowly, one_champion):
    caller = start_grpc(one_champion(slowly, trust_code=True))
    method = caller.channel.stream_stream(
        "/inference.GRPCInferenceService/ModelStreamInfer",
        request_serializer=message("ModelInferRequest").SerializeToString,
        response_deserializer=message("ModelStreamInferResponse").FromString,
    )
    call = method(iter([bit_by_bit(3, 100_000), bit_by_bit(3, 100_000)]), timeout=20)
    next(call)
    call.cancel()
    seen = slowly / "seen"
    wait_until(lambda: seen.read_text().split().count("closed") == 2)
    metrics = f"{caller.url}/metrics"
    wait_until(lambda: "in_flight 0" in httpx.get(metrics, trust_env=False).text)


def test_a_deadline_of_the_call_ends_a_stream(start_grpc, slowly, one_champion):
    caller = start_grpc(one_champion(slowly, trust_code=True))
    request = bit_by_bit(3, 100_000)
    request.parameters["timeout"].int64_param = 200_000
    *_, last = caller.stream([request])
    assert "time was over" in last.error_message


def test_a_token_is_asked_for_here_too(start_grpc, make_package, one_champion):
    caller = start_grpc(one_champion(make_package()), MILLWRIGHT_SERVING_TOKEN="secret")
    assert caller.call("ServerReady").ready
    assert refused(caller, question())[0] == "UNAUTHENTICATED"
    allowed = (("authorization", "Bearer secret"),)
    assert caller.call("ModelInfer", allowed, request=question()).outputs
    with pytest.raises(grpc.RpcError, match="UNAUTHENTICATED"):
        caller.stream([question()])
