"""The thread that owns the aiokafka client, and the calls between our event loop and the client's.

Stock Faust queues such calls for two workers, and confuses a cancellation in the answering loop with one in the calling
loop. Two missing answers block every other call, including the next fetch, and one cancelled answer silently ends its
caller. Here each call is a task of its own: a caller that stops waiting cancels it, and a cancellation in the other
loop is an ordinary error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.group_coordinator import OffsetCommitRequest
from aiokafka.errors import ConsumerStoppedError, KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as stock
from faust.types import TP
from mode.utils.futures import maybe_async

from streams.consumer import odd_headers
from streams.delivery.committable_offsets import Partition
from streams.lifecycle.cancellation import was_cancelled

_log = structlog.get_logger(__name__)


class ClientEnded(Exception):
    """A task that the client needs has ended: the process must exit."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The result of one fetch."""

    records: Mapping[TP, list[Any]]
    positions: Mapping[Partition, int]
    """Next position of each partition whose position changed. Every offset before it is in this or an earlier fetch, or
    is a marker, an aborted record or a hole."""


@dataclass(frozen=True, slots=True)
class GroupView:
    """The client's view of its group membership."""

    partitions: frozenset[Partition]
    generation: int
    is_changing: bool
    """The client is between two assignments; this state is about to change."""
    without_position: frozenset[Partition]
    """Assigned partitions for which the client has no position."""


