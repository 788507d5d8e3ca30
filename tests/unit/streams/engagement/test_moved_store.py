"""Somebody else counts on, or the store went back, while a batch is in hand: nothing of it is counted over that."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from schemas.facts import Failure
from streams.engagement.batch_board import Suspects
from streams.engagement.batch_changes import Changes, Found
from streams.lifecycle.own_deaths import OwnDeaths
from streams.record import Place
from tests.support.engagement_log import events
from tests.support.engagement_role import FaultyStore, Role

pytestmark = pytest.mark.usefixtures("silent_logs")


class TestMovedStore:
    """Somebody else counts on, or the store went back, while a batch is in hand: nothing of it is counted over that."""

    def test_while_an_event_is_given_up(self) -> None:
        """The store went back between the last try and the dead letter: what is between is not passed over."""
        store = FaultyStore({0: 10}, frozenset({"v0-10"}))
        role = Role(store, events(0, 5, 12))
        may_give_up, older = role.held.may_give_up, iter([5])

        def fail_over(place: Place, failure: Failure) -> bool:
            store.stands[0] = next(older, store.stands[0])
            return may_give_up(place, failure)

        role.held.may_give_up = fail_over  # type: ignore[method-assign]
        role.step()
        assert (store.stands, role.bridge.refused, store.counted) == ({0: 5}, [], [])
        role.step()
        assert store.counted == [f"v0-{offset}" for offset in range(5, 17) if offset != 10]

    def test_while_a_suspect_is_given_up(self) -> None:
        """The same of an event that ended workers."""
        store = FaultyStore({0: 10}, deaths={0: Suspects(12, 12, OwnDeaths(2))})
        role = Role(store, events(0, 5, 12))
        commit = store.commit

        def fail_over(transaction: Any, changes: Changes, found: Found) -> None:
            commit(transaction, changes, found)
            if changes.positions == {0: 12}:
                store.stands[0] = 5

        store.commit = fail_over  # type: ignore[method-assign]
        role.step()
        assert (store.stands, role.bridge.refused, store.counted) == ({0: 5}, [], ["v0-10", "v0-11"])

    def test_a_part_that_the_part_before_does_not_lead_up_to(self) -> None:
        """Whatever took the part before out of the batch, what follows is not counted at any believed position."""
        store = FaultyStore({0: 5})
        role = Role(store, events(0, 5, 8))
        role.consumer._partitions.settle()
        role.consumer._in_hand, role.consumer._began = {0: events(0, 5, 8)}, {0: 5}
        later = {0: events(0, 9, 4)}
        role.consumer._count(later)
        assert (store.counted, later, store.stands) == ([], {}, {0: 5})
        assert [place.offset for place in role.client.sought] == [5]

    def test_events_that_are_counted_already_are_not_counted_again(self) -> None:
        """The client handed them out twice."""
        role = Role(FaultyStore({0: 5}), events(0, 5, 8))
        role.step()
        role.client.standing[0] = 7
        role.step()
        assert len(role.store.counted) == 8
        assert role.client.standing == {0: 13}

    def test_while_nothing_comes_in(self) -> None:
        """An older copy reports it to nobody: what it lost is counted again, and nothing is committed over it."""
        role = Role(FaultyStore({0: 5, 1: None}), events(0, 5, 8))
        role.step()
        role.clock.advance(5.0)
        role.step()
        assert role.client.committed == {0: 13}
        role.store.stands[0], role.client.committed = 6, {}
        role.clock.advance(5.0)
        role.step()
        assert role.client.committed == {0: 6}
        role.step()
        assert role.store.stands[0] == 13
        assert role.store.counted[-1] == "v0-12"

    @pytest.mark.parametrize("idle_seconds", [0.0, 60.0])
    def test_before_the_client_reads(self, idle_seconds: float) -> None:
        """The last batch of the former owner lands late, and the client refuses to seek yet: that ends no worker.

        Met with a batch, or in the look at the store without one.
        """
        role = Role(FaultyStore({0: 5}), events(0, 5, 8))
        role.consumer._partitions.settle()

        def refuse(place: TopicPartition) -> None:
            del place
            raise KafkaException(KafkaError(KafkaError._STATE))

        role.client.seek = refuse  # type: ignore[method-assign]
        role.store.stands[0] = 9
        role.clock.advance(idle_seconds)
        late = role.client.log.pop(0)
        role.client.log[0] = [] if idle_seconds else late
        role.step()
        role.client.log[0] = late
        role.step()
        assert role.store.counted == ["v0-9", "v0-10", "v0-11", "v0-12"]

    def test_while_its_event_is_held(self) -> None:
        """The partition that waits is read from there at once."""
        store = FaultyStore({0: 9}, frozenset(event.video_id for event in events(0, 9, 10)))
        role = Role(store, events(0, 5, 15))
        role.step()
        assert role.held.is_paused
        store.stands[0] = 5
        role.clock.advance(5.0)  # too short for another try
        role.consumer._partitions.held.hold(0, 12, role.clock.monotonic_seconds())
        role.step()
        assert not role.held.is_paused
        role.step()
        assert store.counted[:4] == ["v0-5", "v0-6", "v0-7", "v0-8"]
