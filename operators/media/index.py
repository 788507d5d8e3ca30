"""What a container says about itself before a frame is decoded."""

from __future__ import annotations

from dataclasses import dataclass


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
    bytes_per_second: tuple[int, ...]
    """Compressed size of each second: a free hint of where something happens."""
    is_listed: bool
    """Whether the container lists its packets; if not, they were found by reading through it."""
    is_complete: bool
    """Whether every packet was seen; if not, many keyframes of the rest are unknown."""
    is_seekable: bool = True
    """Elementary streams are not: they can only be read from their beginning."""


@dataclass(frozen=True, slots=True)
class AudioStreamIndex:
    """The audio stream; times as in `VideoStreamIndex`."""

    codec: str
    sample_rate_hz: int
    num_channels: int
    start_seconds: float
    duration_seconds: float


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

    @property
    def was_scanned(self) -> bool:
        """Whether the file was read through to make this index."""
        return self.video is not None and not self.video.is_listed
