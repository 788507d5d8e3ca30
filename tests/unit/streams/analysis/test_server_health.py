"""Breakers before model servers, told by threads of a device."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from prometheus_client import REGISTRY

from operators.errors import ServerUnavailable
from operators.inference.remote.server_watch import ServerRequest
from streams.analysis.server_health import WatchedServers
from streams.delivery.breaker import FAILURES_TO_OPEN, Breakers
from tests.fakes import ManualClock

ORIGIN = "https://models.example:443"
UNAVAILABLE = ServerRequest(ORIGIN, "unavailable", 0.1, is_unavailable=True)
ANSWERED = ServerRequest(ORIGIN, "answered", 0.1, input_tokens=7, output_tokens=2)


class Bench:
    """Breakers on this loop, told from a thread."""

    def __init__(self) -> None:
        self.breakers = Breakers(ManualClock())
        self.servers = WatchedServers(self.breakers)

    async def there(self, call: Callable[[], None]) -> None:
        await asyncio.to_thread(call)
        await asyncio.sleep(0)  # what the thread told the loop

    async def ended(self, *requests: ServerRequest) -> None:
        for request in requests:
            await self.there(lambda request=request: self.servers.ended(request))  # type: ignore[misc]

    async def is_spared(self) -> bool:
        try:
            await self.there(lambda: self.servers.require(ORIGIN))
        except ServerUnavailable as unavailable:
            assert unavailable.origin == ORIGIN
            return True
        return False


async def test_a_server_that_fails_again_and_again_is_spared() -> None:
    """No thread asks it until its breaker permits a probe; events wait for the same breaker."""
    bench = Bench()
    await bench.ended(*[UNAVAILABLE] * (FAILURES_TO_OPEN - 1))
    assert not await bench.is_spared()
    await bench.ended(UNAVAILABLE)
    assert await bench.is_spared()
    assert bench.breakers.is_open(ORIGIN)


async def test_an_answer_closes_it() -> None:
    """A refusal is an answer, too."""
    for request in (ANSWERED, ServerRequest(ORIGIN, "refused", 0.1)):
        bench = Bench()
        await bench.ended(*[UNAVAILABLE] * FAILURES_TO_OPEN, request)
        assert not bench.breakers.has_failed(ORIGIN)
        assert not await bench.is_spared()


async def test_a_deadline_says_nothing_about_the_server() -> None:
    """A request that was cut neither opens nor closes it."""
    bench = Bench()
    cut = ServerRequest(ORIGIN, "cut", 0.1)
    await bench.ended(*[cut] * FAILURES_TO_OPEN)
    assert not bench.breakers.has_failed(ORIGIN)
    await bench.ended(UNAVAILABLE, cut)
    assert bench.breakers.has_failed(ORIGIN)


async def test_requests_and_tokens_are_counted() -> None:
    """By server and outcome."""
    requests = ("vidsignal_model_server_requests_total", {"server": ORIGIN, "outcome": "answered"})
    tokens = ("vidsignal_model_server_tokens_total", {"server": ORIGIN, "direction": "input"})
    before = [REGISTRY.get_sample_value(*each) or 0.0 for each in (requests, tokens)]
    await Bench().ended(ANSWERED)
    after = [REGISTRY.get_sample_value(*each) or 0.0 for each in (requests, tokens)]
    assert [late - early for early, late in zip(before, after, strict=True)] == [1, 7]


def test_a_closed_loop_is_told_nothing() -> None:
    """A request may end after its worker's loop."""

    async def opened() -> WatchedServers:
        return WatchedServers(Breakers(ManualClock()))

    servers = asyncio.run(opened())
    servers.ended(UNAVAILABLE)
    servers.require(ORIGIN)
    assert not servers._breakers.has_failed(ORIGIN)
