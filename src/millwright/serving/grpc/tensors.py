"""Requests and replies between the protocol's messages and what serving works with."""

from __future__ import annotations

from typing import Any

import msgspec

from millwright.kernel.errors import InvalidInput
from millwright.serving.binary_tensors import packed
from millwright.serving.grpc.messages import message
from millwright.serving.open_inference import (
    InferRequest,
    Parameters,
    RequestedOutput,
    Tensor,
    TensorParameters,
    outputs_said,
)
from millwright.serving.outcome import Outcome, Said
from millwright.serving.questions import Question, Written
from millwright.serving.variant import Variant

_NAN = float("nan")
_CONTENTS = {
    "BOOL": "bool_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
}
_Response = message("ModelInferResponse")


def request_of(asked: Any) -> tuple[InferRequest, memoryview | None]:
    """A ``ModelInferRequest`` as other protocols' requests are, and its raw tensors.

    Raises:
        InvalidInput: a tensor's data does not fit its datatype, there are more or fewer raw tensors
            than inputs, or a parameter is of a wrong kind.
    """
    raw = list(asked.raw_input_contents)
    if raw and len(raw) != len(asked.inputs):
        raise InvalidInput(
            "serving.raw_contents",
            f"raw_input_contents has {len(raw)} entries for {len(asked.inputs)} inputs.",
        )
    inputs = [
        Tensor(
            name=tensor.name,
            shape=list(tensor.shape),
            datatype=tensor.datatype,
            data=msgspec.UNSET if raw else _values(tensor),
            parameters=TensorParameters(len(raw[index])) if raw else None,
        )
        for index, tensor in enumerate(asked.inputs)
    ]
    said = {name: _parameter(value) for name, value in asked.parameters.items()}
    known = {name: said[name] for name in Parameters.__struct_fields__ if name in said}
    try:
        parameters = msgspec.convert(known, Parameters)
    except msgspec.ValidationError as cause:
        raise InvalidInput("serving.parameter", f"The parameters are wrong: {cause}.") from cause
    request = InferRequest(
        inputs=inputs,
        id=asked.id or None,
        parameters=parameters,
        outputs=[RequestedOutput(name=output.name) for output in asked.outputs] or None,
    )
    return request, memoryview(b"".join(raw)) if raw else None


def write_reply(
    question: Question, request_id: str, answer: Variant, outcome: Outcome, *, raw: bool
) -> Written:
    """A serialised ``ModelInferResponse``, its data raw where the request's was."""
    return Written(write_part(question, request_id, answer, outcome, raw=raw))


def write_part(
    question: Question, request_id: str, answer: Variant, said: Said, *, raw: bool
) -> bytes:
    """The same for one thing of a stream."""
    version = str(answer.config.version)
    reply = _Response(model_name=answer.manifest.model, model_version=version, id=request_id)
    reply.parameters["variant"].string_param = answer.config.name
    reply.parameters["version"].string_param = version
    for output in outputs_said(question, answer, said):
        data: Any = output["data"]
        tensor = reply.outputs.add(
            name=output["name"], datatype=output["datatype"], shape=output["shape"]
        )
        if raw:
            reply.raw_output_contents.append(packed(tensor.datatype, data))
        elif tensor.datatype == "BYTES":
            tensor.contents.bytes_contents.extend((text or "").encode() for text in data)
        elif tensor.datatype == "BOOL":
            tensor.contents.bool_contents.extend(bool(value) for value in data)
        else:
            tensor.contents.fp64_contents.extend(_NAN if v is None else v for v in data)
    content: bytes = reply.SerializeToString()
    return content


def _values(tensor: Any) -> list[Any]:
    name = _CONTENTS.get(tensor.datatype)
    if name is None:
        raise InvalidInput(
            "serving.datatype",
            f"Tensor '{tensor.name[:100]}': the datatype '{tensor.datatype[:40]}' cannot be sent as "
            "contents.",
            hint="Send it in raw_input_contents.",
        )
    values = list(getattr(tensor.contents, name))
    if tensor.datatype != "BYTES":
        return values
    try:
        return [value.decode() for value in values]
    except UnicodeDecodeError as cause:
        raise InvalidInput(
            "serving.text", f"Tensor '{tensor.name[:100]}' holds text that is not UTF-8."
        ) from cause


def _parameter(value: Any) -> Any:
    choice = value.WhichOneof("parameter_choice")
    return None if choice is None else getattr(value, choice)
