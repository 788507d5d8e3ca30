"""What a card's `[input]` of pictures comes to: squares of frames or of parts of them, and clips of several."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from models.card_errors import refuse
from models.card_input_fields import ClipTable, CropTable, PictureTable
from models.model_input import ClipInput, CropInput, FrameInput

MAX_CLIP_BYTES: Final = 32 * 2**20
"""Of the pixels of one clip: 64 frames of 418 px, or 10 of 1024 px."""
MAX_DECODED_FRAMES: Final = 512
"""Of all clips of one video, where they are decoded for it: 180 MB."""


def picture_input(given: PictureTable, path: Path) -> FrameInput:
    """Read how a picture becomes a square. Raises CardInvalid."""
    resize_px = given.resize_px or given.side_px
    if resize_px < given.side_px:
        raise refuse(path, "input.resize_px", resize_px, f"at least side_px, {given.side_px}")
    if given.resize == "pad" and resize_px != given.side_px:
        raise refuse(path, "input.resize_px", resize_px, f"side_px, {given.side_px}, where the picture is padded")
    if given.resize != "pad" and given.pad_level:
        raise refuse(path, "input.pad_level", given.pad_level, f"0 with {given.resize}, which adds nothing")
    return FrameInput(given.side_px, given.resize, resize_px, given.interpolation, given.pad_level)


def clip_input(given: ClipTable, path: Path) -> ClipInput:
    """Read which frames become a clip, and how. Raises CardInvalid."""
    frame = picture_input(given, path)
    if given.stride is not None and given.frame_seconds is not None:
        raise refuse(path, "input.stride", given.stride, "nothing together with frame_seconds")
    num_bytes = 3 * given.frames * given.side_px**2
    if num_bytes > MAX_CLIP_BYTES:
        allowed = f"at most {MAX_CLIP_BYTES // (3 * given.side_px**2)} with side_px {given.side_px}"
        raise refuse(path, "input.frames", given.frames, allowed)
    if given.frame_seconds is not None and given.clips * given.frames > MAX_DECODED_FRAMES:
        allowed = f"at most {MAX_DECODED_FRAMES // given.frames} with {given.frames} frames"
        raise refuse(path, "input.clips", given.clips, allowed)
    return ClipInput(frame, given.frames, given.clips, given.stride or 1, given.frame_seconds)


def crop_input(given: CropTable, path: Path) -> CropInput:
    """Read which parts of a frame are cut out, and how they are scaled. Raises CardInvalid."""
    return CropInput(picture_input(given, path), given.of, given.classes, given.max_crops, given.margin_ratio)