class SafeConsumerThread(stock.AIOKafkaConsumerThread):
    """The thread that owns the aiokafka client."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._told: dict[Partition, int] = {}
        """Positions that `fetch` has returned, for the assignment `_told_of`."""
        self._told_of: Any = None
        self._num_asking_owner = 0

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        odd_headers.install()
        consumer = super()._create_worker_consumer(transport)
        # Faust passes a fixed 1.5 s; the client reads these attributes when it starts.
        consumer._fetch_max_wait_ms = int(transport.policy.fetch_wait_seconds * 1000)
        consumer._isolation_level = "read_committed"  # Faust reads aborted records unless it is transactional
        return consumer

    async def call_thread(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a call in the client's loop and return its result; if the caller is cancelled, the call is cancelled.

        Raises:
            ConsumerStoppedError: the client's loop has ended, or cancelled the call.
        """
        return await _in_loop(self.thread_loop, _called(fun, *args, **kwargs))

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let the owner return partitions; returns when it has."""
        await self._ask_owner(self.consumer.on_partitions_revoked(revoked))

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Let the owner accept partitions."""
        await self._ask_owner(self.consumer.on_partitions_assigned(assigned, generation_id))

    async def _ask_owner(self, answer: Coroutine[Any, Any, None]) -> None:
        self._num_asking_owner += 1
        try:
            await _in_loop(self.parent_loop, answer)
        finally:
            self._num_asking_owner -= 1

    async def fetch(self, partitions: Iterable[TP], timeout_seconds: float) -> Fetched:
        """Return fetched records of these partitions, or wait for some."""
        fetched: Fetched = await self.call_thread(self._fetch, frozenset(partitions), timeout_seconds)
        return fetched

    async def _fetch(self, partitions: frozenset[TP], timeout_seconds: float) -> Fetched:
        consumer = self._ensure_consumer()
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():
            records = await fetcher.fetched_records(
                partitions, timeout=timeout_seconds, max_records=consumer._max_poll_records
            )
        return Fetched(records, self._moved_positions())

    def _moved_positions(self) -> dict[Partition, int]:
        """Return positions that changed since the last call; there must be no await between a fetch and this call."""
        assignment = self._assignment()
        if assignment is not self._told_of:
            self._told, self._told_of = {}, assignment
        moved: dict[Partition, int] = {}
        for tp, state in _states(assignment):
            if state.has_valid_position and self._told.get(tp) != state.position:
                moved[tp] = state.position
        self._told.update(moved)
        return moved

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit the offsets of assigned partitions; False if Kafka refused, which the next commit or a redelivery
        corrects."""
        assigned = self.assignment()
        ours = {
            TopicPartition(tp.topic, tp.partition): OffsetAndMetadata(offset, "")
            for tp, offset in offsets.items()
            if tp in assigned
        }
        try:
            await self._ensure_consumer().commit(ours)
        except KafkaError as error:
            _log.warning("offset commit rejected; uncommitted events will be redelivered", error=repr(error))
            return False
        return bool(ours)

    async def seek_all(self, starts: Mapping[Partition, int]) -> None:
        """Set the positions of assigned partitions."""
        await self.call_thread(self._seek_all, starts)

    async def _seek_all(self, starts: Mapping[Partition, int]) -> None:
        for tp, state in _states(self._assignment()):
            if tp in starts:
                self._ensure_consumer().seek(TopicPartition(*tp), starts[tp])
                # A fetcher that waits for committed offsets sends no other request to that broker.
                state.update_committed(OffsetAndMetadata(starts[tp], ""))
        self._told.clear()

    def _assignment(self) -> Any:
        subscription = self._ensure_consumer()._subscription.subscription
        return subscription.assignment if subscription is not None else None

    async def committed(self, partitions: list[Partition]) -> dict[Partition, int | None]:
        """Return the committed offsets of the group."""
        answer: dict[Partition, int | None] = await self.call_thread(self._committed, partitions)
        return answer

    async def _committed(self, partitions: list[Partition]) -> dict[Partition, int | None]:
        places = [TopicPartition(*partition) for partition in partitions]
        found = await self._ensure_consumer()._coordinator.fetch_committed_offsets(places)
        return {partition: found[place].offset if place in found else None for partition, place in _pairs(places)}

    async def look(self) -> GroupView:
        """Return the client's state in its group, and wake the client if it is stuck.

        Raises:
            ClientEnded: it will never continue.
        """
        view: GroupView = await self.call_thread(self._look)
        return view

    async def _look(self) -> GroupView:
        consumer = self._ensure_consumer()
        coordinator, subscription = consumer._coordinator, consumer._subscription
        _require_running(consumer)
        _consume_error(coordinator)
        is_between = subscription.reassignment_in_progress or self._num_asking_owner > 0
        if not is_between:
            _rejoin_where_forgotten(coordinator)
        states = _states(self._assignment())
        return GroupView(
            partitions=frozenset(tp for tp, _state in states),
            generation=coordinator.generation,
            is_changing=is_between or coordinator._rejoin_needed_fut.done(),
            without_position=frozenset(tp for tp, state in states if not state.has_valid_position),
        )


def _states(assignment: Any) -> list[tuple[TP, Any]]:
    if assignment is None:
        return []
    return [(TP(tp.topic, tp.partition), assignment.state_value(tp)) for tp in assignment.tps]


def _pairs(places: Iterable[TopicPartition]) -> list[tuple[Partition, TopicPartition]]:
    return [((place.topic, place.partition), place) for place in places]


def _require_running(consumer: AIOKafkaConsumer) -> None:
    if consumer._closed:
        raise ConsumerStoppedError
    for task in (consumer._coordinator._coordination_task, consumer._fetcher._fetch_task):
        if task.done():
            cause = None if task.cancelled() else task.exception()
            raise ClientEnded(f"the Kafka client's task {task.get_coro().__qualname__} has ended: {cause!r}") from cause


def _consume_error(coordinator: Any) -> None:
    """Consume the coordination error: after an error the client stops coordinating until it is read, and Faust never
    reads it."""
    try:
        coordinator.check_errors()
    except KafkaError as error:
        _log.warning("group coordination failed; retrying", error=repr(error))


def _rejoin_where_forgotten(coordinator: Any) -> None:
    """Rejoin if the membership was lost: a refused commit in a joined group clears the membership, and the join clears
    the request to rejoin."""
    is_member = coordinator.generation != OffsetCommitRequest.DEFAULT_GENERATION_ID
    if not is_member and not coordinator._rejoin_needed_fut.done():
        _log.warning("unknown group generation; rejoining")
        coordinator.request_rejoin()


async def _called(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function or a coroutine function."""
    return await maybe_async(fun(*args, **kwargs))


async def _in_loop(loop: asyncio.AbstractEventLoop, call: Coroutine[Any, Any, Any]) -> Any:
    """Await a coroutine in the loop of another thread."""
    try:
        answer: Awaitable[Any] = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, loop))
    except RuntimeError as error:
        call.close()
        raise ConsumerStoppedError("its loop has ended") from error
    try:
        return await answer
    except asyncio.CancelledError:
        if was_cancelled():
            raise
        raise ConsumerStoppedError("the call was cancelled") from None
