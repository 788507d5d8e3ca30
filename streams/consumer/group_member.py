"""The consumer of a role as a member of its group.

The thread of the role's Kafka client sends the heartbeats, on its own event loop. aiokafka sends none while the
callback of an assignment runs, and the callback waits for the worker's main loop. A member whose main loop gets no CPU
time would lose its membership, rejoin, and lose it again. Here heartbeats continue during the callback.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as stock
from faust.types import TP

from streams.consumer.consumer_thread import SafeConsumerThread
from streams.consumer.safe_consumer import SafeConsumer
from streams.kafka.membership import Membership


class LivingListener(stock.ConsumerRebalanceListener):
    """Continues the heartbeats while the main loop accepts its partitions."""

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Called in the client's thread, after the join and before aiokafka's own heartbeats start again."""
        self._thread._ensure_consumer()._coordinator._start_heartbeat_task()
        await super().on_partitions_assigned(assigned)


class GroupMemberThread(SafeConsumerThread):
    """The thread that owns the aiokafka client, and sends its heartbeats."""

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust chooses between its own and the stock assignor; the client reads this attribute when it starts.
        consumer._partition_assignment_strategy = [transport.assignor]
        return consumer


class GroupMember(SafeConsumer):
    """Waits briefly for running work in a rebalance, and up to the drain timeout at a stop.

    A rebalance does not wait for a member that is stopping: the member stays in the group, reads nothing, and continues
    to finish and commit work in the partitions that it keeps.
    """

    RebalanceListener = LivingListener

    def __init__(self, transport: Any, *args: Any, **kwargs: Any) -> None:
        self._membership: Membership = transport.membership
        self._is_rebalancing = False
        super().__init__(transport, *args, **kwargs)

    def _new_consumer_thread(self) -> GroupMemberThread:
        return GroupMemberThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Revoke partitions; all members of the group wait until each has returned from this."""
        if self.app.should_stop:
            await self._commit_soon()
            return
        self._is_rebalancing = True
        try:
            await super().on_partitions_revoked(revoked)
        finally:
            self._is_rebalancing = False

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Accept partitions, unless the app is stopping: then work in partitions that it keeps may still be
        committed."""
        if not self.app.should_stop:
            await super().on_partitions_assigned(assigned, generation_id)

    def drain_seconds(self) -> float:
        """Time to wait for running work; short in a rebalance, because the work continues and redelivered records join
        it."""
        longest = super().drain_seconds()
        if not self._is_rebalancing or self.app.should_stop:
            return longest
        return min(longest, self._membership.rebalance_drain_seconds)
