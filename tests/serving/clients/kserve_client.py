"""Every call of KServe's own client that applies, over REST and gRPC."""

import asyncio
import sys

kind, url, grpc_address = sys.argv[1:4]
del sys.argv[1:]  # kserve reads them when it is imported
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest  # noqa: E402
from kserve.inference_client import RESTConfig  # noqa: E402


def request():
    said = [
        ("distance", "FP64", [100.0]),
        ("carrier", "BYTES", ["AA"]),
        ("holiday", "BOOL", [True]),
    ]
    return InferRequest(
        model_name="delays",
        infer_inputs=[InferInput(name=n, shape=[1], datatype=d, data=v) for n, d, v in said],
    )


async def ask_http():
    client = InferenceRESTClient(RESTConfig(protocol="v2", timeout=20))
    assert await client.is_server_live(url)
    assert await client.is_server_ready(url)
    assert await client.is_model_ready(url, "delays")
    answer = await client.infer(url, request(), model_name="delays")
    assert {output.name for output in answer.outputs} == {"probability", "label"}, answer
    await client.close()


async def ask_grpc():
    client = InferenceGRPCClient(grpc_address)
    assert await client.is_server_live()
    assert await client.is_server_ready()
    assert await client.is_model_ready("delays")
    answer = await client.infer(request())
    assert {output.name for output in answer.outputs} == {"probability", "label"}, answer
    await client.close()


asyncio.run({"http": ask_http, "grpc": ask_grpc}[kind]())
print("all right")
