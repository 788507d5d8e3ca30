"""The wire contract: golden payloads, generated schemas, headers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
import regress
from jsonschema import Draft202012Validator

import schemas
from ops.contracts import GENERATED, documents
from schemas.codec import EVENT_TYPES, decode_fact, decode_upload, encode, event_headers
from schemas.facts import Accepted, Deleted, Signal
from schemas.outcomes import Verdict
from schemas.receipts import MeasuredPower, ModelReceipt
from schemas.topics import TOPICS

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


def published_patterns() -> list[str]:
    """Every pattern of every published schema."""

    def found(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("pattern"), str):
                yield node["pattern"]
            node = list(node.values())
        if isinstance(node, list):
            for inner in node:
                yield from found(inner)

    schemas_read = [json.loads(path.read_text()) for path in sorted(GENERATED.glob("*.json"))]
    return sorted({pattern for schema in schemas_read for pattern in found(schema)})


EXAMPLES = [
    "v-42",
    "DE",
    "00-" + "0" * 32 + "-" + "1" * 16 + "-01",
    "a" * 64,
    "s3://uploads/v-42.mp4",
    "https://example.com/v.mp4",
]
"""For each pattern at least one that it takes."""
LINE_ENDS = ["\n", "\r", "\r\n", "\u2028", "\u2029", "\x0b", "\x0c", "\x85", "\n\n"]


@pytest.mark.parametrize("pattern", published_patterns())
class TestPatterns:
    def test_python_and_ecma_262_read_it_alike(self, pattern: str) -> None:
        """A text that we take is one that the published schema allows, also where line ends stand in it."""
        texts = [
            text[:at] + end + text[at:] for text in EXAMPLES for end in ["", *LINE_ENDS] for at in (0, 5, len(text))
        ]
        ours = [re.search(pattern, text) is not None for text in texts]
        theirs = [regress.Regex(pattern).find(text) is not None for text in texts]
        assert ours == theirs

    def test_a_line_end_behind_it_is_refused(self, pattern: str) -> None:
        """What a pattern takes to its end, it does not take with a line end behind it."""
        taken = [text for text in EXAMPLES if re.search(pattern, text)]
        assert taken
        if pattern.startswith("^[hH]"):
            return  # the rest of a web address is judged by the address guard
        assert [text + end for text in taken for end in LINE_ENDS if re.search(pattern, text + end)] == []


class TestReviewedVerdict:
    """A verdict of a person has a field that others lack; both kinds are kept for ever."""

    def test_reads_and_writes_the_same(self) -> None:
        """And it is what the schema of verdicts allows."""
        payload = golden("video.moderation.v1.reviewed")
        verdict = msgspec.json.decode(payload, type=Verdict)
        assert verdict.reviewed is not None
        assert (verdict.action, verdict.reviewed.policy_action) == ("allow", "review")
        assert json.loads(encode(verdict)) == json.loads(payload)
        schema = json.loads((GENERATED / "video.moderation.v1.json").read_text())
        Draft202012Validator(schema).validate(json.loads(payload))

    def test_others_say_nothing_of_it(self) -> None:
        """Readers of before the field see verdicts as they were."""
        verdict = msgspec.json.decode(golden("video.moderation.v1"), type=Verdict)
        assert "reviewed" not in json.loads(encode(verdict))


class TestRegions:
    """Places and texts that added models find are further fields; both forms are kept for ever."""

    FORMS: ClassVar[dict[str, type]] = {"video.signal.v1": Signal, "video.moderation.v1": Verdict}

    @pytest.mark.parametrize(("name", "struct"), FORMS.items())
    def test_reads_and_writes_the_same(self, name: str, struct: type) -> None:
        """And it is what the schema of its type allows."""
        payload = golden(f"{name}.regions")
        assert json.loads(encode(msgspec.json.decode(payload, type=struct))) == json.loads(payload)
        schema = json.loads((GENERATED / f"{name}.json").read_text())
        Draft202012Validator(schema).validate(json.loads(payload))

    @pytest.mark.parametrize(("name", "struct"), FORMS.items())
    def test_others_say_nothing_of_it(self, name: str, struct: type) -> None:
        """Readers of before the fields see events as they were."""
        event = encode(msgspec.json.decode(golden(name), type=struct))
        assert b"regions" not in event and b"texts" not in event

    @pytest.mark.parametrize("name", FORMS)
    def test_no_schema_asks_for_them(self, name: str) -> None:
        """An event without them stays valid, and its labels do."""
        schema = json.loads((GENERATED / f"{name}.json").read_text())["$defs"]
        top = schema["Signal" if "signal" in name else "Verdict"]
        asked = {*top["required"], *schema["LabelEvidence"]["required"]}
        assert asked.isdisjoint({"regions", "texts", "box"})


class TestJudgements:
    """Answers of a chat model in verdicts, kept next to the forms of before."""

    NAME = "video.moderation.v1"

    def test_reads_and_writes_the_same(self) -> None:
        """And it is what the schema allows."""
        payload = golden(f"{self.NAME}.judged")
        assert json.loads(encode(msgspec.json.decode(payload, type=Verdict))) == json.loads(payload)
        schema = json.loads((GENERATED / f"{self.NAME}.json").read_text())
        Draft202012Validator(schema).validate(json.loads(payload))

    def test_others_say_nothing_of_it(self) -> None:
        """Readers of before the field see labels as they were, and no schema asks for it."""
        assert b"judgement" not in encode(msgspec.json.decode(golden(self.NAME), type=Verdict))
        schema = json.loads((GENERATED / f"{self.NAME}.json").read_text())["$defs"]
        assert "judgement" not in schema["LabelEvidence"]["required"]


class TestPlaces:
    """Facts of today name topics by Kafka's id, and deletions their place; the former forms are kept next to them."""

    @pytest.mark.parametrize(
        ("form", "struct", "name"),
        [
            ("video.deleted.v1.before", Deleted, "video.deleted.v1"),
            ("video.accepted.v1.placed", Accepted, "video.accepted.v1"),
        ],
    )
    def test_reads_and_writes_the_same(self, form: str, struct: type, name: str) -> None:
        """And it is what the schema of its type allows."""
        event = msgspec.json.decode(golden(form), type=struct)
        assert json.loads(encode(event)) == json.loads(golden(form))
        schema = json.loads((GENERATED / f"{name}.json").read_text())
        Draft202012Validator(schema).validate(json.loads(golden(form)))

    def test_facts_of_before_have_no_order_with_those_of_today(self) -> None:
        """They do not say which topic they mean, so the order of the log decides."""
        old, new = (msgspec.json.decode(golden(f"video.accepted.v1{form}"), type=Accepted) for form in ("", ".placed"))
        assert not old.source.has_order_with(new.source)
        assert new.source.has_order_with(new.source)
        assert msgspec.json.decode(golden("video.deleted.v1"), type=Deleted).before is None


