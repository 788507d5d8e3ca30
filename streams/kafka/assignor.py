"""The assignor of our groups: a worker gets the same partition numbers in all of them.

It joins under the name of the stock round-robin assignor, and sends the worker's id in its user data. Members of a
release without it use the same name and read no user data, so a group may contain both: the leader decides, and all
members follow. A separate name with this one as second choice does not work: aiokafka 0.14 sends one JoinGroup request
for each name, the first without the others, which a group with an older member refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import structlog
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from streams.kafka.assignment import share_out

_MARK: Final = b"vidsignal-worker/1:"
"""Prefix of our user data."""
_VERSION: Final = 0
"""Version of the consumer protocol."""

_log = structlog.get_logger(__name__)


class SamePartitions:
    """Assigns by worker ids. Implements aiokafka's assignor interface; each member has an instance that knows its
    worker.

    Args:
        worker_id: the same in all groups of the process, different for each process.
    """

    name: Final[str] = RoundRobinPartitionAssignor.name

    def __init__(self, worker_id: str) -> None:
        self._user_data = _MARK + worker_id.encode()

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """Return the metadata that this member sends when it joins."""
        return ConsumerProtocolMemberMetadata(_VERSION, list(topics), self._user_data)

    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Compute the assignment as the group's leader; each topic is distributed among the members that subscribe to
        it."""
        shares: dict[str, list[tuple[str, list[int]]]] = {member_id: [] for member_id in members}
        for topic in sorted({topic for metadata in members.values() for topic in metadata.subscription}):
            for member_id, partitions in _share_topic(cluster, topic, members).items():
                shares[member_id].append((topic, partitions))
        return {
            member_id: ConsumerProtocolMemberAssignment(_VERSION, share, b"") for member_id, share in shares.items()
        }

    @classmethod
    def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Do nothing: the same members give the same assignment."""


def _share_topic(
    cluster: ClusterMetadata, topic: str, members: Mapping[str, ConsumerProtocolMemberMetadata]
) -> dict[str, list[int]]:
    partitions = cluster.partitions_for_topic(topic)
    if partitions is None:
        _log.warning("topic without partitions; none assigned", topic=topic)
        return {}
    names = _worker_ids({name: metadata for name, metadata in members.items() if topic in metadata.subscription})
    shares = share_out(names.values(), partitions)
    return {member_id: list(shares[worker_id]) for member_id, worker_id in names.items() if shares[worker_id]}


def _worker_ids(members: Mapping[str, ConsumerProtocolMemberMetadata]) -> dict[str, str]:
    """Return worker ids by member; a member without one, or with the id of another member, is identified by its member
    id."""
    found: dict[str, str] = {}
    for member_id in sorted(members):
        told = _told(members[member_id].user_data)
        found[member_id] = member_id if told is None or told in found.values() else told
    return found


def _told(user_data: bytes | None) -> str | None:
    if user_data is None or not user_data.startswith(_MARK):
        return None
    return user_data.removeprefix(_MARK).decode("utf-8", "replace")
