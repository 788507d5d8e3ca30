"""A misbehaving origin, an object store, and an opener with small limits that may reach both."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from operators.media.sources.limits import FetchLimits
from operators.media.sources.objects import ObjectAccess
from operators.media.sources.opened_source import OpenedSource
from operators.media.sources.source_registry import SourceAccess, SourceOpener
from operators.media.sources.spool import Spool
from schemas.uploads import MediaSource
from tests.support.http_origin import HttpOrigin
from tests.support.object_store import ObjectStore

SMALL = FetchLimits(
    max_bytes=200_000,
    connect_seconds=30.0,
    grace_seconds=30.0,
    first_backoff_seconds=0.001,
    max_attempts=3,
    probe_bytes=1_000,
    block_bytes=4_000,
    max_request_bytes=16_000,
    max_read_ahead_bytes=16_000,
    unannounced_bytes=10_000,
)
"""Enough for `CLIP`, which takes 13 blocks; patient."""
IMPATIENT = replace(SMALL, grace_seconds=0.15, max_attempts=2)
"""For origins that answer, and then never send what is waited for."""
UNHEARD = replace(IMPATIENT, connect_seconds=0.1)
"""For those that never answer."""
CLIP = random.Random(7).randbytes(50_123)

Opening = Callable[..., AbstractAsyncContextManager[OpenedSource]]


@pytest.fixture(scope="module")
def http_server() -> Iterator[HttpOrigin]:
    with HttpOrigin() as server:
        yield server


@pytest.fixture
def origin(http_server: HttpOrigin) -> HttpOrigin:
    """The HTTP origin, its counters at zero."""
    http_server.requests.clear()
    http_server.bytes_sent = 0
    return http_server


@pytest.fixture(scope="module")
def s3_server() -> Iterator[ObjectStore]:
    with ObjectStore() as server:
        yield server


@pytest.fixture
def store(s3_server: ObjectStore) -> ObjectStore:
    """The object store, its counters at zero."""
    s3_server.requests.clear()
    s3_server.bytes_sent = 0
    return s3_server


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A spool that holds a few clips."""
    return Spool(tmp_path / "spool", 300_000)


@pytest.fixture
def opener(spool: Spool, tmp_path: Path, s3_server: ObjectStore) -> Callable[..., SourceOpener]:
    """Makes a `SourceOpener`; keywords replace limits and what it may reach."""
    (tmp_path / "another.mp4").write_bytes(b"a root that holds nothing counts as not mounted")

    def make(limits: FetchLimits = SMALL, spool: Spool = spool, resolve: Any = None, **access: Any) -> SourceOpener:
        reach = SourceAccess(
            roots=(tmp_path,),
            allowed_networks=(ip_network("127.0.0.0/8"),),
            object_prefixes=("s3://uploads/",),
            objects=ObjectAccess(s3=s3_server.config()),
        )
        more = {} if resolve is None else {"resolve": resolve}
        return SourceOpener(replace(reach, **access), spool, limits, **more)

    return make


@pytest.fixture
def opened(opener: Callable[..., SourceOpener]) -> Opening:
    """Opens one source for the length of a block; keywords are those of `opener`."""

    @asynccontextmanager
    async def open_one(source: MediaSource, **words: Any) -> AsyncIterator[OpenedSource]:
        made = opener(**words)
        try:
            media = await made.open(source)
            try:
                yield media
            finally:
                await media.aclose()
        finally:
            await made.aclose()

    return open_one


async def content(media: OpenedSource, start: int = 0, stop: int | None = None) -> bytes:
    """Ensure a range and read it."""
    stop = media.size_bytes if stop is None else stop
    await media.ensure(start, stop)
    return os.pread(media.fd, stop - start, start)
