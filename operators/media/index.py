"""What a container says about itself before a frame is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from operators.errors import MediaCause

TrackKind = Literal["video", "audio", "text", "picture", "attachment", "hidden", "trailing"]


@dataclass(frozen=True, slots=True)
class StreamFault:
    """Why a stream that the media has cannot be analysed: known before anything is decoded."""

    cause: MediaCause
    message: str


@dataclass(frozen=True, slots=True)
class ClockRestart:
    """A place from which on the container's clock counts from another origin."""

    shift_seconds: float
    """What has to be added to its times from there on, so that they go on where the ones before ended."""


@dataclass(frozen=True, slots=True)
class UnseenTrack:
    """Something that the media holds and that nobody looks at."""

    kind: TrackKind
    """`picture`: cover art. `attachment`: another file inside. `hidden`: bytes inside the container that belong to none
    of its streams. `trailing`: bytes behind its end."""
    number: int
    """Of the stream in the container, from 0; -1 where it is none."""
    codec: str
    """Of bytes: the format that they begin with, as far as it is known."""
    size_bytes: int = 0
    """Of hidden and trailing bytes, and of attachments: padding counts for nothing."""


@dataclass(frozen=True, slots=True)
class VideoStreamIndex:
    """The video stream; times are seconds from the start of the file's timeline."""

    codec: str
    width: int
    """As stored: before the display matrix turns it."""
    height: int
    pixel_aspect: float
    """Width of a pixel over its height, 1.0 when square or unknown."""
    frame_rate_hz: float
    """Average; 0.0 when unknown. Never used to compute a time: those come from the frames."""
    start_seconds: float
    duration_seconds: float
    """What can be reached in the file, which a truncated or lying header exceeds."""
    num_packets: int
    keyframe_seconds: tuple[float, ...]
    """Ascending; thinned to at most `read_index.MAX_KEYFRAMES`, and some of those beyond what was read through."""
    is_listed: bool
    """Whether the container lists its packets; if not, they were found by reading through it."""
    is_complete: bool
    """Whether every packet was seen; if not, many keyframes of the rest are unknown."""
    is_seekable: bool = True
    """Elementary streams and those whose clock restarts are not: they can only be read from their beginning."""
    announced_seconds: float = 0.0
    """Length that the container states for this stream, reached or not; 0.0 when it states none."""
    longest_interval_seconds: float = 0.0
    """Between two pictures that follow one another."""
    content_seconds: tuple[float, ...] = ()
    """When pictures are shown that divide all of them into equal parts; empty where not all are known."""
    last_picture_seconds: float | None = None
    """When the last of all pictures appears, which may stand for long; None where not all are known."""


@dataclass(frozen=True, slots=True)
class AudioStreamIndex:
    """The audio stream; times as in `VideoStreamIndex`."""

    codec: str
    num_channels: int
    start_seconds: float
    duration_seconds: float
    announced_seconds: float = 0.0
    """As in `VideoStreamIndex`."""
    is_listed: bool = True
    """Whether the container lists its packets; if not, there may be more of them than its header states."""


@dataclass(frozen=True, slots=True)
class MediaIndex:
    """A whole file."""

    container: str
    """Demuxer names, such as `mov,mp4,m4a,3gp,3g2,mj2`."""
    size_bytes: int
    duration_seconds: float
    """What can be reached; 0.0 when neither header nor packets tell."""
    claimed_duration_seconds: float
    """What the header says, believed by nobody."""
    origin_seconds: float
    """The container's own clock at time 0 of all times here (transport streams start anywhere)."""
    video: VideoStreamIndex | None
    audio: AudioStreamIndex | None
    video_fault: StreamFault | None = None
    """Where there is video and none of it can be decoded; `video` is None then."""
    audio_fault: StreamFault | None = None
    unseen: tuple[UnseenTrack, ...] = ()
    clock_restarts: tuple[ClockRestart, ...] = ()
    """Where the container's clock starts again, in the order of the file."""
    was_scanned: bool = False
    """Whether the file was read through to make this index."""
