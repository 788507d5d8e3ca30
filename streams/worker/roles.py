"""What each role consumes and does: the wiring between stores, publisher and work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Final

from redis.asyncio import Redis

from schemas.facts import Failure
from schemas.identity import MODALITIES, Lane
from schemas.topics import BACKFILL, SIGNALS, UPLOADED
from streams.backfill.work import BackfillWork, Readmission
from streams.config.settings import Role, Settings
from streams.consumer.apps import RoleSpec
from streams.consumer.consumer_rules import KafkaCommits, StoreKeepsUp
from streams.dead_letters.dead_letters import DeadLetters
from streams.dead_letters.refused_uploads import RefusedUploads
from streams.decision.cost import Prices
from streams.decision.policy import Policy
from streams.decision.ruleset import Ruleset
from streams.delivery.attempts import Attempts
from streams.delivery.backfill_gate import BackfillGate
from streams.delivery.breaker import Breakers
from streams.delivery.dead_letter_limit import DeadLetterLimit
from streams.delivery.delivery import Work
from streams.delivery.held_events import HeldEvents
from streams.delivery.parking import Parking
from streams.delivery.unexpected import INTERNAL_ERROR_ATTEMPTS
from streams.intake.intake import AcceptanceRules, Intake, IntakeParts
from streams.kafka.group_names import group_of
from streams.kafka.publisher import Publisher
from streams.kafka.topic_ids import BrokersTopicIds
from streams.lifecycle.alone_board import AloneBoard
from streams.lifecycle.clock import Clock
from streams.lifecycle.fold_board import FoldBoard
from streams.observability import metrics
from streams.record import Record
from streams.recovery.audit import Audit, AuditSweep, take_turn
from streams.recovery.gap_closing import LogRefold, MendVideo
from streams.recovery.gap_sweep import GapSweep, Meanwhile
from streams.recovery.rebuild import RebuildStores
from streams.similarity.vectors import Vectors
from streams.store.applied import AppliedOffsets
from streams.store.cases import Cases
from streams.store.claims import Claims
from streams.store.deadlines import Deadlines
from streams.store.gaps import Gaps
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.store.witness import Witness
from streams.verdict.boundary import FoldBoundary
from streams.verdict.expiry import Expiry, expiry_sweep
from streams.verdict.followers import Follower
from streams.verdict.forgetting import Forgetting
from streams.verdict.role import VerdictRole
from streams.verdict.sweep import Sweep
from streams.verdict.withdrawal import Withdrawal

if TYPE_CHECKING:
    from streams.analysis.engine import Engine

_INTAKE_WAITS_SECONDS: Final = 1.0
"""For Redis to count the start of an event: more than a busy one takes, and a deletion may wait so long."""
_LIGHT_EVENTS: Final = 64
"""In flight at once where an event costs a few round trips."""
_MEDIA_POLL_RECORDS: Final = 4
_MEDIA_BUFFER_RECORDS: Final = 1024
"""Holds polls of 51 partitions; uploads may be large, so it is not more."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all roles of a worker share."""

    settings: Settings
    redis: Redis
    fold_redis: Redis
    """The same store through a client that asks `witness` at every new connection."""
    witness: Witness
    keys: Keys
    publisher: Publisher
    clock: Clock
    board: AloneBoard | None = None
    """Read by the worker's parent process, where it has one."""
    alone_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whatever event runs alone, of whichever role: a death must speak of one."""

    def attempts(self) -> Attempts:
        """Counts of work that may take the process down."""
        return Attempts(self.redis, self.keys, self.board, alone_turn=self.alone_turn)

    def intake_attempts(self) -> Attempts:
        """The same of intake, whose deletions do not wait for the store."""
        return Attempts(
            self.redis,
            self.keys,
            self.board,
            name_key=self.keys.intake_attempts,
            alone_turn=self.alone_turn,
            longest_wait_seconds=_INTAKE_WAITS_SECONDS,
        )

    def limit(self, role: Role) -> DeadLetterLimit:
        """On the role's dead letters by faults of our own."""
        return DeadLetterLimit(
            role,
            self.clock,
            max_dead_letters=self.settings.dead_letter_limit,
            window_seconds=self.settings.dead_letter_limit_window_seconds,
        )

    def held(self, role: Role) -> HeldEvents:
        """The same limit, for a role whose events are held where they are."""
        return HeldEvents(
            role,
            self.clock,
            max_dead_letters=self.settings.dead_letter_limit,
            window_seconds=self.settings.dead_letter_limit_window_seconds,
        )

    def last_resort(self, role: Role) -> Callable[[Record, Failure], Awaitable[None]]:
        """Writes the dead letter of an event whose work cannot even say that it failed."""
        return partial(self.letters.write_bare, role=role)

    @property
    def letters(self) -> DeadLetters:
        """The dead letters' writer."""
        settings = self.settings
        kept_seconds = settings.topic_retention_dead_letter_seconds
        refused_seconds = min(settings.refusal_retention_seconds, kept_seconds)  # a refusal names its letter's place
        refused = RefusedUploads(self.redis, self.keys, refused_seconds, settings.max_refused_videos)
        return DeadLetters(self.publisher, self.redis, self.keys, self.clock, kept_seconds, refused)

    @property
    def deadlines(self) -> Deadlines:
        """Registered deadlines."""
        return Deadlines(self.redis, self.keys)

    @property
    def outcomes(self) -> Outcomes:
        """States and outcomes."""
        settings = self.settings
        return Outcomes(
            self.fold_redis,
            self.keys,
            settings.deletion_marker_ttl_seconds,
            self.witness,
            settings.engagement_retention_seconds,
        )

    @property
    def gaps(self) -> Gaps:
        """Videos whose facts wait."""
        return Gaps(
            self.fold_redis, self.keys, installed_version("vidsignal"), self.settings.deletion_marker_ttl_seconds
        )

    @property
    def fold_board(self) -> FoldBoard:
        """Where the parent process finds the fact that a worker died of."""
        return FoldBoard(self.board)

    def ruleset(self, policy: Policy) -> Ruleset:
        """How facts are folded."""
        return Ruleset(policy, Prices.from_settings(self.settings), self.settings.log_epoch)

    @property
    def applied(self) -> AppliedOffsets:
        """How far the verdict role's log is applied."""
        return AppliedOffsets(self.fold_redis, self.keys, group_of(self.settings, "verdict"), self.witness)

    @property
    def vectors(self) -> Vectors:
        """What follows outcomes into the embedding spaces."""
        return Vectors(self.redis, self.keys)

    @property
    def expiring(self) -> Deadlines:
        """When to see whether a video's time is up."""
        return Deadlines(self.redis, self.keys, self.keys.expiring())

    @property
    def expiry(self) -> Expiry:
        """What gives videos an end."""
        return Expiry(self.expiring, self.settings.video_retention_seconds)

    @property
    def followers(self) -> tuple[Follower, ...]:
        """Whoever is told of every outcome."""
        return (self.vectors, self.expiry)

    @property
    def expiry_sweep(self) -> Sweep:
        """What removes videos at their end."""
        kept_seconds = self.settings.video_retention_seconds
        return expiry_sweep(self.outcomes, self.expiring, self.followers, kept_seconds, self.clock)

    @property
    def forgetting(self) -> Forgetting:
        """What a deletion needs."""
        tombstones = Deadlines(self.redis, self.keys, self.keys.tombstones())
        return Forgetting(tombstones, self.letters, self.settings.tombstone_repeat_seconds)

    @property
    def withdrawal(self) -> Withdrawal:
        """What a deletion does that waits in a gap."""
        return Withdrawal(self.gaps, self.publisher, self.followers, self.forgetting)

    def audit(self, policy: Policy) -> AuditSweep:
        """The background audit."""
        settings = self.settings
        stores = RebuildStores(self.outcomes, self.deadlines, self.applied, self.expiry, (self.vectors,))
        audit = Audit(settings, self.ruleset(policy), stores, self.publisher, self.gaps, self.fold_board)
        interval_seconds = settings.audit_interval_seconds
        turn = partial(take_turn, self.redis, self.keys, interval_seconds)
        return AuditSweep(audit, turn, interval_seconds, self.clock)


