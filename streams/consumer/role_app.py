"""The Faust app of each role: its group, topic, consumer and agents."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import faust

from schemas.facts import Failure
from schemas.topics import Topic
from streams.config.connection_checks import kafka_tls_files
from streams.config.settings import Role, Settings
from streams.config.tls import client_context
from streams.consumer.faust_role import FaustRole, Pausing
from streams.consumer.no_tables import NoTables
from streams.consumer.resume_policy import ResumePolicy
from streams.consumer.safe_consumer import ConsumerPolicy
from streams.consumer.transport import SafeTransport
from streams.delivery.admission import Admission, AdmissionGate, OpenGate
from streams.delivery.attempts import Attempts
from streams.delivery.committable_offsets import CommittableOffsets
from streams.delivery.dead_letter_limit import DeadLetterLimit
from streams.delivery.deferred_events import DeferredEvents
from streams.delivery.delivery import Delivery, EventWork, RoleDelivery
from streams.delivery.event_retries import RetryRules
from streams.delivery.held_events import HeldEvents
from streams.delivery.slot_cleanup import SlotCleanup
from streams.delivery.unfinished import UnfinishedEvents
from streams.kafka.client_id import client_id_of
from streams.kafka.group_names import group_of
from streams.kafka.membership import MEMBERSHIP, Membership
from streams.lifecycle.clock import Clock
from streams.lifecycle.fatal_error import FatalError, WorkerExit
from streams.observability import metrics
from streams.record import Record
from streams.store.applied import StoreBehindLog

_REBALANCE_SECONDS: Final = 30.0
"""How long a group waits for a member that sends heartbeats and does not rejoin, because its main loop is blocked, or
its last commits wait for an unavailable store. Longer than these commits take, so only a blocked main loop loses the
membership."""
_LONGEST_PAUSE_SECONDS: Final = 7 * 86_400.0
"""Longest time between two polls: with full buffers the client is not polled, and an operator may pause a role for
days. Heartbeats show whether a member is alive; the worker's watchdog checks its progress."""
_FETCH_WAIT_SECONDS: Final = 0.5
_EMBEDDED_FETCH_WAIT_SECONDS: Final = 0.05
"""The embedded broker does not answer a waiting fetch when a record arrives, so fetches wait for a short time only."""
_STOP_SECONDS: Final = 8.0
"""Time to leave the group and close connections, in addition to the drain."""
_SETTLE_SECONDS: Final = 2.0
"""Time for writing counts to Redis, which may be unavailable."""


@dataclass(frozen=True, slots=True)
class RoleSpec:
    """What a role consumes, and how."""

    role: Role
    topic: Topic
    works: Mapping[str, EventWork]
    """Work by agent; each agent receives every event."""
    capacity: int
    """Maximum number of concurrent events."""
    rules: ResumePolicy
    attempts: Attempts | None = None
    """Attempt counts, for work that may end the process."""
    device_fault_attempts: int = 1
    internal_error_attempts: int | None = None
    """Attempts before an unexpected error is answered; None if it ends the process."""
    limit: DeadLetterLimit | None = None
    """Limit on dead letters by internal faults."""
    held: HeldEvents | None = None
    """The same limit for a role that holds its events in order."""
    last_resort: Callable[[Record, Failure], Awaitable[None]] | None = None
    """Writes the dead letter of an event if even its failure cannot be reported."""
    poll_records: int = 64
    """Maximum number of records that one poll takes from the client's buffer."""
    buffer_records: int = 4096
    """Size of an agent's queue; a fifth of it must hold one poll of every assigned partition."""
    deferred_events: DeferredEvents | None = None
    """For a role whose media may be unavailable."""
    num_arrived: Callable[[], int] = lambda: 0
    """Grows while something arrives that an unfinished event waits for."""
    gate: AdmissionGate = OpenGate()  # noqa: RUF009  (it has no state)
    """Whether new events may start at all."""
    close: Callable[[], Awaitable[None]] | None = None
    """Ends what the works started outside their deliveries; called after these have ended."""


