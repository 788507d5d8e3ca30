"""How long a member waits for running work, and how it is configured, without a broker."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from schemas.topics import SIGNALS
from streams.config.settings import read_settings
from streams.consumer.group_member import GroupMember, LivingListener
from streams.consumer.resume_policy import ResumeFromKafka
from streams.consumer.role_app import RoleSpec, faust_app
from streams.consumer.safe_consumer import SafeConsumer
from streams.engagement.role import consumer_configuration
from streams.kafka.membership import MEMBERSHIP, Membership


class OfflineMember(GroupMember):
    """A member whose app neither revokes nor stops; it notes how long its drains may last."""

    def __init__(self, drain_timeout_seconds: float, *, should_stop: bool = False) -> None:
        self.policy = SimpleNamespace(drain_timeout_seconds=drain_timeout_seconds)  # type: ignore[assignment]
        self.app = SimpleNamespace(should_stop=should_stop)  # type: ignore[assignment]
        self._membership = Membership(rebalance_drain_seconds=0.5)
        self._is_rebalancing = False


async def seconds_in_a_rebalance(member: OfflineMember, monkeypatch: pytest.MonkeyPatch) -> float:
    found: list[float] = []

    async def revoke(self: SafeConsumer, _revoked: set[TP]) -> None:
        found.append(self.drain_seconds())

    monkeypatch.setattr(SafeConsumer, "on_partitions_revoked", revoke)
    await member.on_partitions_revoked(set())
    return found[0]


class TestDrain:
    async def test_a_rebalance_waits_shortly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """All members of the group wait until the last one has drained."""
        member = OfflineMember(15.0)
        assert await seconds_in_a_rebalance(member, monkeypatch) == 0.5

    async def test_a_shorter_drain_holds_in_a_rebalance_as_well(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who sets a drain of a tenth of a second means it."""
        assert await seconds_in_a_rebalance(OfflineMember(0.1), monkeypatch) == 0.1

    async def test_the_end_waits_as_long_as_it_may(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The time of a rebalance is over with it."""
        member = OfflineMember(15.0)
        await seconds_in_a_rebalance(member, monkeypatch)
        assert member.drain_seconds() == 15.0

    async def test_a_stopping_member_goes_on_with_what_it_has(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A rebalance commits what is finished, and neither waits nor forgets what still runs."""
        order: list[str] = []

        async def note(name: str) -> None:
            order.append(name)

        monkeypatch.setattr(SafeConsumer, "_commit_soon", lambda _self: note("commit"))
        monkeypatch.setattr(SafeConsumer, "on_partitions_revoked", lambda _self, _revoked: note("revoke"))
        monkeypatch.setattr(SafeConsumer, "on_partitions_assigned", lambda _self, _assigned, _number: note("assign"))
        member = OfflineMember(15.0, should_stop=True)
        await member.on_partitions_revoked(set())
        await member.on_partitions_assigned(set(), 2)
        assert order == ["commit"]
        assert member.drain_seconds() == 15.0


class TestHeartbeats:
    async def test_they_begin_before_the_main_loop_is_asked(self) -> None:
        """A main loop that does not answer does not hold them up."""
        order: list[str] = []
        never = asyncio.Event()

        async def hand_over(_assigned: Any, _generation: int) -> None:
            order.append("asked")
            await never.wait()

        coordinator = SimpleNamespace(generation=3, _start_heartbeat_task=lambda: order.append("beats"))
        thread: Any = SimpleNamespace(
            app=SimpleNamespace(consumer_generation_id=0),
            on_partitions_assigned=hand_over,
            _ensure_consumer=lambda: SimpleNamespace(_coordinator=coordinator),
        )
        waiting = asyncio.create_task(LivingListener(thread).on_partitions_assigned([]))
        await asyncio.sleep(0)
        waiting.cancel()
        assert order == ["beats", "asked"]


class TestConfiguration:
    def test_faust_and_engagement_members_have_one_session(self) -> None:
        """A dead worker leaves all its groups at the same time."""
        settings = read_settings(kafka_bootstrap_servers="127.0.0.1:9092")
        spec = RoleSpec("verdict", SIGNALS, {}, 1, ResumeFromKafka())
        conf = faust_app(settings, spec, "worker", MEMBERSHIP).conf
        engagement = consumer_configuration(settings, "worker")
        assert conf.broker_session_timeout * 1000 == engagement["session.timeout.ms"]
        assert conf.broker_heartbeat_interval * 1000 == engagement["heartbeat.interval.ms"]

    def test_several_heartbeats_fit_into_a_session(self) -> None:
        """A lost one, or a late one, costs no membership."""
        assert MEMBERSHIP.heartbeat_seconds * 3 < MEMBERSHIP.session_seconds

    def test_the_worker_shows_in_the_client_id(self) -> None:
        """Anyone who describes a group sees which of its members are one worker's."""
        spec = RoleSpec("verdict", SIGNALS, {}, 1, ResumeFromKafka())
        app = faust_app(read_settings(kafka_bootstrap_servers="127.0.0.1:9092"), spec, "worker-7", MEMBERSHIP)
        assert app.conf.broker_client_id == "vidsignal-worker-7"
