"""Pictures whose colours cannot be converted: judged as they are, they would look like something else.

Decoder process only.
"""

from __future__ import annotations

import struct
from typing import Final

from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from operators.errors import InvalidMedia
from operators.media.decoders.orientation import side_data
from operators.media.dolby_vision import foreign_words

FOREIGN_MATRICES: Final = {
    8: "YCgCo", 10: "BT.2020 with constant luminance", 11: "SMPTE ST 2085", 12: "derived from primaries",
    13: "derived from primaries, with constant luminance", 14: "ICtCp", 15: "IPT-PQ-C2", 16: "YCgCo-Re", 17: "YCgCo-Ro",
}  # fmt: skip
"""By number in ITU-T H.273: those that FFmpeg's scaler refuses."""
_PROFILE, _FULL_RANGE = 4, 10
"""Places in the header of FFmpeg's `AVDOVIMetadata`."""


def refuse_foreign_colours(picture: VideoFrame) -> None:
    """Return if operators can get the picture as players show it.

    Raises:
        InvalidMedia: media-no-decoder for a matrix without a conversion, and for Dolby Vision without a compatible
            base.
    """
    matrix = FOREIGN_MATRICES.get(int(picture.colorspace))
    if matrix is not None:
        raise InvalidMedia("media-no-decoder", f"its pictures have colours ({matrix}) that this build cannot convert")
    if _is_of_dolby_vision_alone(picture):
        raise InvalidMedia("media-no-decoder", foreign_words("profile 5"))


def _is_of_dolby_vision_alone(picture: VideoFrame) -> bool:
    """Return whether the picture has the metadata (RPU) of profile 5: of VDR profile 0, over a base of full range."""
    found = side_data(picture)
    if not len(found) or Type.DOVI_METADATA not in found:
        return False
    metadata = bytes(memoryview(found[Type.DOVI_METADATA]))
    (start,) = struct.unpack_from("N", metadata)
    header = metadata[start : start + _FULL_RANGE + 1]
    return len(header) > _FULL_RANGE and not header[_PROFILE] and bool(header[_FULL_RANGE])
