"""The parts that containers other than MP4 consist of, as bytes; the boxes of MP4 are in `tests.boxes`."""

from __future__ import annotations

import struct
import zlib


def element(number: bytes, body: bytes) -> bytes:
    """One of Matroska."""
    return number + (len(body) | 1 << 56).to_bytes(8, "big") + body


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of AVI, WAV or WebP."""
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def flv_tag(kind: int, body: bytes, milliseconds: int = 0) -> bytes:
    """A tag of FLV, and its length behind it."""
    header = bytes([kind]) + len(body).to_bytes(3, "big") + milliseconds.to_bytes(3, "big") + bytes(4)
    return header + body + (len(header) + len(body)).to_bytes(4, "big")


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def segment(marker: int, body: bytes) -> bytes:
    """A segment of JPEG."""
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body


def with_index(picture: bytes, behind: bytes) -> bytes:
    """A JPEG whose list of pictures says that there is another one behind it (CIPA DC-007)."""
    directory = struct.pack(">HHHII", 1, 0xB002, 7, 16, 26) + bytes(4)
    place = 2 + 4 + len(b"MPF\0")
    size = place + 8 + len(directory) + 16 - 2
    entry = struct.pack(">IIII", 0, len(behind), len(picture) + size - place, 0)
    return picture[:2] + segment(0xE2, b"MPF\0MM\0*\0\0\0\x08" + directory + entry) + picture[2:] + behind


def packets(pid: int, body: bytes, *, begins: bool = False) -> bytes:
    """Packets of a transport stream, the first of which begins something."""
    found = b""
    for number, place in enumerate(range(0, len(body), 184)):
        flags = pid | 0x4000 * (begins and not number)
        found += struct.pack(">BHB", 0x47, flags, 0x10 | number % 16) + body[place : place + 184].ljust(184, b"\xff")
    return found


def section(table: int, body: bytes) -> bytes:
    """A section of a table of a transport stream, with its checksum."""
    whole = struct.pack(">BH", table, 0xF000 | len(body) + 4) + body
    reverse = bytes(int(f"{number:08b}"[::-1], 2) for number in range(256))
    checksum = zlib.crc32(whole.translate(reverse)) ^ 0xFFFFFFFF
    return whole + int(f"{checksum:032b}"[::-1], 2).to_bytes(4, "big")


def in_segment(whole: bytes, more: bytes) -> bytes:
    """Matroska with more elements at the end of its segment."""
    start = whole.index(b"\x18\x53\x80\x67")
    return whole[:start] + element(b"\x18\x53\x80\x67", whole[start + 12 :] + more)


def in_riff(whole: bytes, more: bytes) -> bytes:
    """With more chunks at its end."""
    return whole[:4] + struct.pack("<I", len(whole) - 8 + len(more)) + whole[8:] + more
