"""The wire contract: golden payloads, generated schemas, headers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

import schemas
from ops.contracts import GENERATED, documents
from schemas.topics import TOPICS
from schemas.wire import EVENT_TYPES, decode_fact, decode_upload, encode, event_headers

GOLDEN = Path(schemas.__file__).parent / "golden"
TYPES = sorted(EVENT_TYPES.items(), key=lambda entry: entry[1])


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes()


@pytest.mark.parametrize(("struct", "name"), TYPES, ids=[name for _, name in TYPES])
class TestGoldenPayloads:
    def test_reads_and_writes_the_same(self, struct: type, name: str) -> None:
        """A payload once sent is read for ever, and nothing of it is lost."""
        event = msgspec.json.decode(golden(name), type=struct)
        assert json.loads(encode(event)) == json.loads(golden(name))

    def test_unknown_fields_are_ignored(self, struct: type, name: str) -> None:
        """Producers may move first: a field that we do not know changes nothing."""
        widened = {**json.loads(golden(name)), "a_field_of_tomorrow": {"deep": [1]}}
        expected = msgspec.json.decode(golden(name), type=struct)
        assert msgspec.json.decode(json.dumps(widened), type=struct) == expected

    def test_obeys_its_json_schema(self, struct: type, name: str) -> None:
        """What we write is what the published schema allows."""
        schema = json.loads((GENERATED / f"{name}.json").read_text())
        Draft202012Validator.check_schema(schema)
        Draft202012Validator(schema).validate(json.loads(golden(name)))


class TestGeneratedFiles:
    def test_committed_files_equal_the_structs(self) -> None:
        """A changed struct without regenerated contracts fails here: run `python -m ops.contracts`."""
        committed = {path.name: path.read_text(encoding="utf-8") for path in GENERATED.glob("*.json")}
        assert committed == documents()

    def test_asyncapi_names_every_topic_and_resolves_every_reference(self) -> None:
        """The document speaks of all topics, and each $ref in it leads somewhere."""
        document = json.loads((GENERATED / "asyncapi.json").read_text())
        assert set(document["channels"]) == {topic.name for topic in TOPICS}
        for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)):
            assert _resolves(document, reference), reference


class TestDispatch:
    @pytest.mark.parametrize("name", ["accepted", "signal", "deadline", "engagement-summary", "review", "deleted"])
    def test_facts_are_told_apart_by_kind(self, name: str) -> None:
        """Every kind of fact of the log decodes to its own struct."""
        fact = decode_fact(golden(f"video.{name}.v1"))
        assert EVENT_TYPES[type(fact)] == f"video.{name}.v1"

    def test_upload_headers_follow_cloudevents_and_keep_the_trace(self) -> None:
        """The trace id that came in goes out; the span id is new."""
        upload = decode_upload(golden("video.uploaded.v1"))
        trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        headers = dict(event_headers(upload, event_id="e-1", source="/test", now_unix_seconds=0.0, traceparent=trace))
        assert headers["ce_type"] == b"video.uploaded.v1"
        assert headers["ce_time"] == b"1970-01-01T00:00:00.000000Z"
        assert headers["traceparent"].split(b"-")[1] == trace.split(b"-")[1]
        assert headers["traceparent"].split(b"-")[2] != trace.split(b"-")[2]


def _resolves(document: dict[str, Any], reference: str) -> bool:
    if not reference.startswith("#/"):
        return (GENERATED / reference).is_file()
    place: Any = document
    for part in reference[2:].split("/"):
        if part not in place:
            return False
        place = place[part]
    return True
