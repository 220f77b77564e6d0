"""The Open Inference Protocol v2 over REST: requests in, replies and metadata out.

Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Manifest
from millwright.serving.binary_tensors import RawTensors, packed
from millwright.serving.outcome import Outcome, Output, Said
from millwright.serving.questions import (
    Question,
    Written,
    checked_ids,
    checked_request_id,
    event_times_us,
)
from millwright.serving.signature import Column, InputSignature, Rows
from millwright.serving.variant import Generation, Variant

Scalar = str | int | float | bool | None


class TensorParameters(msgspec.Struct, gc=False):
    """What a tensor says of its data: how many of the raw bytes are its own."""

    binary_data_size: int | None = None


class Tensor(msgspec.Struct, gc=False):
    """One input: its values in ``data``, or among the raw bytes."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Scalar | list[Scalar]] | msgspec.UnsetType = msgspec.UNSET
    parameters: TensorParameters | None = None


class OutputParameters(msgspec.Struct):
    """How one output is wanted."""

    binary_data: bool = False


class RequestedOutput(msgspec.Struct):
    """An output that is wanted."""

    name: str
    parameters: OutputParameters | None = None


class Parameters(msgspec.Struct):
    """What a request says beside its tensors."""

    routing_key: str | int | None = None
    prediction_ids: list[str] | None = None
    event_time: str | None = None
    event_times: list[str] | None = None
    binary_data_output: bool = False
    timeout: int | None = None


class InferRequest(msgspec.Struct):
    """An inference request, whatever it was written in."""

    inputs: list[Tensor]
    id: str | None = None
    parameters: Parameters | None = None
    outputs: list[RequestedOutput] | None = None


_PLATFORMS = {"onnx": "onnx_onnxruntime", "torch": "pytorch_torch"}
_EXTENSIONS = ("binary_tensor_data", "model_repository", "model_configuration", "statistics")
_CONFIG_TYPES = {"BYTES": "STRING", "FP64": "FP64", "BOOL": "BOOL"}
_decoder = msgspec.json.Decoder(InferRequest)
_NO_PARAMETERS = Parameters()


def read_question(
    body: bytes, signature: InputSignature, raw: memoryview | None = None
) -> Question:
    """The question in an inference request.

    Args:
        body: the request's JSON.
        signature: what the endpoint takes.
        raw: the bytes of binary tensors, where the request has the extension's header.

    Raises:
        InvalidInput: the body is not an inference request, or its tensors do not fit; the message
            names the tensor, what was expected and what came.
    """
    return question_of(_parse(body), signature, raw)


def question_of(
    request: InferRequest, signature: InputSignature, raw: memoryview | None = None
) -> Question:
    """The question that a request asks; arguments and errors as in ``read_question``."""
    if not request.inputs:
        raise InvalidInput("serving.no_inputs", "The request has no input tensors.")
    tensors = None if raw is None else RawTensors(raw)
    whole = request.inputs[0]
    if len(request.inputs) == 1 and _is_matrix(whole, signature):
        rows = _matrix(whole, signature, tensors)
    else:
        rows = _named(request.inputs, signature, _row_count(whole), tensors)
    count = rows.count
    if tensors is not None:
        tensors.end()
    said = request.parameters or _NO_PARAMETERS
    return Question(
        rows=rows,
        request_id=checked_request_id(request.id),
        routing_key=None if said.routing_key is None else str(said.routing_key),
        prediction_ids=checked_ids(said.prediction_ids, count),
        event_times_us=event_times_us(said.event_time, said.event_times, count),
        outputs=[output.name for output in request.outputs or ()],
        binary=_binary_outputs(request, said.binary_data_output),
        timeout_us=said.timeout,
    )


def _binary_outputs(request: InferRequest, every: bool) -> frozenset[str] | None:
    """Names of the outputs that are wanted as raw bytes; None for all of them."""
    if request.outputs is None:
        return None if every else frozenset()
    # What an output says of itself counts more than what the request says of all.
    return frozenset(
        output.name
        for output in request.outputs
        if (every if output.parameters is None else output.parameters.binary_data)
    )


