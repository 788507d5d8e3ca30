"""Bytes of FLV: tags of pictures, sound and scripts."""

from __future__ import annotations

from collections.abc import Iterator

from operators.media.containers import MediaFile
from operators.media.ledgers.budget import Budget
from operators.media.ledgers.ledger import Extent, Ledger

AUDIO, VIDEO, SCRIPT = 8, 9, 18
HEADER_BYTES = 9
"""Of the file, whose header may state a larger value."""
MAX_CUE_BYTES = 512
"""Of a script tag with a time or a caption; recorders may write one per picture."""
_TAG_HEADER_BYTES = 11
_CODEC_BYTES = 5
_WINDOW_BYTES = 2**14
_KINDS = (AUDIO, VIDEO, SCRIPT)
_EXTENDED_AUDIO = 9
_EXTENDED_VIDEO = 0x80


def flv_ledger(media: MediaFile, known: frozenset[int]) -> Ledger:
    """Walk the tags; `known` contains the kinds of which FFmpeg has a stream."""
    ledger, budget = Ledger(media.size_bytes), Budget()
    codecs: dict[int, bytes] = {}
    first = max(HEADER_BYTES, int.from_bytes(media.peek(5, 4), "big"))
    ledger.strays.append((HEADER_BYTES, min(first, media.size_bytes)))
    rest = (media.size_bytes, media.size_bytes)
    for kind, seconds, codec, extent in _tags(media, first + 4):
        rest = (extent[1], media.size_bytes)
        is_of_stream = kind in known and codecs.setdefault(kind, codec) == codec
        if kind not in _KINDS:
            ledger.strays.append((extent[0] - _TAG_HEADER_BYTES, media.size_bytes))
            return ledger
        if is_of_stream and extent[1] - extent[0] > 1:
            budget.spend_sample(extent[1] - extent[0])
            ledger.take_time(kind, seconds)
        else:
            _take_other(ledger, kind, extent, is_of_stream=is_of_stream)
            budget.spend_other()
        if budget.is_spent:
            break
    if budget.hides_the_rest:
        ledger.strays.append(rest)
    return ledger


def _take_other(ledger: Ledger, kind: int, extent: Extent, *, is_of_stream: bool) -> None:
    if kind == SCRIPT and extent[1] - extent[0] <= MAX_CUE_BYTES:
        ledger.num_data_bytes += extent[1] - extent[0]
    elif kind == SCRIPT:
        ledger.notes.append(extent, header_bytes=_TAG_HEADER_BYTES + 4)
    elif not is_of_stream:
        ledger.strays.append(extent, header_bytes=_TAG_HEADER_BYTES + 4)


def _tags(media: MediaFile, place: int) -> Iterator[tuple[int, float, bytes, Extent]]:
    """Yield kind, time, codec and body of each tag. A player creates another stream for another codec."""
    window, begin = b"", place
    while place < media.size_bytes:
        if place + _TAG_HEADER_BYTES + _CODEC_BYTES > begin + len(window):
            window, begin = media.peek(place, _WINDOW_BYTES), place
        head = window[place - begin : place - begin + _TAG_HEADER_BYTES + _CODEC_BYTES]
        if len(head) < _TAG_HEADER_BYTES:
            return
        kind, size = head[0] & 0x1F, int.from_bytes(head[1:4], "big")
        seconds = (int.from_bytes(head[4:7], "big") | head[7] << 24) / 1000
        first = place + _TAG_HEADER_BYTES
        yield kind, seconds, _codec(kind, head[_TAG_HEADER_BYTES:]), (first, min(media.size_bytes, first + size))
        place = first + size + 4


def _codec(kind: int, body: bytes) -> bytes:
    """Return the codec that the first bytes of a tag name: a number, or four letters in the extended format."""
    if not body or kind == SCRIPT:
        return b""
    if kind == AUDIO:
        number = body[0] >> 4
        return body[1:5] if number == _EXTENDED_AUDIO else bytes([number])
    return body[1:5] if body[0] & _EXTENDED_VIDEO else bytes([body[0] & 0x0F])
