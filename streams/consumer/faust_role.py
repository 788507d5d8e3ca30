"""A Faust role, with the interface that the watchdog reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from streams.config.settings import Role
from streams.delivery.admission import Admission, AdmissionGate
from streams.delivery.committable_offsets import CommittableOffsets
from streams.delivery.deferred_events import DeferredEvents
from streams.delivery.live_priority_gate import LivePriorityGate
from streams.delivery.unfinished import UnfinishedEvents
from streams.progress.broker_facts import Partition
from streams.progress.watched import HeldRecord, Wait


class Pausing(Protocol):
    """A limit on dead letters by internal faults; callable from any thread."""

    @property
    def is_paused(self) -> bool:
        """Whether the limit pauses the role."""


class FaustRole:
    """Implements `streams.progress.watched.WatchedRole`; created on the event loop of the role.

    Args:
        role: its name.
        tracked_offsets: delivered and finished offsets.
        admission: its slots.
        unfinished: its events in flight.
        deferred_events: for a role whose media may be unavailable.
        gate: closed while no new event may start.
        limit: on dead letters by internal faults.
        num_arrived: grows while something arrives that an unfinished event waits for.
        has_joined: whether the consumer delivers records, by its own account.
        consumer_threads: the kernel's ids of the consumer's threads.
    """

    def __init__(
        self,
        role: Role,
        tracked_offsets: CommittableOffsets,
        admission: Admission,
        unfinished: UnfinishedEvents,
        deferred_events: DeferredEvents | None,
        gate: AdmissionGate,
        limit: Pausing | None = None,
        *,
        num_arrived: Callable[[], int],
        has_joined: Callable[[], bool],
        consumer_threads: Callable[[], Sequence[int]],
    ) -> None:
        self.role = role
        self._tracked_offsets = tracked_offsets
        self._admission = admission
        self._unfinished = unfinished
        self._deferred_events = deferred_events
        self._gate = gate
        self._limit = limit
        self._num_arrived = num_arrived
        self._has_joined = has_joined
        self._consumer_threads = consumer_threads
        self._loop_thread = threading.get_native_id()

    @property
    def has_joined(self) -> bool:
        """See `WatchedRole`."""
        return self._has_joined()

    @property
    def num_delivered(self) -> int:
        """See `WatchedRole`."""
        return self._tracked_offsets.num_delivered

    @property
    def num_finished(self) -> int:
        """See `WatchedRole`."""
        return self._tracked_offsets.num_finished + self._num_arrived()

    def handed_out(self, partition: Partition) -> int | None:
        """See `WatchedRole`."""
        return self._tracked_offsets.handed_out(partition)

    def held(self) -> Sequence[HeldRecord]:
        """See `WatchedRole`."""
        return self._unfinished.held()

    def waits_for(self) -> Wait | None:
        """See `WatchedRole`."""
        if self._limit is not None and self._limit.is_paused:
            return "dead-letter-limit"
        if not self._gate.is_open:
            return "paused" if isinstance(self._gate, LivePriorityGate) and self._gate.is_paused else "live-first"
        if self._deferred_events is not None and self._deferred_events.is_crowded:
            return "source-unavailable"
        return "slots-taken" if self._admission.is_full else None

    def thread_ids(self) -> Sequence[int]:
        """See `WatchedRole`."""
        return (self._loop_thread, *self._consumer_threads())
