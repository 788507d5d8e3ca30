"""A worker whose consumers stop to fetch while a file exists: `python -m tests.paused_fetch_worker`.

The file is named by `FETCH_PAUSED_WHILE`. Its consumers stay in their groups, send heartbeats and keep their
partitions; they only hand out nothing, which is how a role stops in silence.
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

PAUSED_FETCH_WORKER = (sys.executable, "-m", "tests.paused_fetch_worker")
FETCH_PAUSED_WHILE = "FETCH_PAUSED_WHILE"
_LOOK_SECONDS = 0.2


def is_paused(role: str) -> bool:
    """Whether nothing may be fetched; a role that obeys creates a second file."""
    path = Path(os.environ[FETCH_PAUSED_WHILE])
    if path.exists():
        obeyed(path, role).touch()
    return path.exists()


def obeyed(path: Path, role: str) -> Path:
    """The file that is there once a role fetches nothing any more."""
    return path.with_suffix(f".{role}")


class PausedConsumer(GroupMember):
    """Waits, and finds no records."""

    async def _fetch(self, wanted: set[TP]) -> Fetched:
        if not is_paused(self.policy.role):
            return await super()._fetch(wanted)
        await asyncio.sleep(_LOOK_SECONDS)
        return Fetched({}, {})


class PausedEngagement(EngagementConsumer):
    """The same in a thread."""

    def _step(self) -> None:
        if is_paused("engagement"):
            time.sleep(_LOOK_SECONDS)
        else:
            super()._step()


if __name__ == "__main__":
    import streams.consumer.transport
    import streams.engagement.role

    streams.consumer.transport.SafeTransport.Consumer = PausedConsumer
    streams.engagement.role.EngagementConsumer = PausedEngagement  # type: ignore[misc]
    sys.exit(run_worker(read_settings()))
