"""Threads, fan-out, tally and the spelling of features."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from models.card_registry import CARDS
from operators.errors import InvalidMedia
from operators.inference.loaded_model import ServerUsage
from operators.inference.request_context import ModelOutput
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.described import embedding_of, features_of
from streams.analysis.agents.fan_out import fan_out
from streams.analysis.agents.host_threads import ThreadedHost
from tests.unit.streams.analysis.agents.fake_work import EVENT_UNIX_SECONDS, FakeSession, ImmediateHost, work_of


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(0)
        yield number


class TestThreadedHost:
    async def test_runs_elsewhere(self) -> None:
        """Work runs next to the loop's thread, in one thread where there is one."""
        host = ThreadedHost(1)
        try:
            threads = {(await host.run(threading.get_ident))[0] for _ in range(3)}
        finally:
            host.close()

        assert len(threads) == 1
        assert threads != {threading.get_ident()}

    async def test_counts_computing_not_waiting(self) -> None:
        """A thread that waits costs nothing; one that computes costs what it computes."""
        host, go = ThreadedHost(2), threading.Event()
        try:
            waiting = asyncio.create_task(host.run(go.wait))
            _, busy_seconds = await host.run(lambda: sum(range(2_000_000)))
            go.set()
            _, waiting_seconds = await waiting
        finally:
            host.close()

        assert busy_seconds > waiting_seconds

    async def test_raises_what_work_raises(self) -> None:
        """An error comes out as it went in."""
        host, failure = ThreadedHost(1), InvalidMedia("media-unreadable", "broken")

        def broken() -> None:
            raise failure

        try:
            with pytest.raises(InvalidMedia) as raised:
                await host.run(broken)
        finally:
            host.close()
        assert failure is raised.value

    def test_needs_a_thread(self) -> None:
        """A host without threads is refused."""
        with pytest.raises(ValueError, match="max_workers"):
            ThreadedHost(0)


class TestFanOut:
    async def test_order(self) -> None:
        """Results stand in the order of the items, whichever was done first."""
        done: list[int] = []

        async def slower_first(number: int) -> int:
            for _ in range(20 - 4 * number):
                await asyncio.sleep(0)
            done.append(number)
            return number * number

        assert await fan_out(numbers(5), slower_first) == [0, 1, 4, 9, 16]
        assert done != sorted(done)

    async def test_nothing(self) -> None:
        """No items, no results."""
        assert await fan_out(numbers(0), asyncio.sleep) == []

    async def test_failure_cancels_the_rest(self) -> None:
        """The first failure is raised as it is, and nothing runs on."""
        cancelled: list[int] = []

        async def third_fails(number: int) -> None:
            if number == 2:
                raise InvalidMedia("media-unreadable", "broken")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(number)
                raise

        with pytest.raises(InvalidMedia):
            await fan_out(numbers(3), third_fails)
        assert sorted(cancelled) == [0, 1]

    async def test_cancelled(self) -> None:
        """A cancelled caller leaves no work behind."""
        started = asyncio.Event()
        cancelled: list[int] = []

        async def waits(number: int) -> None:
            started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(number)
                raise

        task = asyncio.create_task(fan_out(numbers(1), waits))
        await started.wait()
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
        assert cancelled == [0]


class TestTally:
    async def test_receipt(self) -> None:
        """Sums of times, means of batches over items."""
        tally = AgentUsage(ImmediateHost())
        await tally.on_host(lambda: None)
        tally.add((ModelOutput((), 0.1, 4, 1), ModelOutput((), 0.3, 8, 3)))

        receipt = tally.receipt()

        assert (2, 6.0, 2.0) == (receipt.items, receipt.batch_items_mean, receipt.batch_videos_mean)
        assert receipt.device_seconds == pytest.approx(0.4)
        assert receipt.cpu_seconds == pytest.approx(0.002)

    def test_parts_of_models(self) -> None:
        """Each model's items and times; together they are what the device took."""
        tally = AgentUsage(ImmediateHost())
        tally.add([ModelOutput((), 0.1, 4, 1, cpu_seconds=0.2, model="one")] * 2)
        tally.add([ModelOutput((), 0.3, 4, 1, cpu_seconds=0.5, model="two")])

        receipt = tally.receipt()

        assert {name: part.items for name, part in receipt.models.items()} == {"one": 2, "two": 1}
        assert receipt.models["one"].cpu_seconds == pytest.approx(0.4)
        assert receipt.device_cpu_seconds == pytest.approx(0.9)

    def test_what_a_server_computed(self) -> None:
        """The receipt names the host, with its seconds and tokens; other models name none."""
        tally = AgentUsage(ImmediateHost())
        used = ServerUsage("models.example:443", 0.5, input_tokens=10, output_tokens=3)
        tally.add([ModelOutput((), 0.0, 1, 1, model="there", usage=used)] * 2)
        tally.add([ModelOutput((), 0.3, 1, 1, model="here")])

        there, here = (tally.receipt().models[name] for name in ("there", "here"))

        assert (there.host, there.server_seconds) == ("models.example:443", 1.0)
        assert (there.input_tokens, there.output_tokens) == (20, 6)
        assert (here.host, here.server_seconds, here.input_tokens) == ("", 0.0, 0)

    def test_nothing(self) -> None:
        """An analysis without models has means of zero."""
        receipt = AgentUsage(ImmediateHost()).receipt(num_items=7)

        assert (7, 0.0, 0.0) == (receipt.items, receipt.batch_items_mean, receipt.batch_videos_mean)


class TestFeaturesOf:
    def test_values(self) -> None:
        """None is left out, floats lose the digits that carry nothing, the rest is kept."""
        values = {"a": None, "b": 0.1234567891, "c": [{"d": 1 / 3}], "e": 7, "f": "text", "g": (0.5,)}

        features = features_of(work_of(FakeSession()), "model@1", values)

        assert {"b": 0.123457, "c": [{"d": 0.333333}], "e": 7, "f": "text", "g": [0.5]} == {
            name: feature.value for name, feature in features.items()
        }
        assert {EVENT_UNIX_SECONDS} == {feature.event_unix_seconds for feature in features.values()}


class TestEmbeddingOf:
    def test_space_of_the_card(self) -> None:
        """The card names the space, the embedding the model."""
        embeddings = embedding_of(work_of(FakeSession()), CARDS["yamnet"], [0.5, 0.25])

        assert list(embeddings) == ["yamnet/1024"]
        assert embeddings["yamnet/1024"].unpack() == (0.5, 0.25)

    def test_card_without_space(self) -> None:
        """A model without a space has no embedding to give."""
        with pytest.raises(ValueError, match="opennsfw"):
            embedding_of(work_of(FakeSession()), CARDS["opennsfw"], [0.5])
