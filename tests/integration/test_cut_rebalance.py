"""A rebalance that is cut off between assignment and seek stops no role: records flow afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from streams.config.settings import Role
from tests.integration.role_apps import FAUST_ROLES, RoleRun, await_true, running
from tests.unique_topics import UniqueTopics

_CUT_SECONDS = 1.0
"""After which a step that hangs is given up here; half a minute outside of tests."""

Wrong = Callable[[], Awaitable[None]]


async def hang() -> None:
    """As a coordinator that does not answer, or a store that is unavailable."""
    await asyncio.Event().wait()


async def be_cancelled() -> None:
    """As the client's own tasks are where it ends them."""
    raise asyncio.CancelledError


async def refuse() -> None:
    """As a broker that knows no group."""
    raise KafkaError("the test wants it so")


class Cut:
    """Goes wrong as often as it is told, in place of a method."""

    def __init__(self, method: Callable[..., Awaitable[Any]]) -> None:
        self._method = method
        self._wrongs: list[Wrong] = []

    def plan(self, *wrongs: Wrong) -> None:
        """Go wrong like this the next times."""
        self._wrongs += wrongs

    @property
    def is_done(self) -> bool:
        """Whether everything planned has begun."""
        return not self._wrongs

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._wrongs:
            await self._wrongs.pop(0)()
        return await self._method(*args, **kwargs)


@pytest.mark.parametrize("role", FAUST_ROLES)
async def test_flow_goes_on(role: Role, topics: UniqueTopics, redis_url: str) -> None:
    """After seeks that hung, failed or were cancelled, and rebalances on top of them, every agent gets records."""
    run = RoleRun(role, topics, redis_url)
    async with running(run):
        run.consumer._flow._attempt_seconds = _CUT_SECONDS
        run.consumer._thread.committed = cut = Cut(run.consumer._thread.committed)
        for name, wrongs in {"cancelled": [be_cancelled] * 2, "refused": [refuse] * 2, "hung": [hang]}.items():
            cut.plan(*wrongs)
            run.rejoin()
            await await_true(lambda: cut.is_done, "the seek is reached", run)
            run.publish(name)
            await await_true(lambda name=name: run.has_seen(name), f"records flow after a seek that {name}", run)
        cut.plan(hang, hang, hang)
        run.rejoin()
        await await_true(lambda: not run.app.joined.is_set(), "the role says that it has not joined", run)
        run.rejoin()
        run.publish("twice")
        await await_true(lambda: run.has_seen("twice"), "records flow after two rebalances", run)
        assert run.app.joined.is_set()


async def test_an_assignment_that_got_lost_is_noticed(topics: UniqueTopics, redis_url: str) -> None:
    """A callback that fails after the group was joined: the client is a member, its owner knows nothing of it."""
    run = RoleRun("intake", topics, redis_url)
    async with running(run):
        thread = run.consumer._thread
        cut = Cut(thread.on_partitions_assigned)
        cut.plan(refuse)
        thread.on_partitions_assigned = cut
        run.rejoin()
        await await_true(lambda: cut.is_done, "the assignment gets lost", run)
        run.publish("lost")
        await await_true(lambda: run.has_seen("lost"), "records flow", run)


async def test_a_lost_membership_is_asked_for_again(topics: UniqueTopics, redis_url: str) -> None:
    """A refused commit clears the membership; where the join that ran next to it clears the note, it is set again."""
    run = RoleRun("intake", topics, redis_url)
    async with running(run):
        coordinator = run.consumer._thread._consumer._coordinator
        member = coordinator.member_id
        coordinator.generation, coordinator.member_id = -1, ""
        await await_true(lambda: coordinator.generation > 0, "the group is joined again", run)
        assert coordinator.member_id != member
        run.publish("again")
        await await_true(lambda: run.has_seen("again"), "records flow", run)


async def test_a_lost_position_is_sought_again(topics: UniqueTopics, redis_url: str) -> None:
    """A client that forgets where to read, and whose task for that has ended, is told again."""
    run = RoleRun("intake", topics, redis_url)
    async with running(run):
        run.publish("before")
        await await_true(lambda: run.has_seen("before"), "records flow before", run)
        client = run.consumer._thread._consumer
        client._coordinator._commit_refresh_task.cancel()
        for tp in client.assignment():
            client._subscription.subscription.assignment.state_value(tp)._position = None
        run.publish(*(f"after-{number}" for number in range(8)))
        await await_true(lambda: run.has_seen(*(f"after-{number}" for number in range(8))), "records flow", run)
