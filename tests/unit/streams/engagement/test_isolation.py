"""One event that brings an unexpected error about costs itself and nothing else of its batch."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from operators.internal_errors import SharedStateFault
from streams.engagement import consumer as consumers
from streams.engagement.errors import Stopping
from streams.engagement.summaries import ROLE
from streams.observability import metrics
from tests.support.engagement_log import TOPIC, LogEvent, events
from tests.support.engagement_role import LIMIT, FaultyStore, Role

pytestmark = pytest.mark.usefixtures("silent_logs")


def errors() -> float:
    return float(metrics.INTERNAL_ERRORS.labels(ROLE, "record")._value.get())


class TestPoisonEvents:
    def test_only_the_poison_is_refused(self) -> None:
        """Everything next to it is counted, in the same step, and each partition stands behind its last record."""
        batch = events(0, 5, 20) + events(1, 7, 20)
        poison = batch[13].video_id
        role, before = Role(FaultyStore({0: 5, 1: 7}, frozenset({poison})), batch), errors()
        role.step()
        assert sorted(role.store.counted) == sorted({message.video_id for message in batch} - {poison})
        assert role.bridge.refused == [(18, "internal-error")]
        assert role.store.stands == {0: 25, 1: 27}
        assert role.consumer.num_finished == len(batch)
        assert errors() - before == 3

    def test_an_event_that_cannot_be_read_by_a_bug_of_ours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The same where reading it fails otherwise than by a named refusal."""

        def read(message: LogEvent, now_unix_seconds: float) -> Any:
            if message.at_offset == 6:
                raise ZeroDivisionError
            return parse_event(message, now_unix_seconds)

        parse_event = consumers.parse_event
        monkeypatch.setattr(consumers, "parse_event", read)
        role = Role(FaultyStore({0: 5}), events(0, 5, 4))
        role.step()
        assert role.bridge.refused == [(6, "internal-error")]
        assert role.store.counted == ["v0-5", "v0-7", "v0-8"]

    def test_an_error_that_goes_away_costs_nothing(self) -> None:
        """Each event is tried again before it is given up."""
        faults = iter([ValueError("once"), ValueError("twice")])
        store = FaultyStore({0: 5}, frozenset({"v0-5"}), fault=lambda: next(faults, Stopping()))
        commit = store.commit

        def soon_well(*arguments: Any) -> None:
            try:
                commit(*arguments)
            except Stopping:
                store.poison = frozenset()
                commit(*arguments)

        store.commit = soon_well  # type: ignore[method-assign]
        role = Role(store, events(0, 5, 1))
        role.step()
        assert (role.store.counted, role.bridge.refused) == (["v0-5"], [])

    def test_what_all_events_share_ends_the_role(self) -> None:
        """No event is blamed for the store or for the order of offsets."""
        store = FaultyStore({0: 5}, frozenset({"v0-5"}), fault=lambda: SharedStateFault("offsets"))
        role = Role(store, events(0, 5, 4))
        with pytest.raises(SharedStateFault):
            role.step()
        assert role.bridge.refused == []

    def test_a_refusal_that_fails_ends_the_role(self) -> None:
        """Dead letters are shared: an event must not vanish without one."""
        role = Role(FaultyStore({0: 5}, frozenset({"v0-5"})), events(0, 5, 1))
        role.bridge.fault = RuntimeError("no dead letters")
        with pytest.raises(RuntimeError):
            role.step()
        assert role.store.stands == {0: 5}

    def test_a_partition_that_moved_on_within_the_parts_is_left_alone(self) -> None:
        """Its later parts would skip what is between, or count twice."""
        store = FaultyStore({0: 5}, frozenset({"v0-12"}), moves={0: 13})
        role = Role(store, events(0, 5, 8))
        role.step()
        assert [place.offset for place in role.client.sought] == [13]
        assert set(role.store.counted) < {f"v0-{offset}" for offset in range(5, 12)}
        assert role.consumer._partitions.positions == {0: 13}


