"""Origins that misbehave, and what becomes of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from operators.errors import InvalidMedia, MediaCause, SourceAway
from operators.media.sources.address_guard import AddressGuard
from operators.media.sources.http_client import HttpClient, redirected
from operators.media.sources.spool import Spool
from operators.media.sources.web_address import parse_web_address
from ops.local.certificates import Authority
from ops.local.http_origin import Behaviour, HttpOrigin
from ops.local.ports import ReservedPort
from ops.local.tls_proxy import TlsProxy
from schemas.uploads import UrlSource
from tests.unit.operators.media.sources.conftest import CLIP, IMPATIENT, SMALL, Opening, content

NO_RANGES = Behaviour(accepts_ranges=False)


async def read(opened: Opening, url: str, **words: Any) -> bytes:
    """The whole of what lies at `url`."""
    async with opened(UrlSource(url=url), **words) as media:
        return await content(media)


async def cause_of(opened: Opening, url: str, **words: Any) -> MediaCause:
    """Why it is refused."""
    with pytest.raises(InvalidMedia) as caught:
        await read(opened, url, **words)
    return caught.value.cause


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
    async def test_away_after_a_few_tries(self, opened: Opening, origin: HttpOrigin, status: int) -> None:
        """The origin is named without path and query."""
        url = origin.put("/clip.mp4", CLIP, Behaviour(always_status=status)) + "?sig=hush"
        with pytest.raises(SourceAway) as caught:
            await read(opened, url)
        assert caught.value.origin == origin.base_url
        assert "hush" not in str(caught.value)
        assert len(origin.requests) >= SMALL.max_attempts

    async def test_retry_after_beyond_patience(self, opened: Opening, origin: HttpOrigin) -> None:
        """An origin that asks for a long pause is away at once."""
        url = origin.put("/clip.mp4", CLIP, Behaviour(always_status=503, retry_after="3600"))
        with pytest.raises(SourceAway):
            await read(opened, url)
        assert len(origin.requests) == 1

    @pytest.mark.parametrize("retry_after", ["0", "Wed, 21 Oct 2015 07:28:00 GMT", "soon", "-1"])
    async def test_retry_after_is_read(self, opened: Opening, origin: HttpOrigin, retry_after: str) -> None:
        """Seconds and dates are understood, the rest is ignored."""
        url = origin.put("/clip.mp4", CLIP, Behaviour(statuses=(503,), retry_after=retry_after))
        assert await read(opened, url) == CLIP

    async def test_nobody_listens(self, opened: Opening) -> None:
        """A refused connection is away."""
        with ReservedPort() as port, pytest.raises(SourceAway):
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
        """Who met an origin that was away asks again on the same source."""
        async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP))) as media:
            origin.put("/clip.mp4", CLIP, Behaviour(always_status=503))
            with pytest.raises(SourceAway):
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
        """An origin that takes a request and says nothing is away."""
        url = origin.put("/clip.mp4", CLIP, Behaviour(is_mute=True))
        with pytest.raises(SourceAway):
            await read(opened, url, limits=IMPATIENT)


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


class TestNoRanges:
    """An origin that sends everything."""

    async def test_one_request(self, opened: Opening, origin: HttpOrigin) -> None:
        """The answer to the probe is the download."""
        assert await read(opened, origin.put("/clip.mp4", CLIP, NO_RANGES)) == CLIP
        assert len(origin.requests) == 1

    async def test_beginning_is_readable_before_the_end(self, opened: Opening, origin: HttpOrigin) -> None:
        """Reading does not wait for what lies behind."""
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


class TestRedirects:
    """Every hop is judged."""

    async def test_is_followed(self, opened: Opening, origin: HttpOrigin) -> None:
        """The media comes from where it leads, and later ranges go there directly."""
        origin.put("/clip.mp4", CLIP)
        url = origin.put("/moved", b"", Behaviour(redirect_to="/clip.mp4?sig=1"))
        assert await read(opened, url) == CLIP
        assert [seen.path for seen in origin.requests][:3] == ["/moved", "/clip.mp4?sig=1", "/clip.mp4?sig=1"]

    async def test_stale_target_is_asked_for_anew(self, opened: Opening, origin: HttpOrigin) -> None:
        """A target that is forbidden later was signed for a while only."""
        origin.put("/one", CLIP)
        async with opened(UrlSource(url=origin.put("/moved", b"", Behaviour(redirect_to="/one")))) as media:
            origin.put("/one", CLIP, Behaviour(always_status=403))
            origin.put("/two", CLIP)
            origin.put("/moved", b"", Behaviour(redirect_to="/two"))
            assert await content(media) == CLIP

    @pytest.mark.parametrize(
        "target",
        [
            "http://169.254.169.254/latest/meta-data/",
            "http://[::1]/",
            "http://0xa9fea9fe/",
            "http://10.0.0.1/x",
            "file:///etc/passwd",
            "ftp://example.com/x",
            "http://user@example.com/",
            "http://127.0.0.1\\@example.com/",
        ],
    )
    async def test_to_where_we_do_not_go(self, opened: Opening, origin: HttpOrigin, target: str) -> None:
        """A public origin cannot send us into the private network."""
        url = origin.put("/moved", b"", Behaviour(redirect_to=target))
        assert await cause_of(opened, url) == "media-address-refused"

    async def test_loop(self, opened: Opening, origin: HttpOrigin) -> None:
        """Five redirects are followed, not more."""
        url = origin.put("/moved", b"", Behaviour(redirect_to="/moved"))
        assert await cause_of(opened, url) == "media-refused"
        assert len(origin.requests) == SMALL.max_redirects + 1

    def test_from_https_to_http(self) -> None:
        """What was asked for under TLS does not come without it."""
        response = SimpleNamespace(status=302, headers={"Location": "http://cdn.example/x"})
        with pytest.raises(InvalidMedia, match="from https to http") as caught:
            redirected(parse_web_address("https://cdn.example/x"), response)  # type: ignore[arg-type]
        assert caught.value.cause == "media-refused"


class TestTls:
    """Certificates."""

    async def test_of_nobody_we_trust(self, opened: Opening, origin: HttpOrigin, tmp_path: Path) -> None:
        """An origin that cannot show who it is gets no request."""
        origin.put("/clip.mp4", CLIP)
        pair = Authority(tmp_path / "authority").issue("origin", hosts=("127.0.0.1",))
        with TlsProxy(f"127.0.0.1:{origin.port}", pair) as proxy:
            assert await cause_of(opened, f"https://{proxy.address}/clip.mp4") == "media-refused"
        assert origin.requests == []

    async def test_no_tls_at_all(self, opened: Opening, origin: HttpOrigin) -> None:
        """A handshake that fails may be the network's fault: away."""
        with pytest.raises(SourceAway):
            await read(opened, origin.put("/clip.mp4", CLIP).replace("http:", "https:"))