def intake_spec(shared: Shared) -> RoleSpec:
    """Uploads become cases."""
    settings = shared.settings
    parts = IntakeParts(
        cases=Cases(shared.redis, shared.keys, settings.engagement_retention_seconds),
        deadlines=shared.deadlines,
        publisher=shared.publisher,
        letters=shared.letters,
        clock=shared.clock,
        topic_ids=BrokersTopicIds(settings, shared.clock),
    )
    deadlines: dict[Lane, float] = {
        "live": settings.default_deadline_seconds, "backfill": settings.backfill_deadline_seconds
    }  # fmt: skip
    return RoleSpec(
        role="intake",
        topic=UPLOADED,
        works={"intake": Intake(parts, AcceptanceRules(MODALITIES, deadlines))},
        capacity=_LIGHT_EVENTS,
        rules=KafkaCommits(),
        attempts=shared.intake_attempts(),
        internal_error_attempts=INTERNAL_ERROR_ATTEMPTS,
        limit=shared.limit("intake"),
        last_resort=shared.last_resort("intake"),
        parking=Parking(
            Breakers(shared.clock),
            shared.clock,
            capacity=_LIGHT_EVENTS,
            patience_seconds=shared.settings.source_outage_timeout_seconds,
        ),
    )


def media_spec(shared: Shared, engine: Engine) -> RoleSpec:
    """Media becomes signals."""
    settings = shared.settings
    return RoleSpec(
        role="media",
        topic=UPLOADED,
        works=_modality_works(shared, engine, "media"),
        capacity=settings.max_concurrent_videos,
        rules=KafkaCommits(),
        attempts=shared.attempts(),
        device_fault_attempts=settings.device_fault_attempts,
        internal_error_attempts=INTERNAL_ERROR_ATTEMPTS,
        limit=shared.limit("media"),
        last_resort=shared.last_resort("media"),
        parking=_watched_parking(shared, engine),
        num_arrived=lambda: engine.media.bytes_fetched,
        poll_records=_MEDIA_POLL_RECORDS,
        buffer_records=_MEDIA_BUFFER_RECORDS,
    )


