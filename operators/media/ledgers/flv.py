"""Bytes of FLV: tags of pictures, sound and scripts."""

from __future__ import annotations

from operators.media.containers import MediaFile
from operators.media.ledgers.ledger import Ledger

MAX_TAGS = 200_000
AUDIO, VIDEO, SCRIPT = 8, 9, 18


def flv_ledger(media: MediaFile, known: frozenset[int]) -> Ledger:
    """Walk the tags; `known` are kinds of which FFmpeg has a stream."""
    ledger = Ledger(media.size_bytes)
    place = int.from_bytes(media.peek(5, 4), "big") + 4
    for _ in range(MAX_TAGS):
        head = media.peek(place, 11)
        if len(head) < 11:
            return ledger
        kind, size = head[0] & 0x1F, int.from_bytes(head[1:4], "big")
        if kind not in (AUDIO, VIDEO, SCRIPT):
            ledger.strays.append((place, media.size_bytes))
            return ledger
        seconds = (int.from_bytes(head[4:7], "big") | head[7] << 24) / 1000
        extent = (place + 11, min(media.size_bytes, place + 11 + size))
        if kind == SCRIPT:
            ledger.notes.append(extent)
        elif kind not in known:
            ledger.strays.append(extent)
        else:
            ledger.stream_seconds[kind] = max(ledger.stream_seconds.get(kind, 0.0), seconds)
        place += 11 + size + 4
    return ledger
