"""Breakers before origins: who is asked, who is spared, and what is counted."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from operators.errors import InvalidMedia, SourceUnavailable, SpoolFull
from operators.media.sources.opened_source import OpenedSource
from schemas.uploads import FileSource, MediaSource, ObjectSource, UrlSource
from streams.analysis.source_health import WatchedOpener, origin_of
from streams.delivery.breaker import FAILURES_TO_OPEN, Breakers
from tests.fakes import ManualClock

URL = UrlSource(url="https://cdn.example/a.mp4?signature=x")
ORIGIN = "https://cdn.example:443"


@dataclass
class Medium:
    """Brings ten bytes with each question, then fails as told."""

    failures: list[Exception] = field(default_factory=list)
    fd: int = -1
    size_bytes: int = 100
    name: str = "medium"
    is_whole: bool = False
    bytes_fetched: int = 5

    async def ensure(self, start: int, stop: int) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.bytes_fetched += 10

    async def aclose(self) -> None:
        self.bytes_fetched += 1


@dataclass
class Opener:
    """Answers as the script says, one entry a question."""

    script: list[Exception | Medium]
    asked: list[MediaSource] = field(default_factory=list)

    async def open(self, source: MediaSource) -> OpenedSource:
        self.asked.append(source)
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Bench:
    """A watched opener and its breakers."""

    def __init__(self, *script: Exception | Medium) -> None:
        self.breakers = Breakers(ManualClock())
        self.inner = Opener(list(script))
        self.opener = WatchedOpener(self.inner, self.breakers)

    async def fail(self, source: MediaSource = URL) -> Exception:
        """Open, and return what is raised."""
        with pytest.raises((InvalidMedia, SourceUnavailable)) as caught:
            await self.opener.open(source)
        return caught.value


def unavailable(origin: str = ORIGIN) -> SourceUnavailable:
    return SourceUnavailable(origin, "no answer")


class TestWatchedOpener:
    async def test_spares_an_unavailable_origin(self) -> None:
        """After some failures in a row it is not asked any more; others are."""
        bench = Bench(*[unavailable()] * FAILURES_TO_OPEN, Medium())
        for _ in range(FAILURES_TO_OPEN + 2):
            assert isinstance(await bench.fail(), SourceUnavailable)
        assert len(bench.inner.asked) == FAILURES_TO_OPEN
        await bench.opener.open(UrlSource(url="https://other.example/a.mp4"))

    async def test_judges_by_the_origin_that_was_named(self) -> None:
        """Wherever it redirects to, the breaker is that of the event's own origin: the next event is checked by it."""
        bench = Bench(*[unavailable("https://elsewhere:443")] * FAILURES_TO_OPEN)
        for _ in range(FAILURES_TO_OPEN):
            error = await bench.fail()
        assert isinstance(error, SourceUnavailable)
        assert (error.origin, bench.breakers.is_open(ORIGIN)) == (ORIGIN, True)
        assert "elsewhere" in error.message

    @pytest.mark.parametrize("failure", [SpoolFull("spool", "full"), InvalidMedia("media-missing", "404")])
    async def test_is_not_unavailable_for_other_reasons(self, failure: Exception) -> None:
        """A full disk is ours, and an origin that says 404 is there; both come out as they are."""
        bench = Bench(*[failure] * 10)
        for _ in range(10):
            assert await bench.fail() is failure
        assert bench.breakers.num_open == 0

    async def test_any_answer_closes_it(self) -> None:
        """Media at fault counts as an answer, but not an address that nobody was asked about."""
        bench = Bench(unavailable(), unavailable(), InvalidMedia("media-address-refused", "no"), unavailable())
        for _ in range(4):
            await bench.fail()
        assert bench.breakers.is_open(ORIGIN)
        bench = Bench(unavailable(), unavailable(), InvalidMedia("media-forbidden", "no"), unavailable())
        for _ in range(4):
            await bench.fail()
        assert not bench.breakers.is_open(ORIGIN)

    async def test_counts_failures_in_the_middle(self) -> None:
        """Media that ends to arrive counts against its origin, too."""
        bench = Bench(*[Medium([unavailable()]) for _ in range(FAILURES_TO_OPEN)])
        opened = [await bench.opener.open(URL) for _ in range(FAILURES_TO_OPEN)]
        for each in opened:
            assert not bench.breakers.is_open(ORIGIN)
            with pytest.raises(SourceUnavailable):
                await each.ensure(0, 10)
        assert bench.breakers.is_open(ORIGIN)

    async def test_counts_bytes(self) -> None:
        """All that came, at the beginning, with each question, and until it is closed; files are not counted."""
        bench = Bench(Medium(), Medium())
        opened = await bench.opener.open(ObjectSource(url="s3://uploads/a.mp4"))
        await opened.ensure(0, 10)
        assert bench.opener.bytes_fetched == opened.bytes_fetched == 15
        await opened.aclose()
        assert bench.opener.bytes_fetched == 16
        assert await bench.opener.open(FileSource(path="/a.mp4")) is not None
        assert bench.opener.bytes_fetched == 16


@pytest.mark.parametrize(
    ("source", "origin"),
    [
        (URL, ORIGIN),
        (UrlSource(url="HTTP://User:word@CDN.Example:8080/x"), "http://cdn.example:8080"),
        (UrlSource(url="http://[2001:db8::1]/x"), "http://2001:db8::1:80"),
        (ObjectSource(url="s3://uploads/day/a.mp4"), "s3://uploads"),
        (FileSource(path="/a.mp4"), None),
        (UrlSource(url="https://[broken/x"), None),
        (UrlSource(url="https:///x"), None),
        (UrlSource(url="https://host:port/x"), None),
    ],
)
def test_origin_is_who_has_to_answer(source: MediaSource, origin: str | None) -> None:
    """Scheme, host and port, or the bucket; nothing secret, and nothing where there is nobody to ask."""
    assert origin_of(source) == origin
