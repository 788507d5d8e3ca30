"""Decodes what the verdict role wrote to the compacted topics."""

from __future__ import annotations

import msgspec

from schemas.errors import InvalidEvent
from schemas.outcomes import RecommendationRecord, Verdict

_VERDICTS = msgspec.json.Decoder(Verdict)
_RECORDS = msgspec.json.Decoder(RecommendationRecord)


def decode_verdict(value: bytes) -> Verdict:
    """Decode a value of `video.moderation`. Raises InvalidEvent."""
    try:
        return _VERDICTS.decode(value)
    except msgspec.DecodeError as error:
        raise InvalidEvent("event-invalid", str(error)) from error


def decode_record(value: bytes) -> RecommendationRecord:
    """Decode a value of `video.recommendation`. Raises InvalidEvent."""
    try:
        return _RECORDS.decode(value)
    except msgspec.DecodeError as error:
        raise InvalidEvent("event-invalid", str(error)) from error
