"""Whatever a web server answers, byte for byte: media, or one of the errors that callers expect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators.errors import InvalidMedia, MediaCause, SourceUnavailable
from operators.media.sources.source_registry import SourceAccess, SourceOpener
from operators.media.sources.spool import Spool
from schemas.uploads import UrlSource
from tests.unit.operators.media.sources.conftest import SMALL

LIMITS = replace(SMALL, max_attempts=2, max_redirects=2, grace_seconds=5.0)
ODD_VALUES = (
    "http://[", "//[x", "http://[not-ip]/", "http://\u2100/", "ftp://a", "/again", "", "\udcff", "a" * 9_000,
    "Mon, 01 Jan 99999999999 00:00:00 GMT", "-1", "9" * 400, "bytes 0-9/10", "bytes 9-0/*", "bytes */0", "nan", "1e400",
)  # fmt: skip
"""Values that ended processes once, and their kin."""
NAMES = (
    "Location", "Retry-After", "Content-Range", "Content-Length", "Content-Encoding", "Transfer-Encoding", "ETag",
    "Last-Modified", "Content-Type", "Connection", "Set-Cookie",
)  # fmt: skip
STATUSES = (200, 206, 301, 302, 307, 308, 304, 204, 401, 403, 404, 412, 416, 429, 500, 503, 999, 100)

Headers = list[tuple[str, str]]
headers = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(ODD_VALUES) | st.text(max_size=30)), max_size=4)


def answer_of(status: int, found: Headers, body: bytes) -> bytes:
    """The bytes of an answer; header values may hold anything but line ends."""
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in found)]
    cleaned = [line.replace("\r", " ").replace("\n", " ") for line in lines]
    return "\r\n".join(cleaned).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


@asynccontextmanager
async def server_of(answer: bytes) -> AsyncIterator[int]:
    """A server that answers every request so, and hangs up; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def cause_of(answer: bytes) -> str:
    """Open and read all of what is answered; "" for media, else what was said of it."""
    with TemporaryDirectory() as folder:
        access = SourceAccess(allowed_networks=(ip_network("127.0.0.0/8"),))
        opener = SourceOpener(access, Spool(Path(folder), 300_000), LIMITS)
        try:
            async with server_of(answer) as port:
                return await _read(opener, f"http://127.0.0.1:{port}/a.mp4")
        finally:
            await opener.aclose()


async def _read(opener: SourceOpener, url: str) -> str:
    try:
        opened = await opener.open(UrlSource(url=url))
        try:
            await opened.ensure(0, opened.size_bytes)
        finally:
            await opened.aclose()
    except InvalidMedia as fault:
        return fault.cause
    except SourceUnavailable:
        return "away"
    return ""


ENDINGS = {"", "away", *get_args(MediaCause)}


class TestAnyAnswer:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(status=st.sampled_from(STATUSES), found=headers, body=st.binary(max_size=200))
    def test_any_headers(self, status: int, found: Headers, body: bytes) -> None:
        """Any status, any headers, any body: media, a fault of the media that has a name, or an unavailable source."""
        assert asyncio.run(cause_of(answer_of(status, found, body))) in ENDINGS

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=300))
    def test_no_http_at_all(self, answer: bytes) -> None:
        """Whatever bytes a server sends, which are no media."""
        assert asyncio.run(cause_of(answer)) in ENDINGS

    @pytest.mark.parametrize("value", ODD_VALUES[:4])
    def test_redirects_to_what_is_no_address(self, value: str) -> None:
        """These once ended processes; each is a refused address."""
        assert asyncio.run(cause_of(answer_of(302, [("Location", value)], b""))) == "media-address-refused"

    def test_a_date_beyond_all_dates(self) -> None:
        """A `Retry-After` that no date can hold is ignored, and the server is asked again."""
        found = [("Retry-After", "Mon, 01 Jan 99999999999 00:00:00 GMT")]
        assert asyncio.run(cause_of(answer_of(503, found, b""))) == "away"
