"""A long, high-rate upload for benchmarks: a few seconds encoded once, then repeated packet by packet."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

LONG_SECONDS: Final = 300.0
BITS_PER_SECOND: Final = 5_400_000
"""The bit rate of a 720p camera; five minutes are about 200 MB."""
_RATE_HZ: Final = 24
_KEYFRAME_FRAMES: Final = 48


def make_long_clip(scene: Path, target: Path, *, is_index_first: bool, seconds: float = LONG_SECONDS) -> Path:
    """Write the clip if it does not exist; an MP4 with its index at the front or at the end.

    Args:
        scene: a clip with pictures and sound.
        target: path of the clip, which appears complete or not at all.
        is_index_first: as platforms rewrite uploads; False as cameras write them.
        seconds: length, rounded up to whole repetitions.
    """
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent) as folder:
        once, made = Path(folder) / "once.mp4", Path(folder) / "made.mp4"
        _encode(scene, once)
        _repeat(once, made, seconds, {"movflags": "+faststart"} if is_index_first else {})
        made.replace(target)
    return target


def _encode(scene: Path, target: Path) -> None:
    """Encode at a constant rate, whatever the pictures need."""
    constant = {
        "preset": "superfast",
        "g": str(_KEYFRAME_FRAMES),
        "x264-params": f"nal-hrd=cbr:bitrate={BITS_PER_SECOND // 1000}:vbv-maxrate={BITS_PER_SECOND // 1000}"
        f":vbv-bufsize={BITS_PER_SECOND // 1000}:scenecut=0",
    }
    with av.open(str(scene)) as source, av.open(str(target), "w") as output:
        picture, sound = source.streams.video[0], source.streams.audio[0]
        video = output.add_stream("libx264", rate=_RATE_HZ, options=constant)
        video.width, video.height, video.pix_fmt = picture.width, picture.height, "yuv420p"
        audio = output.add_stream("aac", rate=48_000)
        number = 0
        for frame in source.decode(picture, sound):
            if isinstance(frame, VideoFrame):
                frame.pts, frame.time_base, number = number, Fraction(1, _RATE_HZ), number + 1
                output.mux(video.encode(frame))
            elif isinstance(frame, AudioFrame):
                output.mux(audio.encode(frame))
        output.mux(video.encode())
        output.mux(audio.encode())


def _repeat(once: Path, target: Path, seconds: float, flags: dict[str, str]) -> None:
    with av.open(str(target), "w", container_options=flags) as output:
        with av.open(str(once)) as source:
            streams = {stream.index: output.add_stream_from_template(stream) for stream in source.streams}
            length_seconds = float((source.duration or 0) / 1_000_000)
        for number in range(int(-(-seconds // length_seconds))):
            with av.open(str(once)) as source:
                _append(source, output, streams, number * length_seconds)


def _append(source: InputContainer, output: OutputContainer, streams: dict[int, Stream], at_seconds: float) -> None:
    for packet in _timed_packets(source):
        assert packet.time_base is not None and packet.pts is not None and packet.dts is not None
        shift = round(at_seconds / packet.time_base)
        packet.pts += shift
        packet.dts += shift
        packet.stream = streams[packet.stream.index]
        output.mux(packet)


def _timed_packets(source: InputContainer) -> Iterator[Packet[Stream]]:
    """Yield all packets except the empty ones that end each stream."""
    return (packet for packet in source.demux() if packet.dts is not None)
