"""What is packed comes back as it was, smaller, and what was never packed stays readable."""

from __future__ import annotations

from schemas.codec import encode
from streams.store.compression import pack, unpack
from tests.sample_facts import signal


def test_bytes_come_back_as_they_were() -> None:
    """Whatever they are: JSON, nothing, bytes that look packed."""
    for value in (encode(signal("frames")), b"", b"first", pack(b"{}"), bytes(range(256))):
        assert unpack(pack(value)) == value


def test_signals_take_less_than_half() -> None:
    """That is why it is done: Redis' memory is most of what a kept video costs."""
    value = encode([signal("frames"), signal("audio"), signal("motion"), signal("context")])
    assert len(pack(value)) < len(value) / 2


def test_what_was_stored_as_json_is_read() -> None:
    """A store from before is not refused."""
    value = encode(signal("frames"))
    assert unpack(value) == value
