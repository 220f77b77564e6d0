"""Every call of Triton's own clients that applies, against a server named by its addresses."""

import asyncio
import contextlib
import inspect
import sys

import numpy as np

kind, url, grpc_address = sys.argv[1:4]
HEADERS = {"authorization": "Bearer admin"}


@contextlib.contextmanager
def refusal(kind, words):
    try:
        yield
    except kind as error:
        if words not in str(error):
            raise
    else:
        raise AssertionError("it was taken")


def inputs(module, binary=None):
    said = [
        ("distance", "FP64", np.array([100.0])),
        ("carrier", "BYTES", np.array([b"AA"], dtype=object)),
        ("holiday", "BOOL", np.array([True])),
    ]
    made = []
    for name, datatype, values in said:
        one = module.InferInput(name, list(values.shape), datatype)
        one.set_data_from_numpy(values, **({} if binary is None else {"binary_data": binary}))
        made.append(one)
    return made


def ask_http():
    import tritonclient.http as http

    client = http.InferenceServerClient(url.removeprefix("http://"))
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("delays")
    assert client.get_server_metadata()["name"] == "millwright"
    assert client.get_model_metadata("delays", "1")["name"] == "delays"
    assert client.get_model_config("delays")["input"][0]["data_type"] == "TYPE_FP64"
    scores = []
    for binary in (False, True):
        outputs = [
            http.InferRequestedOutput("probability", binary_data=binary),
            http.InferRequestedOutput("label", binary_data=binary),
        ]
        for options in (
            {},
            {"request_compression_algorithm": "gzip"},
            {"response_compression_algorithm": "gzip"},
            {"timeout": 10_000_000},
            {"model_version": "1"},
            {"request_id": "mine"},
        ):
            result = client.infer("delays", inputs(http, binary), outputs=outputs, **options)
            scores.append(float(result.as_numpy("probability")[0]))
        assert client.async_infer("delays", inputs(http, binary)).get_result().as_numpy(
            "label"
        ).shape == (1,)
    assert len(set(scores)) == 1, scores
    assert client.get_inference_statistics("delays")["model_stats"][0]["inference_count"] >= 14
    assert client.get_model_repository_index()[0]["state"] == "READY"
    client.unload_model("delays", headers=HEADERS)
    assert not client.is_model_ready("delays")
    client.load_model("delays", headers=HEADERS)
    assert client.is_model_ready("delays")
    with refusal(http.InferenceServerException, "holiday"):
        client.infer("delays", inputs(http)[:2])


def ask_grpc():
    import queue

    import tritonclient.grpc as grpc

    client = grpc.InferenceServerClient(grpc_address)
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("delays")
    assert client.get_server_metadata().name == "millwright"
    assert client.get_model_metadata("delays").inputs[0].name == "distance"
    config = client.get_model_config("delays").config
    assert config.input[1].data_type == 13  # TYPE_STRING
    assert not config.model_transaction_policy.decoupled
    assert client.get_model_config("delays", as_json=True)["config"]["name"] == "delays"
    with refusal(grpc.InferenceServerException, "no model 'weather'"):
        client.infer("weather", inputs(grpc))
    first = client.infer("delays", inputs(grpc)).as_numpy("probability")[0]
    answers = queue.Queue()
    client.async_infer(
        "delays", inputs(grpc), callback=lambda result, error: answers.put((result, error))
    )
    result, error = answers.get(timeout=20)
    assert error is None
    assert result.as_numpy("probability")[0] == first
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for number in range(5):
        client.async_stream_infer("delays", inputs(grpc), request_id=str(number))
    ids = []
    for _ in range(5):
        result, error = answers.get(timeout=20)
        assert error is None
        assert result.as_numpy("probability")[0] == first
        ids.append(result.get_response().id)
    client.async_stream_infer("delays", inputs(grpc)[:2], enable_empty_final_response=True)
    result, error = answers.get(timeout=20)
    assert result is None
    assert "holiday" in str(error), error
    client.stop_stream()
    assert ids == list("01234"), ids
    assert client.get_inference_statistics("delays").model_stats[0].inference_count >= 7
    assert client.get_model_repository_index().models[0].state == "READY"
    client.unload_model("delays", headers=HEADERS)
    assert not client.is_model_ready("delays")
    client.load_model("delays", headers=HEADERS)
    assert client.is_model_ready("delays")


async def ask_http_aio():
    import tritonclient.http.aio as http

    async with http.InferenceServerClient(url.removeprefix("http://")) as client:
        assert await client.is_server_live()
        assert await client.is_model_ready("delays", "1")
        assert (await client.get_model_config("delays"))["name"] == "delays"
        for binary in (False, True):
            result = await client.infer("delays", inputs(http, binary))
            assert result.as_numpy("label").shape == (1,)
        assert (await client.get_model_repository_index())[0]["name"] == "delays"


async def ask_grpc_aio():
    import tritonclient.grpc.aio as grpc

    async with grpc.InferenceServerClient(grpc_address) as client:
        assert await client.is_server_ready()
        assert (await client.get_server_metadata()).name == "millwright"
        parameters = {"routing_key": "me"}
        await client.infer("delays", inputs(grpc), parameters=parameters, client_timeout=20)

        async def asked():
            for number in range(3):
                yield {"model_name": "delays", "inputs": inputs(grpc), "request_id": str(number)}

        ids = []
        async for result, error in client.stream_infer(asked()):
            assert error is None
            response = result.get_response()
            assert response.parameters["triton_final_response"].bool_param
            ids.append(response.id)
        assert ids == list("012"), ids


def ask_decoupled():
    """A model that answers bit by bit: the first column says numbers or words, the second how many."""
    import queue

    import tritonclient.grpc as grpc

    def question(kind, steps):
        made = []
        for name, value in (("kind", kind), ("steps", steps)):
            made.append(grpc.InferInput(name, [1], "FP64"))
            made[-1].set_data_from_numpy(np.array([value], dtype=np.float64))
        return made

    client = grpc.InferenceServerClient(grpc_address)
    assert client.get_model_config("delays").config.model_transaction_policy.decoupled
    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for kind, said in ((0, [0.0, 1.0, 2.0]), (4, [b"word0 ", b"word1 ", b"word2 "])):
        client.async_stream_infer("delays", question(kind, 3), enable_empty_final_response=True)
        for one in said:
            result, error = answers.get(timeout=20)
            assert error is None
            name = result.get_response().outputs[0].name
            assert result.as_numpy(name)[0] == one
        result, error = answers.get(timeout=20)
        assert result.get_response().parameters["triton_final_response"].bool_param
        assert not result.get_response().outputs
    client.stop_stream()


CALLS = {"http": (ask_http, ask_http_aio), "grpc": (ask_grpc, ask_grpc_aio)}
for ask in CALLS.get(kind, (ask_decoupled,)):
    asyncio.run(ask()) if inspect.iscoroutinefunction(ask) else ask()
print("all right")
