"""What several files of integration tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.local.scratch import scratch_dir
from streams.topic_admin import create_topics
from tests.integration.guarded_stack import GuardedStack, guarded_stack


@pytest.fixture(scope="session")
def stack(kafka_jars: None) -> Iterator[GuardedStack]:
    """A Kafka and a Redis that ask who one is, with topics; one for all tests."""
    with scratch_dir() as folder, guarded_stack(folder) as opened:
        create_topics(opened.settings("operator"), partitions=2, replication=1)
        yield opened