def _named(
    inputs: list[Tensor], signature: InputSignature, count: int, raw: RawTensors | None
) -> Rows:
    """The rows of a request with a tensor for each field."""
    columns: list[Column | None] = [None] * len(signature.fields)
    unknown: list[str] = []
    for tensor in inputs:
        index = signature.positions.get(tensor.name)
        if index is None:
            unknown.append(tensor.name)
            if raw is not None:
                _skip(tensor, raw)
            continue
        if columns[index] is not None:
            raise InvalidInput("serving.twice", f"Tensor '{tensor.name}' was sent twice.")
        columns[index] = signature.column(index, tensor.datatype, _values(tensor, count, raw))
    rows = signature.complete(columns, count, unknown)
    if unknown:
        raise signature.unknown(unknown[0])
    return rows


def _skip(tensor: Tensor, raw: RawTensors) -> None:
    size = _binary_size(tensor)
    if size:
        raw.take(tensor.name, "UINT8", size, size)


def _is_matrix(tensor: Tensor, signature: InputSignature) -> bool:
    """Whether the one tensor of a request holds all columns of a model of numbers, in their order."""
    shape = tensor.shape
    return (
        signature.as_matrix
        and len(shape) == 2
        and shape[1] == signature.required
        and tensor.name not in signature.positions
    )


def _matrix(tensor: Tensor, signature: InputSignature, raw: RawTensors | None) -> Rows:
    """The rows of a request with one tensor for all fields."""
    count, width = tensor.shape
    if count < 1:
        raise _bad_shape(tensor, f"[rows, {width}] with at least one row")
    values = _flat(tensor, count * width, raw)
    rows = signature.matrix(tensor.datatype, values, count)
    if rows is not None:
        return rows
    columns: list[Column | None] = [None] * len(signature.fields)
    for index in range(width):
        columns[index] = signature.column(index, tensor.datatype, values[index::width])
    return signature.complete(columns, count, ())


def write_reply(question: Question, request_id: str, answer: Variant, outcome: Outcome) -> Written:
    """The inference response of the variant that answered.

    Raises:
        InvalidInput: an output was asked for that the model does not have.
    """
    outputs = wanted_outputs(question, answer, outcome)
    reply = _response(request_id, answer, outputs)
    if question.binary is not None and not question.binary:
        return Written(orjson.dumps(reply))
    tail = [
        _as_binary(o) for o in outputs if question.binary is None or o["name"] in question.binary
    ]
    head = orjson.dumps(reply)
    return Written(b"".join((head, *tail)), len(head))


def write_part(question: Question, request_id: str, answer: Variant, said: Said) -> bytes:
    """An inference response for one thing of a stream; errors as ``write_reply``."""
    return orjson.dumps(_response(request_id, answer, outputs_said(question, answer, said)))


def _response(
    request_id: str, answer: Variant, outputs: list[dict[str, object]]
) -> dict[str, object]:
    version = str(answer.config.version)
    return {
        "model_name": answer.manifest.model,
        "model_version": version,
        "id": request_id,
        "parameters": {"variant": answer.config.name, "version": version},
        "outputs": outputs,
    }


def outputs_said(question: Question, answer: Variant, said: Said) -> list[dict[str, object]]:
    """The outputs of one thing of a stream; as ``wanted_outputs``, or a text."""
    if isinstance(said, str):
        return [_output("text_output", "BYTES", [1], [said])]
    return wanted_outputs(question, answer, said)


def wanted_outputs(
    question: Question, answer: Variant, outcome: Outcome
) -> list[dict[str, object]]:
    """The outputs of a reply: name, datatype, shape and data of each that was asked for.

    Raises:
        InvalidInput: an output was asked for that the model does not have.
    """
    outputs = _outputs(answer.manifest, outcome, question.rows.count)
    return _chosen(outputs, question.outputs) if question.outputs else outputs


