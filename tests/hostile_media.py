"""Hostile and odd media, made on the fly: no file of it is ever committed.

`HOSTILE_FILES` lists each with what must come of it. Also the honest little clips that decoder tests measure against.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from operators.errors import MediaCause
from tests.boxes import box
from tests.container_parts import png_chunk

Picture = npt.NDArray[np.uint8]


def numbered_picture(number: int, *, width: int, height: int) -> Picture:
    """A picture whose bar position tells its number: `(height, width, 3)` uint8."""
    picture = np.full((height, width, 3), 40, np.uint8)
    picture[: height // 2, : width // 3] = (200, 60, 60)  # marks the upper left corner
    left = (number * 7) % max(1, width - 8)
    picture[height // 2 :, left : left + 8] = (60, 220, 120)
    return picture


def write_video(
    path: Path,
    *,
    num_frames: int,
    width: int = 320,
    height: int = 180,
    rate: int = 25,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    pts: Callable[[int], int] = lambda number: number,
    options: Mapping[str, str] | None = None,
    sound_seconds: float = 0.0,
    rotation_degrees: int = 0,
    index_first: bool = True,
    is_live: bool = False,
) -> Path:
    """Encode `numbered_picture`s; `pts` says when each is shown, in ticks of 1/rate.

    `is_live` writes Matroska as a browser records it: without a length and without a table for seeks.
    """
    # The index in front, as platforms want it: so that a cut file keeps it.
    flags = {"movflags": "+faststart"} if path.suffix in (".mp4", ".mov") and index_first else {}
    flags |= {"live": "1"} if is_live else {}
    with av.open(str(path), "w", container_options=flags) as container:
        stream = container.add_stream(codec, rate=rate, options=dict(options or {}))
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        if rotation_degrees:
            stream.set_display_rotation(rotation_degrees)
        sound = container.add_stream("aac", rate=48_000) if sound_seconds else None
        for number in range(num_frames):
            frame = av.VideoFrame.from_ndarray(numbered_picture(number, width=width, height=height), "rgb24")
            frame.pts, frame.time_base = pts(number), Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            _write_sound(container, sound, sound_seconds)
    return path


def write_still(path: Path) -> Path:
    """One `numbered_picture`, as JPEG or PNG by the name."""
    codec, pixels = ("mjpeg", "yuvj420p") if path.suffix == ".jpg" else ("png", "rgb24")
    with av.open(str(path), "w", format="image2pipe") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, pixels
        picture = av.VideoFrame.from_ndarray(numbered_picture(0, width=320, height=180), "rgb24")
        for frame in (picture, None):
            container.mux(stream.encode(frame))
    return path


def write_sound(path: Path, *, seconds: float, codec: str = "pcm_s16le") -> Path:
    """A 440 Hz tone in stereo at 48 kHz."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48_000)
        stream.layout = "stereo"
        _write_sound(container, stream, seconds)
    return path


def _write_sound(container: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * 48_000)) / 48_000)
    for start in range(0, len(tone), 1024):
        samples = np.stack([tone[start : start + 1024]] * 2).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples, "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def remuxed(
    source: Path,
    path: Path,
    *,
    video_seconds: float = 0.0,
    audio_seconds: float = 0.0,
    options: Mapping[str, str] | None = None,
) -> Path:
    """The same packets in another container, each stream shifted; MP4 hides what is before 0 then."""
    with av.open(str(source)) as before, av.open(str(path), "w", container_options=dict(options or {})) as after:
        streams = {stream.index: after.add_stream_from_template(stream) for stream in before.streams}
        for packet in before.demux():
            if packet.size:
                seconds = video_seconds if packet.stream.type == "video" else audio_seconds
                shift = round(seconds / packet.time_base)
                # Matroska states no times of decoding; of the first pictures FFmpeg's muxer makes them up.
                packet.pts, packet.dts = (None if t is None else t + shift for t in (packet.pts, packet.dts))
                packet.stream = streams[packet.stream.index]
                after.mux(packet)
    return path


def empty(path: Path) -> Path:
    """No bytes."""
    path.write_bytes(b"")
    return path


def text(path: Path) -> Path:
    """Text with the name of a video."""
    path.write_text("This is no video.\n" * 200)
    return path


def truncated(path: Path) -> Path:
    """The second half is missing, the index stands in front and promises it."""
    write_video(path, num_frames=100, options={"g": "10"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def truncated_to_nothing(path: Path) -> Path:
    """The index is whole, but not one packet is."""
    write_video(path, num_frames=30)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"mdat") + 40])
    return path


def truncated_without_index(path: Path) -> Path:
    """An MP4 whose index stood at the end that is missing."""
    write_video(path, num_frames=30, index_first=False)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def no_streams(path: Path) -> Path:
    """A valid MP4 that holds no stream."""
    header = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, 5000) + bytes(80))
    path.write_bytes(box(b"ftyp", b"isom\0\0\0\1isom") + box(b"moov", header) + box(b"mdat", bytes(64)))
    return path


def subtitles_only(path: Path) -> Path:
    """SubRip text, which is no container of media."""
    path.write_text("".join(f"{n}\n00:00:{n:02},000 --> 00:00:{n:02},900\nline {n}\n\n" for n in range(1, 50)))
    return path


def audio_only(path: Path) -> Path:
    """Sound and nothing else."""
    return write_sound(path, seconds=2.0)