def backfill_spec(shared: Shared, engine: Engine, gate: BackfillGate) -> RoleSpec:
    """Past uploads become signals, when no live one is in flight."""
    settings = shared.settings
    metrics.BACKFILL_YIELDING.set_function(lambda: not gate.is_quiet)
    metrics.BACKFILL_PAUSED.set_function(lambda: gate.is_paused)
    return RoleSpec(
        role="backfill",
        topic=BACKFILL,
        works=_backfill_works(shared, engine.behind(gate)),
        capacity=settings.backfill_max_concurrent_videos,
        rules=KafkaCommits(),
        attempts=shared.attempts(),
        device_fault_attempts=settings.device_fault_attempts,
        internal_error_attempts=INTERNAL_ERROR_ATTEMPTS,
        limit=shared.limit("backfill"),
        last_resort=shared.last_resort("backfill"),
        parking=_parking(shared, engine),
        num_arrived=lambda: engine.media.bytes_fetched,
        poll_records=_MEDIA_POLL_RECORDS,
        buffer_records=_MEDIA_BUFFER_RECORDS,
        door=gate,
    )


async def is_backfill_paused(shared: Shared) -> bool:
    """Whether an operator paused the lane."""
    return bool(await shared.redis.exists(shared.keys.backfill_paused()))


def _backfill_works(shared: Shared, engine: Engine) -> Mapping[str, Work]:
    readmission = Readmission(
        redis=shared.redis,
        keys=shared.keys,
        publisher=shared.publisher,
        expected=MODALITIES,
        deadline_seconds=shared.settings.backfill_deadline_seconds,
        clock=shared.clock,
    )
    works = _modality_works(shared, engine, "backfill")
    return {modality: BackfillWork(work, readmission) for modality, work in works.items()}


def _parking(shared: Shared, engine: Engine) -> Parking:
    return Parking(
        engine.breakers,
        shared.clock,
        capacity=shared.settings.max_deferred_events,
        patience_seconds=shared.settings.source_outage_timeout_seconds,
    )


def _watched_parking(shared: Shared, engine: Engine) -> Parking:
    parking = _parking(shared, engine)
    metrics.DEFERRED_EVENTS.set_function(lambda: parking.num_parked)
    metrics.MAX_DEFERRED_EVENTS.set(shared.settings.max_deferred_events)
    metrics.SOURCE_BREAKERS_OPEN.set_function(lambda: engine.breakers.num_open)
    return parking


def verdict_role(shared: Shared, policy: Policy) -> VerdictRole:
    """What folds facts and publishes what they make."""
    ruleset = shared.ruleset(policy)
    boundary = FoldBoundary(
        shared.gaps, shared.letters, shared.clock, ruleset.log_generation, shared.held("verdict"), shared.withdrawal
    )
    return VerdictRole(
        shared.outcomes, shared.deadlines, shared.publisher, ruleset, shared.clock, shared.forgetting, shared.followers,
        boundary, shared.fold_board,
    )  # fmt: skip


def gap_sweep(shared: Shared, policy: Policy, role: VerdictRole) -> GapSweep:
    """What folds videos again whose facts wait."""
    ruleset, gaps, clock = shared.ruleset(policy), shared.gaps, shared.clock
    return GapSweep(
        gaps,
        shared.outcomes,
        LogRefold(shared.settings, ruleset, shared.fold_board),
        MendVideo(role, shared.outcomes, gaps, shared.deadlines, shared.publisher, ruleset, clock),
        Meanwhile(gaps, shared.publisher, ruleset, shared.withdrawal, clock, role.publish_again),
        clock,
    )


def verdict_spec(shared: Shared, role: VerdictRole) -> RoleSpec:
    """Signals become verdicts and feature records."""
    return RoleSpec(
        role="verdict",
        topic=SIGNALS,
        works={"verdict": role},
        capacity=_LIGHT_EVENTS,
        rules=StoreKeepsUp(shared.applied),
        held=role.held,
        close=role.close,
    )


def _modality_works(shared: Shared, engine: Engine, role: Role) -> Mapping[str, Work]:
    # torch comes with these, and only workers of the media and backfill roles shall pay for it
    from streams.analysis.agents.catalogue import AGENTS
    from streams.analysis.modality_work import MediaParts, ModalityWork

    parts = MediaParts(
        claims=Claims(shared.redis, shared.keys, shared.settings.claim_ttl_seconds),
        publisher=shared.publisher,
        letters=shared.letters,
        engine=engine,
        clock=shared.clock,
        default_deadline_seconds=shared.settings.default_deadline_seconds,
        role=role,
    )
    return {modality: ModalityWork(agent, engine.provenance[modality], parts) for modality, agent in AGENTS.items()}
