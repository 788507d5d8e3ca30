"""Sets our consumer for one Faust app; other apps and Faust itself are unchanged."""

from __future__ import annotations

from typing import Any

from faust.transport.drivers import aiokafka as stock

from streams.consumer.group_member import GroupMember
from streams.consumer.safe_consumer import ConsumerPolicy
from streams.kafka.membership import Membership


class SafeTransport(stock.Transport):
    """Assign it to `app.transport` before the app declares an agent."""

    Consumer = GroupMember

    def __init__(self, url: Any, app: Any, policy: ConsumerPolicy, membership: Membership, worker_id: str) -> None:
        super().__init__(url, app)
        self.policy = policy
        self.membership = membership
        self.assignor = membership.assignor(worker_id)
