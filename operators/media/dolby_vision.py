"""Dolby Vision whose pictures mean nothing without its metadata. Decoder process only.

Most add metadata to pictures that any player shows: 4, 7, 8 and 9 to SDR, HDR10 or HLG. Profile 5, and profiles
10 and 20 without a compatible base, store the perceptual colours IPT-PQ-C2 after a reshaping that only the metadata
describes: shown as ordinary pictures they are green and purple, and no model or hash knows them. Terms are those of
Dolby's "Dolby Vision Streams Within the ISO Base Media File Format" and "Dolby Vision in Matroska".
"""

from __future__ import annotations

from typing import Final

from av.container import InputContainer
from av.video.stream import VideoStream

from operators.media.codec_records import codec_records
from operators.media.containers import MediaFile
from operators.media.index import StreamFault

ALWAYS_FOREIGN: Final = (3, 5)
"""Profiles of one layer without a compatible base, whatever else they state."""
COMPATIBLE_IF_STATED: Final = 9
"""Higher profiles have a compatible base only if they state which."""
_CODECS: Final = ("hevc", "h264", "av1", "libdav1d")
_CONFIGURATIONS: Final = (b"dvcC", b"dvvC", b"dvwC")


def dolby_vision_fault(container: InputContainer, stream: VideoStream, media: MediaFile) -> StreamFault | None:
    """Return the fault of a stream whose container says that its base layer is of no use alone; None otherwise."""
    if stream.codec_context.name not in _CODECS:
        return None
    found = codec_records(container, stream, media, _CONFIGURATIONS)
    profiles = [profile for profile in map(_foreign_profile, found) if profile is not None]
    return StreamFault("media-no-decoder", foreign_words(f"profile {profiles[0]}")) if profiles else None


def foreign_words(name: str) -> str:
    """Return the message for pictures of such a profile."""
    return f"the video is Dolby Vision ({name}), whose colours this build cannot convert"


def _foreign_profile(configuration: bytes) -> int | None:
    """Return the profile of a configuration record without a compatible base; None if it has one."""
    if len(configuration) < 5:
        return None
    profile, compatible = configuration[2] >> 1, configuration[4] >> 4
    is_foreign = profile in ALWAYS_FOREIGN or (profile > COMPATIBLE_IF_STATED and not compatible)
    return profile if is_foreign else None