def without_audio(path: Path) -> Path:
    """Pictures and nothing else."""
    return write_video(path, num_frames=50)


def one_pixel(path: Path) -> Path:
    """The smallest picture."""
    return write_video(path, num_frames=5, width=1, height=1, codec="mpeg4")


def one_frame(path: Path) -> Path:
    """A video of one frame."""
    return write_video(path, num_frames=1)


def picture_8k(path: Path) -> Path:
    """7680x4320: large and allowed."""
    return write_video(path, num_frames=1, width=7680, height=4320, codec="mjpeg", pixel_format="yuvj420p")


def picture_16k(path: Path) -> Path:
    """15360x8640: more than may be decoded."""
    return write_video(path, num_frames=1, width=15360, height=8640, codec="mjpeg", pixel_format="yuvj420p")


def still_image(path: Path) -> Path:
    """A PNG."""
    return write_video(path, num_frames=1, codec="png", pixel_format="rgb24")


def three_hours(path: Path) -> Path:
    """Few packets over a long time: one frame in two minutes."""
    return write_video(path, num_frames=90, rate=1, pts=lambda number: number * 120, options={"g": "1"})


def ten_million_frames(path: Path) -> Path:
    """The index claims ten million packets in one chunk; thirty are there, uncompressed and so of one size."""
    write_video(path, num_frames=30, width=32, height=18, codec="rawvideo", pixel_format="rgb24")
    claimed = struct.pack(">I", 10_000_000)
    whole = bytearray(path.read_bytes())
    sizes, times, chunks = whole.index(b"stsz"), whole.index(b"stts"), whole.index(b"stsc")
    whole[sizes + 12 : sizes + 16] = claimed
    whole[times + 12 : times + 16] = claimed
    whole[chunks + 16 : chunks + 20] = claimed
    path.write_bytes(whole)
    return path


def playlist(path: Path) -> Path:
    """HLS that names a file of the machine."""
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n")
    return path


def concat_script(path: Path) -> Path:
    """FFmpeg's own script that names a file of the machine."""
    path.write_text("ffconcat version 1.0\nfile '/etc/passwd'\n")
    return path


def png_bomb(path: Path) -> Path:
    """A PNG of 30000x30000 black pixels in 110 KB."""
    deflate = zlib.compressobj(9)
    line = bytes(30_000 // 8 + 1)
    pixels = b"".join(deflate.compress(line) for _ in range(30_000)) + deflate.flush()
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, body) for kind, body in parts))
    return path


def noise_in_the_middle(path: Path) -> Path:
    """A third of the packets overwritten with noise."""
    write_video(path, num_frames=100, options={"g": "10"})
    whole = bytearray(path.read_bytes())
    start = whole.index(b"mdat") + (len(whole) - whole.index(b"mdat")) // 3
    noise = np.random.default_rng(7).bytes((len(whole) - start) // 2)
    whole[start : start + len(noise)] = noise
    path.write_bytes(whole)
    return path


def video_with_broken_sound(path: Path) -> Path:
    """Good pictures, sound of which nothing can be decoded."""
    write_video(path, num_frames=50, sound_seconds=2.0)
    whole = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    for start, size in places:
        whole[start : start + size] = b"\xff" * size
    path.write_bytes(whole)
    return path


@dataclass(frozen=True, slots=True)
class HostileFile:
    """A file and what must come of it."""

    name: str
    build: Callable[[Path], Path]
    cause: MediaCause | None
    """None: it is analysed."""
    has_frames: bool = True


HOSTILE_FILES: Mapping[str, HostileFile] = {
    "empty": HostileFile("empty.mp4", empty, "media-empty"),
    "text": HostileFile("text.mp4", text, "media-unreadable"),
    "truncated": HostileFile("truncated.mp4", truncated, None),
    "truncated to nothing": HostileFile("nothing.mp4", truncated_to_nothing, "media-unreadable"),
    "truncated without index": HostileFile("noindex.mp4", truncated_without_index, "media-unreadable"),
    "no streams": HostileFile("nostreams.mp4", no_streams, "media-no-streams"),
    "subtitles only": HostileFile("subtitles.srt", subtitles_only, "media-unreadable"),
    "audio only": HostileFile("sound.wav", audio_only, None, has_frames=False),
    "without audio": HostileFile("silent.mp4", without_audio, None),
    "one pixel": HostileFile("pixel.mp4", one_pixel, None),
    "one frame": HostileFile("frame.mp4", one_frame, None),
    "8K": HostileFile("8k.mp4", picture_8k, None),
    "16K": HostileFile("16k.mp4", picture_16k, "media-too-many-pixels"),
    "still image": HostileFile("still.png", still_image, None),
    "three hours": HostileFile("long.mp4", three_hours, None),
    "ten million frames": HostileFile("million.mov", ten_million_frames, None),
    "playlist": HostileFile("list.m3u8", playlist, "media-unreadable"),
    "concat script": HostileFile("list.mp4", concat_script, "media-unreadable"),
    "PNG bomb": HostileFile("bomb.png", png_bomb, "media-too-many-pixels"),
    "noise in the middle": HostileFile("noise.mp4", noise_in_the_middle, None),
    "broken sound": HostileFile("badsound.mp4", video_with_broken_sound, None),
}
"""Every odd file by what is odd about it."""