class TestReceipts:
    def test_receipts_of_all_releases_are_read(self) -> None:
        """What a release before did not measure is absent, and not zero where zero would be a claim."""
        old = msgspec.json.decode(golden("video.signal.v1"), type=Signal).receipt
        assert old.device_cpu_seconds is None
        assert (old.overhead_cpu_seconds, old.models, old.power) == (0.0, {}, MeasuredPower())
        assert old.decode is not None and old.decode.index_cpu_seconds == 0.0

    def test_a_whole_receipt_goes_out_and_comes_back(self) -> None:
        """Every field of today's receipt and cost survives the wire, and obeys the published schema."""
        event = msgspec.json.decode(golden("video.signal.v1"), type=Signal)
        assert event.receipt.decode is not None
        decode = msgspec.structs.replace(
            event.receipt.decode, index_cpu_seconds=0.01, fetch_cpu_seconds=0.02, bytes_fetched=512
        )
        receipt = msgspec.structs.replace(
            event.receipt,
            decode=decode,
            device_cpu_seconds=0.2,
            overhead_cpu_seconds=0.05,
            models={"yamnet": ModelReceipt(items=9, device_seconds=0.12, cpu_seconds=0.2)},
            power=MeasuredPower(watts_per_cpu_core=6.5, watts_per_device=120.0),
        )
        event = msgspec.structs.replace(event, receipt=receipt)
        assert msgspec.json.decode(encode(event), type=Signal) == event
        schema = json.loads((GENERATED / "video.signal.v1.json").read_text())
        Draft202012Validator(schema).validate(json.loads(encode(event)))


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
    @pytest.mark.parametrize(
        "name", ["accepted", "signal", "deadline", "engagement-summary", "review", "policy", "deleted"]
    )
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
