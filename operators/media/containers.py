"""Opens a media file so that only its own bytes are accessible. Decoder process only."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

import av
import av.logging
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Discard, Stream

from operators.errors import InvalidMedia
from operators.media.progressive_file import ProgressiveFile
from operators.media.streams_of import audio_stream, video_stream

AnyStream = TypeVar("AnyStream", bound=Stream)

DEMUXERS = (
    # video
    "mov", "matroska", "avi", "flv", "mpegts", "mpeg", "mpegvideo", "asf", "ivf", "h264", "hevc", "av1", "obu", "m4v",
    "mxf", "dv", "nut", "y4m", "yuv4mpegpipe", "gif", "apng", "webp_anim",
    # audio
    "mp3", "wav", "w64", "ogg", "flac", "aac", "ac3", "eac3", "aiff", "caf", "amr", "opus", "au",
    # still images, by content: `image2` is left out because it opens other files by a pattern
    "jpeg_pipe", "png_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe", "jpegxl_pipe",
)  # fmt: skip
"""Containers of media. Playlists and scripts that refer to other files (hls, dash, concat, sdp) are excluded."""

NO_PROTOCOL = "none"
"""FFmpeg opens nothing by itself, whatever a file refers to. No protocol has this name."""
BUFFER_BYTES = 64 * 1024
"""Read size; larger packets are read at once."""
MIN_INDEX_ENTRIES = 10_000
"""A list up to this length costs nothing, whatever it says."""
MAX_OPEN_CPU_SECONDS = 1.0
"""A file that takes longer is opened once: ordinary ones take some milliseconds."""
OPEN_CPU_SECONDS_AN_ENTRY = 3e-6
"""What is allowed beyond that for a long recording: an MP4 of a million samples takes 0.3 s."""
LONG_PROBE: Mapping[str, str] = {"analyzeduration": str(600_000_000), "probesize": str(32 * 1024 * 1024)}
"""Microseconds and bytes: for streams whose packets are minutes apart, or that begin late."""


@dataclass(slots=True)
class MediaFile:
    """An open media file inside the decoder process. One container at a time: they share a file offset."""

    fd: int
    size_bytes: int
    max_pixels: int
    rewound: InputContainer | None = None
    """A container at its start, for the next use."""
    edit_options: Mapping[str, str] = field(default_factory=dict)
    """How FFmpeg is to take the edits of MP4, where not in full: their shift only, or not at all."""
    probe_options: Mapping[str, str] = field(default_factory=dict)
    """How far FFmpeg reads to get to know the streams, where its usual 5 s of packets are not enough."""
    has_parts: bool = False
    """Whether edits of MP4 show several parts."""
    arriving: ProgressiveFile | None = None
    """Reader of a file that is fetched while it is read; `fd` is sparse then."""
    is_costly: bool = False
    """Whether opening took so long that it is not repeated."""
    whole: ProgressiveFile = field(init=False)
    """Reader of a complete file."""

    def __post_init__(self) -> None:
        self.whole = ProgressiveFile(self.fd, self.size_bytes)

    @property
    def reader(self) -> ProgressiveFile:
        """The reader that FFmpeg uses."""
        return self.arriving or self.whole

    def peek(self, start: int, num_bytes: int) -> bytes:
        """Return at most `num_bytes` from `start` on; fewer at the end, none for bytes that never arrive."""
        return self.reader.peek(start, num_bytes)

    def close(self) -> None:
        """Close a kept container; `fd` stays open."""
        if self.rewound is not None:
            self.rewound.close()
            self.rewound = None


def take_container(media: MediaFile) -> InputContainer:
    """Return a container at its start, which the caller closes or gives back.

    Raises:
        FFmpegError: The file is no media of an allowed kind.
        InvalidMedia: Its index is so damaged that opening it again would take too long.
    """
    container, media.rewound = media.rewound, None
    if container is not None:
        return container
    if media.is_costly:
        raise InvalidMedia("media-unreadable", "its index is damaged: it takes too long to read")
    before = time.process_time()
    container = _open(media)
    num_entries = sum(len(stream.index_entries) for stream in container.streams)
    allowed_seconds = MAX_OPEN_CPU_SECONDS + num_entries * OPEN_CPU_SECONDS_AN_ENTRY
    media.is_costly = time.process_time() - before > allowed_seconds
    _refuse_long_index(container, num_entries, media)
    return _probed(container, media)


def _refuse_long_index(container: InputContainer, num_entries: int, media: MediaFile) -> None:
    """Raise `InvalidMedia` for a list of more packets than there are bytes: reading it takes minutes."""
    if num_entries > max(MIN_INDEX_ENTRIES, media.size_bytes):
        container.close()
        raise InvalidMedia(
            "media-unreadable", f"its index lists {num_entries} packets, and it has {media.size_bytes} bytes"
        )


def _probed(container: InputContainer, media: MediaFile) -> InputContainer:
    """Return a container whose streams have sizes and rates, as far as its packets tell them."""
    if media.probe_options or _knows_streams(container):
        return container
    container.close()
    media.probe_options = LONG_PROBE
    return _open(media)


def _knows_streams(container: InputContainer) -> bool:
    """Return whether the size of the pictures and the rate of the sound are known.

    A transport stream states neither: FFmpeg reads packets until it knows, or until 5 s of them are read. A slide show
    has one picture in that time, and a picture ends where the next begins.
    """
    video, audio = video_stream(container), audio_stream(container)
    is_size_known = video is None or bool(video.width and video.height)
    return is_size_known and (audio is None or bool(audio.rate))


def give_back(media: MediaFile, container: InputContainer, *, was_read: bool) -> None:
    """Keep `container` for the next pass over the file: opening probes codecs, which costs about five frames.

    Only MP4 and similar containers are rewound exactly, because they list every packet; others are closed once read. A
    container that was not read is not rewound either: a crafted index makes FFmpeg's search take quadratic time in the
    claimed length.
    """
    if was_read and (media.has_parts or not _rewind(container)):
        container.close()
    else:
        media.rewound = container


def _rewind(container: InputContainer) -> bool:
    """Seek to the first packet of all, from which either stream can be read.

    Not to the container's start: FFmpeg seeks the stream that was read last, the sound, and moves all others to where
    that begins, which may be behind pictures. Uses the index, which has decoding times.
    """
    streams = [s for s in (video_stream(container), audio_stream(container)) if s is not None and len(s.index_entries)]
    if not container.format.name.startswith("mov,") or not streams:
        return False
    stream = min(streams, key=lambda s: s.index_entries[0].timestamp * float(s.time_base or 0))
    try:
        container.seek(stream.index_entries[0].timestamp, stream=stream)
    except FFmpegError:
        return False
    return True


def packets_of(container: InputContainer, *streams: AnyStream) -> Iterator[Packet[AnyStream]]:
    """Yield packets of streams from the container's position to the end of what can be read.

    PyAV fails at the end of files with streams that appear later; everything is read by then.

    Raises:
        FFmpegError: the next packet cannot be read.
    """
    packets = cast("Iterator[Packet[AnyStream]]", container.demux(*streams))
    while True:
        try:
            packet = next(packets)
        except (StopIteration, IndexError):
            return
        yield packet


def read_only(container: InputContainer, wanted: Stream) -> None:
    """Let the demuxer skip the bytes of all other streams."""
    for stream in container.streams:
        stream.discard = Discard.default if stream.index == wanted.index else Discard.all


def open_apart(media: MediaFile) -> InputContainer:
    """Return another container of a file that is local as a whole, with an offset of its own; the caller closes it.

    Raises:
        FFmpegError: as `take_container`.
    """
    return _opened(media, ProgressiveFile(media.fd, media.size_bytes))


def _open(media: MediaFile) -> InputContainer:
    media.reader.seek(0)
    return _opened(media, media.reader)


def _opened(media: MediaFile, reader: ProgressiveFile) -> InputContainer:
    return av.open(
        reader,
        mode="r",
        options={
            "protocol_whitelist": NO_PROTOCOL,
            "format_whitelist": ",".join(DEMUXERS),
            "max_pixels": str(media.max_pixels),
            **media.edit_options,
            **media.probe_options,
        },
        metadata_errors="replace",
        buffer_size=BUFFER_BYTES,
    )


def is_out_of_memory(error: Exception) -> bool:
    """Return whether FFmpeg or Python ran out of memory, as far as they report it."""
    return isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM


def refuse_many_pixels(width: int, height: int, max_pixels: int) -> None:
    """Raise `InvalidMedia` for a picture larger than a decoder may allocate."""
    if width * height > max_pixels:
        raise InvalidMedia("media-too-many-pixels", f"pictures of {width}x{height}; at most {max_pixels} pixels")


def refused_picture_size(media: MediaFile) -> str | None:
    """Return the picture size that FFmpeg refused while it probed the file, if that was the error.

    If only the picture itself states its size (still images), a refusal looks like broken data to the caller; FFmpeg
    reports the reason only in its log. So a file that failed is opened once more with the log enabled.
    """
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture(local=False) as lines:
            _open_and_close(media)
        sizes = (re.search(r"Picture size (\d+x\d+) (?:is invalid|exceeds)", line) for _, _, line in lines)
        return next((size[1] for size in sizes if size and size[1] != "0x0"), None)
    finally:
        av.logging.set_level(None)


def _open_and_close(media: MediaFile) -> None:
    try:
        _open(media).close()
    except (FFmpegError, ValueError, MemoryError):
        return  # only its log matters
