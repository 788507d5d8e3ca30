"""Messages of the KServe v2 service, declared here: a part of its proto file, with the numbers of its fields.

Unknown fields are skipped by protobuf, so what is not used is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE: Final = "inference.GRPCInferenceService"
_PACKAGE: Final = "inference"

_Field = descriptor_pb2.FieldDescriptorProto
_TYPES: Final = {
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
    "bool": _Field.TYPE_BOOL,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
    "float": _Field.TYPE_FLOAT,
    "double": _Field.TYPE_DOUBLE,
}

_TENSOR: Final = (("name", 1, "string"), ("datatype", 2, "string"), ("shape", 3, "repeated int64"))
_MESSAGES: Final[dict[str, tuple[tuple[str, int, str], ...]]] = {
    "ModelMetadataRequest": (("name", 1, "string"), ("version", 2, "string")),
    "TensorMetadata": _TENSOR,
    "ModelMetadataResponse": (
        ("name", 1, "string"),
        ("inputs", 4, "repeated TensorMetadata"),
        ("outputs", 5, "repeated TensorMetadata"),
    ),
    "ModelConfigRequest": (("name", 1, "string"), ("version", 2, "string")),
    "ModelConfig": (("name", 1, "string"), ("max_batch_size", 4, "int32")),
    "ModelConfigResponse": (("config", 1, "ModelConfig"),),
    "InferTensorContents": (
        ("bool_contents", 1, "repeated bool"),
        ("int_contents", 2, "repeated int32"),
        ("int64_contents", 3, "repeated int64"),
        ("uint_contents", 4, "repeated uint32"),
        ("uint64_contents", 5, "repeated uint64"),
        ("fp32_contents", 6, "repeated float"),
        ("fp64_contents", 7, "repeated double"),
    ),
    "InferTensor": (*_TENSOR, ("contents", 5, "InferTensorContents")),
    "RequestedOutput": (("name", 1, "string"),),
    "ModelInferRequest": (
        ("model_name", 1, "string"),
        ("inputs", 5, "repeated InferTensor"),
        ("outputs", 6, "repeated RequestedOutput"),
        ("raw_input_contents", 7, "repeated bytes"),
    ),
    "ModelInferResponse": (
        ("model_name", 1, "string"),
        ("model_version", 2, "string"),
        ("outputs", 5, "repeated InferTensor"),
        ("raw_output_contents", 6, "repeated bytes"),
    ),
}
"""Names of messages that only other messages contain are ours; the wire has numbers."""


def _file() -> descriptor_pb2.FileDescriptorProto:
    # A name of its own: another client in this process may have registered the whole proto file.
    found = descriptor_pb2.FileDescriptorProto(
        name="vidsignal/kserve_v2.proto", package=f"vidsignal.{_PACKAGE}", syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        found.message_type.add(name=name, field=map(_field, *zip(*fields, strict=True)))
    return found


def _field(name: str, number: int, kind: str) -> descriptor_pb2.FieldDescriptorProto:
    repeated, _, single = kind.rpartition(" ")
    label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
    if single in _TYPES:
        return _Field(name=name, number=number, label=label, type=_TYPES[single])
    type_name = f".vidsignal.{_PACKAGE}.{single}"
    return _Field(name=name, number=number, label=label, type=_Field.TYPE_MESSAGE, type_name=type_name)


def _classes(names: Iterable[str]) -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_file().SerializeToString())
    prefix = f"vidsignal.{_PACKAGE}."
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(prefix + name)) for name in names}


MESSAGES: Final = _classes(_MESSAGES)
"""Message classes by name."""
