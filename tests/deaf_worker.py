"""A worker whose consumers stop to fetch while a file exists: `python -m tests.deaf_worker`.

The file is named by `DEAF_WHILE`. Its consumers stay in their groups, send heartbeats and keep their partitions; they
only hand out nothing, which is how a role stops in silence.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from faust.types import TP

from streams.config.settings import read_settings
from streams.consumer.consumer_thread import Fetched
from streams.consumer.group_member import GroupMember
from streams.engagement.consumer import EngagementConsumer
from streams.worker.worker import run_worker

DEAF_WORKER = (sys.executable, "-m", "tests.deaf_worker")
DEAF_WHILE = "DEAF_WHILE"
_LOOK_SECONDS = 0.2


def is_deaf(role: str) -> bool:
    """Whether nothing may be fetched; a role that obeys says so by a file beside."""
    path = Path(os.environ[DEAF_WHILE])
    if path.exists():
        obeyed(path, role).touch()
    return path.exists()


def obeyed(path: Path, role: str) -> Path:
    """The file that is there once a role fetches nothing any more."""
    return path.with_suffix(f".{role}")


class DeafConsumer(GroupMember):
    """Waits, and finds no records."""

    async def _fetch(self, wanted: set[TP]) -> Fetched:
        if not is_deaf(self.policy.role):
            return await super()._fetch(wanted)
        await asyncio.sleep(_LOOK_SECONDS)
        return Fetched({}, {})


class DeafEngagement(EngagementConsumer):
    """The same in a thread."""

    def _step(self) -> None:
        if is_deaf("engagement"):
            time.sleep(_LOOK_SECONDS)
        else:
            super()._step()


if __name__ == "__main__":
    import streams.consumer.transport
    import streams.engagement.role

    streams.consumer.transport.SafeTransport.Consumer = DeafConsumer
    streams.engagement.role.EngagementConsumer = DeafEngagement  # type: ignore[misc]
    sys.exit(run_worker(read_settings()))
