"""JSON Schemas of every event and one AsyncAPI document, generated from the structs."""

from __future__ import annotations

from typing import Any, Final, get_args

import msgspec

from schemas.codec import EVENT_TYPES
from schemas.patterns import END
from schemas.topics import TOPICS, Topic

ASYNCAPI_VERSION: Final = "3.0.0"
JSON_SCHEMA_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
JSON_SCHEMA_FORMAT: Final = "application/schema+json;version=draft-2020-12"
CONTRACT_VERSION: Final = "1.0.0"

HEADERS_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "CloudEvents 1.0 in Kafka binary mode, and W3C trace context.",
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "description": "Stable over replays: the same statement keeps its id."},
        "ce_type": {"type": "string", "enum": sorted(EVENT_TYPES.values())},
        "ce_source": {"type": "string"},
        "ce_time": {"type": "string", "format": "date-time"},
        "content-type": {"type": "string", "const": "application/json"},
        "traceparent": {"type": "string", "pattern": r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}" + END},
    },
}


def json_schemas() -> dict[str, dict[str, Any]]:
    """One self-contained JSON Schema per CloudEvents type."""
    return {name: _standalone_schema(struct) for struct, name in EVENT_TYPES.items()}


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI document: every topic, its writers, and the schemas of its messages."""
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {
            "title": "Vidsignal",
            "version": CONTRACT_VERSION,
            "description": "Uploaded videos become moderation and recommendation signals.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {f"read.{topic.name}": _read_operation(topic) for topic in TOPICS},
        "components": {"messages": {name: _message(name) for name in sorted(EVENT_TYPES.values())}},
    }


def _standalone_schema(struct: type) -> dict[str, Any]:
    schema = msgspec.json.schema(struct)
    return {"$schema": JSON_SCHEMA_DIALECT, "title": EVENT_TYPES[struct], **schema}


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": f"{topic.says[0].upper()}{topic.says[1:]}. Written by {topic.written_by}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _message_names(topic)},
        "bindings": {"kafka": {"topicConfiguration": _topic_configuration(topic), "bindingVersion": "0.5.0"}},
    }


def _topic_configuration(topic: Topic) -> dict[str, Any]:
    configuration: dict[str, Any] = {
        "cleanup.policy": topic.cleanup.split(","),
        "max.message.bytes": topic.max_message_bytes,
    }
    if topic.retention_seconds is not None:
        configuration["retention.ms"] = topic.retention_seconds * 1000
    return configuration


def _read_operation(topic: Topic) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": f"Read {topic.says}.",
    }


def _message(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "contentType": "application/json",
        "headers": HEADERS_SCHEMA,
        "payload": {"schemaFormat": JSON_SCHEMA_FORMAT, "schema": {"$ref": f"{name}.json"}},
        "bindings": {"kafka": {"key": {"type": "string", "description": "The video id."}, "bindingVersion": "0.5.0"}},
    }


def _message_names(topic: Topic) -> list[str]:
    members = get_args(topic.payload) or (topic.payload,)
    return [EVENT_TYPES[member] for member in members]
