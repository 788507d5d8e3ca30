"""A worker that has one event, run as a process of its own: `python -m tests.integration.attempting_worker <act>`.

It begins the event as roles do, prints that, and then waits for ever (`wait`) or is killed by the kernel (`die`).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

from streams.config.settings import read_settings
from streams.delivery.attempts import Attempts
from streams.lifecycle.parent import Family, run_under_parent
from streams.observability.logs import configure_logs
from streams.record import Place
from streams.store.client import open_store
from streams.store.keys import Keys
from streams.worker.note_death import note_command

PLACE = Place("video.uploaded", 1, 7)


async def work(act: str, family: Family) -> None:
    """Begin the event, unless it is given up."""
    settings = read_settings()
    redis = open_store(settings.redis_url.get_secret_value())
    attempts = Attempts(redis, Keys(settings.topic_prefix), family.board)
    attempt = await attempts.begin(PLACE)
    if attempt.must_run_exclusively and not attempt.is_hopeless:
        await attempts.begin_exclusively(PLACE)
    sys.stdout.write(json.dumps({"is_given_up": attempt.is_hopeless, "is_alone": attempt.must_run_exclusively}) + "\n")
    sys.stdout.flush()
    if attempt.is_hopeless:
        await redis.aclose()
        return
    if act == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.Event().wait()


def main() -> int:
    """Run under a parent process, as workers do that analyse media."""
    configure_logs("console", "info")

    def run(family: Family) -> int:
        asyncio.run(work(sys.argv[1], family))
        return 0

    return run_under_parent(run, note_command())


if __name__ == "__main__":
    sys.exit(main())
