"""A worker for `bench recovery`, run as a separate process: real intake and verdict, a stand-in for media.

The stand-in waits instead of decoding, and publishes a signal for every modality; so recovery of groups is measured and
not the speed of analysis. With the argument `former` it is a member of the previous release: a session of 12 seconds,
round robin over names that differ between groups, and rebalances that wait for all running work.
"""

from __future__ import annotations

import asyncio
import math
import sys
from contextlib import AsyncExitStack
from typing import Final
from uuid import uuid4

from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from schemas.codec import decode_upload_or_deletion, event_headers
from schemas.facts import Failure, Signal
from schemas.identity import MODALITIES, Modality
from schemas.topics import SIGNALS, UPLOADED
from schemas.uploads import VideoUploaded
from streams.config.settings import read_settings
from streams.consumer.resume_policy import ResumeFromKafka
from streams.consumer.role_app import RoleApp, RoleSpec
from streams.decision.policy_file import load_policy
from streams.delivery.admission import Slot
from streams.delivery.delivery import EventWork
from streams.kafka.membership import Membership
from streams.kafka.publisher import Publisher
from streams.lifecycle.clock import Clock
from streams.observability.logs import configure_logs
from streams.record import Record
from streams.worker.shared import Shared
from streams.worker.worker import Worker

FORMER: Final = "former"
FORMER_MEMBERSHIP: Final = Membership(
    session_seconds=12.0,
    heartbeat_seconds=3.0,
    rebalance_drain_seconds=math.inf,
    assignor=lambda _worker_id: RoundRobinPartitionAssignor,
)
WORK_SECONDS: Final = 0.5
"""Per video; about the duration of a short clip."""
_SLOTS: Final = 64


class StandIn:
    """An agent that publishes an unremarkable signal.

    Args:
        modality: of the signal.
        publisher: of the worker.
        clock: for timestamps and waits.
    """

    def __init__(self, modality: Modality, publisher: Publisher, clock: Clock) -> None:
        self._modality = modality
        self._publisher = publisher
        self._clock = clock

    async def run(self, record: Record, slot: Slot) -> None:
        """Wait as long as a short clip takes, and publish a signal."""
        del slot
        upload = decode_upload_or_deletion(record.value)
        assert isinstance(upload, VideoUploaded)  # the benchmark deletes nothing
        await self._clock.sleep(WORK_SECONDS)
        signal = self._signal(upload)
        headers = event_headers(
            signal, event_id=signal.signal_id, source="/bench", now_unix_seconds=signal.produced_unix_seconds
        )
        await self._publisher.publish(SIGNALS, upload.video_id, signal, headers=headers)

    async def fail(self, record: Record, slot: Slot, failure: Failure) -> None:
        """Never called: nothing here can fail."""
        del slot
        raise RuntimeError(f"{record.place} failed with {failure.cause}: {failure.message}")

    def _signal(self, upload: VideoUploaded) -> Signal:
        return Signal(
            signal_id=f"{upload.video_id}-{upload.revision}-{self._modality}",
            video_id=upload.video_id,
            revision=upload.revision,
            modality=self._modality,
            status="ok",
            generation=1,
            fingerprint="stand-in",
            produced_unix_seconds=self._clock.now_unix_seconds(),
            is_present=False,
        )


class RecoveryWorker(Worker):
    """A worker without an engine."""

    async def _join_heavy_roles(self, shared: Shared, opened: AsyncExitStack) -> None:
        del opened
        works: dict[str, EventWork] = {
            modality: StandIn(modality, shared.publisher, self._clock) for modality in MODALITIES
        }
        await self._join(RoleSpec("media", UPLOADED, works, _SLOTS, ResumeFromKafka()))


class FormerWorker(RecoveryWorker):
    """Its roles have another name in each group, and sessions and rebalances of the previous release."""

    def _new_role(self, spec: RoleSpec) -> RoleApp:
        return RoleApp(self._settings, spec, self._fatal_error, self._clock, uuid4().hex, FORMER_MEMBERSHIP)


def main() -> int:
    """Run a worker by its settings."""
    settings = read_settings()
    configure_logs(settings.log_format, settings.log_level)
    kind = FormerWorker if sys.argv[1:] == [FORMER] else RecoveryWorker
    worker = kind(settings, load_policy(settings.policy_file), None)
    return asyncio.run(worker.run())


if __name__ == "__main__":
    sys.exit(main())
