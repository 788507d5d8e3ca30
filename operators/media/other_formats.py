"""Files that begin like another format than the one that FFmpeg takes them for: other readers show something else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from av.container import InputContainer

from operators.media.containers import MediaFile
from operators.media.index import UnseenTrack

_HEAD_BYTES: Final = 12
_READERS: Final = (
    (0, b"\xff\xd8\xff", "jpeg", ("jpeg_pipe",)),
    (0, b"\x89PNG\r\n", "png", ("png_pipe", "apng")),
    (0, b"GIF8", "gif", ("gif",)),
    (0, b"RIFF", "riff", ("avi", "wav", "webp_pipe", "webp_anim")),
    (0, b"\x1a\x45\xdf\xa3", "matroska", ("matroska,webm",)),
    (0, b"OggS", "ogg", ("ogg",)),
    (0, b"FLV\1", "flv", ("flv",)),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf", ("asf",)),
    (4, b"ftyp", "mp4", ("mov,mp4,m4a,3gp,3g2,mj2",)),
)
"""Place and bytes of a signature, its format, and the demuxers that read it."""


def other_format(container: InputContainer, media: MediaFile) -> Iterator[UnseenTrack]:
    """Yield the file itself, as one of the format that its first bytes name, if it is read as another one."""
    head = media.peek(0, _HEAD_BYTES)
    for place, signature, name, readers in _READERS:
        if head.startswith(signature, place) and container.format.name not in readers:
            yield UnseenTrack("attachment", -1, name, media.size_bytes)
