"""Nothing is lost and nothing is doubled, on a real Kafka and a real Redis, while workers die."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import redis
from aiokafka.partitioner import murmur2

from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from schemas.topics import DEAD_LETTER, SIGNALS, UPLOADED
from tests.integration.delivery_process import LET_GO, WAIT_SECONDS, DeliveryStack, stop, wait_until
from tests.unique_topics import UniqueTopics

AGENTS = ("first", "second")
KILLS_BEFORE_GIVEN_UP = 5
"""Three in company and two alone, if each were the event's own."""


@pytest.fixture
def stack(topics: UniqueTopics, redis_url: str, tmp_path: Path) -> DeliveryStack:
    """Topics, store and workers of one test."""
    return DeliveryStack(topics, redis_url, tmp_path)


@pytest.fixture
def store(redis_url: str) -> Iterator[Any]:
    """A client of the store."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


def done(store: Any, agent: str) -> set[str]:
    """Keys that an agent answered, with or without a result."""
    failed = {line.split()[0] for line in store.lrange(f"failed:{agent}", 0, -1)}
    return set(store.lrange(f"done:{agent}", 0, -1)) | failed


def was_begun(store: Any, times: int) -> bool:
    """Whether the first agent has begun that often."""
    return bool(store.llen("started:first") == times)


def all_done(store: Any, keys: AbstractSet[str]) -> bool:
    """Whether every agent answered these keys and no others."""
    return all(done(store, agent) == keys for agent in AGENTS)


def answered_times(store: Any, runs: int) -> bool:
    """Whether both agents have answered that often."""
    return all(store.llen(f"done:{agent}") == runs for agent in AGENTS)


def key_in(partition: int, stem: str = "key") -> str:
    """A key that falls into one of the two partitions."""
    return next(
        key for number in count() if (murmur2((key := f"{stem}-{number}").encode()) & 0x7FFFFFFF) % 2 == partition
    )


class TestLoss:
    def test_out_of_order_work_survives_a_kill(self, stack: DeliveryStack, store: Any) -> None:
        """A slow event at the head is redelivered after SIGKILL although everything behind it was finished."""
        slow = {f"slow-{number}": {"waits": True} for number in range(2)}
        quick = {f"quick-{number}": {} for number in range(40)}
        with stack.worker() as first:
            stack.publish(slow | quick)
            wait_until(lambda: quick.keys() <= done(store, "second"), "the quick events are answered")
            first.send_signal(signal.SIGKILL)
        assert done(store, "first").isdisjoint(slow)
        store.set(LET_GO, 1)
        with stack.worker():
            wait_until(lambda: all_done(store, slow.keys() | quick.keys()), "all are answered")
            wait_until(lambda: store.keys("vs:attempts:*") == [], "the attempts are forgotten")
        assert stack.records(DEAD_LETTER.name) == []

    def test_stop_puts_unfinished_work_back(self, stack: DeliveryStack, store: Any) -> None:
        """SIGTERM ends a worker in order although work outlasts the drain; the event is redelivered."""
        with stack.worker(drain_timeout_seconds=1) as first:
            stack.publish({"long": {"waits": True}})
            wait_until(lambda: store.llen("started:second") == 1, "the event is worked on")
            assert stop(first) == 0
        assert store.keys("vs:attempts:*") == []
        store.set(LET_GO, 1)
        with stack.worker():
            wait_until(lambda: {"long"} == done(store, "first") == done(store, "second"), "it is answered")

    def test_finished_work_is_not_done_again(self, stack: DeliveryStack, store: Any) -> None:
        """After an orderly stop the next worker begins behind what was finished."""
        with stack.worker() as first:
            stack.publish({f"event-{number}": {} for number in range(20)})
            wait_until(lambda: len(done(store, "first")) == len(done(store, "second")) == 20, "all are answered")
            assert stop(first) == 0
        with stack.worker():
            stack.publish({"last": {}})
            wait_until(lambda: "last" in done(store, "first"), "the last is answered")
        assert store.llen("started:first") == 21

    def test_a_stopping_worker_holds_nobody_up_and_commits_what_it_keeps(
        self, stack: DeliveryStack, store: Any
    ) -> None:
        """A successor joins while it drains, and gets a partition; what it finishes in the other one is not redone."""
        long = {key_in(partition): {"waits": True} for partition in (0, 1)}
        with stack.worker(drain_timeout_seconds=55) as first:
            stack.publish(long)
            wait_until(lambda: store.llen("started:second") == 2, "both events are worked on")
            first.send_signal(signal.SIGTERM)
            with stack.worker():
                assert first.poll() is None
                wait_until(lambda: store.llen("started:second") == 3, "the successor begins the one that it was given")
                store.set(LET_GO, 1)
                assert first.wait(WAIT_SECONDS) == 0
                later = {key_in(partition, "later"): {} for partition in (0, 1)}
                stack.publish(later)
                wait_until(lambda: all_done(store, long.keys() | later.keys()), "the successor reads both partitions")
        assert store.llen("started:first") == 3 + len(later)

    def test_duplicates_publish_the_same_bytes(self, stack: DeliveryStack, store: Any) -> None:
        """An event that is published twice, and computed by two processes, has one statement per agent."""
        for runs in (1, 2):
            with stack.worker() as process:
                stack.publish({"twice": {}})
                wait_until(partial(answered_times, store, runs), "it is answered")
                assert stop(process) == 0
        statements = {record.value for record in stack.records(SIGNALS.name)}
        assert len(stack.records(SIGNALS.name)) == 4
        assert len(statements) == 2


class TestPoison:
    def test_one_dead_letter_for_all_agents(self, stack: DeliveryStack, store: Any) -> None:
        """Media at fault fails in every agent, is dead-lettered once with its bytes, and is not tried again."""
        with stack.worker():
            stack.publish({"bad": {"invalid": True}, "good": {}})
            wait_until(lambda: all_done(store, {"bad", "good"}), "both are answered")
        dead_letters = [json.loads(record.value or b"") for record in stack.records(DEAD_LETTER.name)]
        assert [(dead_letter["cause"], dead_letter["role"]) for dead_letter in dead_letters] == [
            ("media-unreadable", "media")
        ]

    def test_device_faults_are_tried_again(self, stack: DeliveryStack, store: Any) -> None:
        """A device may fail twice; the third fault is an answer."""
        with stack.worker():
            stack.publish({"twice": {"fault": 2}, "for-ever": {"fault": 99}})
            wait_until(lambda: all_done(store, {"twice", "for-ever"}), "both are answered")
        assert store.lrange("failed:first", 0, -1) == ["for-ever device-fault"]

    @pytest.mark.slow
    def test_a_bug_is_dead_lettered_after_two_deaths_alone(self, stack: DeliveryStack, store: Any) -> None:
        """An event that ends its process returns, then runs alone, then is given up; its neighbour is not."""
        stack.publish({"bug": {"raises": True}, "neighbour": {}})
        for _ in range(5):
            with stack.worker() as process:
                assert process.wait(WAIT_SECONDS) == 70
        with stack.worker():
            wait_until(lambda: all_done(store, {"bug", "neighbour"}), "both are answered")
        assert store.lrange("failed:first", 0, -1) == ["bug crash-loop"]
        assert len(stack.records(DEAD_LETTER.name)) == 1


class TestKillsFromOutside:
    @pytest.mark.slow
    def test_condemn_nothing(self, stack: DeliveryStack, store: Any) -> None:
        """A healthy event that was in work whenever its worker was killed, at random times, gets through.

        `VIDSIGNAL_TEST_KILLS=20` makes the five kills, of which three are put into the store, as many real ones.
        """
        num_kills, chance = int(os.environ.get("VIDSIGNAL_TEST_KILLS", "2")), random.Random(10)
        keys = [f"vs:attempts:{stack.topics.name(UPLOADED.name)}:{partition}:0" for partition in range(2)]
        for key in keys if num_kills < KILLS_BEFORE_GIVEN_UP else ():
            store.hset(key, "started", KILLS_BEFORE_GIVEN_UP - num_kills)
        stack.publish({"long": {"waits": True}})
        for number in range(num_kills):
            with stack.worker() as process:
                wait_until(partial(was_begun, store, number + 1), "it is worked on")
                time.sleep(chance.random())  # the work has no end of its own, so any time is as good
                process.kill()
        store.set(LET_GO, 1)
        with stack.worker():
            wait_until(lambda: all_done(store, {"long"}), "it is answered")
            wait_until(lambda: not any("alone" in store.hgetall(key) for key in keys), "the attempts are forgotten")
        assert store.llen("failed:first") == 0
        assert stack.records(DEAD_LETTER.name) == []


class TestStoreUnavailable:
    def test_work_waits_for_redis(self, topics: UniqueTopics, tmp_path: Path) -> None:
        """While Redis does not answer nothing is finished and nothing given up; afterwards everything is done."""
        with scratch_dir() as folder, RedisServer(folder / "redis") as server:
            stack = DeliveryStack(topics, server.url, tmp_path)
            with stack.worker(), redis.Redis.from_url(server.url, decode_responses=True) as store:
                server.child.pause()
                stack.publish({f"event-{number}": {} for number in range(10)})
                with pytest.raises(redis.TimeoutError), redis.Redis.from_url(server.url, socket_timeout=6) as probe:
                    probe.ping()
                server.child.resume()
                wait_until(lambda: all(len(done(store, agent)) == 10 for agent in AGENTS), "all are answered")
                assert store.keys("failed:*") == []
            assert stack.records(DEAD_LETTER.name) == []
