"""The container's description of the media, before a frame is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from operators.errors import MediaCause

TrackKind = Literal["video", "audio", "text", "picture", "attachment", "hidden", "trailing"]


@dataclass(frozen=True, slots=True)
class StreamFault:
    """Why a stream cannot be analysed, if that is known before decoding."""

    cause: MediaCause
    message: str


@dataclass(frozen=True, slots=True)
class ClockRestart:
    """A position from which on the container's clock counts from another origin."""

    shift_seconds: float
    """Added to its times from there on, so that they continue where the earlier ones ended."""


@dataclass(frozen=True, slots=True)
class UnseenTrack:
    """Content of the media that is not analysed."""

    kind: TrackKind
    """`picture`: cover art, or a further picture that a photograph lists. `attachment`: another file inside. `hidden`:
    bytes inside the container that belong to none of its streams. `trailing`: bytes after its end."""
    number: int
    """Of the stream in the container, from 0; -1 if it is no stream."""
    codec: str
    """For bytes: the format that they begin with, if known."""
    size_bytes: int = 0
    """For hidden and trailing bytes, and attachments; without padding."""


@dataclass(frozen=True, slots=True)
class VideoStreamIndex:
    """The video stream; times are seconds from the start of the file's timeline."""

    codec: str
    width: int
    """As stored, before the display matrix is applied."""
    height: int
    pixel_aspect: float
    """Width of a pixel divided by its height, 1.0 when square or unknown."""
    frame_rate_hz: float
    """Average; 0.0 when unknown. Not used to compute times, which are those of the frames."""
    start_seconds: float
    duration_seconds: float
    """Reachable in the file; less than the header of a truncated or wrong file states."""
    num_packets: int
    keyframe_seconds: tuple[float, ...]
    """Ascending; thinned to at most `video_index.MAX_KEYFRAMES`, with some of those beyond the part that was read."""
    is_listed: bool
    """Whether the container lists its packets; if not, the file was read to find them."""
    is_complete: bool
    """Whether every packet was seen; if not, many keyframes of the rest are unknown."""
    is_seekable: bool = True
    """False for elementary streams and those whose clock restarts: they can only be read from their beginning."""
    announced_seconds: float = 0.0
    """Length that the container states for this stream; 0.0 without one."""
    longest_interval_seconds: float = 0.0
    """Longest interval of two successive pictures."""
    content_seconds: tuple[float, ...] = ()
    """Display times that divide all pictures into equal parts; empty if not all are known."""
    last_picture_seconds: float | None = None
    """When the last of all pictures appears, which may be displayed for long; None if not all are known."""
    lead_seconds: float = 0.0
    """Before the start: pictures of a recording that begins between two keyframes. No player can decode them."""


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
    """Whether the container lists its packets; if not, there may be more than its header states."""


@dataclass(frozen=True, slots=True)
class MediaIndex:
    """A whole file."""

    container: str
    """Demuxer names, such as `mov,mp4,m4a,3gp,3g2,mj2`."""
    size_bytes: int
    duration_seconds: float
    """Reachable duration; 0.0 if neither header nor packets state it."""
    claimed_duration_seconds: float
    """Duration in the header, which is not trusted."""
    origin_seconds: float
    """The container's own clock at time 0 of all times here (transport streams start anywhere)."""
    video: VideoStreamIndex | None
    audio: AudioStreamIndex | None
    video_fault: StreamFault | None = None
    """Set if there is video and none of it can be decoded; `video` is None then."""
    audio_fault: StreamFault | None = None
    unseen: tuple[UnseenTrack, ...] = ()
    clock_restarts: tuple[ClockRestart, ...] = ()
    """Restarts of the container's clock, in the order of the file."""
    was_scanned: bool = False
    """Whether the file was read to make this index."""
