"""Waiting until nothing happens any more: what is judged before that would be judged too early."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import redis
from confluent_kafka import KafkaException

from tests.chaos.judge.evidence import read_groups
from tests.chaos.world.world import World

CALM_LOOKS = 3
_LOOK_SECONDS = 2.0
_BATCH = 1000


def await_convergence(
    world: World, groups: Mapping[str, str], *, timeout_seconds: float, is_traffic_idle: Callable[[], bool]
) -> bool:
    """Wait until no group is behind, every case is final, and nothing is due; some looks in a row.

    Returns:
        False where that did not come in time; the timeline says what was left.
    """
    give_up, num_calm = time.monotonic() + timeout_seconds, 0
    left: dict[str, object] = {}
    while time.monotonic() < give_up:
        before, left = left, what_is_left(world, groups)
        if not is_traffic_idle():
            left["traffic"] = 1
        if left != before:
            world.timeline.add("still-to-do", **left)
        num_calm = 0 if left else num_calm + 1
        if num_calm >= CALM_LOOKS:
            world.timeline.add("converged")
            return True
        time.sleep(_LOOK_SECONDS)
    world.timeline.add("not-converged", left=left)
    return False


def what_is_left(world: World, groups: Mapping[str, str]) -> dict[str, object]:
    """By what it is, how much is still to do; empty when nothing is."""
    try:
        behind = num_behind(world, groups)
        store = redis.Redis.from_url(world.store.direct_url)
        left: dict[str, object] = {"records": behind, **_left_in_store(store)}
    except (redis.RedisError, KafkaException) as error:
        return {"unavailable": repr(error)}
    return {name: number for name, number in left.items() if number}


def num_behind(world: World, groups: Mapping[str, str]) -> int:
    """Records that the groups have not committed."""
    places = read_groups(world.bootstrap_servers, groups)
    return sum(place.end - (place.committed or 0) for place in places if place.end)


def _left_in_store(store: redis.Redis) -> dict[str, int]:
    statuses = list(store.scan_iter("vs:{*}:status", count=_BATCH))
    return {
        "not_final": sum(store.hget(key, "status") != b"final" for key in statuses),
        "deadlines": store.zcount("vs:deadlines", "-inf", time.time()),
        "tombstones": store.zcard("vs:tombstones"),
        "summaries": sum(store.zcard(key) for key in store.scan_iter("vs:engagement-due:*", count=_BATCH)),
    }
