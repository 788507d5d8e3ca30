"""Dolby Vision as bytes: its metadata in each picture, and what a container says about it."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.boxes import box, boxes_of
from tests.corpus.coded import coded_picture


class _Bits:
    """A writer of bits and of Exp-Golomb numbers."""

    def __init__(self) -> None:
        self._text = ""

    def put(self, value: int, width: int) -> None:
        self._text += f"{value:0{width}b}"

    def put_ue(self, value: int) -> None:
        text = f"{value + 1:b}"
        self._text += "0" * (len(text) - 1) + text

    @property
    def content(self) -> bytes:
        return int(self._text + "0" * (-len(self._text) % 8), 2).to_bytes(-(-len(self._text) // 8), "big")


def metadata_unit(profile: int) -> bytes:
    """The NAL unit (RPU) that belongs to one picture, with a reshaping that changes nothing."""
    bits = _Bits()
    bits.put(2, 6)  # type
    bits.put(18, 11)  # format
    bits.put(0 if profile == 5 else 1, 4)
    bits.put(0, 4)  # level
    bits.put(1, 1)  # what follows
    bits.put(0, 1)
    bits.put(0, 2)  # fixed-point numbers, of 23 bits
    bits.put_ue(23)
    bits.put(1, 2)
    bits.put(profile == 5, 1)  # base of full range
    for depth in (10, 10, 12):  # of base, enhancement and result
        bits.put_ue(depth - 8)
    bits.put(0, 4)
    bits.put(0, 1)
    bits.put(1, 1)  # no residual
    bits.put(0, 1)  # no display management
    bits.put(0, 1)
    for number in (0, 0, 0):
        bits.put_ue(number)
    for _ in range(3):
        bits.put_ue(0)
        bits.put(0, 10)
        bits.put(1023, 10)
    bits.put_ue(0)
    bits.put_ue(0)
    for _ in range(3):
        bits.put_ue(0)  # a polynomial of order one
        bits.put_ue(0)
        bits.put(0, 1)
        for whole in (1, 2):  # 0 and 1 as signed numbers
            bits.put_ue(whole - 1)
            bits.put(0, 23)
    content = bits.content
    content += zlib.crc32(content).to_bytes(4, "big") + b"\x80"
    return b"\x7c\x01" + _escaped(b"\x19" + content)


def _escaped(content: bytes) -> bytes:
    found = bytearray()
    for byte in content:
        if found[-2:] == b"\0\0" and byte <= 3:
            found.append(3)
        found.append(byte)
    return bytes(found)


def write_hevc(path: Path, *, unit: bytes = b"", num_pictures: int = 8) -> Path:
    """Numbered pictures in HEVC, each with a NAL unit behind it."""
    options = {"preset": "ultrafast", "x265-params": "log-level=0:pools=1:frame-threads=1:bframes=0"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=5, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p10le"
        for number in range(num_pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(coded_picture(number, 160, 96)), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 5)
            for packet in stream.encode(frame):
                container.mux(_with_unit(packet, unit))
        for packet in stream.encode():
            container.mux(_with_unit(packet, unit))
    return path


def _with_unit(packet: av.Packet, unit: bytes) -> av.Packet:
    changed = av.Packet(bytes(packet) + (b"\0\0\0\1" + unit if unit else b""))
    changed.pts, changed.dts, changed.time_base = packet.pts, packet.dts, packet.time_base
    changed.stream, changed.is_keyframe = packet.stream, packet.is_keyframe
    return changed


def configuration(profile: int, compatible: int) -> bytes:
    """The box that reports it; of version 1.0, level 6, with metadata and a base."""
    kind = b"dvcC" if profile <= 7 else b"dvvC" if profile <= 10 else b"dvwC"
    return box(kind, struct.pack(">BBHB", 1, 0, profile << 9 | 6 << 3 | 0b101, compatible << 4) + bytes(19))


def with_configuration(content: bytes, extra: bytes) -> bytes:
    """An MP4 file, the index of which is at the end, with a box more in its sample entries."""
    return b"".join(_configured(found.kind, found.body, extra) for found in boxes_of(content))


def _configured(kind: bytes, body: bytes, extra: bytes) -> bytes:
    if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        body = with_configuration(body, extra)
    elif kind == b"stsd":
        body = body[:8] + with_configuration(body[8:], extra)
    elif kind in (b"hev1", b"hvc1", b"avc1", b"av01"):
        body += extra
    return box(kind, body)
