"""Workers as members of several groups on a real Kafka: who gets what, and who is taken for dead."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from ops.local.worker_process import WorkerProcess
from streams.kafka.group_names import group_of
from streams.kafka.membership import MEMBERSHIP
from tests.pipeline import Pipeline, await_value

MEMBER_WORKER = (sys.executable, "-m", "tests.integration.member_worker")
ROLES = ("intake", "media", "verdict", "backfill")
PARTITIONS = 6
SETTLED_SECONDS = 120.0
"""Generous: a machine under load is slow."""

Assignment = dict[str, tuple[int, ...]]
"""Partition numbers by worker."""


class Groups:
    """Workers of all roles, and what the broker says of their groups."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._admin = AdminClient({"bootstrap.servers": pipeline.settings.kafka_bootstrap_servers})

    def start(self, name: str, **environment: str) -> WorkerProcess:
        """Start one worker, not awaited."""
        variables = {**self._pipeline.environment, "VIDSIGNAL_ROLES": ",".join(ROLES), **environment}
        worker = WorkerProcess(self._pipeline.folder, variables, name=name, command=MEMBER_WORKER)
        worker.start()
        self._pipeline.workers.append(worker)
        return worker

    def members(self, role: str) -> dict[str, tuple[str, tuple[int, ...]]] | None:
        """Client id and partition numbers by member id; None while a rebalance goes on."""
        group = group_of(self._pipeline.settings, role)  # type: ignore[arg-type]
        described = self._admin.describe_consumer_groups([group], request_timeout=30)[group].result(30)
        if described.state.name != "STABLE":
            return None
        return {
            member.member_id: (
                member.client_id,
                tuple(sorted(place.partition for place in member.assignment.topic_partitions)),
            )
            for member in described.members
        }

    def assignments(self, num_workers: int) -> list[Assignment] | None:
        """Of each group, once all have that many members."""
        found = []
        for role in ROLES:
            members = self.members(role)
            if members is None or len(members) != num_workers:
                return None
            found.append(dict(members.values()))
        return found

    def await_assignments(self, num_workers: int) -> list[Assignment]:
        """Wait until every group has that many members."""
        return await_value(
            lambda: self.assignments(num_workers), SETTLED_SECONDS, lambda: str([self.members(role) for role in ROLES])
        )


@pytest.fixture
def groups(tmp_path: Path, kafka: str, redis_url: str) -> Iterator[Groups]:
    with Pipeline.opened(
        tmp_path, bootstrap_servers=kafka, redis_url=redis_url, media_roots=[tmp_path], partitions=PARTITIONS
    ) as pipeline:
        yield Groups(pipeline)


class TestSamePartitions:
    def test_a_worker_has_the_same_partitions_in_all_groups_also_after_a_death(self, groups: Groups) -> None:
        """Of three workers each has its third, the same one in every group; after one is killed each has its half."""
        workers = [groups.start(f"worker-{number}") for number in range(3)]
        for worker in workers:
            worker.await_ready()
        before = groups.await_assignments(3)
        assert all(assignment == before[0] for assignment in before)
        assert sorted(len(numbers) for numbers in before[0].values()) == [2, 2, 2]
        workers[0].kill()
        after = groups.await_assignments(2)
        assert all(assignment == after[0] for assignment in after)
        assert sorted(number for numbers in after[0].values() for number in numbers) == list(range(PARTITIONS))

    def test_a_member_of_the_former_release_works_together_with_new_ones(self, groups: Groups) -> None:
        """In a rolling upgrade every partition has an owner at each step, no matter who leads a group."""
        older = groups.start("older", IS_FORMER_RELEASE="1")
        older.await_ready()
        first = groups.start("first")
        first.await_ready()
        for assignment in groups.await_assignments(2):
            assert sorted(number for numbers in assignment.values() for number in numbers) == list(range(PARTITIONS))
        groups.start("second").await_ready()
        older.close()
        upgraded = groups.await_assignments(2)
        assert all(assignment == upgraded[0] for assignment in upgraded)


class TestHeartbeats:
    def test_a_blocked_main_loop_costs_no_membership(self, groups: Groups) -> None:
        """It is blocked for longer than a session, first in the middle of an assignment, then in quiet operation."""
        blocked_seconds = MEMBERSHIP.session_seconds * 1.5
        worker = groups.start("blocked", BLOCKED_SECONDS=str(blocked_seconds), VIDSIGNAL_ROLES="intake")
        first = await_value(lambda: groups.members("intake") or None, SETTLED_SECONDS, lambda: "nobody joined")
        worker.await_ready()
        assert groups.members("intake") == first
        os.kill(worker.child.pid, signal.SIGUSR1)
        newcomer = groups.start("newcomer", VIDSIGNAL_ROLES="intake")
        newcomer.await_ready()
        members = await_value(lambda: groups.members("intake"), SETTLED_SECONDS, lambda: "no stable group")
        assert set(first) < set(members)
