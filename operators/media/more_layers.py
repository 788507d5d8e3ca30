"""Pictures that H.264 and HEVC store in addition to those that every player shows: other views, and layers of detail.

FFmpeg decodes the base layer. Spatial video has a second view in the same packets (MV-HEVC, MVC), which headsets show.
Terms are those of ITU-T H.264, annexes G and H, and H.265, annex F. Decoder process only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from av.container import InputContainer
from av.video.stream import VideoStream

from operators.media.codec_records import codec_records
from operators.media.containers import MediaFile
from operators.media.index import UnseenTrack

LAYERED_CODECS: Final = ("h264", "hevc")
MAX_PACKETS: Final = 4
"""Examined of a stream, from its start: layers are stored with each picture."""
MAX_PACKET_BYTES: Final = 4 * 2**20
MAX_UNITS: Final = 10_000
"""Of one packet."""
_RECORDS: Final = (b"lhvC", b"mvcC", b"svcC")
"""Configurations of further layers, of HEVC and H.264, wherever these begin in the stream."""
_START_CODE: Final = b"\0\0\1"
_SLICE_EXTENSIONS: Final = (20, 21)
"""Of H.264: units with pictures of another view, layer or depth."""
_NUM_SLICE_TYPES: Final = 32
"""Of HEVC: lower types are parts of pictures."""
_LENGTH_PLACES: Final = {"h264": 4, "hevc": 21}
"""Where the codec header of MP4 and Matroska states how many bytes the length of a unit has."""


def more_layers(
    container: InputContainer, stream: VideoStream | None, media: MediaFile, first_packets: Iterable[bytes]
) -> Iterator[UnseenTrack]:
    """Yield the other layers of a stream as one track, if its container announces any or its first packets do."""
    if stream is None or stream.codec_context.name not in LAYERED_CODECS or _shows_alpha(stream):
        return
    is_announced = any(True for _ in codec_records(container, stream, media, _RECORDS))
    if is_announced or _have_layers(stream, first_packets):
        yield UnseenTrack("video", stream.index, f"second view of {stream.codec_context.name}")


def listed_packets(stream: VideoStream, media: MediaFile) -> Iterator[bytes]:
    """Yield the first packets that a container lists."""
    for entry in islice(stream.index_entries, MAX_PACKETS):
        yield media.peek(entry.pos, min(entry.size, MAX_PACKET_BYTES))


def _have_layers(stream: VideoStream, first_packets: Iterable[bytes]) -> bool:
    name, length_bytes = stream.codec_context.name, _length_bytes(stream)
    for packet in islice(first_packets, MAX_PACKETS):
        units = _with_lengths(packet, length_bytes) if length_bytes else _with_start_codes(packet)
        if any(_is_of_other_layer(name, unit) for unit in islice(units, MAX_UNITS)):
            return True
    return False


def _shows_alpha(stream: VideoStream) -> bool:
    """Return whether the second layer is transparency that FFmpeg decodes."""
    return (stream.codec_context.pix_fmt or "").startswith("yuva")


def _length_bytes(stream: VideoStream) -> int:
    """Return how many bytes precede a unit; 0 for start codes."""
    header, place = stream.codec_context.extradata or b"", _LENGTH_PLACES[stream.codec_context.name]
    return (header[place] & 3) + 1 if len(header) > place and header[0] == 1 else 0


def _with_lengths(packet: bytes, length_bytes: int) -> Iterator[bytes]:
    place = 0
    while place + length_bytes + 2 <= len(packet):
        first = place + length_bytes
        yield packet[first : first + 2]
        place = first + int.from_bytes(packet[place:first], "big")


def _with_start_codes(packet: bytes) -> Iterator[bytes]:
    place = packet.find(_START_CODE)
    while place >= 0:
        yield packet[place + 3 : place + 5]
        place = packet.find(_START_CODE, place + 3)


def _is_of_other_layer(name: str, header: bytes) -> bool:
    if len(header) < 2:
        return False
    if name == "h264":
        return header[0] & 0x1F in _SLICE_EXTENSIONS
    layer = (header[0] & 1) << 5 | header[1] >> 3
    return layer > 0 and header[0] >> 1 & 0x3F < _NUM_SLICE_TYPES
