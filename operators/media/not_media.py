"""Describes a file without readable media: what it is, and what to do. Decoder process only.

FFmpeg's own messages are not helpful to an uploader ("End of file", "Invalid data found"), and differ for equal faults.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Final

from operators.errors import InvalidMedia
from operators.media.containers import MediaFile, is_out_of_memory
from operators.media.mp4_boxes import top_boxes

HEAD_BYTES: Final = 4096
"""Bytes of a file's beginning that are examined."""
MAX_BOXES: Final = 1000
"""Boxes of an MP4 file that are examined in search of its index."""

UPLOAD_MEDIA: Final = "such files only refer to other media and are refused; upload the media itself"
RETIRED: Final = "it is {} of a retired format: convert it"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of text file."""

    pattern: re.Pattern[bytes]
    """Pattern of its beginning, without white space and byte order mark, in lower case."""
    name: str
    is_playlist: bool = False


def _kind(pattern: bytes, name: str, *, is_playlist: bool = False) -> Kind:
    return Kind(re.compile(pattern, re.DOTALL), name, is_playlist)


_TEXTS: Final = (
    _kind(rb"#extm3u", "a playlist (M3U or HLS)", is_playlist=True),
    _kind(rb"(<\?xml.*?)?<mpd\b", "a playlist (DASH)", is_playlist=True),
    _kind(rb"(<\?xml.*?)?<smil\b", "a playlist (SMIL)", is_playlist=True),
    _kind(rb"(<\?xml.*?)?<smoothstreamingmedia\b", "a playlist (Smooth Streaming)", is_playlist=True),
    _kind(rb"(<\?xml.*?)?<asx\b", "a playlist (ASX)", is_playlist=True),
    _kind(rb"(<\?xml.*?)?<playlist\b", "a playlist (XSPF)", is_playlist=True),
    _kind(rb"\[playlist\]", "a playlist (PLS)", is_playlist=True),
    _kind(rb"\[reference\]", "a playlist (ASX)", is_playlist=True),
    _kind(rb"(ffconcat version|file '[^\n]+)", "a playlist (FFmpeg concat)", is_playlist=True),
    _kind(rb"v=0\r?\n\s*o=", "a session description (SDP)", is_playlist=True),
    _kind(
        rb"((rem|title|performer)\b[^\n]*\n\s*)*file \"[^\n]+\" (wave|mp3|binary|aiff)", "a cue sheet", is_playlist=True
    ),
    _kind(rb"(https?|rtsp|rtmp|mms|file)://\S+\s*(\n|$)", "a list of addresses", is_playlist=True),
    _kind(rb"(<!--.*?-->\s*)?(<\?xml.*?)?(<!doctype html|<html\b|<head\b|<body\b)", "a web page (HTML)"),
    _kind(rb"(<\?xml.*?)?(<!doctype svg.*?)?<svg\b", "a drawing (SVG)"),
    _kind(rb"webvtt", "subtitles (WebVTT)"),
    _kind(rb"\d+\r?\n\d\d:\d\d:\d\d[,.]\d+ --> ", "subtitles (SRT)"),
    _kind(rb"\[script info\]", "subtitles (ASS)"),
    _kind(rb"(<\?xml|<[a-z])", "an XML text"),
    _kind(rb"[\[{]\s*[\"\[{\]}0-9]", "a JSON text"),
)
_BINARIES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"PK\x05\x06", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"\xcf\xfa\xed\xfe", "a macOS program"),
    (b"SQLite format 3", "a SQLite database"),
    (b"MThd", "MIDI notes"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x01\x00", "an icon (ICO)"),
    (b"d8:announce", "a torrent, which only refers to other media"),
    (b"\xd0\xcf\x11\xe0", "an old office document"),
)
_RETIRED: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x8aMNG", "an animation (MNG)"),
    (b"\x8bJNG", "a picture (JNG)"),
)
_MEDIA: Final[tuple[tuple[bytes, str], ...]] = (
    (b"....ftyp", "an MP4 or QuickTime file"),
    (b"....moov", "an MP4 or QuickTime file"),
    (b"....mdat", "an MP4 or QuickTime file"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM file"),
    (b"RIFF....AVI ", "an AVI file"),
    (b"RIFF....WAVE", "a WAV file"),
    (b"RIFF....WEBP", "a WebP picture"),
    (b"OggS", "an Ogg file"),
    (b"fLaC", "a FLAC file"),
    (b"FLV", "an FLV file"),
    (b"FORM....AIF", "an AIFF file"),
    (b"caff", "a CAF file"),
    (b"ID3", "an MP3 file"),
    (b"\xff\xfb", "an MP3 file"),
    (b"\x30\x26\xb2\x75", "an ASF or WMV file"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"\x00\x00\x01\xba", "an MPEG program stream"),
    (b"G", "an MPEG transport stream"),
)
"""A dot stands for any byte."""


def unreadable(media: MediaFile, error: Exception) -> InvalidMedia:
    """Return the error for what FFmpeg or Python found in a file."""
    if is_out_of_memory(error):
        return InvalidMedia("media-decoder-memory", "it asks for more memory than a decoder is given")
    return InvalidMedia("media-unreadable", why_unreadable(media))


def without_streams(media: MediaFile) -> InvalidMedia:
    """Return the error for a container without pictures and sound."""
    if _is_index_cut_off(media):
        return InvalidMedia("media-no-streams", "it is an MP4 or QuickTime file whose index (moov) is cut off")
    return InvalidMedia("media-no-streams", "it holds neither pictures nor sound")


def why_unreadable(media: MediaFile) -> str:
    """Return what the file is, and what to do about it; the same text for the same fault."""
    head = media.peek(0, HEAD_BYTES)
    if not head.strip(b"\0"):
        return "it begins with zeros: the upload was not completed, or the disk has lost it"
    text = _text_kind(head)
    if text is not None:
        return f"it is {text.name}: {UPLOAD_MEDIA}" if text.is_playlist else f"it is {text.name}, and no media"
    known = ((_BINARIES, "it is {}, and no media"), (_RETIRED, RETIRED), (_MEDIA, ""))
    for names, words in known:
        name = next((name for begins, name in names if _begins(head, begins)), None)
        if name is not None:
            return words.format(name) if words else _broken(media, name)
    return "it is a plain text, and no media" if _is_text(head) else "it is of no kind of media that is known"


def _broken(media: MediaFile, name: str) -> str:
    if name.startswith("an MP4") and not _has_index(media):
        return f"it is {name} without its index (moov): it is cut off, or was copied while it was still being written"
    return f"it is {name} that is cut off or damaged so early that nothing can be read of it"


def _has_index(media: MediaFile) -> bool:
    """Return whether an MP4 file has the box `moov`, or fragments with indexes of their own."""
    return any(box.kind in (b"moov", b"moof") for box in islice(top_boxes(media), MAX_BOXES))


def _is_index_cut_off(media: MediaFile) -> bool:
    return any(box.kind == b"moov" and box.is_cut_off for box in islice(top_boxes(media), MAX_BOXES))


def _text_kind(head: bytes) -> Kind | None:
    plain = head.removeprefix(b"\xef\xbb\xbf")
    if plain[:2] in (b"\xff\xfe", b"\xfe\xff"):
        plain = head.decode("utf-16", "replace").encode()
    plain = plain.lstrip().lower()
    return next((kind for kind in _TEXTS if kind.pattern.match(plain)), None)


def _begins(head: bytes, begins: bytes) -> bool:
    if begins == b"G":  # a transport stream repeats it every 188 bytes
        return len(head) > 188 and head[0] == head[188] == 0x47
    return len(head) >= len(begins) and all(wanted in (0x2E, byte) for wanted, byte in zip(begins, head, strict=False))


def _is_text(head: bytes) -> bool:
    printable = sum(byte >= 32 or byte in (9, 10, 13) for byte in head)
    return b"\0" not in head and printable >= 0.98 * len(head)
