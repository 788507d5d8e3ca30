"""Gives one Faust app our consumer; other apps and Faust itself stay as they are."""

from __future__ import annotations

from typing import Any

from faust.transport.drivers import aiokafka as stock

from streams.delivery.safe_consumer import ConsumerPolicy, SafeConsumer


class SafeTransport(stock.Transport):
    """Set as `app.transport` before the app declares an agent."""

    Consumer = SafeConsumer

    def __init__(self, url: Any, app: Any, policy: ConsumerPolicy) -> None:
        super().__init__(url, app)
        self.policy = policy
