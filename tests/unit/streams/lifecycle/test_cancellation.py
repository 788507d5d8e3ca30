"""What runs for ever ends when it is cancelled, even where a library takes the first word for nothing."""

from __future__ import annotations

import asyncio

from streams.lifecycle.cancellation import cancel_all


async def run_for_ever() -> None:
    await asyncio.Event().wait()


class TestCancelAll:
    async def test_ends_all(self) -> None:
        """Whatever waits, and what has ended by itself, with a result or an error."""

        async def fail() -> None:
            raise ZeroDivisionError

        tasks = [asyncio.ensure_future(work) for work in (run_for_ever(), asyncio.sleep(0), fail(), run_for_ever())]
        for _ in range(2):
            await asyncio.sleep(0)
        await cancel_all(tasks)
        assert [task.done() for task in tasks] == [True] * 4
        assert [task.cancelled() for task in tasks] == [True, False, False, True]

    async def test_none(self) -> None:
        """Nothing is to be done."""
        await cancel_all([])

    async def test_a_swallowed_cancellation_is_repeated(self) -> None:
        """`wait_for` of Python 3.11 swallows one that comes when the answer is there, and the task goes on."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def ask_for_ever() -> None:
            await asyncio.wait_for(answer, 60)
            await run_for_ever()

        task = asyncio.ensure_future(ask_for_ever())
        await asyncio.sleep(0)
        answer.set_result(None)
        await asyncio.wait_for(cancel_all([task], again_seconds=0.01), 60)
        assert task.cancelled()

    async def test_one_that_does_not_want_to_hear(self) -> None:
        """It is told again and again."""
        heard = 0

        async def refuse_twice() -> None:
            nonlocal heard
            while heard < 2:
                try:
                    await run_for_ever()
                except asyncio.CancelledError:
                    heard += 1
            await run_for_ever()

        task = asyncio.ensure_future(refuse_twice())
        await asyncio.sleep(0)
        await cancel_all([task], again_seconds=0.01)
        assert heard == 2
        assert task.cancelled()
