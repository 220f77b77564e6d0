"""The protocol's messages, built from its own notation.

They live in a descriptor pool of their own: clients of the protocol register the same names in the
common one, and two programs that do so cannot be in one process.

Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/open_inference_grpc.proto;
streams, the repository, configurations and statistics are
Triton's (https://github.com/triton-inference-server/common/blob/main/protobuf/grpc_service.proto,
model_config.proto).
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "inference"
_MESSAGES = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "bool live = 1",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "bool ready = 1",
    "ModelReadyRequest": "string name = 1; string version = 2",
    "ModelReadyResponse": "bool ready = 1",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "string name = 1; string version = 2; repeated string extensions = 3",
    "ModelMetadataRequest": "string name = 1; string version = 2",
    "ModelMetadataResponse": "string name = 1; repeated string versions = 2; string platform = 3;"
    " repeated TensorMetadata inputs = 4; repeated TensorMetadata outputs = 5;"
    " map string properties = 6",
    "ModelMetadataResponse.TensorMetadata": "string name = 1; string datatype = 2;"
    " repeated int64 shape = 3",
    "ModelInferRequest": "string model_name = 1; string model_version = 2; string id = 3;"
    " map InferParameter parameters = 4; repeated InferInputTensor inputs = 5;"
    " repeated InferRequestedOutputTensor outputs = 6; repeated bytes raw_input_contents = 7",
    "ModelInferRequest.InferInputTensor": "string name = 1; string datatype = 2;"
    " repeated int64 shape = 3; map InferParameter parameters = 4; InferTensorContents contents = 5",
    "ModelInferRequest.InferRequestedOutputTensor": "string name = 1;"
    " map InferParameter parameters = 2",
    "ModelInferResponse": "string model_name = 1; string model_version = 2; string id = 3;"
    " map InferParameter parameters = 4; repeated InferOutputTensor outputs = 5;"
    " repeated bytes raw_output_contents = 6",
    "ModelInferResponse.InferOutputTensor": "string name = 1; string datatype = 2;"
    " repeated int64 shape = 3; map InferParameter parameters = 4; InferTensorContents contents = 5",
    "InferParameter": "oneof parameter_choice; bool bool_param = 1; int64 int64_param = 2;"
    " string string_param = 3; double double_param = 4; uint64 uint64_param = 5",
    "InferTensorContents": "repeated bool bool_contents = 1; repeated int32 int_contents = 2;"
    " repeated int64 int64_contents = 3; repeated uint32 uint_contents = 4;"
    " repeated uint64 uint64_contents = 5; repeated float fp32_contents = 6;"
    " repeated double fp64_contents = 7; repeated bytes bytes_contents = 8",
    "RepositoryIndexRequest": "string repository_name = 1; bool ready = 2",
    "RepositoryIndexResponse": "repeated ModelIndex models = 1",
    "RepositoryIndexResponse.ModelIndex": "string name = 1; string version = 2;"
    " string state = 3; string reason = 4",
    "RepositoryModelLoadRequest": "string repository_name = 1; string model_name = 2",
    "RepositoryModelLoadResponse": "",
    "RepositoryModelUnloadRequest": "string repository_name = 1; string model_name = 2",
    "RepositoryModelUnloadResponse": "",
    "ModelStatisticsRequest": "string name = 1; string version = 2",
    "ModelStatisticsResponse": "repeated ModelStatistics model_stats = 1",
    "StatisticDuration": "uint64 count = 1; uint64 ns = 2",
    "InferStatistics": "StatisticDuration success = 1; StatisticDuration fail = 2;"
    " StatisticDuration queue = 3; StatisticDuration compute_input = 4;"
    " StatisticDuration compute_infer = 5; StatisticDuration compute_output = 6",
    "ModelStatistics": "string name = 1; string version = 2; uint64 last_inference = 3;"
    " uint64 inference_count = 4; uint64 execution_count = 5; InferStatistics inference_stats = 6",
    "ModelConfigRequest": "string name = 1; string version = 2",
    "ModelConfigResponse": "ModelConfig config = 1",
    "ModelConfig": "string name = 1; string platform = 2; int32 max_batch_size = 4;"
    " repeated ModelInput input = 5; repeated ModelOutput output = 6; string backend = 17;"
    " ModelTransactionPolicy model_transaction_policy = 19",
    # Kinds of data are an enumeration, which is a number on the wire.
    "ModelInput": "string name = 1; int32 data_type = 2; repeated int64 dims = 4",
    "ModelOutput": "string name = 1; int32 data_type = 2; repeated int64 dims = 3",
    "ModelTransactionPolicy": "bool decoupled = 1",
    "ModelStreamInferResponse": "string error_message = 1; ModelInferResponse infer_response = 2",
}
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    name: getattr(_Field, f"TYPE_{name.upper()}")
    for name in ("bool", "int32", "int64", "uint32", "uint64", "float", "double", "string", "bytes")
}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="open_inference.proto", package=PACKAGE, syntax="proto3"
    )
    made: dict[str, descriptor_pb2.DescriptorProto] = {}
    for path, body in _MESSAGES.items():
        outer, _, name = path.rpartition(".")
        message = made[outer].nested_type.add() if outer else file.message_type.add()
        message.name = name
        made[path] = message
        for part in filter(None, body.split(";")):
            _add(message, path, part.split())
    return file


def _add(message: descriptor_pb2.DescriptorProto, path: str, words: list[str]) -> None:
    """One field: ``[repeated|map] type name = number``; or ``oneof name``, which holds the rest."""
    if words[0] == "oneof":
        message.oneof_decl.add().name = words[1]
        return
    kind, name, number = words[-4], words[-3], int(words[-1])
    field = message.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
    if words[0] == "map":
        _add_map(message, path, field, kind)
        return
    if words[0] == "repeated":
        field.label = _Field.LABEL_REPEATED
    _set_type(field, path, kind)
    if message.oneof_decl:
        field.oneof_index = 0


def _add_map(
    message: descriptor_pb2.DescriptorProto,
    path: str,
    field: descriptor_pb2.FieldDescriptorProto,
    kind: str,
) -> None:
    # On the wire a map is a list of messages with a key and a value.
    entry = message.nested_type.add(name=f"{field.name.capitalize()}Entry")
    entry.options.map_entry = True
    for number, (name, what) in enumerate((("key", "string"), ("value", kind)), 1):
        part = entry.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
        _set_type(part, path, what)
    field.label = _Field.LABEL_REPEATED
    field.type = _Field.TYPE_MESSAGE
    field.type_name = f".{PACKAGE}.{path}.{entry.name}"


def _set_type(field: descriptor_pb2.FieldDescriptorProto, path: str, kind: str) -> None:
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
        return
    field.type = _Field.TYPE_MESSAGE
    nested = f"{path}.{kind}"
    field.type_name = f".{PACKAGE}.{nested if nested in _MESSAGES else kind}"


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file())


def message(name: str) -> Any:
    """The class of a message.

    >>> message("ServerLiveResponse")(live=True).SerializeToString()
    b'\\x08\\x01'
    """
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