def _as_binary(output: dict[str, object]) -> bytes:
    """Take the data out of an output; the bytes it now refers to."""
    values: Any = output.pop("data")
    raw = packed(str(output["datatype"]), values)
    output["parameters"] = {"binary_data_size": len(raw)}
    return raw


def server_metadata(version: str) -> dict[str, object]:
    """The answer to ``GET /v2``."""
    return {"name": "millwright", "version": version, "extensions": list(_EXTENSIONS)}


def model_metadata(
    generation: Generation, variant: Variant, *, pinned: bool = False
) -> dict[str, object]:
    """The answer to ``GET /v2/models/{name}``: the endpoint's, or one version's, inputs."""
    manifest = variant.manifest
    fields = manifest.signature if pinned else generation.signature.fields
    if generation.lookups is not None:
        known = generation.lookups.fields
        fields = tuple(one for one in generation.signature.fields if one.name not in known)
    served = generation.variants
    return {
        "name": generation.config.model_name,
        "versions": [str(v.config.version) for v in served],
        "platform": "millwright_graph"
        if variant.graph is not None
        else _PLATFORMS.get(manifest.runtime, manifest.runtime),
        "inputs": [{"name": f.name, "datatype": f.datatype, "shape": [-1]} for f in fields],
        "outputs": [
            {"name": one.name, "datatype": one.datatype, "shape": one.shape(-1)}
            for one in variant.outputs
        ],
        "properties": {
            "task": manifest.task,
            "family": manifest.family,
            "classes": ",".join(manifest.classes),
            "variants": ",".join(f"{v.config.name}={v.config.version}" for v in served),
        },
    }


def model_config(generation: Generation) -> dict[str, object]:
    """The answer to ``GET /v2/models/{name}/config``, as Triton's clients ask it.

    Source: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_configuration.md
    """
    described = model_metadata(generation, generation.champion)

    def tensors(which: str) -> list[dict[str, object]]:
        found: Any = described[which]
        return [
            {
                "name": one["name"],
                "data_type": f"TYPE_{_CONFIG_TYPES[one['datatype']]}",
                "dims": [one["shape"][1] if which == "outputs" and len(one["shape"]) > 1 else 1],
            }
            for one in found
        ]

    return {
        "name": described["name"],
        "platform": described["platform"],
        "backend": generation.champion.manifest.runtime,
        "max_batch_size": 0,
        "model_transaction_policy": {"decoupled": generation.champion.stream is not None},
        "input": tensors("inputs"),
        "output": tensors("outputs"),
    }


def _parse(body: bytes) -> InferRequest:
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError as cause:
        raise InvalidInput(
            "serving.request",
            f"The body is not an inference request{_where(body)}: {cause}.",
            hint="It needs inputs: [{name, shape, datatype, data}].",
        ) from cause
    except (msgspec.DecodeError, UnicodeDecodeError) as cause:
        raise InvalidInput(
            "serving.json",
            f"The body is not valid JSON: {cause}.",
            hint="NaN and Infinity are not JSON; send null where a value is not known.",
        ) from cause
    except RecursionError as cause:
        raise InvalidInput("serving.json", "The JSON of the body is nested too deeply.") from cause


def _where(body: bytes) -> str:
    """Which tensor is wrong, for the message: the second, slower look at a refused body."""
    try:
        raw = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        tensors = msgspec.json.decode(raw["inputs"], type=list[msgspec.Raw])
        for index, tensor in enumerate(tensors):
            try:
                msgspec.json.decode(tensor, type=Tensor)
            except msgspec.ValidationError:
                name = msgspec.json.decode(tensor, type=dict[str, msgspec.Raw]).get("name")
                shown = bytes(name)[:100].decode("utf-8", "replace") if name else f"number {index}"
                return f" (tensor {shown})"
    except (msgspec.MsgspecError, KeyError, ValueError, RecursionError):
        return ""
    return ""


