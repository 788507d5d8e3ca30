"""Web origins that behave, with ranges and without."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from operators.media.sources.spool import Spool
from schemas.uploads import UrlSource
from tests.support.http_origin import Behaviour, HttpOrigin
from tests.unit.operators.media.sources.conftest import CLIP, SMALL, Opening, content
from tests.unit.operators.media.sources.http_asking import NO_RANGES, read


class TestRanges:
    """Of an origin that knows them."""

    async def test_fetches_only_what_is_asked_for(self, opened: Opening, origin: HttpOrigin) -> None:
        """The probe and the block that is read come over the network, and no more."""
        async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP))) as media:
            await media.ensure(40_000, 40_001)
            assert not media.is_whole
            assert media.bytes_fetched == SMALL.probe_bytes + SMALL.block_bytes
        assert [seen.range for seen in origin.requests] == ["bytes=0-999", "bytes=40000-43999"]
        assert origin.bytes_sent == 5_000

    async def test_head_costs_one_request(self, opened: Opening, origin: HttpOrigin) -> None:
        """What the probe brought is not asked for again."""
        async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP))) as media:
            assert await content(media, 0, 1_000) == CLIP[:1_000]
        assert len(origin.requests) == 1

    async def test_one_read_is_one_request(self, opened: Opening, origin: HttpOrigin) -> None:
        """Blocks side by side are asked for together, up to the largest request."""
        async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP))) as media:
            await media.ensure(8_000, 20_000)
            await media.ensure(30_000, len(CLIP))
        assert [seen.range for seen in origin.requests[1:]] == [
            "bytes=8000-19999",
            "bytes=28000-43999",
            "bytes=44000-50122",
        ]

    async def test_reads_in_order_fetch_ahead(self, opened: Opening, origin: HttpOrigin) -> None:
        """A file that is read from front to back in small steps takes few requests."""
        async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP))) as media:
            for start in range(0, len(CLIP), 500):
                await media.ensure(start, start + 500)
            assert media.is_whole
        assert len(origin.requests) <= 6

    async def test_concurrent_reads_share_requests(self, opened: Opening, origin: HttpOrigin) -> None:
        """Nothing is fetched twice, however many ask."""
        async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP))) as media:
            await asyncio.gather(*(media.ensure(20_000, 24_000) for _ in range(10)), media.ensure(16_000, 28_000))
        assert sum(seen.range is not None for seen in origin.requests[1:]) <= 3
        assert origin.bytes_sent == SMALL.probe_bytes + 12_000

    async def test_a_cancelled_reader_disturbs_nobody(self, opened: Opening, origin: HttpOrigin) -> None:
        """Who gives up waiting leaves the request to those who share it."""
        async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP))) as media:
            impatient = asyncio.create_task(media.ensure(20_000, 24_000))
            patient = asyncio.create_task(content(media, 20_000, 24_000))
            await asyncio.sleep(0)
            impatient.cancel()
            assert await patient == CLIP[20_000:24_000]

    async def test_closing_ends_what_is_under_way(self, opened: Opening, origin: HttpOrigin, spool: Spool) -> None:
        """A source is closed while its origin still sends."""
        async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP, Behaviour(stall_after_bytes=1_000)))) as media:
            waiting = asyncio.create_task(media.ensure(20_000, 24_000))
            while len(origin.requests) < 2:
                await asyncio.sleep(0.001)
        assert spool.reserved_bytes == 0
        with pytest.raises(asyncio.CancelledError):
            await waiting

    async def test_request_headers(self, opened: Opening, origin: HttpOrigin) -> None:
        """Plain bytes are asked for, of the state that was found first, and nothing is told about us."""
        await read(opened, origin.put("/clip.mp4", CLIP))
        first, second = origin.requests[0].headers, origin.requests[1].headers
        assert first["Accept-Encoding"] == "identity"
        assert second["If-Range"].startswith('"')
        assert not {"Cookie", "Authorization", "Referer", "If-Range"} & set(first)

    async def test_query_is_sent_and_never_named(self, opened: Opening, origin: HttpOrigin) -> None:
        """A signed address works as it stands, and messages are without its signature."""
        url = origin.put("/clip.mp4", CLIP) + "?X-Sig=a%2Fb+c&e=1"
        async with opened(UrlSource(url=url)) as media:
            assert media.name == f"{origin.base_url}/clip.mp4"
        assert origin.requests[0].path == "/clip.mp4?X-Sig=a%2Fb+c&e=1"


class TestNoRanges:
    """An origin that sends everything."""

    async def test_one_request(self, opened: Opening, origin: HttpOrigin) -> None:
        """The answer to the probe is the download."""
        assert await read(opened, origin.put("/clip.mp4", CLIP, NO_RANGES)) == CLIP
        assert len(origin.requests) == 1

    async def test_beginning_is_readable_before_the_end(self, opened: Opening, origin: HttpOrigin) -> None:
        """Reading does not wait for what is behind."""
        url = origin.put("/clip.mp4", CLIP, replace(NO_RANGES, stall_after_bytes=20_000))
        async with opened(UrlSource(url=url)) as media:
            assert await content(media, 0, 10_000) == CLIP[:10_000]
            assert not media.is_whole

    async def test_wait_for_room_holds_no_connection(self, opened: Opening, origin: HttpOrigin, spool: Spool) -> None:
        """While the spool is full the first answer is dropped; later it is asked for again."""
        file = await spool.reserve(spool.capacity_bytes, "another")
        reading = asyncio.create_task(read(opened, origin.put("/clip.mp4", CLIP, NO_RANGES)))
        while not spool.num_waiting:
            await asyncio.sleep(0.001)
        file.close()
        assert await reading == CLIP
        assert len(origin.requests) == 2

    async def test_unknown_length_gives_surplus_room_back(
        self, opened: Opening, origin: HttpOrigin, spool: Spool
    ) -> None:
        """After the end only what is needed is reserved."""
        url = origin.put("/clip.mp4", CLIP[:100], replace(NO_RANGES, has_length=False))
        async with opened(UrlSource(url=url)):
            assert spool.reserved_bytes == 100

    async def test_range_without_length(self, opened: Opening, origin: HttpOrigin) -> None:
        """`Content-Range: bytes 0-999/*` is no use: the whole is asked for."""
        url = origin.put("/clip.mp4", CLIP, Behaviour(content_range="bytes 0-999/*"))
        assert await read(opened, url) == CLIP
        assert [seen.range for seen in origin.requests] == ["bytes=0-999", None]
