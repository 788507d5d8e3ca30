"""Whatever bytes lie in the store or in a topic: reading them raises the errors that callers name, and no others."""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import encode
from schemas.outcomes import RecommendationRecord, Verdict
from streams.decision.fact_reading import NewerFact, NoFact, read_fact
from streams.engagement.store import decode_record
from streams.kafka.unreadable import UnreadableRecords
from streams.recovery.interim import interim_outcome, served_of
from streams.recovery.result_comparison import newest_by_key
from streams.store.compression import UnreadableBytes, pack, unpack
from streams.store.deletion_reading import decode_deletion
from streams.store.refusal_reading import decode_refusals
from streams.store.stored_case import decode_state
from streams.store.stored_outcome import from_stored, to_stored
from tests.sample_facts import VIDEO_ID, accepted, deadline, log_record, signal
from tests.unit.streams.verdict.folding import (
    ALL_SIGNALS,
    POLICY,
    PRICES,
    deleted,
    fold_all,
    last_outcome,
    review,
    summary,
)

EXAMPLES = 300
FACTS = [accepted(), signal(scores={"sexual/explicit/nudity": 0.5}), deadline(), review("block"), deleted(), summary()]
FOLDED = fold_all([accepted(), *ALL_SIGNALS, review("block")])
OUTCOME = last_outcome(FOLDED)
STATE = FOLDED[-1].state
assert STATE is not None

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def changed_json(draw: st.DrawFn, original: bytes) -> bytes:
    """JSON of ours in which one value is another one, or is gone."""
    document = msgspec.json.decode(original)
    _change(draw, document)
    return msgspec.json.encode(document)


def _change(draw: st.DrawFn, document: Any) -> None:
    keys = sorted(document) if isinstance(document, dict) else list(range(len(document)))
    if not keys:
        return
    key = draw(st.sampled_from(keys))
    if isinstance(document[key], dict | list) and document[key] and draw(st.booleans()):
        _change(draw, document[key])
    elif isinstance(document, dict) and draw(st.booleans()):
        del document[key]
    else:
        document[key] = draw(json_values)


def damaged(original: bytes) -> st.SearchStrategy[bytes]:
    """Bytes that have little, much or nothing in common with ours."""
    cut = st.integers(0, len(original)).map(lambda length: original[:length])
    overwritten = st.tuples(st.integers(0, len(original)), st.binary(max_size=8)).map(
        lambda change: original[: change[0]] + change[1] + original[change[0] + len(change[1]) :]
    )
    return st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: b"{" + rest) | cut | overwritten


def stored(original: bytes) -> st.SearchStrategy[bytes]:
    """Likewise, packed before or after the damage."""
    plain = zlib.decompress(original)
    return damaged(original) | damaged(plain).map(pack) | changed_json(plain) | changed_json(plain).map(pack)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=300))
def test_unpacking(value: bytes) -> None:
    """Packed bytes, JSON, or one named error."""
    with suppress(UnreadableBytes):
        assert unpack(pack(unpack(value))) == unpack(value)


@settings(max_examples=EXAMPLES, deadline=None)
@given(stored(pack(encode(STATE))))
def test_a_state(value: bytes) -> None:
    """It is a state, or the one error over which a video is folded again."""
    with suppress(UnreadableBytes):
        state = decode_state(value)
        assert decode_state(pack(encode(state))) == state


@settings(max_examples=EXAMPLES, deadline=None)
@given(stored(to_stored(OUTCOME, STATE)), st.booleans())
def test_a_stored_outcome(value: bytes, has_state: bool) -> None:
    """Likewise, with the state that is next to it and without."""
    with suppress(UnreadableBytes):
        from_stored(value, STATE if has_state else None)


SAID = [b"video.signal.v1", b"video.signal.v2", b"vidsignal/media", b"video.x.v1"]
verdicts = damaged(encode(OUTCOME.verdict)) | changed_json(encode(OUTCOME.verdict))
facts = st.sampled_from([encode(fact) for fact in FACTS]).flatmap(lambda fact: damaged(fact) | changed_json(fact))
headers = st.lists(
    st.tuples(
        st.sampled_from(["ce_type", "ce_source", "x"]),
        st.binary(max_size=20) | st.sampled_from(SAID),
    ),
    max_size=3,
)


@settings(max_examples=3 * EXAMPLES, deadline=None)
@given(facts | st.none(), st.binary(max_size=20) | st.just(VIDEO_ID.encode()) | st.none(), headers)
def test_a_record_of_the_log(value: bytes | None, key: bytes | None, found: list[tuple[str, bytes]]) -> None:
    """A fact of the video that its key names, a newer one, or nothing of ours: never an error."""
    read = read_fact(key, value, found)
    if not isinstance(read, NoFact):
        assert read.video_id.encode() == key
    if isinstance(read, NewerFact):
        assert read.message


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=5), verdicts)))
def test_a_compacted_topic(entries: list[tuple[bytes, bytes]]) -> None:
    """Every record is either a verdict or counted."""
    unreadable = UnreadableRecords()
    good = (b"good", encode(OUTCOME.verdict))
    newest = newest_by_key([*entries, good], Verdict, "video.moderation", unreadable)
    assert newest["good"] == OUTCOME.verdict
    assert unreadable.number <= len(entries)
    newest_by_key(entries, RecommendationRecord, "video.recommendation", unreadable)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([b"revision", b"expected", b"uploaded_unix_seconds", b"deadline_unix_seconds", b"x"]),
        st.binary(max_size=12) | st.sampled_from([b"1", b"2", b"frames,audio", b"nan", b"inf", b"-1", b"1e400"]),
    ),
    st.none() | verdicts,
)
def test_what_holds_meanwhile(status: dict[bytes, bytes], verdict: bytes | None) -> None:
    """Whatever readers find of a video: a verdict that can be published and never allows, or none."""
    served = served_of(status, verdict)
    outcome = interim_outcome(VIDEO_ID, served, (0, 9), POLICY, PRICES, 1.0)
    if outcome is not None:
        assert outcome.verdict.action != "allow"
        assert msgspec.json.decode(encode(outcome.verdict), type=Verdict) == outcome.verdict


@settings(max_examples=EXAMPLES, deadline=None)
@given(damaged(b'{"revision":1,"withdrawn_revision":1}') | json_values.map(msgspec.json.encode))
def test_small_values(value: bytes) -> None:
    """Deletions, counts and refusals: read, or passed over, or one named error."""
    with suppress(UnreadableBytes):
        deletion = decode_deletion(value)
        assert decode_deletion(encode(deletion)) == deletion
    decode_record(value)
    decode_refusals({b"a": value})


def test_undamaged_ones_are_read() -> None:
    """The same ways lead to what was written."""
    assert decode_state(pack(encode(STATE))) == STATE
    assert from_stored(to_stored(OUTCOME, STATE), STATE) == OUTCOME
    for offset, fact in enumerate(FACTS):
        record = log_record(fact, offset)
        assert read_fact(record.key, record.value, record.headers) == fact
