"""Keyed lanes: serial for one key, concurrent for different keys, unbroken order after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from streams.verdict.keyed_executor import KeyBlocked, KeyedExecutor


class Steps:
    """Work that notes when it begins and ends, and waits for the test to let it go."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    def work(self, name: str, error: BaseException | None = None) -> Callable[[], Awaitable[None]]:
        self.gates[name] = asyncio.Event()

        async def run() -> None:
            self.seen.append(f"{name} begins")
            await self.gates[name].wait()
            if error:
                raise error
            self.seen.append(f"{name} ends")

        return run

    def let_go(self, *names: str) -> None:
        for name in names:
            self.gates[name].set()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class TestKeyedOrder:
    """The order of work."""

    async def test_one_key_is_serial_in_the_order_of_the_calls(self) -> None:
        """The second begins after the first has ended, although it could have ended sooner."""
        executor, steps = KeyedExecutor(), Steps()
        first = executor.enqueue("a", 1, steps.work("first"))
        second = executor.enqueue("a", 2, steps.work("second"))
        steps.let_go("second")
        await settle()
        assert steps.seen == ["first begins"]
        steps.let_go("first")
        await asyncio.gather(first, second)
        assert steps.seen == ["first begins", "first ends", "second begins", "second ends"]

    async def test_keys_do_not_wait_for_one_another(self) -> None:
        """A slow video holds nobody else up."""
        executor, steps = KeyedExecutor(), Steps()
        slow = executor.enqueue("a", 1, steps.work("slow"))
        quick = executor.enqueue("b", 2, steps.work("quick"))
        steps.let_go("quick")
        await quick
        assert not slow.done()
        steps.let_go("slow")
        await slow

    async def test_a_failure_holds_back_what_follows_it(self) -> None:
        """Later facts of the video are not begun, whether enqueued before or after the failure."""
        executor, steps = KeyedExecutor(), Steps()
        first = executor.enqueue("a", 1, steps.work("first", RuntimeError("broken")))
        second = executor.enqueue("a", 2, steps.work("second"))
        steps.let_go("first")
        with pytest.raises(RuntimeError, match="broken"):
            await first
        with pytest.raises(KeyBlocked, match="offset 1 of 'a' failed"):
            await second
        with pytest.raises(KeyBlocked):
            await executor.enqueue("a", 3, steps.work("third"))
        assert steps.seen == ["first begins"]

    async def test_a_redelivery_of_the_failed_record_mends_the_lane(self) -> None:
        """From there on the records return in order."""
        executor, steps = KeyedExecutor(), Steps()
        failed = executor.enqueue("a", 5, steps.work("failed", RuntimeError("broken")))
        steps.let_go("failed")
        await asyncio.wait([failed])
        again = [executor.enqueue("a", offset, steps.work(str(offset))) for offset in (4, 5, 6)]
        steps.let_go("4", "5", "6")
        await asyncio.gather(*again)
        assert steps.seen[-6:] == ["4 begins", "4 ends", "5 begins", "5 ends", "6 begins", "6 ends"]
        assert failed.exception() is not None

    async def test_the_lowest_failed_record_holds_back_the_others(self) -> None:
        """A redelivered record that fails in front of the failed one returns before it."""
        executor, steps = KeyedExecutor(), Steps()
        for offset in (5, 4):
            failed = executor.enqueue("a", offset, steps.work(f"failed {offset}", RuntimeError("broken")))
            steps.let_go(f"failed {offset}")
            await asyncio.wait([failed])
        too_early = executor.enqueue("a", 5, steps.work("too early"))
        steps.let_go("too early")
        with pytest.raises(KeyBlocked, match="offset 4 of 'a' failed; offset 5 waits"):
            await too_early
        again = [executor.enqueue("a", offset, steps.work(str(offset))) for offset in (4, 5)]
        steps.let_go("4", "5")
        await asyncio.gather(*again)
        assert steps.seen[-4:] == ["4 begins", "4 ends", "5 begins", "5 ends"]

    async def test_a_cancelled_wait_behind_a_failure_lets_nothing_pass(self) -> None:
        """The failed record still is the first that has to return."""
        executor, steps = KeyedExecutor(), Steps()
        failed = executor.enqueue("a", 4, steps.work("failed", RuntimeError("broken")))
        cancelled = executor.enqueue("a", 6, steps.work("cancelled"))
        await settle()
        cancelled.cancel()
        steps.let_go("failed")
        await asyncio.wait([failed])
        await settle()
        too_early = executor.enqueue("a", 5, steps.work("too early"))
        steps.let_go("too early")
        with pytest.raises(KeyBlocked, match="offset 4 of 'a' failed"):
            await too_early

    async def test_a_cancelled_wait_breaks_the_lane_too(self) -> None:
        """What was never begun must return before what is behind it."""
        executor, steps = KeyedExecutor(), Steps()
        first = executor.enqueue("a", 1, steps.work("first"))
        second = executor.enqueue("a", 2, steps.work("second"))
        third = executor.enqueue("a", 3, steps.work("third"))
        await settle()
        second.cancel()
        steps.let_go("first", "third")
        await first
        with pytest.raises(KeyBlocked):
            await third
        assert steps.seen == ["first begins", "first ends"]

    async def test_cancelling_the_caller_leaves_begun_work_to_its_end(self) -> None:
        """The next work waits for it all the same."""
        executor, steps = KeyedExecutor(), Steps()
        first = executor.enqueue("a", 1, steps.work("first"))
        second = executor.enqueue("a", 2, steps.work("second"))
        await settle()
        first.cancel()
        steps.let_go("second")
        await settle()
        assert steps.seen == ["first begins"]
        steps.let_go("first")
        await second
        assert steps.seen == ["first begins", "first ends", "second begins", "second ends"]

    async def test_close_cancels_work_and_what_waits(self) -> None:
        """Nothing runs on after the worker's end."""
        executor, steps = KeyedExecutor(), Steps()
        turns = [executor.enqueue("a", offset, steps.work(str(offset))) for offset in (1, 2)]
        await settle()
        await executor.close()
        assert [turn.cancelled() for turn in turns] == [True, True]
        assert (steps.seen, len(executor)) == (["1 begins"], 0)

    async def test_an_idle_lane_leaves_nothing_behind(self) -> None:
        """A worker sees millions of keys."""
        executor, steps = KeyedExecutor(), Steps()
        task = executor.enqueue("a", 1, steps.work("first"))
        assert len(executor) == 1
        steps.let_go("first")
        await task
        await settle()
        assert len(executor) == 0
