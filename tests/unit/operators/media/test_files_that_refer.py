"""Playlists, scripts and media that name other files and addresses: the decoder opens nothing but what it was given."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from operators.errors import InvalidMedia
from operators.media.pool import DecoderPool
from operators.media.session import MediaOpener
from operators.media.shared_sessions import MediaSessions
from schemas.uploads import FileSource
from tests.hostile_media import write_video
from tests.opened_files import ArrivingFiles, LocalFiles
from tests.support.http_origin import HttpOrigin

_IN_OPEN = 0x20


@dataclass(frozen=True)
class Bait:
    """Good media where a decoder must not look for it."""

    path: Path
    url: str
    """Of a web origin."""
    port: int
    """Of a datagram socket on loopback."""


@pytest.fixture
async def pool() -> AsyncIterator[DecoderPool]:
    """One decoder process."""
    pool = DecoderPool(1)
    await pool.open()
    yield pool
    await pool.close()


@contextmanager
def watched(path: Path) -> Iterator[Callable[[], bool]]:
    """Gives a question: whether any process of this machine has opened the file since it was last asked (inotify)."""
    system = ctypes.CDLL(None, use_errno=True)
    watch = system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert watch >= 0 and system.inotify_add_watch(watch, os.fsencode(path), _IN_OPEN) >= 0

    def was_opened() -> bool:
        try:
            return bool(os.read(watch, 65_536))
        except BlockingIOError:
            return False

    try:
        yield was_opened
    finally:
        os.close(watch)


def _hls(bait: Bait, target: str) -> bytes:
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:10", "#EXTINF:10,", target, "#EXT-X-ENDLIST", ""]
    return "\n".join(lines).encode()


def _hls_key(bait: Bait, target: str) -> bytes:
    key = f'#EXT-X-KEY:METHOD=AES-128,URI="{target}"'
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:10", key, "#EXTINF:10,", "none.ts", "#EXT-X-ENDLIST", ""]
    return "\n".join(lines).encode()


def _concat(bait: Bait, target: str) -> bytes:
    return f"ffconcat version 1.0\nfile '{target}'\n".encode()


def _sdp(bait: Bait, target: str) -> bytes:
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=x", f"u={target}", "c=IN IP4 127.0.0.1", "t=0 0"]
    lines += [f"m=video {bait.port} RTP/AVP 96", "a=rtpmap:96 H264/90000", f"a=control:{target}", ""]
    return "\r\n".join(lines).encode()


def _dash(bait: Bait, target: str) -> bytes:
    profile = "urn:mpeg:dash:profile:isoff-on-demand:2011"
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT2S" '
        f'type="static" profiles="{profile}"><Period><AdaptationSet mimeType="video/mp4">'
        f'<Representation id="1" bandwidth="1"><BaseURL>{target}</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    ).encode()


def _external_data(bait: Bait, target: str) -> bytes:
    """An MP4 whose samples lie in another file: its data reference is made to name one (ISO/IEC 14496-12, 8.7.2)."""
    content = bait.path.read_bytes()
    inside = struct.pack(">I4sI", 12, b"url ", 1)
    assert content.count(inside) == 1
    location = target.encode() + b"\0"
    outside = struct.pack(">I4sI", 12 + len(location), b"url ", 0) + location
    return _grown(content, content.index(inside), inside, outside)


def _grown(content: bytes, place: int, old: bytes, new: bytes) -> bytes:
    """Replace a box, and add the difference to the size of every box around it; what is in `mdat` is dropped."""
    grown = bytearray(content)
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        start = content.rindex(kind, 0, place) - 4
        (size,) = struct.unpack_from(">I", grown, start)
        struct.pack_into(">I", grown, start, size + len(new) - len(old))
    grown[place : place + len(old)] = new
    data = grown.index(b"mdat")
    grown[data + 4 :] = bytes(len(grown) - data - 4)
    return bytes(grown)


REFERRING = {
    "hls": _hls,
    "hls key": _hls_key,
    "concat": _concat,
    "sdp": _sdp,
    "dash": _dash,
    "external data": _external_data,
}
TARGETS: dict[str, Callable[[Bait], str]] = {
    "path": lambda bait: str(bait.path),
    "file address": lambda bait: bait.path.as_uri(),
    "web address": lambda bait: bait.url,
}


class TestFilesThatRefer:
    @pytest.mark.parametrize("is_whole", [True, False], ids=["file", "arriving"])
    @pytest.mark.parametrize("kind", REFERRING)
    async def test_open_nothing_else(self, kind: str, is_whole: bool, tmp_path: Path, pool: DecoderPool) -> None:
        """By path, file:// or http://: the file is not opened, nobody asks the origin, no datagram is sent, and
        nothing is decoded."""
        folder = tmp_path / "given"
        folder.mkdir()
        path = write_video(tmp_path / "bait.mp4", num_frames=50)
        with HttpOrigin() as origin, socket.socket(type=socket.SOCK_DGRAM) as datagrams, watched(path) as was_opened:
            datagrams.bind(("127.0.0.1", 0))
            datagrams.setblocking(False)
            bait = Bait(path, origin.put("/bait.mp4", path.read_bytes()), datagrams.getsockname()[1])
            assert was_opened(), "the watch sees what this test itself opened"
            for number, target in enumerate(TARGETS.values()):
                given = folder / f"{number}.mp4"
                given.write_bytes(REFERRING[kind](bait, target(bait)))
                was_opened()
                assert await _refusal(pool, LocalFiles(folder) if is_whole else ArrivingFiles(), given) in (
                    "media-unreadable",
                    "media-no-streams",
                )
                assert not was_opened()
            assert origin.requests == []
            with pytest.raises(BlockingIOError):
                datagrams.recv(1)


async def _refusal(pool: DecoderPool, opener: MediaOpener, path: Path) -> str:
    async with MediaSessions(pool, opener).open("video", FileSource(path=str(path))) as session:
        with pytest.raises(InvalidMedia) as caught:
            await session.receipt()
    return caught.value.cause
