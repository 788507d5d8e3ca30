"""The smallest containers that each walk of a ledger goes through, and the walks by name."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Final

from operators.media.containers import MediaFile
from operators.media.ledgers.flv import AUDIO, VIDEO, flv_ledger
from operators.media.ledgers.ledger import Ledger
from operators.media.ledgers.matroska import matroska_ledger
from operators.media.ledgers.riff import riff_ledger
from operators.media.ledgers.stills import gif_ledger, jpeg_ledger, png_ledger
from operators.media.ledgers.transport import transport_ledger
from tests.container_parts import element, flv_tag, packets, png_chunk, riff_chunk, segment


def _matroska(media: MediaFile) -> Ledger:
    return matroska_ledger(media, may_read_all=True, num_attached=1)


def _riff(media: MediaFile) -> Ledger:
    return riff_ledger(media, 2)


def _flv(media: MediaFile) -> Ledger:
    return flv_ledger(media, frozenset((AUDIO, VIDEO)))


def _transport(media: MediaFile) -> Ledger:
    return transport_ledger(media, [0x100], [0x101])


WALKS: Final[dict[bytes, Callable[[MediaFile], Ledger]]] = {
    b"m": _matroska, b"r": _riff, b"f": _flv, b"t": _transport, b"p": png_ledger, b"j": jpeg_ledger, b"g": gif_ledger,
}  # fmt: skip
"""By the first byte of a target's input."""


def walked(name: bytes, content: bytes) -> Ledger:
    """What a walk finds in a file of these bytes."""
    fd = os.memfd_create("media")
    try:
        os.write(fd, content)
        return WALKS[name](MediaFile(fd, len(content), 2**26))
    finally:
        os.close(fd)


_CODEC = element(b"\x86", b"V_VP8")
_GROUP = element(
    b"\xa0",
    element(b"\xa1", b"\x81\0\1\0abc") + element(b"\x75\xa1", element(b"\xa6", element(b"\xa5", b"x"))),
)
_NAME = element(b"\x85", b"one")
SMALLEST: Final[tuple[bytes, ...]] = (
    b"m" + element(b"\x1a\x45\xdf\xa3", element(b"\x42\x82", b"webm")) + element(
        b"\x18\x53\x80\x67",
        element(b"\x15\x49\xa9\x66", element(b"\x2a\xd7\xb1", b"\x0f\x42\x40"))
        + element(b"\x16\x54\xae\x6b", element(b"\xae", element(b"\xd7", b"\1") + element(b"\x83", b"\1") + _CODEC))
        + element(b"\x1f\x43\xb6\x75", element(b"\xe7", b"\1") + element(b"\xa3", b"\x81\0\0\x80abc") + _GROUP)
        + element(b"\x19\x41\xa4\x69", element(b"\x61\xa7", element(b"\x46\x6e", b"a") + element(b"\x46\x5c", b"OT")))
        + element(b"\x1c\x53\xbb\x6b", element(b"\xbb", element(b"\xb3", b"\0")))
        + element(b"\x10\x43\xa7\x70", element(b"\x45\xb9", element(b"\xb6", element(b"\x80", _NAME)))),
    ),
    b"rRIFF\0\0\0\0WAVE" + riff_chunk(b"fmt ", bytes(16)) + riff_chunk(b"data", b"12345")
    + riff_chunk(b"LIST", b"INFOx"),
    b"rRIFF\x60\0\0\0AVI " + riff_chunk(b"LIST", b"movi" + riff_chunk(b"00dc", b"abc"))
    + riff_chunk(b"idx1", bytes(16)),
    b"rRIFF\x20\0\0\0WEBP" + riff_chunk(b"VP8X", b"\2" + bytes(9)) + riff_chunk(b"ANMF", b"abc"),
    b"rBW64\xff\xff\xff\xffWAVE" + riff_chunk(b"ds64", struct.pack("<QQQI", 90, 4, 2, 0)) + b"data\xff\xff\xff\xffabcd",
    b"fFLV\1\5\0\0\0\x09\0\0\0\0" + flv_tag(18, b"\2\0\nonMetaData") + flv_tag(9, b"\x12ab")
    + flv_tag(8, b"\x2fab", 20),
    b"t" + packets(0, b"\0\0\xb0\x0d" + bytes(13), begins=True) + packets(0x100, b"\0\0\1\xe0" + bytes(300)) * 3,
    b"t\0" + packets(0x12, b"\0\x4e\xf0\x05" + bytes(5), begins=True) * 6,
    b"p\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", bytes(13)) + png_chunk(b"IDAT", b"x") + png_chunk(b"IEND", b""),
    b"j\xff\xd8" + segment(0xE2, b"MPF\0MM\0*\0\0\0\x08\0\1\xb0\2\0\7\0\0\0\x10\0\0\0\x1a" + bytes(20))
    + segment(0xDA, b"\1\1\0\0\x3f\0") + b"ab\xff\0\xff\xd0cd\xff\xd9\xff\xd8\xff\xd9",
    b"j\xff\xd8" + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<a:Item b:Length='4' b:Mime='image/jpeg'/>")
    + b"\xff\xd9SEFH" + struct.pack("<IIIII", 1, 1, 0, 8, 4) + struct.pack("<I", 24) + b"SEFT",
    b"gGIF89a\1\0\1\0\x80\0\0" + bytes(6) + b"\x21\xf9\4\0\0\0\0\0\x2c" + bytes(9) + b"\2\2\x4c\1\0\x21\xfe\1x\0\x3b",
)  # fmt: skip
"""One byte that names the walk, then the file."""
