"""The assignor as a group's leader asks it, with the members and the wire format of aiokafka."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.assignor import SamePartitions

WORKERS = st.lists(st.uuids().map(lambda value: value.hex), min_size=1, max_size=8, unique=True)


class Topics:
    """What the leader knows of the cluster.

    Args:
        num_partitions: by topic.
    """

    def __init__(self, **num_partitions: int) -> None:
        self._num_partitions = num_partitions

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        number = self._num_partitions.get(topic)
        return None if number is None else set(range(number))


def joined(worker_ids: Sequence[str], topic: str, member_prefix: str = "m") -> dict[str, Any]:
    """A group of these workers, its metadata encoded and decoded as on the wire."""
    return {
        f"{member_prefix}-{number}": over_the_wire(SamePartitions(worker_id).metadata([topic]))
        for number, worker_id in enumerate(worker_ids)
    }


def over_the_wire(metadata: ConsumerProtocolMemberMetadata) -> ConsumerProtocolMemberMetadata:
    decoded: ConsumerProtocolMemberMetadata = ConsumerProtocolMemberMetadata.decode(metadata.encode())
    return decoded


def older(topic: str) -> ConsumerProtocolMemberMetadata:
    """What a member of the release before tells."""
    return over_the_wire(RoundRobinPartitionAssignor.metadata([topic]))


def assigned(cluster: Topics, members: Mapping[str, Any], assignor: Any = SamePartitions) -> dict[str, list[int]]:
    """Partition numbers by member, over all of its topics."""
    answer = assignor.assign(cluster, members)
    return {
        member_id: sorted(number for _, numbers in share.assignment for number in numbers)
        for member_id, share in answer.items()
    }


class TestSamePartitions:
    @given(WORKERS, st.integers(1, 32))
    def test_a_worker_has_the_same_numbers_in_all_groups(self, workers: list[str], num_partitions: int) -> None:
        """Topics, member ids and the order of joining differ from group to group; the partitions' numbers do not."""
        cluster = Topics(uploads=num_partitions, signals=num_partitions)
        intake = assigned(cluster, joined(workers, "uploads"))
        verdict = assigned(cluster, joined(workers[::-1], "signals", member_prefix="other"))
        by_worker = {worker_id: intake[f"m-{number}"] for number, worker_id in enumerate(workers)}
        for number, worker_id in enumerate(workers[::-1]):
            assert verdict[f"other-{number}"] == by_worker[worker_id]

    def test_groups_with_other_members_share_out_on_their_own(self) -> None:
        """Workers of other roles: each group is complete and balanced among those who are in it."""
        cluster = Topics(uploads=12, signals=12)
        media = assigned(cluster, joined(["a", "b", "c", "d"], "uploads"))
        verdict = assigned(cluster, joined(["a", "b"], "signals"))
        assert sorted(len(numbers) for numbers in media.values()) == [3, 3, 3, 3]
        assert sorted(len(numbers) for numbers in verdict.values()) == [6, 6]

    def test_only_subscribers_of_a_topic_get_it(self) -> None:
        """Where a group's members subscribe to different topics, each topic goes to its own."""
        members = {**joined(["a"], "uploads", "first"), **joined(["b"], "signals", "second")}
        answer = SamePartitions.assign(Topics(uploads=2, signals=2), members)
        assert answer["first-0"].assignment == [("uploads", [0, 1])]
        assert answer["second-0"].assignment == [("signals", [0, 1])]

    def test_a_topic_that_the_broker_does_not_know_is_left_out(self) -> None:
        """Everybody still gets an answer, as the group waits for one."""
        assert assigned(Topics(), joined(["a", "b"], "uploads")) == {"m-0": [], "m-1": []}

    def test_two_members_that_tell_one_id_both_get_work(self) -> None:
        """A worker that lost its membership may be in the group twice until its first session ends."""
        answer = assigned(Topics(uploads=4), joined(["a", "a"], "uploads"))
        assert sorted(number for numbers in answer.values() for number in numbers) == [0, 1, 2, 3]
        assert [len(numbers) for numbers in answer.values()] == [2, 2]

    def test_a_new_leader_assigns_to_members_of_the_release_before(self) -> None:
        """They tell no worker id and get their part all the same."""
        members = {**joined(["a"], "uploads"), "older": older("uploads")}
        answer = assigned(Topics(uploads=4), members)
        assert sorted(answer) == ["m-0", "older"]
        assert [len(numbers) for numbers in answer.values()] == [2, 2]

    def test_a_leader_of_the_release_before_assigns_to_new_members(self) -> None:
        """It reads subscriptions and no user data."""
        members = {**joined(["a"], "uploads"), "older": older("uploads")}
        answer = assigned(Topics(uploads=4), members, RoundRobinPartitionAssignor)
        assert [len(numbers) for numbers in answer.values()] == [2, 2]

    def test_it_joins_under_the_name_of_the_release_before(self) -> None:
        """A group accepts only members that have a protocol in common."""
        assert SamePartitions("a").name == RoundRobinPartitionAssignor.name

    def test_user_data_that_is_not_ours_counts_as_none(self) -> None:
        """A foreign client in the group breaks nothing."""
        members = {
            "foreign": over_the_wire(ConsumerProtocolMemberMetadata(0, ["uploads"], b"\xff\x00")),
            **joined(["a"], "uploads"),
        }
        assert [len(numbers) for numbers in assigned(Topics(uploads=4), members).values()] == [2, 2]
