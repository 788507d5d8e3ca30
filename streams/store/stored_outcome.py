"""Storage of an outcome with the state that it was made of; what both contain is stored once.

Features and embeddings of a decided video are those of its signals, which the state contains. Leaving them out saves
two thirds of an outcome. If they differ, such as after a rebuild that found an outcome without its facts, the outcome
is stored completely.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from schemas.codec import encode
from schemas.outcomes import Outcome, RecommendationRecord, Verdict
from streams.decision.outcome import joined_embeddings, joined_features, winning_signals
from streams.decision.state import VideoState
from streams.store.compression import UnreadableBytes, decoded, pack, unpack


class _OutcomeFields(Struct, frozen=True, kw_only=True, omit_defaults=True):
    verdict: Verdict
    record: RecommendationRecord
    is_record_in_state: bool = False
    """Whether features and embeddings are taken from the state that the same script wrote."""


_DECODER: Final = msgspec.json.Decoder(_OutcomeFields)


def to_stored(outcome: Outcome, state: VideoState) -> bytes:
    """Return the bytes to write together with the state."""
    record, is_in_state = outcome.record, _is_in_state(outcome.record, state)
    if is_in_state:
        record = replace(record, features={}, embeddings={})
    return pack(encode(_OutcomeFields(verdict=outcome.verdict, record=record, is_record_in_state=is_in_state)))


def from_stored(stored: bytes, state: VideoState | None) -> Outcome:
    """Return the outcome as it was written; `state` is what was read with it.

    Raises:
        UnreadableBytes: it is no outcome, or its record is in a state that is missing.
    """
    found = decoded(_DECODER, unpack(stored))
    record = found.record
    if found.is_record_in_state:
        if state is None:
            raise UnreadableBytes("the record of the outcome is in the state, and there is no state")
        signals = winning_signals(state)
        record = replace(record, features=joined_features(signals), embeddings=joined_embeddings(signals))
    return Outcome(verdict=found.verdict, record=record)


def _is_in_state(record: RecommendationRecord, state: VideoState) -> bool:
    # A state that collects further signals without a new outcome must not change what is read here.
    if state.status == "pending":
        return False
    signals = winning_signals(state)
    return record.features == joined_features(signals) and record.embeddings == joined_embeddings(signals)
