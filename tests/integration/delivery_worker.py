"""A worker for delivery tests, run as a process of its own: two fake agents on `video.uploaded`, no models.

An event's value says what it does: `{"waits": true}` takes until the key `LET_GO` is in Redis, `{"dies": true}` kills
the process, as the kernel does when memory runs out, `{"raises": true}` is a bug, `{"invalid": true}` is media
at fault, `{"fault": n}` is a device fault n times. Each agent notes every answer in Redis.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

from operators.errors import DeviceFault, InvalidMedia
from schemas.facts import Failure
from schemas.topics import SIGNALS, UPLOADED
from streams.config.settings import Settings, read_settings
from streams.consumer.resume_policy import ResumeFromKafka
from streams.consumer.role_app import RoleApp, RoleSpec
from streams.dead_letters.dead_letters import DeadLetters
from streams.delivery.admission import Slot
from streams.delivery.attempts import Attempts
from streams.kafka.clients import producer_configuration
from streams.kafka.publisher import Publisher
from streams.lifecycle.clock import SystemClock
from streams.lifecycle.fatal_error import FatalError
from streams.lifecycle.parent import Family, run_under_parent
from streams.observability.logs import configure_logs
from streams.record import Record
from streams.store.claims import Claims
from streams.store.client import open_store
from streams.store.keys import Keys
from streams.worker.note_death import note_command
from tests.integration.delivery_process import LET_GO

AGENTS = ("first", "second")
_LOOK_SECONDS = 0.1


class FakeWork:
    """Answers an event as its value says."""

    def __init__(
        self, agent: str, redis: Redis, publisher: Publisher, dead_letters: DeadLetters, claims: Claims
    ) -> None:
        self._agent = agent
        self._redis = redis
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._claims = claims
        self._faults: dict[bytes | None, int] = {}

    async def run(self, record: Record, slot: Slot) -> None:
        order = json.loads(record.value or b"{}")
        await self._redis.rpush(f"started:{self._agent}", record.key or b"")
        while order.get("waits") and not await self._redis.exists(LET_GO):
            await asyncio.sleep(_LOOK_SECONDS)
        self._misbehave(order, record)
        answer = json.dumps([record.key.decode() if record.key else "", self._agent, os.getpid()]).encode()
        stored = await self._claims.claim(f"{record.key!r}", self._agent, answer, revision=1)
        await self._publisher.publish(SIGNALS, record.key, stored)
        await self._redis.rpush(f"done:{self._agent}", record.key or b"")

    def _misbehave(self, order: dict[str, Any], record: Record) -> None:
        if order.get("dies"):
            os.kill(os.getpid(), signal.SIGKILL)
        if order.get("raises"):
            raise RuntimeError("a bug")
        if order.get("invalid"):
            raise InvalidMedia("media-unreadable", "the test wants it so")
        if self._faults.setdefault(record.key, order.get("fault", 0)) > 0:
            self._faults[record.key] -= 1
            raise DeviceFault("the test wants it so")

    async def fail(self, record: Record, slot: Slot, failure: Failure) -> None:
        await slot.once("dead-letter", lambda: self._dead_letters.write(record, failure, role="media"))
        await self._redis.rpush(f"failed:{self._agent}", f"{(record.key or b'').decode()} {failure.cause}")


async def main(settings: Settings, family: Family) -> int:
    redis, keys, clock, fatal_error = (
        open_store(settings.redis_url.get_secret_value()),
        Keys(),
        SystemClock(),
        FatalError(),
    )
    publisher = Publisher(producer_configuration(settings), settings.topic_prefix)
    dead_letters = DeadLetters(publisher, redis, keys, clock)
    claims = Claims(redis, keys, 3600)
    works = {agent: FakeWork(agent, redis, publisher, dead_letters, claims) for agent in AGENTS}
    spec = RoleSpec(
        role="media",
        topic=UPLOADED,
        works=works,
        capacity=settings.max_concurrent_videos,
        rules=ResumeFromKafka(),
        attempts=Attempts(redis, keys, family.board),
        device_fault_attempts=3,
        poll_records=8,
        buffer_records=512,
    )
    role = RoleApp(settings, spec, fatal_error, clock, worker_id=uuid4().hex)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await role.start()
    await role.joined.wait()
    sys.stdout.write(json.dumps({"event": "ready"}) + "\n")
    sys.stdout.flush()
    ends = [asyncio.ensure_future(stopped.wait()), asyncio.ensure_future(fatal_error.happened.wait())]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    await role.stop()
    await publisher.close()
    await redis.aclose()
    return int(fatal_error.exit_code)


def run() -> int:
    """Run under a parent process, as workers do that analyse media."""
    configure_logs("console", "info")
    settings = read_settings()
    return run_under_parent(lambda family: asyncio.run(main(settings, family)), note_command())


if __name__ == "__main__":
    sys.exit(run())
