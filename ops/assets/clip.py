"""Description of a sample clip, and the recipe of a derived one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """A file inside a published package."""

    package: str
    """`name==version`."""
    member: str
    """Path inside the wheel."""
    sha256: str
    licence: str
    """As stated by the package for this file; `not stated` without a statement."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a derived clip is made of others; made on this machine, so its bytes are not pinned."""

    video: str
    """File name of the clip with the pictures."""
    video_encoder: str
    audio: str | None = None
    """File name of the clip with the sound; cut at the end of the pictures."""
    audio_encoder: str = "aac"
    music: str | None = None
    """File name of the clip that is mixed with the sound at half its loudness."""
    is_portrait: bool = False
    """Whether the centre of the picture is cropped to 9:16."""
    num_repeats: int = 1
    """How often the pictures are repeated."""
    width_px: int | None = None
    """Scale the pictures to this width, keeping their aspect."""
    encoder_options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class UploadText:
    """Text of the made-up creator."""

    title: str
    description: str
    hashtags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SampleClip:
    """One clip of the demo, or a file that others are made of."""

    file_name: str
    source: Origin | Recipe
    shows: str
    """What a person sees and hears."""
    codecs: str
    """Container, video and audio codec, size."""
    upload: UploadText | None
    """`None`: only a part of other clips or a negative example, never uploaded by the demo."""
