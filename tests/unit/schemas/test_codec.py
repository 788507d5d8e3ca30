"""What the wire refuses and what it lets through."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import continue_trace, decode_fact, decode_upload, encode
from schemas.errors import InvalidEvent
from schemas.evidence import Embedding
from schemas.labels import LABEL_PATHS, LABELS
from schemas.outcomes import Version
from schemas.uploads import MAX_UPLOAD_BYTES, FileSource, VideoUploaded

VALID = {"video_id": "v-1", "source": {"kind": "file", "path": "a.mp4"}}


def refusal(value: bytes | None) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        decode_upload(value)
    return caught.value


class TestUploads:
    @pytest.mark.parametrize(
        ("value", "cause", "says"),
        [
            (None, "event-invalid", "no value"),
            (b"", "event-not-json", "empty"),
            (b"not json", "event-not-json", "malformed"),
            (b"\xff\xfe\x00", "event-not-json", "UTF-16"),
            (b"[" * 100_000, "event-invalid", "Expected `object`"),
            (b'{"video_id": "v-1", "source": ' + b'{"a":' * 100_000, "event-not-json", "recursion"),
            (json.dumps({**VALID, "video_id": 7}).encode(), "event-invalid", "$.video_id"),
            (json.dumps({**VALID, "video_id": "a b"}).encode(), "event-invalid", "$.video_id"),
            (json.dumps({**VALID, "video_id": "{x}"}).encode(), "event-invalid", "$.video_id"),
            (json.dumps({**VALID, "revision": 0}).encode(), "event-invalid", "$.revision"),
            (json.dumps({**VALID, "market": "Germany"}).encode(), "event-invalid", "$.market"),
            (json.dumps({**VALID, "lane": "fast"}).encode(), "event-invalid", "$.lane"),
            (json.dumps({**VALID, "deadline_seconds": -1}).encode(), "event-invalid", "$.deadline_seconds"),
            (json.dumps({**VALID, "source": {"kind": "ftp", "path": "x"}}).encode(), "event-invalid", "'ftp'"),
            (json.dumps({**VALID, "title": 7}).encode(), "event-invalid", "$.title"),
            (json.dumps({**VALID, "description": "x" * 5_000_000}).encode(), "event-too-large", str(MAX_UPLOAD_BYTES)),
        ],
        ids=lambda value: str(value)[:24],
    )
    def test_bad_uploads_are_refused_with_cause_and_place(self, value: bytes | None, cause: str, says: str) -> None:
        """Every malformed upload names what is wrong, where, and what is allowed."""
        error = refusal(value)
        assert error.cause == cause
        assert says in error.message

    @pytest.mark.parametrize("text", ["🎬🔥", "שלום עולם", "مرحبا", "a\u0000b", "\u202eabc"])
    def test_any_text_is_data(self, text: str) -> None:
        """Emoji, right-to-left text and NUL characters pass unchanged."""
        upload = VideoUploaded(video_id="v-1", source=FileSource(path="a.mp4"), title=text)
        assert decode_upload(encode(upload)) == upload

    def test_unknown_fields_are_ignored(self) -> None:
        """Producers may send more than we know."""
        assert decode_upload(json.dumps({**VALID, "colour": "red"}).encode()).video_id == "v-1"

    @given(st.binary(max_size=300))
    def test_no_bytes_crash_the_reader(self, value: bytes) -> None:
        """Whatever arrives is either an upload or an InvalidEvent."""
        try:
            decode_upload(value)
        except InvalidEvent as error:
            assert error.message

    @given(st.binary(max_size=300))
    def test_no_bytes_crash_the_fact_reader(self, value: bytes) -> None:
        """Whatever is in the log is either a fact or an InvalidEvent."""
        try:
            decode_fact(value)
        except InvalidEvent as error:
            assert error.message


class TestEmbeddings:
    def test_survives_the_wire_in_half_precision(self) -> None:
        """Numbers come back within half-precision rounding, 1280 of them in 3.4 KB."""
        vector = [index / 640 - 1 for index in range(1280)]
        embedding = Embedding.pack(vector, space="s", model="m@1", event_unix_seconds=0.0)
        assert embedding.unpack() == pytest.approx(vector, abs=5e-4)
        assert len(embedding.values) == 3416

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e6])
    def test_refuses_what_is_no_half_float(self, number: float) -> None:
        """A fault of a model never becomes a vector."""
        with pytest.raises(ValueError, match="space 's'"):
            Embedding.pack([number], space="s", model="m@1", event_unix_seconds=0.0)


class TestTaxonomy:
    def test_paths_of_all_levels(self) -> None:
        """A policy may name each label, its group and its area, and nothing else."""
        for label in LABELS:
            area, group, _ = label.split("/")
            assert {label, f"{area}/{group}", area} <= LABEL_PATHS
        assert "violence/weapon" not in LABEL_PATHS


class TestVersions:
    def test_are_ordered_by_revision_then_generation_then_offset(self) -> None:
        """A newer revision beats any offset; a newer log generation beats any offset of the older log."""
        older = Version(revision=1, generation=0, offset=900)
        assert older < Version(revision=1, generation=1, offset=3) < Version(revision=2, generation=0, offset=0)


class TestTrace:
    @pytest.mark.parametrize("garbage", [None, b"", b"00-xyz", b"\xff" * 55])
    def test_a_broken_trace_starts_a_new_one(self, garbage: bytes | None) -> None:
        """Headers of strangers never break a record."""
        assert continue_trace(garbage).startswith(b"00-")
