"""What people are told of files that cannot be read: what it is, and what to do; the same words for the same fault."""

from __future__ import annotations

import gzip
import io
import re
import struct
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from operators.media.not_media import UPLOAD_MEDIA
from tests.container_parts import png_chunk
from tests.decoded_here import decoded_here
from tests.hostile_media import write_sound, write_video

PLAYLISTS = {
    "m3u8": (b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:4,\nseg0.ts\n", "a playlist (M3U or HLS)"),
    "m3u8 with a byte order mark": (
        b"\xef\xbb\xbf#EXTM3U\r\n#EXTINF:4,\r\nfile:///etc/passwd\r\n",
        "a playlist (M3U or HLS)",
    ),
    "m3u without a head": (b"http://a.example/1.mp4\nhttp://a.example/2.mp4\n", "a list of addresses"),
    "mpd": (
        b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"></MPD>',
        "a playlist (DASH)",
    ),
    "mpd in UTF-16": ('<?xml version="1.0"?><MPD></MPD>'.encode("utf-16"), "a playlist (DASH)"),
    "pls": (b"[playlist]\nFile1=http://a.example/1.mp3\nNumberOfEntries=1\n", "a playlist (PLS)"),
    "asx": (b'<ASX version="3.0"><ENTRY><REF HREF="http://a.example/1.wmv"/></ENTRY></ASX>', "a playlist (ASX)"),
    "asf reference": (b"[Reference]\r\nRef1=http://a.example/1.asf\r\n", "a playlist (ASX)"),
    "xspf": (
        b'<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/"></playlist>',
        "a playlist (XSPF)",
    ),
    "smil": (b"<smil><body><video src='a.mp4'/></body></smil>", "a playlist (SMIL)"),
    "smooth streaming": (
        b"<?xml version='1.0'?><SmoothStreamingMedia MajorVersion='2'/>",
        "a playlist (Smooth Streaming)",
    ),
    "concat": (b"ffconcat version 1.0\nfile 'a.mp4'\n", "a playlist (FFmpeg concat)"),
    "concat without a head": (b"file '/etc/passwd'\nfile 'b.mp4'\n", "a playlist (FFmpeg concat)"),
    "cue": (b'PERFORMER "A"\nFILE "a.wav" WAVE\n  TRACK 01 AUDIO\n', "a cue sheet"),
    "sdp": (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nm=video 5004 RTP/AVP 96\r\n", "a session description (SDP)"),
}  # fmt: skip
OTHER_FILES = {
    "html": (b"\n<!DOCTYPE html><html><body>Log in</body></html>", "a web page (HTML)"),
    "svg": (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "a drawing (SVG)"),
    "json": (b'{"error": "not found"}', "a JSON text"),
    "xml": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML text"),
    "vtt": (b"WEBVTT\n\n00:00.000 --> 00:01.000\nhi\n", "subtitles (WebVTT)"),
    "srt": (b"1\n00:00:01,000 --> 00:00:02,000\nhi\n", "subtitles (SRT)"),
    "text": (b"just some words that somebody wrote down\n" * 20, "a plain text"),
    "pdf": (b"%PDF-1.7\n" + bytes(range(256)), "a PDF document"),
    "gzip": (gzip.compress(b"x" * 5000), "a gzip archive"),
    "program": (b"MZ\x90\0" + bytes(500), "a Windows program"),
    "elf": (b"\x7fELF\2\1\1" + bytes(500), "a Linux program"),
    "midi": (b"MThd\0\0\0\6\0\1\0\1\0\x60", "MIDI notes"),
    "photoshop": (b"8BPS\0\1" + bytes(300), "a Photoshop document"),
    "torrent": (b"d8:announce20:http://t.example/ann4:infod4:name1:aee", "a torrent"),
}
ZEROS = "it begins with zeros: the upload was not completed, or the disk has lost it"
UNKNOWN = "it is of no kind of media that is known"
NO_MOOV = "without its index (moov): it is cut off, or was copied while it was still being written"
CUT = "that is cut off or damaged so early that nothing can be read of it"


def zipped(_folder: Path) -> bytes:
    """An archive with a film in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("film.mp4", b"x" * 3000)
    return buffer.getvalue()


def start_of(name: str, num_bytes: int, *, index_first: bool = True) -> Callable[[Path], bytes]:
    """A good file of which only the beginning is there."""

    def make(folder: Path) -> bytes:
        path = folder / name
        if path.suffix in (".wav", ".flac", ".ogg", ".mp3"):
            codec = {".wav": "pcm_s16le", ".flac": "flac", ".ogg": "libopus", ".mp3": "libmp3lame"}[path.suffix]
            write_sound(path, seconds=1.0, codec=codec)
        elif path.suffix == ".webm":
            write_video(path, num_frames=10, codec="libvpx")
        else:
            write_video(path, num_frames=10, index_first=index_first)
        return path.read_bytes()[:num_bytes]

    return make


def noise(num_bytes: int, head: bytes = b"") -> Callable[[Path], bytes]:
    """Nothing that means anything, behind a head."""
    return lambda _folder: head + np.random.default_rng(len(head)).bytes(num_bytes)


def png(width: int, data: bytes) -> bytes:
    """A picture with these bytes for pixels."""
    header = struct.pack(">IIBBBBB", width, 16, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def empty_wav(_folder: Path) -> bytes:
    """A header for no sound."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
    return buffer.getvalue()


BROKEN: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "zip": (zipped, "a ZIP archive or an office document"),
    "zeros": (lambda _: bytes(100_000), ZEROS),
    "one byte": (lambda _: b"\x01", UNKNOWN),
    "noise": (noise(20_000, b"\x81"), UNKNOWN),
    "mp4 without its index": (start_of("a.mp4", 1200, index_first=False), NO_MOOV),
    "mov without its index": (start_of("a.mov", 1200, index_first=False), NO_MOOV),
    "mp4 of its first box": (start_of("a.mp4", 28), NO_MOOV),
    "mp4 cut off in its index": (start_of("a.mp4", 300), "whose index (moov) is cut off"),
    "mkv of 20 bytes": (start_of("a.mkv", 20), CUT),
    "webm of 40 bytes": (start_of("a.webm", 40), CUT),
    "avi of 60 bytes": (start_of("a.avi", 60), ""),
    "wav of 20 bytes": (start_of("a.wav", 20), ""),
    "wav without sound": (empty_wav, "there are no pictures, and the sound track is empty"),
    "flac of 30 bytes": (start_of("a.flac", 30), ""),
    "ogg of 20 bytes": (start_of("a.ogg", 20), ""),
    "mkv of noise": (noise(20_000, b"\x1aE\xdf\xa3"), CUT),
    "flv of noise": (noise(20_000, b"FLV\1\5\0\0\0\x09\0\0\0\0"), ""),
    "png cut off": (lambda _: b"\x89PNG\r\n\x1a\n" + bytes(10), ""),
    "png without pixels": (lambda _: png(16, b"xx"), ""),
    "jpeg cut off": (lambda _: b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0", ""),
    "gif of its head": (lambda _: b"GIF89a\x10\0\x10\0\0\0\0", ""),
    "transport stream of nothing": (lambda _: (b"G\x1f\xff\x10" + b"\xff" * 184) * 40, ""),
}
NOISE_OF_TOOLS = re.compile(
    r"End of file|Invalid data|Errno|Error number|\.cc:|\.cpp|::|\[\d\d:\d\d|0x[0-9a-f]{4}"
    r"|decord|pyav|DECORD|None|\d+ errors"
)


def told(content: bytes, folder: Path) -> str:
    path = folder / "upload.bin"
    path.write_bytes(content)
    failure = decoded_here(path).failure
    assert failure is not None
    return failure.message


@pytest.mark.parametrize("kind", sorted(PLAYLISTS))
def test_playlists_are_named_and_refused(kind: str, tmp_path: Path) -> None:
    """Playlists and descriptions of sessions: what it is, that it is refused, and what to do."""
    content, name = PLAYLISTS[kind]
    assert told(content, tmp_path) == f"it is {name}: {UPLOAD_MEDIA}"


@pytest.mark.parametrize("kind", sorted(OTHER_FILES))
def test_other_files_are_named(kind: str, tmp_path: Path) -> None:
    """Pages, texts, archives, programs."""
    content, name = OTHER_FILES[kind]
    assert told(content, tmp_path).startswith(f"it is {name}")


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_broken_media(kind: str, tmp_path: Path) -> None:
    """Words that an uploader can act on, and none of a library's own."""
    make, words = BROKEN[kind]
    message = told(make(tmp_path), tmp_path)
    assert words in message
    assert not NOISE_OF_TOOLS.search(message)
    assert len(message) < 250


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_pictures_that_are_noise(suffix: str, tmp_path: Path) -> None:
    """If no picture of a video decodes, it is reported the same words in every container, whichever decoder failed."""
    path = write_video(tmp_path / f"noise{suffix}", num_frames=20)
    content = bytearray(path.read_bytes())
    place = content.find(b"x264")  # all pictures follow the encoder's own note in the first of them
    content[place - 40 : place + 6000] = np.random.default_rng(1).bytes(6040)
    message = told(bytes(content[: len(path.read_bytes())]), tmp_path)
    assert not NOISE_OF_TOOLS.search(message)


def test_equal_faults_have_equal_messages(tmp_path: Path) -> None:
    """Files that are cut off at other places, or hold other noise, are told alike."""
    cut = {told(start_of("a.mp4", length, index_first=False)(tmp_path), tmp_path) for length in (40, 900, 1500)}
    unknown = {
        told(noise(length, bytes([0x81] * length_of_head))(tmp_path), tmp_path)
        for length, length_of_head in ((300, 1), (9000, 3))
    }
    assert len(cut) == len(unknown) == 1
