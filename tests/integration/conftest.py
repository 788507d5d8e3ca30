"""What several files of integration tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from ops.local.scratch import scratch_dir
from streams.kafka.topic_admin import create_topics
from tests.integration.authenticated_stack import AuthenticatedStack, authenticated_stack


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of the shared Redis, emptied before the test."""
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def stack(kafka_jars: None) -> Iterator[AuthenticatedStack]:
    """A Kafka and a Redis that ask who one is, with topics; one for all tests."""
    with scratch_dir() as folder, authenticated_stack(folder) as opened:
        create_topics(opened.settings("operator"), partitions=2, replication=1)
        yield opened
