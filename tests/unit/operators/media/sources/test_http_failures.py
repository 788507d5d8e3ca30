"""Web origins that fail, lie, trickle or change what they hold, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from operators.errors import InvalidMedia, MediaCause, SourceUnavailable
from operators.media.sources.spool import Spool
from ops.local.ports import ReservedPort
from schemas.uploads import UrlSource
from tests.support.http_origin import Behaviour, HttpOrigin
from tests.unit.operators.media.sources.conftest import CLIP, IMPATIENT, SMALL, UNHEARD, Opening, content
from tests.unit.operators.media.sources.http_asking import NO_RANGES, cause_of, read


class TestRefused:
    """Answers after which nothing is tried again."""

    @pytest.mark.parametrize(
        ("behaviour", "cause"),
        [
            (Behaviour(always_status=404), "media-missing"),
            (Behaviour(always_status=410), "media-missing"),
            (Behaviour(always_status=401), "media-forbidden"),
            (Behaviour(always_status=403), "media-forbidden"),
            (Behaviour(always_status=400), "media-refused"),
            (Behaviour(always_status=204), "media-refused"),
            (Behaviour(always_status=304), "media-refused"),
            (Behaviour(content_encoding="gzip"), "media-refused"),
            (Behaviour(content_range="bytes 5-1004/50123"), "media-size-mismatch"),
            (Behaviour(content_range="bytes 0-999/500"), "media-size-mismatch"),
            (Behaviour(content_range="bytes 999-0/50123"), "media-size-mismatch"),
            (Behaviour(content_range="bytes 0-2000/50123"), "media-size-mismatch"),
            (Behaviour(content_range="bytes 0-999/60000"), "media-size-mismatch"),
            (Behaviour(content_range="bytes 0-0, 5-9/50123"), "media-refused"),
            (Behaviour(content_range="oranges"), "media-refused"),
            (Behaviour(extra_bytes=1), "media-size-mismatch"),
            (Behaviour(is_endless=True), "media-size-mismatch"),
            (Behaviour(accepts_ranges=False, is_endless=True), "media-too-large"),
            (Behaviour(accepts_ranges=False, has_length=False, is_endless=True), "media-too-large"),
        ],
        ids=repr,
    )
    async def test_cause(self, opened: Opening, origin: HttpOrigin, behaviour: Behaviour, cause: MediaCause) -> None:
        """Each is named, and asked for once."""
        assert await cause_of(opened, origin.put("/clip.mp4", CLIP, behaviour)) == cause
        assert len(origin.requests) <= 2 + (behaviour.content_range is not None) * 6

    async def test_nothing_of_an_endless_body_stays(self, opened: Opening, origin: HttpOrigin, spool: Spool) -> None:
        """It is cut off at the limit."""
        url = origin.put("/clip.mp4", CLIP, Behaviour(accepts_ranges=False, is_endless=True))
        assert await cause_of(opened, url) == "media-too-large"
        assert spool.reserved_bytes == 0

    async def test_too_large_by_its_announcement(self, opened: Opening, origin: HttpOrigin) -> None:
        """A body that is announced too large is not read."""
        url = origin.put("/clip.mp4", bytes(5_000_000), NO_RANGES)
        assert await cause_of(opened, url) == "media-too-large"
        assert origin.bytes_sent < 5_000_000


class TestTriedAgain:
    """What may be better the next time."""

    @pytest.mark.parametrize("status", [0, 408, 425, 429, 500, 502, 503, 504])
    @pytest.mark.parametrize("behaviour", [Behaviour(), NO_RANGES], ids=["ranges", "no ranges"])
    async def test_recovers(self, opened: Opening, origin: HttpOrigin, behaviour: Behaviour, status: int) -> None:
        """Two bad answers, then good ones."""
        url = origin.put("/clip.mp4", CLIP, replace(behaviour, statuses=(status, status)))
        assert await read(opened, url) == CLIP

    @pytest.mark.parametrize("status", [0, 429, 500, 503])
    async def test_unavailable_after_a_few_tries(self, opened: Opening, origin: HttpOrigin, status: int) -> None:
        """The origin is named without path and query."""
        url = origin.put("/clip.mp4", CLIP, Behaviour(always_status=status)) + "?sig=hush"
        with pytest.raises(SourceUnavailable) as caught:
            await read(opened, url)
        assert caught.value.origin == origin.base_url
        assert "hush" not in str(caught.value)
        assert len(origin.requests) >= SMALL.max_attempts

    async def test_retry_after_beyond_the_timeout(self, opened: Opening, origin: HttpOrigin) -> None:
        """An origin that asks for a long pause is unavailable at once."""
        url = origin.put("/clip.mp4", CLIP, Behaviour(always_status=503, retry_after="3600"))
        with pytest.raises(SourceUnavailable):
            await read(opened, url)
        assert len(origin.requests) == 1

    @pytest.mark.parametrize(
        "retry_after", ["0", "Wed, 21 Oct 2015 07:28:00 GMT", "soon", "-1", "Mon, 01 Jan 99999999999 00:00:00 GMT"]
    )
    async def test_retry_after_is_read(self, opened: Opening, origin: HttpOrigin, retry_after: str) -> None:
        """Seconds and dates are understood, the rest is ignored."""
        url = origin.put("/clip.mp4", CLIP, Behaviour(statuses=(503,), retry_after=retry_after))
        assert await read(opened, url) == CLIP

    async def test_nobody_listens(self, opened: Opening) -> None:
        """A refused connection is unavailable."""
        with ReservedPort() as port, pytest.raises(SourceUnavailable):
            await read(opened, f"http://{port.address}/clip.mp4")

    @pytest.mark.parametrize("behaviour", [Behaviour(), NO_RANGES], ids=["ranges", "no ranges"])
    async def test_short_bodies_are_continued(self, opened: Opening, origin: HttpOrigin, behaviour: Behaviour) -> None:
        """A connection that breaks off is no fault of the media."""
        url = origin.put("/clip.mp4", CLIP, replace(behaviour, body_bytes=900, cut_requests=2))
        assert await read(opened, url) == CLIP

    @pytest.mark.parametrize("behaviour", [Behaviour(), NO_RANGES], ids=["ranges", "no ranges"])
    async def test_always_short(self, opened: Opening, origin: HttpOrigin, behaviour: Behaviour) -> None:
        """A body that never comes whole is shorter than announced."""
        url = origin.put("/clip.mp4", CLIP, replace(behaviour, body_bytes=900))
        assert await cause_of(opened, url) == "media-size-mismatch"

    async def test_retried_range_goes_on_where_it_broke(self, opened: Opening, origin: HttpOrigin) -> None:
        """What came before the break is not fetched again."""
        url = origin.put("/clip.mp4", CLIP, Behaviour(body_bytes=3_000, cut_requests=2))
        async with opened(UrlSource(url=url)) as media:
            assert await content(media, 40_000, 44_000) == CLIP[40_000:44_000]
        assert [seen.range for seen in origin.requests[1:]] == ["bytes=40000-43999", "bytes=43000-43999"]

    async def test_a_later_read_may_succeed(self, opened: Opening, origin: HttpOrigin) -> None:
        """Who met an origin that was unavailable asks again on the same source."""
        async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP))) as media:
            origin.put("/clip.mp4", CLIP, Behaviour(always_status=503))
            with pytest.raises(SourceUnavailable):
                await media.ensure(8_000, 9_000)
            origin.put("/clip.mp4", CLIP)
            assert await content(media, 8_000, 9_000) == CLIP[8_000:9_000]


class TestTooSlow:
    """Bytes that do not come; the server waits for an event, not for time."""

    @pytest.mark.parametrize("behaviour", [Behaviour(), NO_RANGES], ids=["ranges", "no ranges"])
    @pytest.mark.parametrize("num_bytes", [0, 1])
    async def test_stalled_body(
        self, opened: Opening, origin: HttpOrigin, behaviour: Behaviour, num_bytes: int
    ) -> None:
        """One byte, or none, then nothing: the media's fault, after bounded tries."""
        url = origin.put("/clip.mp4", CLIP, replace(behaviour, stall_after_bytes=num_bytes))
        assert await cause_of(opened, url, limits=IMPATIENT) == "media-too-slow"
        assert len(origin.requests) == IMPATIENT.max_attempts

    async def test_trickle(self, opened: Opening, origin: HttpOrigin) -> None:
        """Bytes come all the time, but too few."""
        url = origin.put("/clip.mp4", CLIP, Behaviour(trickle_seconds=0.01))
        assert await cause_of(opened, url, limits=IMPATIENT) == "media-too-slow"

    async def test_no_answer_at_all(self, opened: Opening, origin: HttpOrigin) -> None:
        """An origin that takes a request and says nothing is unavailable."""
        url = origin.put("/clip.mp4", CLIP, Behaviour(is_mute=True))
        with pytest.raises(SourceUnavailable):
            await read(opened, url, limits=UNHEARD)