class RoleApp:
    """A role of this worker: its Faust app with everything that belongs to it.

    Args:
        settings: of the worker.
        spec: the role.
        fatal_error: receives fatal errors.
        clock: for waits.
        worker_id: the same for all roles of a process, different for each process.
        membership: in the role's group.
    """

    def __init__(
        self,
        settings: Settings,
        spec: RoleSpec,
        fatal_error: FatalError,
        clock: Clock,
        worker_id: str,
        membership: Membership = MEMBERSHIP,
    ) -> None:
        self.role = spec.role
        self.joined = asyncio.Event()
        """Set while records are delivered: cleared from a revocation until reading of the next assignment starts."""
        self.tracked_offsets = CommittableOffsets(len(spec.works))
        self.unfinished = UnfinishedEvents(spec.role, settings.slow_event_seconds, clock)
        self._fatal_error = fatal_error
        self._close_works = spec.close
        self._drain_timeout_seconds = settings.drain_timeout_seconds
        self._slot_cleanup = SlotCleanup(spec.attempts)
        on_suspend = spec.deferred_events.end if spec.deferred_events is not None else None
        self.admission = Admission(
            spec.capacity, spec.works, self._slot_cleanup.settle, on_suspend, spec.gate, spec.limit
        )
        pausing = spec.limit or spec.held
        if pausing is not None:
            metrics.ROLE_PAUSED.labels(spec.role).set_function(partial(_is_paused, pausing))
        if spec.role in ("media", "backfill"):
            metrics.CONCURRENT_VIDEOS.labels(spec.role).set_function(lambda: self.admission.num_slots)
            metrics.MAX_CONCURRENT_VIDEOS.labels(spec.role).set(spec.capacity)
        self.watched = FaustRole(
            spec.role,
            self.tracked_offsets,
            self.admission,
            self.unfinished,
            spec.deferred_events,
            spec.gate,
            pausing,
            num_arrived=spec.num_arrived,
            has_joined=self.joined.is_set,
            consumer_threads=self._consumer_threads,
        )
        """The role with the interface that the watchdog reads."""
        self._app = faust_app(settings, spec, worker_id, membership)
        self._app.transport = SafeTransport(
            self._app.conf.broker_consumer, self._app, self._policy(settings, spec), membership, worker_id
        )
        shared = self._shared(spec, clock)
        self._deliveries = [Delivery(name, work, shared) for name, work in spec.works.items()]
        for delivery in self._deliveries:
            _declare_agent(self._app, settings.topic_prefix + spec.topic.name, delivery)

    async def start(self) -> None:
        """Connect and ask to join the group; `joined` is set while records are delivered."""
        await self._app.start()

    async def stop(self) -> None:
        """Drain, commit, leave the group, and release unfinished events."""
        try:
            await asyncio.wait_for(self._app.stop(), self._drain_timeout_seconds + _STOP_SECONDS)
        finally:
            for delivery in self._deliveries:
                await delivery.cancel()
            if self._close_works is not None:
                await self._close_works()
            await self._slot_cleanup.drain(_SETTLE_SECONDS)

    def _consumer_threads(self) -> tuple[int, ...]:
        """Ids of the client's thread, if it is running."""
        service = getattr(self._app._consumer, "_thread", None)
        thread = getattr(service, "_thread", None)
        return () if thread is None or thread.native_id is None else (thread.native_id,)

    def report_fatal_error(self) -> None:
        """Report to the worker if Faust gave up."""
        if self._app.crashed:
            self._fatal_error.report(self._app.crash_reason or RuntimeError("Faust crashed"), role=self.role)

    def _refuse(self, error: Exception) -> None:
        """End the worker with the error that prevents consuming; for other errors a restart may help."""
        needs_rebuild = isinstance(error, StoreBehindLog)
        exit_code = WorkerExit.NEEDS_REBUILD if needs_rebuild else WorkerExit.CRASHED
        self._fatal_error.report(error, exit_code, role=self.role)

    def _policy(self, settings: Settings, spec: RoleSpec) -> ConsumerPolicy:
        embedded = settings.is_broker_embedded
        return ConsumerPolicy(
            role=spec.role,
            tracked_offsets=self.tracked_offsets,
            admission=self.admission,
            rules=spec.rules,
            drain_timeout_seconds=settings.drain_timeout_seconds,
            fetch_wait_seconds=_EMBEDDED_FETCH_WAIT_SECONDS if embedded else _FETCH_WAIT_SECONDS,
            is_broker_embedded=embedded,
            fatal_error_happened=self._fatal_error.happened,
            on_joined=self.joined.set,
            on_left=self.joined.clear,
            on_refusal=self._refuse,
        )

    def _shared(self, spec: RoleSpec, clock: Clock) -> RoleDelivery:
        return RoleDelivery(
            rules=RetryRules(spec.role, spec.device_fault_attempts, spec.internal_error_attempts, spec.deferred_events),
            admission=self.admission,
            tracked_offsets=self.tracked_offsets,
            fatal_error=self._fatal_error,
            clock=clock,
            unfinished=self.unfinished,
            attempts=spec.attempts,
            limit=spec.limit,
            last_resort=spec.last_resort,
        )


def _is_paused(limit: Pausing) -> float:
    return float(limit.is_paused)


class QuietApp(faust.App):
    """A Faust app that creates no folders, because it has no tables."""

    def _create_directories(self) -> None:
        """Do nothing."""


def faust_app(settings: Settings, spec: RoleSpec, worker_id: str, membership: Membership) -> QuietApp:
    """Build the app; it connects when it is started."""
    servers = settings.kafka_bootstrap_servers.split(",")
    return QuietApp(
        group_of(settings, spec.role),
        broker=[f"kafka://{server.strip()}" for server in servers],
        broker_credentials=_credentials(settings),
        value_serializer="raw",
        key_serializer="raw",
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        TableManager=NoTables,
        table_standby_replicas=0,
        processing_guarantee="at_least_once",
        broker_client_id=client_id_of(worker_id),
        broker_session_timeout=membership.session_seconds,
        broker_heartbeat_interval=membership.heartbeat_seconds,
        broker_rebalance_timeout=_REBALANCE_SECONDS,
        broker_max_poll_interval=_LONGEST_PAUSE_SECONDS,
        broker_max_poll_records=spec.poll_records,
        broker_commit_interval=1.0,
        consumer_metadata_max_age_ms=30_000,
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=spec.buffer_records,
        stream_wait_empty=True,
        stream_recovery_delay=0.0,
        producer_request_timeout=60.0,
    )


def _declare_agent(app: QuietApp, topic_name: str, delivery: Delivery) -> None:
    topic = app.topic(topic_name, key_type=bytes, value_type=bytes, value_serializer="raw", key_serializer="raw")

    async def consume(stream: Any) -> None:
        await delivery.consume(stream)

    app.agent(topic, name=f"{delivery.role}.{delivery.agent}")(consume)


def _credentials(settings: Settings) -> Any:
    protocol = settings.kafka_security_protocol
    if protocol == "PLAINTEXT":
        return None
    context = client_context(kafka_tls_files(settings)) if protocol.endswith("SSL") else None
    if protocol == "SSL":
        return faust.SSLCredentials(context=context)
    password = settings.kafka_sasl_password
    return faust.SASLCredentials(
        mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_sasl_username,
        password=password.get_secret_value() if password else None,
        ssl_context=context,
    )
