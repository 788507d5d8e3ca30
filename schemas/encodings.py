"""Recognises values in another encoding than a JSON object, and explains what to do.

Only encodings that can be recognised for certain are named. Protobuf and bare Avro cannot: their bytes have no marker.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

_COMPRESSED: Final = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x82SNAPPY\x00": "snappy",
    b"\xff\x06\x00\x00sNaPpY": "snappy",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
}
_UTF_MARKS: Final = {
    b"\xef\xbb\xbf": "UTF-8 with a byte order mark",
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"{\x00\x00\x00": "UTF-32",
    b"\x00\x00\x00{": "UTF-32",
    b"{\x00": "UTF-16",
    b"\x00{": "UTF-16",
}
"""With byte order marks, then without; the longer first."""
_MARKED: Final = {
    b"Obj\x01": "an Avro object container",
    b"\xac\xed\x00\x05": "a serialised Java object",
    b"PAR1": "a Parquet file",
    b"<": "XML or HTML",
    b"{'": "Python's own spelling of a dictionary (use json.dumps)",
}
_REGISTRY_BYTES: Final = 5
_NAME_WITHIN: Final = 24
"""MessagePack and CBOR contain field names as text; one of the first must be a known one."""
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}\Z")
_PLAIN_JSON: Final = "send the JSON object itself, in UTF-8"


def wrong_encoding(value: bytes) -> str | None:
    """Return the encoding of the bytes, and what to do instead; None if it cannot be distinguished from invalid
    JSON."""
    text = value.strip()
    if not text:
        return f"the value is empty; {_PLAIN_JSON}"
    return _marked(text) or _of_a_registry(value) or _of_names(value) or _in_base64(text)


def wrong_shape(found: Any) -> str | None:
    """Return the same for JSON that is no event: a list, JSON in a text, an envelope; None for an object."""
    if found is None:
        return "the value is the JSON word null, which deletes nothing; " + HOW_TO_DELETE
    if isinstance(found, list):
        return f"the value is a JSON array of {len(found)} items; send each event as a record of its own"
    if isinstance(found, str):
        return _of_text(found)
    if not isinstance(found, Mapping):
        return f"the value is the JSON value {found!r:.40}; {_PLAIN_JSON}"
    return _envelope(found)


HOW_TO_DELETE: Final = (
    'to delete a video, send {"video_id": "...", "deleted": true} under the key of its uploads'
    " (a record without a value deletes nothing here)"
)


def _marked(text: bytes) -> str | None:
    for mark, name in _COMPRESSED.items():
        if text.startswith(mark):
            return (
                f"the value is compressed with {name}; send plain JSON and let the Kafka client compress"
                " (compression.type)"
            )
    for mark, name in _UTF_MARKS.items():
        if text.startswith(mark):
            return f"the value is {name}; {_PLAIN_JSON} without a byte order mark"
    for mark, name in _MARKED.items():
        if text.startswith(mark):
            return f"the value is {name}; {_PLAIN_JSON}"
    return None


def _of_a_registry(value: bytes) -> str | None:
    if value[0] != 0 or len(value) <= _REGISTRY_BYTES:
        return None
    schema_id = int.from_bytes(value[1:_REGISTRY_BYTES], "big")
    holds = "JSON" if value[_REGISTRY_BYTES:].lstrip().startswith(b"{") else "Avro or Protobuf, as it seems"
    return (
        f"the value begins with the five bytes of a schema registry (magic 0, schema id {schema_id}) and holds {holds};"
        " use a plain JSON serializer without the registry's framing"
    )


def _of_names(value: bytes) -> str | None:
    if b"video_id" not in value[:_NAME_WITHIN]:
        return None
    if value[0] >> 4 == 0x8 or value[0] in (0xDE, 0xDF):
        return f"the value is MessagePack; {_PLAIN_JSON}"
    return f"the value is CBOR; {_PLAIN_JSON}" if value[0] >> 5 == 0b101 else None


def _in_base64(text: bytes) -> str | None:
    if not _BASE64.match(text):
        return None
    try:
        inner = base64.b64decode(text.rstrip(b"=") + b"=" * (-len(text.rstrip(b"=")) % 4), altchars=b"-_").strip()
    except (binascii.Error, ValueError):
        return None
    if inner.startswith((b"{", b"[")) and _parsed(inner) is not None:
        return f"the value is base64 of JSON; {_PLAIN_JSON}"
    marked = _marked(inner) if inner else None
    return f"the value is base64, and within it {marked}" if marked else None


def _of_text(found: str) -> str:
    inner = found.strip().encode("utf-8", "replace")
    if isinstance(_parsed(inner), dict | str):
        return "the value is a JSON text that holds JSON, as if it was encoded twice; encode the object once"
    return _in_base64(inner) or f"the value is a JSON text; {_PLAIN_JSON}"


def _envelope(found: Mapping[str, Any]) -> str | None:
    if "specversion" in found and ("data" in found or "data_base64" in found or "id" in found):
        return (
            "the value is a CloudEvent in structured mode; send the content of its 'data' as the value and its"
            " attributes as headers ce_id, ce_type, ce_source, ce_time (binary mode)"
        )
    if set(found) == {"schema", "payload"}:
        return "the value is Kafka Connect's JSON with its schema; set value.converter.schemas.enable=false"
    if "video_id" not in found:
        for name, inner in found.items():
            if isinstance(inner, Mapping) and "video_id" in inner:
                return f"the event is within the field {name!r:.60}; send that object itself as the value"
    return None


def _parsed(text: bytes) -> Any:
    """Return the decoded JSON; None if it is invalid."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