class TestChanging:
    """Objects that become others while they are read."""

    @pytest.mark.parametrize(
        "behaviour",
        [
            Behaviour(),
            Behaviour(ignores_if_range=True),
            Behaviour(etag="weak"),
            Behaviour(etag=None, last_modified="Tue, 14 Nov 2023 22:13:20 GMT"),
        ],
        ids=["strong tag", "strong tag, If-Range ignored", "weak tag", "date"],
    )
    async def test_other_object_of_the_same_length(
        self, opened: Opening, origin: HttpOrigin, behaviour: Behaviour
    ) -> None:
        """It is noticed by the first range of the new state, and by every later read."""
        async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP, behaviour))) as media:
            date = "Wed, 15 Nov 2023 00:00:00 GMT" if behaviour.last_modified else None
            origin.put("/clip.mp4", CLIP[::-1], replace(behaviour, last_modified=date))
            for _ in range(2):
                with pytest.raises(InvalidMedia) as caught:
                    await media.ensure(20_000, 21_000)
                assert caught.value.cause == "media-changed"

    async def test_other_length_without_tags(self, opened: Opening, origin: HttpOrigin) -> None:
        """Content-Range tells."""
        async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP, Behaviour(etag=None)))) as media:
            origin.put("/clip.mp4", CLIP + b"x", Behaviour(etag=None))
            with pytest.raises(InvalidMedia) as caught:
                await media.ensure(20_000, 21_000)
        assert caught.value.cause == "media-changed"

    async def test_shrunk_without_tags(self, opened: Opening, origin: HttpOrigin) -> None:
        """A range behind the new end is not what was announced."""
        async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP, Behaviour(etag=None)))) as media:
            origin.put("/clip.mp4", CLIP[:5_000], Behaviour(etag=None))
            with pytest.raises(InvalidMedia) as caught:
                await media.ensure(20_000, 21_000)
        assert caught.value.cause == "media-size-mismatch"

    async def test_deleted(self, opened: Opening, origin: HttpOrigin) -> None:
        """It is gone while it is read."""
        async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP))) as media:
            origin.put("/clip.mp4", CLIP, Behaviour(always_status=404))
            with pytest.raises(InvalidMedia) as caught:
                await media.ensure(20_000, 21_000)
        assert caught.value.cause == "media-missing"

    @pytest.mark.parametrize("etag", ["strong", None])
    async def test_without_ranges(self, opened: Opening, origin: HttpOrigin, etag: str | None) -> None:
        """A body that broke off continues as another: seen by its tag, or by the bytes that came already."""
        breaking = Behaviour(accepts_ranges=False, etag=etag, stall_after_bytes=30_000, body_bytes=30_000)
        async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP, breaking))) as media:
            origin.put("/clip.mp4", CLIP[::-1], replace(NO_RANGES, etag=etag))
            with pytest.raises(InvalidMedia) as caught:
                await media.ensure(0, len(CLIP))
        assert caught.value.cause == "media-changed"
