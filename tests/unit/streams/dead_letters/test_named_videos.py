"""Which videos an event names that cannot be read otherwise."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.dead_letters.named_videos import Named, named_videos
from streams.record import Place, Record


def record(key: bytes | None, value: bytes | None) -> Record:
    return Record(Place("video.uploaded", 0, 7), key, value, (), 0.0, 1)


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        (b"v", b'{"video_id":"v","revision":3,"market":"de"}', Named(("v",), 3)),
        (b"v", b'{"video_id":"w"}', Named(("v", "w"))),
        (None, b'{"video_id":"w"}', Named(("w",))),
        (b"v", b"eyJ2aWRlb19pZCI6ICJ2In0=", Named(("v",))),
        (b"v", b"\x00\x00\x00\x00\x05{}", Named(("v",))),
        (b"v", None, Named(("v",))),
        (b"5", b'{"video_id":5,"revision":"2"}', Named(("5",))),
        (b"v", b'{"video_id":"v","revision":0}', Named(("v",))),
        (b"v", b'{"video_id":"v","revision":true}', Named(("v",))),
        (b"v", b'["video_id"]', Named(("v",))),
        (b"v\n", b'{"video_id":"v\\n"}', Named()),
        (b"a/b", b'{"video_id":"{a}"}', Named()),
        ("ü".encode(), '{"video_id":"ü"}'.encode(), Named()),
        (b"x" * 129, b"{}", Named()),
        (b"", b'{"video_id":""}', Named()),
        (b"v", b"[" * 100_000, Named(("v",))),
        (b"v", b'{"video_id":' + b"[" * 100_000, Named(("v",))),
    ],
)
def test_by_key_and_by_event(key: bytes | None, value: bytes | None, named: Named) -> None:
    """Only what a video's id may be; the key's comes first, the event's where it is another."""
    assert named_videos(record(key, value)) == named


@given(
    st.none() | st.binary(max_size=60) | st.from_regex(rb"\A[A-Za-z0-9._:~-]{1,130}\Z"),
    st.none()
    | st.binary(max_size=200)
    | st.text(max_size=20).map(lambda text: json.dumps({"video_id": text}).encode()),
)
def test_whatever_comes(key: bytes | None, value: bytes | None) -> None:
    """No bytes raise, and no id breaks out of a Redis key."""
    video_ids = named_videos(record(key, value)).video_ids
    if key is not None and re.fullmatch(rb"[A-Za-z0-9._:~-]{1,128}", key):
        assert video_ids[0].encode() == key
    for video_id in video_ids:
        assert 1 <= len(video_id) <= 128
        assert not set(video_id) & set("{}\n\r /*")
