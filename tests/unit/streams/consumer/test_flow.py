"""Whatever cuts off the preparation of an assignment, records of the newest one flow in the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.consumer.flow import ConsumingRefused, Flow, FlowSteps, Grant
from streams.lifecycle.backoff import Backoff

FIRST = Grant(frozenset({("topic", 0)}), 1)
SECOND = Grant(frozenset({("topic", 1)}), 2)


async def go_well() -> None:
    """Nothing happens."""


async def hang() -> None:
    """As a coordinator that does not answer."""
    await asyncio.Event().wait()


async def be_cancelled() -> None:
    """As a client whose own task ended."""
    raise asyncio.CancelledError


async def fail() -> None:
    """As a broker that refuses."""
    raise OSError("the test wants it so")


async def swallow_the_cancellation() -> None:
    """As `asyncio.wait_for` before Python 3.12, when its call ends just as the caller is cancelled."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


class Stage:
    """A flow whose preparations go as the test says, and well from then on."""

    def __init__(self, *turns: Callable[[], Awaitable[None]]) -> None:
        self._turns = list(turns)
        self.prepared: list[Grant] = []
        self.handed_out: list[Grant] = []
        self.changes: list[bool] = []
        self.failures: list[Exception] = []
        self.hand_out: Callable[[], Awaitable[None]] = hang
        self.flow = Flow(
            FlowSteps(self._prepare, self._hand_out, self.changes.append, self.failures.append),
            attempt_seconds=0.01,
            backoff=Backoff(0.001, 0.001),
        )

    async def _prepare(self, grant: Grant) -> None:
        await (self._turns.pop(0) if self._turns else go_well)()
        self.prepared.append(grant)

    async def _hand_out(self, grant: Grant) -> None:
        self.handed_out.append(grant)
        await self.hand_out()

    async def settle(self) -> None:
        """Let the flow come to hand out, or to give up."""
        async with asyncio.timeout(30):
            while not (self.flow.is_on or self.flow.is_cut_off or self.failures):
                await asyncio.sleep(0)


async def stage(*turns: Callable[[], Awaitable[None]]) -> Stage:
    """The first grant, as far as it gets."""
    made = Stage(*turns)
    made.flow.begin(FIRST)
    await made.settle()
    return made


class TestFlow:
    @pytest.mark.parametrize("wrong", [hang, be_cancelled, fail])
    async def test_begins_again_where_a_preparation_is_cut_off(self, wrong: Any) -> None:
        """A seek that hangs, fails or is cancelled below is begun again until it is done."""
        made = await stage(wrong, wrong, wrong)
        assert (made.flow.is_on, made.prepared, made.handed_out) == (True, [FIRST], [FIRST])
        assert made.failures == []

    async def test_serves_the_newest_grant_only(self) -> None:
        """A second assignment while the first one's seek hangs: only the second is handed out."""
        made = Stage(hang)
        made.flow.begin(FIRST)
        await asyncio.sleep(0)
        made.flow.begin(SECOND)
        await made.settle()
        assert (made.handed_out, made.changes) == ([SECOND], [True])

    async def test_a_grant_that_is_over_is_not_served_although_its_cancellation_is_swallowed(self) -> None:
        """A preparation that goes on after its grant has ended hands nothing out next to the next grant, nor alone."""
        made = Stage(swallow_the_cancellation, swallow_the_cancellation)
        made.flow.begin(FIRST)
        await asyncio.sleep(0)
        made.flow.end()
        for _ in range(5):
            await asyncio.sleep(0)
        assert (made.prepared, made.handed_out, made.changes) == ([FIRST], [], [])
        made.flow.begin(FIRST)
        await asyncio.sleep(0)
        made.flow.begin(SECOND)
        await made.settle()
        assert (made.handed_out, made.changes) == ([SECOND], [True])

    def test_a_step_may_ask_whether_its_grant_is_served(self) -> None:
        """A grant that ended, or never began, cancels the step that asks; a later one with equal content is another."""
        flow = Stage().flow
        with pytest.raises(asyncio.CancelledError):
            flow.require_served(FIRST)

    async def test_says_whether_records_flow(self) -> None:
        """Off from the moment it is ended, on again only when the next preparation is done."""
        made = await stage()
        made.flow.end()
        assert (made.changes, made.flow.grant) == ([True, False], None)
        made.flow.begin(SECOND)
        assert made.changes == [True, False]
        await made.settle()
        assert made.changes == [True, False, True]

    async def test_a_refusal_is_final(self) -> None:
        """What trying again does not help is told once, and nobody takes it for cut off."""

        async def refuse() -> None:
            raise ConsumingRefused("the store was emptied")

        made = await stage(refuse)
        assert (made.flow.is_on, made.flow.is_cut_off, made.prepared) == (False, False, [])
        assert [type(error) for error in made.failures] == [ConsumingRefused]

    async def test_tells_what_ends_the_handing_out(self) -> None:
        """An error among the records is told, and nothing flows any more."""
        made = Stage()
        made.hand_out = fail
        made.flow.begin(FIRST)
        async with asyncio.timeout(30):
            while not made.flow.is_cut_off:
                await asyncio.sleep(0)
        assert (made.flow.is_on, made.changes) == (False, [True, False])
        assert [type(error) for error in made.failures] == [OSError]

    async def test_notices_that_it_was_cut_off(self) -> None:
        """A cancellation that nobody asked for ends the handing out: anyone who looks sees it, and may begin again."""
        made = Stage()
        made.hand_out = be_cancelled
        made.flow.begin(FIRST)
        await made.settle()
        assert (made.flow.is_cut_off, made.flow.grant) == (True, FIRST)
        made.hand_out = hang
        made.flow.begin(FIRST)
        await made.settle()
        assert (made.flow.is_on, made.changes) == (True, [True, False, True])

    @given(
        st.lists(
            st.tuples(st.sampled_from(["begin", "end", "turn"]), st.sampled_from([go_well, hang, be_cancelled, fail])),
            max_size=12,
        )
    )
    def test_ends_on_with_the_newest_grant(self, events: list[tuple[str, Any]]) -> None:
        """After any assignments, revocations and seeks that were cut off, the newest assignment has its flow."""

        async def play() -> None:
            made = Stage(*(turn for _event, turn in events))
            generation = 0
            for event, _turn in events:
                if event == "begin":
                    generation += 1
                    made.flow.begin(Grant(frozenset(), generation))
                elif event == "end":
                    made.flow.end()
                await asyncio.sleep(0)
            newest = Grant(frozenset(), generation + 1)
            made.flow.begin(newest)
            await made.settle()
            assert (made.flow.is_on, made.flow.grant, made.handed_out[-1]) == (True, newest, newest)
            made.flow.end()

        asyncio.run(play())
