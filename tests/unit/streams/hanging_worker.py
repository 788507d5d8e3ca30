"""A worker whose role never stops: `python -m tests.unit.streams.hanging_worker`; it needs no broker and no store."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Any, cast

from streams.config.settings import read_settings
from streams.consumer.role_app import RoleApp
from streams.decision.policy_file import load_policy
from streams.delivery.unfinished import UnfinishedEvents
from streams.lifecycle.clock import SystemClock
from streams.observability.logs import configure_logs
from streams.record import Place, Record
from streams.worker import worker


class HangingRole:
    """Waits for ever when it is asked to stop, with one event in work."""

    role = "media"

    def __init__(self) -> None:
        self.unfinished = UnfinishedEvents("media", 60.0, SystemClock())
        self.unfinished.begin(Record(Place("video.uploaded", 0, 7), b"slow-video", b"", (), 0.0, 1), "frames")

    async def stop(self) -> None:
        await asyncio.Event().wait()


class HangingWorker(worker.Worker):
    """Opens nothing."""

    async def _serve(self, opened: AsyncExitStack) -> None:
        self._roles.add(cast("RoleApp", HangingRole()))
        sys.stdout.write("serving\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> int:
    """Serve until asked to stop."""
    configure_logs("json", "info")
    cast("Any", worker)._LONGEST_STOP_SECONDS = 0.2
    settings = read_settings(roles=("intake",), drain_timeout_seconds=0.1)
    return asyncio.run(HangingWorker(settings, load_policy(None), None).run())


if __name__ == "__main__":
    sys.exit(main())