class TestNames:
    """Names and what they resolve to."""

    @staticmethod
    def resolver(*answers: Sequence[str]) -> tuple[Any, list[str]]:
        """A resolver that gives the answers in turn, the last one for ever, and what it was asked."""
        asked: list[str] = []

        async def resolve(host: str) -> Sequence[str]:
            asked.append(host)
            return answers[min(len(asked), len(answers)) - 1]

        return resolve, asked

    def url(self, origin: HttpOrigin) -> str:
        """The clip under a host name."""
        origin.put("/clip.mp4", CLIP)
        return f"http://cdn.example:{origin.port}/clip.mp4"

    async def test_resolves_and_fetches(self, opened: Opening, origin: HttpOrigin) -> None:
        """The Host header is the name."""
        resolve, _ = self.resolver(["127.0.0.1"])
        assert await read(opened, self.url(origin), resolve=resolve) == CLIP
        assert origin.requests[0].headers["Host"] == f"cdn.example:{origin.port}"

    @pytest.mark.parametrize("addresses", [["10.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:169.254.169.254"], ["::1"]])
    async def test_one_private_address_refuses(self, opened: Opening, origin: HttpOrigin, addresses: list[str]) -> None:
        """Whatever else the name resolves to."""
        resolve, _ = self.resolver(addresses)
        assert await cause_of(opened, self.url(origin), resolve=resolve) == "media-address-refused"
        assert origin.requests == []

    async def test_name_that_changes_between_check_and_connect(self, opened: Opening, origin: HttpOrigin) -> None:
        """One resolution a connection: the second answer, a private address, is never connected to."""
        resolve, asked = self.resolver(["127.0.0.2"], ["127.0.0.1"])
        allowed = (ip_network("127.0.0.2/32"),)
        origin_url = self.url(origin)  # listens at 127.0.0.1 only, which is not allowed here
        with pytest.raises((SourceAway, InvalidMedia)):
            await read(opened, origin_url, resolve=resolve, allowed_networks=allowed)
        assert len(asked) == 2
        assert origin.requests == []

    async def test_literal_without_allowance(self, opened: Opening, origin: HttpOrigin) -> None:
        """Loopback is refused by default."""
        url = origin.put("/clip.mp4", CLIP)
        assert await cause_of(opened, url, allowed_networks=()) == "media-address-refused"
        assert origin.requests == []

    async def test_the_socket_is_checked_too(self, origin: HttpOrigin) -> None:
        """Were an address to come past the other checks, it would not be connected to."""
        client = HttpClient(AddressGuard(), SMALL)
        address = replace(parse_web_address(origin.put("/clip.mp4", CLIP)), literal=None)
        with pytest.raises(InvalidMedia) as caught:
            async with client.get(address, {}):
                pass
        await client.aclose()
        assert caught.value.cause == "media-address-refused"
        assert origin.requests == []

    @pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_NODATA])
    async def test_no_such_name(self, opened: Opening, origin: HttpOrigin, code: int) -> None:
        """The name does not exist."""

        async def resolve(host: str) -> Sequence[str]:
            raise socket.gaierror(code, "as told")

        assert await cause_of(opened, self.url(origin), resolve=resolve) == "media-missing"

    @pytest.mark.parametrize("code", [socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_MEMORY])
    async def test_names_cannot_be_resolved_now(self, opened: Opening, origin: HttpOrigin, code: int) -> None:
        """The resolver's trouble is waited for."""

        async def resolve(host: str) -> Sequence[str]:
            raise socket.gaierror(code, "as told")

        with pytest.raises(SourceAway):
            await read(opened, self.url(origin), resolve=resolve)

    async def test_resolver_that_hangs(self, opened: Opening, origin: HttpOrigin) -> None:
        """It is away after the time for connecting."""

        async def resolve(host: str) -> Sequence[str]:
            await asyncio.Event().wait()
            raise AssertionError

        with pytest.raises(SourceAway):
            await read(opened, self.url(origin), resolve=resolve, limits=IMPATIENT)

    async def test_environment_proxy_is_ignored(
        self, opened: Opening, origin: HttpOrigin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A proxy of the environment would resolve names for itself, past the guard."""
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("NO_PROXY", "")
        assert await read(opened, origin.put("/clip.mp4", CLIP)) == CLIP