class TestLimit:
    def test_one_event_waits_at_the_limit_and_is_counted_once_that_works(self) -> None:
        """A bug over every event writes no more dead letters than the limit, and loses none once it is mended."""
        batch = events(0, 5, 10)
        store = FaultyStore({0: 5}, frozenset(message.video_id for message in batch))
        role = Role(store, batch)
        for _ in range(5):
            role.step()
            assert role.held.is_paused
            assert role.client.committed.get(0, 8) == 8
            role.clock.advance(60.0)
        assert role.bridge.refused == [(5, "internal-error"), (6, "internal-error"), (7, "internal-error")]
        store.poison = frozenset()
        role.step()
        assert store.counted == [f"v0-{offset}" for offset in range(8, 15)]
        assert role.client.committed == {0: 15}
        assert not role.held.is_paused

    def test_the_other_partitions_are_counted_meanwhile(self) -> None:
        """An event that may not be given up stops what is behind it, and nothing else."""
        store = FaultyStore({0: 5, 1: 7}, frozenset(message.video_id for message in events(0, 5, 10)))
        role = Role(store, events(0, 5, 10) + events(1, 7, 20))
        role.step()
        assert store.stands == {0: 8, 1: 27}
        role.client.log[1] += events(1, 27, 5)
        role.step()
        assert store.stands == {0: 8, 1: 32}
        assert role.held.is_paused

    def test_it_is_tried_alone_and_less_and_less_often(self) -> None:
        """Each try costs three errors, however long the batch is, and comes after a longer wait."""
        batch = events(0, 5, 100)
        store = FaultyStore({0: 5}, frozenset(message.video_id for message in batch))
        role = Role(store, batch)
        role.step()
        before, tries = errors(), []
        for second in range(400):
            role.clock.advance(1.0)
            role.step()
            if errors() > before:
                tries.append(second)
                assert errors() - before == 3
                before = errors()
        waits = [later - earlier for earlier, later in pairwise(tries)]
        assert waits[0] < 8
        assert 30 <= waits[-1] <= 61
        assert len(role.bridge.refused) == LIMIT

    def test_the_window_frees_it(self) -> None:
        """Once the dead letters before it are old enough, it is given up like them, wherever it waits."""
        store = FaultyStore({0: 5}, frozenset(message.video_id for message in events(0, 5, 4)))
        role = Role(store, events(0, 5, 6))
        role.step()
        role.clock.advance(660.0)
        role.step()
        assert [offset for offset, _ in role.bridge.refused] == [5, 6, 7, 8]
        assert store.counted == ["v0-9", "v0-10"]
        assert not role.held.is_paused

    def test_a_partition_that_leaves_is_not_waited_for(self) -> None:
        """Somebody else holds it now: the role is not paused by it any more, and reads it if it comes back."""
        store = FaultyStore({0: 5}, frozenset(message.video_id for message in events(0, 5, 4)))
        role = Role(store, events(0, 5, 6))
        role.step()
        role.consumer._partitions.give_back(role.client, [TopicPartition(TOPIC, 0)])
        assert not role.held.is_paused
        store.stands[0] = 10
        role.assign(0)
        role.step()
        assert store.counted == ["v0-10"]

    def test_a_partition_that_somebody_else_counts_is_not_waited_for(self) -> None:
        """The same where the store reports it."""
        store = FaultyStore({0: 5}, frozenset(message.video_id for message in events(0, 5, 4)))
        role = Role(store, events(0, 5, 6))
        role.step()
        store.stands[0] = 10
        role.clock.advance(60.0)
        role.step()
        assert not role.held.is_paused
        role.step()
        assert store.counted == ["v0-10"]


class TestPlaces:
    def test_a_place_that_is_none_stops_its_partition_only(self) -> None:
        """The store has something else where a number belongs: the others are counted, and it goes on once mended."""
        store = FaultyStore({0: 5, 1: 7}, unreadable=frozenset({0}))
        role = Role(store, events(0, 5, 10) + events(1, 7, 20))
        role.step()
        assert store.stands == {0: 5, 1: 27}
        assert role.consumer.is_waiting
        store.unreadable = frozenset()
        role.clock.advance(60.0)
        role.step()
        role.step()
        assert store.stands == {0: 15, 1: 27}
        assert not role.consumer.is_waiting

    def test_a_place_that_is_none_any_more(self) -> None:
        """The same where it was one when the partition was assigned."""
        store = FaultyStore({0: 5, 1: 7})
        role = Role(store, events(0, 5, 10) + events(1, 7, 20))
        role.consumer._partitions.settle()
        store.unreadable = frozenset({1})
        role.step()
        assert store.stands == {0: 15, 1: 7}
        assert role.consumer.is_waiting
        assert role.consumer._partitions.committable() == {0: 15}