def _row_count(tensor: Tensor) -> int:
    shape = tensor.shape
    if not shape or shape[0] < 1 or len(shape) > 2 or (len(shape) == 2 and shape[1] != 1):
        raise _bad_shape(tensor, "[rows] or [rows, 1] with at least one row")
    return shape[0]


def _values(tensor: Tensor, count: int, raw: RawTensors | None) -> Column:
    shape, data = tensor.shape, tensor.data
    if shape == [count]:
        # What nearly every tensor is, and then nothing needs a closer look.
        if type(data) is list and len(data) == count and type(data[0]) is not list:
            return data
    elif shape != [count, 1]:
        raise _bad_shape(tensor, f"[{count}] or [{count}, 1], like the first tensor")
    return _flat(tensor, count, raw)


def _flat(tensor: Tensor, count: int, raw: RawTensors | None) -> Column:
    """The ``count`` values of a tensor: from its bytes, its list, or its list of rows."""
    data = tensor.data
    size = _binary_size(tensor)
    if size is not None:
        if raw is None or not isinstance(data, msgspec.UnsetType):
            raise InvalidInput(
                "serving.binary_header",
                f"Tensor '{tensor.name}' says that its data is binary, which needs the header "
                "Inference-Header-Content-Length and no list of data.",
            )
        return raw.take(tensor.name, tensor.datatype, count, size)
    if isinstance(data, msgspec.UnsetType):
        raise InvalidInput(
            "serving.no_data",
            f"Tensor '{tensor.name}' has no data: expected a JSON list of {count} values.",
        )
    if data and type(data[0]) is list:
        data = _unnested(tensor, data)
    if len(data) != count:
        raise InvalidInput(
            "serving.data_length",
            f"Tensor '{tensor.name}': expected {count} values as its shape says, got {len(data)}.",
        )
    return data


def _unnested(tensor: Tensor, data: list[Any]) -> Column:
    width = tensor.shape[-1] if len(tensor.shape) == 2 else 1
    if any(type(row) is not list or len(row) != width for row in data):
        expected = "one value" if width == 1 else f"{width} values"
        raise InvalidInput(
            "serving.data_length",
            f"Tensor '{tensor.name}': expected {expected} in each row of its nested data.",
        )
    return [value for row in data for value in row]


def _binary_size(tensor: Tensor) -> int | None:
    return None if tensor.parameters is None else tensor.parameters.binary_data_size


def _bad_shape(tensor: Tensor, expected: str) -> InvalidInput:
    return InvalidInput(
        "serving.shape",
        f"Tensor '{tensor.name}': expected shape {expected}, got {str(tensor.shape)[:60]}.",
    )


def _outputs(manifest: Manifest, outcome: Outcome, count: int) -> list[dict[str, object]]:
    if outcome.columns is not None:
        return [_column(output, values, count) for output, values in outcome.columns]
    if outcome.labels is None:
        return [_output("prediction", "FP64", [count], outcome.scores)]
    label = _output("label", "BYTES", [count], outcome.labels)
    if outcome.probabilities is None:
        return [_output("probability", "FP64", [count], outcome.scores), label]
    flat = [value for row in outcome.probabilities for value in row]
    return [_output("probabilities", "FP64", [count, len(manifest.classes)], flat), label]


def _column(output: Output, values: list[Any], count: int) -> dict[str, object]:
    if output.width:
        values = [value for row in values for value in row]
    elif output.kind == "boolean":
        values = [None if value is None else bool(value) for value in values]
    return _output(output.name, output.datatype, output.shape(count), values)


def _output(name: str, datatype: str, shape: list[int], data: object) -> dict[str, object]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def _chosen(outputs: list[dict[str, object]], names: object) -> list[dict[str, object]]:
    by_name = {output["name"]: output for output in outputs}
    chosen = []
    for name in names if isinstance(names, list) else ():
        if name not in by_name:
            known = ", ".join(str(known) for known in by_name)
            raise InvalidInput(
                "serving.unknown_output",
                f"The model has no output '{name[:100]}'.",
                hint=f"It gives: {known}.",
            )
        chosen.append(by_name[name])
    return chosen
