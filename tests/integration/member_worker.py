"""A worker whose roles do nothing, run as a process of its own: it is a member of all groups, as a real one is.

`python -m tests.integration.member_worker`, settings as ever. It blocks its main loop for as long as
`BLOCKED_SECONDS` says, during its first assignment in each group, and again whenever SIGUSR1 comes. With
`IS_FORMER_RELEASE` it joins as workers did before they told who they are.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from typing import Any
from uuid import uuid4

from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from schemas.facts import Failure
from schemas.topics import BACKFILL, SIGNALS, UPLOADED
from streams.config.settings import Role, Settings, read_settings
from streams.consumer.resume_policy import ResumeFromKafka
from streams.consumer.role_app import RoleApp, RoleSpec
from streams.consumer.safe_consumer import SafeConsumer
from streams.delivery.admission import Slot
from streams.kafka.membership import MEMBERSHIP, Membership
from streams.lifecycle.clock import SystemClock
from streams.lifecycle.fatal_error import FatalError
from streams.observability.logs import configure_logs
from streams.record import Record

TOPICS_OF_ROLES: dict[Role, Any] = {"intake": UPLOADED, "media": UPLOADED, "verdict": SIGNALS, "backfill": BACKFILL}

FORMER = Membership(12.0, 3.0, 60.0, assignor=lambda _worker_id: RoundRobinPartitionAssignor)


class NoWork:
    """Is done at once."""

    async def run(self, record: Record, slot: Slot) -> None:
        """Do nothing."""

    async def fail(self, record: Record, slot: Slot, failure: Failure) -> None:
        """Never asked for."""


def new_role(
    settings: Settings, role: Role, fatal_error: FatalError, worker_id: str, membership: Membership
) -> RoleApp:
    spec = RoleSpec(role, TOPICS_OF_ROLES[role], {"none": NoWork()}, 8, ResumeFromKafka())
    return RoleApp(settings, spec, fatal_error, SystemClock(), worker_id, membership)


async def main() -> int:
    settings = read_settings()
    configure_logs("console", "info")
    fatal_error, worker_id = FatalError(), uuid4().hex
    is_former = bool(os.environ.get("IS_FORMER_RELEASE"))
    roles = [
        new_role(
            settings, role, fatal_error, uuid4().hex if is_former else worker_id, FORMER if is_former else MEMBERSHIP
        )
        for role in settings.roles
    ]
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_signal_handler(signal.SIGUSR1, block)
    await asyncio.gather(*(role.start() for role in roles))
    await asyncio.gather(*(role.joined.wait() for role in roles))
    sys.stdout.write(json.dumps({"event": "ready", "worker_id": worker_id}) + "\n")
    sys.stdout.flush()
    await stopped.wait()
    await asyncio.gather(*(role.stop() for role in roles))
    return int(fatal_error.exit_code)


def block() -> None:
    """As a call does that should have gone to a thread."""
    time.sleep(float(os.environ.get("BLOCKED_SECONDS", "0")))


def block_during_first_assignment() -> None:
    take = SafeConsumer.on_partitions_assigned
    has_blocked: set[Any] = set()

    async def take_blocked(self: SafeConsumer, assigned: Any, generation_id: int = 0) -> None:
        if self not in has_blocked:
            has_blocked.add(self)
            block()
        await take(self, assigned, generation_id)

    SafeConsumer.on_partitions_assigned = take_blocked  # type: ignore[method-assign]


if __name__ == "__main__":
    block_during_first_assignment()
    sys.exit(asyncio.run(main()))
