"""Metadata that may be long because its own header says what it is: colour profiles and the peaks of a waveform."""

from __future__ import annotations

import struct
import zlib
from typing import Final

MAX_PROFILE_BYTES = 4 * 2**20
"""Of a colour profile: those of printers have 3 MiB."""
_PROFILE_PLACE: Final = 36
_PROFILE: Final = b"acsp"
PROFILE_HEAD_BYTES = _PROFILE_PLACE + len(_PROFILE)
PEAK_HEAD_BYTES = 128
_PEAK_FORMAT_BYTES: Final = {1: 1, 2: 2}


def is_profile(head: bytes) -> bool:
    """Return whether bytes begin a colour profile (ICC.1, 7.2)."""
    return head[_PROFILE_PLACE:PROFILE_HEAD_BYTES] == _PROFILE


def is_packed_profile(head: bytes) -> bool:
    """Return whether the body of a PNG chunk begins with the name of a profile and its packed content."""
    name = head.find(b"\0")
    if not 0 < name < 80:
        return False
    try:
        return is_profile(zlib.decompressobj().decompress(head[name + 2 :], PROFILE_HEAD_BYTES))
    except zlib.error:
        return False


def num_peak_bytes(head: bytes) -> int:
    """Return the length of the peaks that the head of a `levl` chunk states (EBU Tech 3285, supplement 3); 0 without
    one."""
    if len(head) < 32:
        return 0
    _, coding, per_value, _, num_channels, num_frames, _, offset = struct.unpack_from("<IIIIIIII", head)
    width = _PEAK_FORMAT_BYTES.get(coding, 0)
    return offset + num_frames * num_channels * per_value * width if offset == PEAK_HEAD_BYTES else 0
