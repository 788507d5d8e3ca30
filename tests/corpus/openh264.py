"""Cisco's H.264 decoder, through its C interface: no program of it is packaged."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

Planes = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]
_END_OF_STREAM, _NUM_REMAINING = 1, 18
"""Numbers of options."""


def _library() -> ctypes.CDLL | None:
    for name in (ctypes.util.find_library("openh264"), "libopenh264.so.7", "libopenh264.so.8", "libopenh264.so"):
        try:
            if name:
                return ctypes.CDLL(name)
        except OSError:
            continue
    return None


OPENH264 = _library()
"""None where it is not installed."""


class _Parameters(ctypes.Structure):
    _fields_ = (
        ("file_name", ctypes.c_char_p),
        ("cpu_load", ctypes.c_uint),
        ("target_layer", ctypes.c_ubyte),
        ("concealment", ctypes.c_int),
        ("is_parsed_only", ctypes.c_bool),
        ("property_bytes", ctypes.c_uint),
        ("stream_kind", ctypes.c_int),
    )


class _Picture(ctypes.Structure):
    _fields_ = (
        ("is_there", ctypes.c_int),
        ("time_in", ctypes.c_ulonglong),
        ("time_out", ctypes.c_ulonglong),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("format", ctypes.c_int),
        ("strides", ctypes.c_int * 2),
        ("planes", ctypes.c_void_p * 3),
    )


_THIS, _OUT = ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)
_DECODE = ctypes.CFUNCTYPE(ctypes.c_int, _THIS, ctypes.c_char_p, ctypes.c_int, _OUT, ctypes.POINTER(_Picture))
_FLUSH = ctypes.CFUNCTYPE(ctypes.c_int, _THIS, _OUT, ctypes.POINTER(_Picture))
_OPTION = ctypes.CFUNCTYPE(ctypes.c_long, _THIS, ctypes.c_int, ctypes.c_void_p)


class _Table(ctypes.Structure):
    """Functions of a decoder, in the order of the interface."""

    _fields_ = (
        ("initialize", ctypes.CFUNCTYPE(ctypes.c_long, _THIS, ctypes.POINTER(_Parameters))),
        ("uninitialize", ctypes.CFUNCTYPE(ctypes.c_long, _THIS)),
        ("decode_frame", ctypes.c_void_p),
        ("decode_frame_no_delay", _DECODE),
        ("decode_frame_2", _DECODE),
        ("flush_frame", _FLUSH),
        ("decode_parser", ctypes.c_void_p),
        ("decode_frame_ex", ctypes.c_void_p),
        ("set_option", _OPTION),
        ("get_option", _OPTION),
    )


def openh264_pictures(packets: Sequence[bytes]) -> Iterator[Planes]:
    """Decode access units with start codes; pictures in the order in which they are shown."""
    assert OPENH264 is not None
    decoder = ctypes.c_void_p()
    assert OPENH264.WelsCreateDecoder(ctypes.byref(decoder)) == 0
    table = ctypes.cast(ctypes.cast(decoder, _OUT)[0], ctypes.POINTER(_Table)).contents
    parameters = _Parameters(target_layer=255, property_bytes=8, stream_kind=0)
    try:
        assert table.initialize(decoder, ctypes.byref(parameters)) == 0
        yield from _decoded(table, decoder, packets)
        table.uninitialize(decoder)
    finally:
        OPENH264.WelsDestroyDecoder(decoder)


def _decoded(table: _Table, decoder: ctypes.c_void_p, packets: Sequence[bytes]) -> Iterator[Planes]:
    planes, picture, number = (ctypes.c_void_p * 3)(), _Picture(), ctypes.c_int(1)
    for packet in packets:
        table.decode_frame_no_delay(decoder, packet, len(packet), planes, ctypes.byref(picture))
        yield from _taken(planes, picture)
    table.set_option(decoder, _END_OF_STREAM, ctypes.byref(number))
    table.decode_frame_no_delay(decoder, None, 0, planes, ctypes.byref(picture))
    yield from _taken(planes, picture)
    table.get_option(decoder, _NUM_REMAINING, ctypes.byref(number))
    for _ in range(number.value):
        table.flush_frame(decoder, planes, ctypes.byref(picture))
        yield from _taken(planes, picture)


def _taken(planes: ctypes.Array[ctypes.c_void_p], picture: _Picture) -> Iterator[Planes]:
    if picture.is_there != 1:
        return
    size = (picture.height, picture.width)
    half = (picture.height // 2, picture.width // 2)
    luma, chroma = picture.strides
    yield (_plane(planes[0], size, luma), _plane(planes[1], half, chroma), _plane(planes[2], half, chroma))


def _plane(place: int, size: tuple[int, int], stride: int) -> npt.NDArray[np.uint8]:
    height, width = size
    content = ctypes.string_at(place, stride * (height - 1) + width)
    padded = np.frombuffer(content + bytes(stride - width), np.uint8)
    return padded.reshape(height, stride)[:, :width].copy()
