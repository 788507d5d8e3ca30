"""Colour profiles of PNG, which have a name. Decoder process only.

PyAV frees that name twice once the side data of a picture are accessed, and the process dies. Nothing uses profiles, so
they are left out before pictures are decoded.
"""

from __future__ import annotations

from collections.abc import Iterator

from av.packet import Packet
from av.video.stream import VideoStream

from operators.media.packet_copy import packet_copy

PROFILED_CODECS = ("png", "apng")
_SIGNATURE_BYTES = 8
_FRAME_BYTES = 12
"""Of a chunk: length and type before its body, a checksum behind it."""
_PROFILE, _UNKNOWN = b"iCCP", b"icCp"


def without_profile(packet: Packet[VideoStream]) -> Packet[VideoStream]:
    """Return a packet of PNG whose colour profile no decoder knows; the packet itself if it has none."""
    whole = bytes(packet)
    places = list(_profiles(whole))
    return packet_copy(packet, _renamed(whole, places)) if places else packet


def without_profiles(header: bytes) -> bytes:
    """Return the chunks that an animation has before its first picture, without a profile that a decoder knows."""
    return _renamed(header, list(_profiles(header)))


def _renamed(whole: bytes, places: list[int]) -> bytes:
    found = bytearray(whole)
    for place in places:
        found[place : place + len(_UNKNOWN)] = _UNKNOWN
    return bytes(found)


def _profiles(whole: bytes) -> Iterator[int]:
    """Yield where the types of such chunks stand, chunk by chunk as a decoder reads them."""
    place = _SIGNATURE_BYTES if whole.startswith(b"\x89PNG") else 0
    if _PROFILE not in whole:
        return
    while place + _SIGNATURE_BYTES <= len(whole):
        if whole.startswith(_PROFILE, place + 4):
            yield place + 4
        place += _FRAME_BYTES + int.from_bytes(whole[place : place + 4], "big")
