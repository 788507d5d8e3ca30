"""Decoders of VP8 and VP9 that take transparency into account. Decoder process only.

WebM stores it with each picture, as a second stream of the same codec. FFmpeg's own decoders ignore it, and browsers
show it: a film could hide all of its pictures in it.
"""

from __future__ import annotations

from typing import Final, cast

from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.codec.context import CodecContext
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

_DECODERS: Final = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def hides_alpha(stream: Stream) -> bool:
    """Return whether a stream has transparency that this build cannot decode."""
    return _has_alpha(stream) and not _is_built_in(_DECODERS[stream.codec_context.name])


def decoding_context(stream: VideoStream) -> VideoCodecContext:
    """Return the codec that decodes a stream: its own, except for the transparency of VP8 and VP9."""
    own = stream.codec_context
    if not _has_alpha(stream) or hides_alpha(stream):
        return own
    context = cast("VideoCodecContext", CodecContext.create(_DECODERS[own.name], "r"))
    context.color_range, context.colorspace = own.color_range, own.colorspace
    context.color_primaries, context.color_trc = own.color_primaries, own.color_trc
    return context


def _has_alpha(stream: Stream) -> bool:
    context = stream.codec_context
    return context is not None and context.name in _DECODERS and stream.metadata.get("alpha_mode", "0") != "0"


def _is_built_in(name: str) -> bool:
    try:
        return Codec(name, "r").name == name
    except UnknownCodecError:
        return False
