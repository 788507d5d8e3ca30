"""The consumer of a role as a member of its group.

Heartbeats leave from the thread of the role's Kafka client, on an event loop of its own. aiokafka sends none while the
callback of an assignment runs, and that waits for the worker's main loop; a member whose main loop is starved would be
taken for dead, rejoin, and be starved again. Here they go on.
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
    """Goes on to show that the member lives while the main loop takes its partitions."""

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Called in the client's thread, after the group was joined and before aiokafka begins to beat again."""
        self._thread._ensure_consumer()._coordinator._start_heartbeat_task()
        await super().on_partitions_assigned(assigned)


class GroupMemberThread(SafeConsumerThread):
    """The thread that owns the aiokafka client, and sends its heartbeats."""

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust chooses between its own and the stock assignor; the client reads the attribute when it starts.
        consumer._partition_assignment_strategy = [transport.assignor]
        return consumer


class GroupMember(SafeConsumer):
    """Waits shortly for running work in a rebalance, and as long as it may at the end.

    A rebalance that meets a member on its way out does not wait for it: it stays in the group, reads nothing, and goes
    on to finish and commit what it has in the partitions that it keeps.
    """

    RebalanceListener = LivingListener

    def __init__(self, transport: Any, *args: Any, **kwargs: Any) -> None:
        self._membership: Membership = transport.membership
        self._is_rebalancing = False
        super().__init__(transport, *args, **kwargs)

    def _new_consumer_thread(self) -> GroupMemberThread:
        return GroupMemberThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """All members wait until each has come here and back."""
        if self.app.should_stop:
            await self._commit_soon()
            return
        self._is_rebalancing = True
        try:
            await super().on_partitions_revoked(revoked)
        finally:
            self._is_rebalancing = False

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Take them; not where the app stops: then what runs in partitions that it keeps may still be committed."""
        if not self.app.should_stop:
            await super().on_partitions_assigned(assigned, generation_id)

    def drain_seconds(self) -> float:
        """Short in a rebalance: what is running goes on meanwhile, and redelivered records join it."""
        longest = super().drain_seconds()
        if not self._is_rebalancing or self.app.should_stop:
            return longest
        return min(longest, self._membership.rebalance_drain_seconds)
