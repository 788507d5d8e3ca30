"""Selects the analysed streams of a container, and determines why some cannot be decoded. Decoder process only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from operators.media.index import StreamFault

AnyStream = TypeVar("AnyStream", bound=Stream)


def video_stream(container: InputContainer) -> VideoStream | None:
    """Return the video stream to analyse: never cover art, a track before picture items, the default one first,
    decodable."""
    streams = [stream for stream in moving_streams(container) if has_decoder(stream)]
    return _first([stream for stream in streams if not is_picture_item(stream)] or streams)


def audio_stream(container: InputContainer) -> AudioStream | None:
    """Return the audio stream to analyse: the default one first, decodable."""
    return _first([stream for stream in container.streams.audio if has_decoder(stream)])


def moving_streams(container: InputContainer) -> list[VideoStream]:
    """Return every video stream that is not cover art."""
    return [stream for stream in container.streams.video if not is_cover(stream)]


def cover_streams(container: InputContainer) -> list[VideoStream]:
    """Return all cover art."""
    return [stream for stream in container.streams.video if is_cover(stream)]


def shown_streams(container: InputContainer) -> list[Stream]:
    """Return every stream of pictures, sound or text."""
    return [*container.streams.video, *container.streams.audio, *container.streams.subtitles]


def is_cover(stream: Stream) -> bool:
    """Return whether a stream is cover art."""
    return bool(stream.disposition & Disposition.attached_pic)


def is_picture_item(stream: Stream) -> bool:
    """Return whether FFmpeg made a stream of a picture of AVIF or HEIC: such a file may have a track as well."""
    return stream.container.format.name.startswith("mov,") and stream.frames == 1 and stream.duration is None


def has_decoder(stream: Stream) -> bool:
    """Return whether this build can decode it."""
    return getattr(stream, "codec_context", None) is not None


def stream_fault(kind: str, streams: Sequence[Stream]) -> StreamFault | None:
    """Return why none of the streams of a kind can be analysed; None if there is none, or a decodable one."""
    if not streams or any(has_decoder(stream) for stream in streams):
        return None
    return StreamFault("media-no-decoder", f"the {kind} is of a codec that this build cannot decode")


def codec_name(stream: Stream) -> str:
    """Return FFmpeg's name of the codec; `unknown` without a decoder for it."""
    return stream.codec_context.name if has_decoder(stream) else "unknown"


def _first(streams: Sequence[AnyStream]) -> AnyStream | None:
    return min(streams, key=lambda stream: not stream.disposition & Disposition.default, default=None)
