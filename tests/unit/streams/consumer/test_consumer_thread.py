"""How two loops ask each other: a cancellation goes to whom it was meant for, and an answer never blocks another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import ConsumerStoppedError, KafkaError
from structlog.testing import capture_logs

from streams.consumer.consumer_thread import ClientEnded, SafeConsumerThread, _consume_error, _require_running


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs in a thread of its own."""
    other = asyncio.new_event_loop()
    thread = threading.Thread(target=other.run_forever)
    thread.start()
    yield other
    other.call_soon_threadsafe(other.stop)
    thread.join()
    other.close()


def asking(loop: asyncio.AbstractEventLoop) -> SafeConsumerThread:
    """As much of the thread as asks."""
    thread = object.__new__(SafeConsumerThread)
    thread.thread_loop = loop
    return thread


class TestCallThread:
    async def test_returns_what_functions_and_coroutines_return(self, loop: asyncio.AbstractEventLoop) -> None:
        """Both kinds run in the other loop."""

        async def where() -> Any:
            return asyncio.get_running_loop()

        assert await asking(loop).call_thread(where) is loop
        assert await asking(loop).call_thread(lambda value: value + 1, 1) == 2

    async def test_answers_that_do_not_come_block_nothing(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stock Faust has two workers for all questions: a third waits for ever where two get no answer."""
        thread = asking(loop)
        hung = [asyncio.create_task(thread.call_thread(asyncio.Event().wait)) for _ in range(3)]
        async with asyncio.timeout(30):
            assert await thread.call_thread(lambda: "answered") == "answered"
        for task in hung:
            task.cancel()
        await asyncio.gather(*hung, return_exceptions=True)
        await thread.call_thread(asyncio.sleep, 0)  # they end there as well

    async def test_who_stops_waiting_cancels_the_answer(self, loop: asyncio.AbstractEventLoop) -> None:
        """What nobody waits for does not go on in the other loop."""
        began, ended = asyncio.Event(), asyncio.Event()
        here = asyncio.get_running_loop()

        async def answer() -> None:
            here.call_soon_threadsafe(began.set)
            try:
                await asyncio.Event().wait()
            finally:
                here.call_soon_threadsafe(ended.set)

        asked = asyncio.create_task(asking(loop).call_thread(answer))
        async with asyncio.timeout(30):
            await began.wait()
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            await ended.wait()

    async def test_a_cancelled_answer_is_an_error(self, loop: asyncio.AbstractEventLoop) -> None:
        """Else it would pass for a cancellation of anyone who asked, and end that silently."""

        async def answer() -> None:
            raise asyncio.CancelledError

        with pytest.raises(ConsumerStoppedError):
            await asking(loop).call_thread(answer)

    async def test_an_ended_loop_is_an_error(self) -> None:
        """Nobody waits for a thread that has ended."""
        loop = asyncio.new_event_loop()
        loop.close()
        with pytest.raises(ConsumerStoppedError):
            await asking(loop).call_thread(asyncio.sleep, 0)


async def ended_task(error: Exception | None) -> asyncio.Task[None]:
    """A task that has ended."""

    async def end() -> None:
        if error is not None:
            raise error

    task = asyncio.create_task(end())
    await asyncio.wait([task])
    return task


class TestLook:
    @pytest.mark.parametrize("error", [None, KafkaError("the test wants it so")])
    async def test_an_ended_task_of_the_client_is_told(self, error: Exception | None) -> None:
        """A client whose coordination has ended keeps its heartbeats, and never rejoins."""
        running = asyncio.create_task(asyncio.Event().wait())
        consumer: Any = SimpleNamespace(
            _closed=False,
            _coordinator=SimpleNamespace(_coordination_task=await ended_task(error)),
            _fetcher=SimpleNamespace(_fetch_task=running),
        )
        with pytest.raises(ClientEnded, match="has ended"):
            _require_running(consumer)
        consumer._coordinator._coordination_task = running
        _require_running(consumer)
        running.cancel()

    def test_an_error_of_the_coordination_is_consumed(self) -> None:
        """The client waits until somebody has taken notice, and tries again then."""
        errors = [KafkaError("the test wants it so")]

        def check_errors() -> None:
            if errors:
                raise errors.pop()

        with capture_logs() as lines:
            _consume_error(SimpleNamespace(check_errors=check_errors))
            _consume_error(SimpleNamespace(check_errors=check_errors))
        assert [line["log_level"] for line in lines] == ["warning"]
