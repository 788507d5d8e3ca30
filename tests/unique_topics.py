"""Topics and consumer groups that no other test shares."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from types import MappingProxyType

from confluent_kafka.admin import AdminClient, NewTopic

_ASK_SECONDS = 60.0
_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


class UniqueTopics:
    """Makes names under a prefix of its own, and the topics themselves on a real Kafka.

    Attributes:
        prefix: starts every name; 8 random hex digits after a `t`.
        bootstrap_servers: the Kafka.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self.prefix = f"t{uuid.uuid4().hex[:8]}"
        self.bootstrap_servers = bootstrap_servers
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 2})

    def name(self, stem: str) -> str:
        """Return the unique name of a topic or a group: `<prefix>.<stem>`."""
        return f"{self.prefix}.{stem}"

    def create(self, stem: str, partitions: int = 4, settings: Mapping[str, str] = _NO_SETTINGS) -> str:
        """Create a topic and return its name; returns when the broker has confirmed it."""
        topic = self.name(stem)
        request = NewTopic(topic, num_partitions=partitions, config=dict(settings))
        self._admin.create_topics([request], operation_timeout=_ASK_SECONDS)[topic].result(_ASK_SECONDS)
        return topic

    def delete_all(self) -> None:
        """Delete every topic under the prefix, made here or by the code under test."""
        listed = self._admin.list_topics(timeout=_ASK_SECONDS).topics
        ours = [topic for topic in listed if topic.startswith(f"{self.prefix}.")]
        if ours:
            for outcome in self._admin.delete_topics(ours, operation_timeout=_ASK_SECONDS).values():
                outcome.result(_ASK_SECONDS)
