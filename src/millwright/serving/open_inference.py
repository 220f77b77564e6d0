"""The Open Inference Protocol v2 over REST: requests in, replies and metadata out.

Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

import msgspec
import orjson

from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Manifest
from millwright.serving.outcome import Outcome
from millwright.serving.questions import (
    Question,
    checked_ids,
    checked_request_id,
    event_times_us,
)
from millwright.serving.signature import Column, InputSignature
from millwright.serving.variant import Generation, Variant

Scalar = str | int | float | bool | None


class _Tensor(msgspec.Struct, gc=False):
    name: str
    shape: list[int]
    datatype: str
    data: list[Scalar | list[Scalar]] | msgspec.UnsetType = msgspec.UNSET


class _Output(msgspec.Struct):
    name: str


class _Parameters(msgspec.Struct):
    routing_key: str | int | None = None
    prediction_ids: list[str] | None = None
    event_time: str | None = None
    event_times: list[str] | None = None


class _Request(msgspec.Struct):
    inputs: list[_Tensor]
    id: str | None = None
    parameters: _Parameters | None = None
    outputs: list[_Output] | None = None


_decoder = msgspec.json.Decoder(_Request)
_NO_PARAMETERS = _Parameters()


def read_question(body: bytes, signature: InputSignature) -> Question:
    """The question in an inference request.

    Raises:
        InvalidInput: the body is not an inference request, or its tensors do not fit; the message
            names the tensor, what was expected and what came.
    """
    request = _parse(body)
    if not request.inputs:
        raise InvalidInput("serving.no_inputs", "The request has no input tensors.")
    count = _row_count(request.inputs[0])
    columns: list[Column | None] = [None] * len(signature.fields)
    unknown: list[str] = []
    for tensor in request.inputs:
        index = signature.positions.get(tensor.name)
        if index is None:
            unknown.append(tensor.name)
            continue
        if columns[index] is not None:
            raise InvalidInput("serving.twice", f"Tensor '{tensor.name}' was sent twice.")
        columns[index] = signature.column(index, tensor.datatype, _values(tensor, count))
    rows = signature.complete(columns, count, unknown)
    if unknown:
        raise signature.unknown(unknown[0])
    said = request.parameters or _NO_PARAMETERS
    return Question(
        rows=rows,
        request_id=checked_request_id(request.id),
        routing_key=None if said.routing_key is None else str(said.routing_key),
        prediction_ids=checked_ids(said.prediction_ids, count),
        event_times_us=event_times_us(said.event_time, said.event_times, count),
        outputs=[output.name for output in request.outputs or ()],
    )


def write_reply(question: Question, request_id: str, answer: Variant, outcome: Outcome) -> bytes:
    """The inference response of the variant that answered.

    Raises:
        InvalidInput: an output was asked for that the model does not have.
    """
    outputs = _outputs(answer.manifest, outcome, question.rows.count)
    if question.outputs:
        outputs = _chosen(outputs, question.outputs)
    version = str(answer.config.version)
    return orjson.dumps(
        {
            "model_name": answer.manifest.model,
            "model_version": version,
            "id": request_id,
            "parameters": {"variant": answer.config.name, "version": version},
            "outputs": outputs,
        }
    )


def server_metadata(version: str) -> dict[str, object]:
    """The answer to ``GET /v2``."""
    return {"name": "millwright", "version": version, "extensions": []}


def model_metadata(
    generation: Generation, variant: Variant, *, pinned: bool = False
) -> dict[str, object]:
    """The answer to ``GET /v2/models/{name}``: the endpoint's, or one version's, inputs."""
    manifest = variant.manifest
    fields = manifest.signature if pinned else generation.signature.fields
    served = [v for v in (generation.champion, generation.canary) if v is not None]
    return {
        "name": generation.config.model_name,
        "versions": [str(v.config.version) for v in served],
        "platform": "onnx_onnxruntime",
        "inputs": [{"name": f.name, "datatype": f.datatype, "shape": [-1]} for f in fields],
        "outputs": _output_metadata(manifest),
        "properties": {
            "task": manifest.task,
            "family": manifest.family,
            "classes": ",".join(manifest.classes),
            "variants": ",".join(f"{v.config.name}={v.config.version}" for v in served),
        },
    }


def _parse(body: bytes) -> _Request:
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
                msgspec.json.decode(tensor, type=_Tensor)
            except msgspec.ValidationError:
                name = msgspec.json.decode(tensor, type=dict[str, msgspec.Raw]).get("name")
                shown = bytes(name)[:100].decode("utf-8", "replace") if name else f"number {index}"
                return f" (tensor {shown})"
    except (msgspec.MsgspecError, KeyError, ValueError, RecursionError):
        return ""
    return ""


def _row_count(tensor: _Tensor) -> int:
    shape = tensor.shape
    if not shape or shape[0] < 1 or len(shape) > 2 or (len(shape) == 2 and shape[1] != 1):
        raise _bad_shape(tensor, "[rows] or [rows, 1] with at least one row")
    return shape[0]


def _values(tensor: _Tensor, count: int) -> Column:
    shape, data = tensor.shape, tensor.data
    if shape != [count] and shape != [count, 1]:
        raise _bad_shape(tensor, f"[{count}] or [{count}, 1], like the first tensor")
    if isinstance(data, msgspec.UnsetType):
        raise InvalidInput(
            "serving.no_data",
            f"Tensor '{tensor.name}' has no data: expected a JSON list of {count} values "
            "(the binary data extension is not supported).",
        )
    if len(data) != count:
        raise InvalidInput(
            "serving.data_length",
            f"Tensor '{tensor.name}': expected {count} values as its shape says, got {len(data)}.",
        )
    if type(data[0]) is not list:
        return data
    if any(type(row) is not list or len(row) != 1 for row in data):
        raise InvalidInput(
            "serving.data_length",
            f"Tensor '{tensor.name}': expected one value in each row of its nested data.",
        )
    return [row[0] for row in data]  # type: ignore[index]  # each is a list, as just checked


def _bad_shape(tensor: _Tensor, expected: str) -> InvalidInput:
    return InvalidInput(
        "serving.shape",
        f"Tensor '{tensor.name}': expected shape {expected}, got {str(tensor.shape)[:60]}.",
    )


def _outputs(manifest: Manifest, outcome: Outcome, count: int) -> list[dict[str, object]]:
    if outcome.labels is None:
        return [_output("prediction", "FP64", [count], outcome.scores)]
    label = _output("label", "BYTES", [count], outcome.labels)
    if outcome.probabilities is None:
        return [_output("probability", "FP64", [count], outcome.scores), label]
    flat = [value for row in outcome.probabilities for value in row]
    return [_output("probabilities", "FP64", [count, len(manifest.classes)], flat), label]


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


def _output_metadata(manifest: Manifest) -> list[dict[str, object]]:
    if manifest.task == "regression":
        return [{"name": "prediction", "datatype": "FP64", "shape": [-1]}]
    label: dict[str, object] = {"name": "label", "datatype": "BYTES", "shape": [-1]}
    if manifest.task == "binary":
        return [{"name": "probability", "datatype": "FP64", "shape": [-1]}, label]
    classes = len(manifest.classes)
    return [{"name": "probabilities", "datatype": "FP64", "shape": [-1, classes]}, label]
