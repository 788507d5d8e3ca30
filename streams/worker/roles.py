"""What each role consumes and does: connects stores, publisher and work."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from schemas.identity import MODALITIES, Lane
from schemas.topics import BACKFILL, SIGNALS, UPLOADED
from streams.backfill.creator_shares import CreatorShares, default_per_minute
from streams.backfill.live_share import LiveShare, LiveShareWork
from streams.backfill.work import BackfillWork, Readmission
from streams.config.settings import Role, Settings
from streams.consumer.resume_policy import ResumeFromKafka, ResumeFromStore
from streams.consumer.role_app import RoleSpec
from streams.decision.policy import Policy
from streams.delivery.breaker import Breakers
from streams.delivery.deferred_events import DeferredEvents
from streams.delivery.delivery import EventWork
from streams.delivery.live_priority_gate import LivePriorityGate
from streams.delivery.unexpected import INTERNAL_ERROR_ATTEMPTS
from streams.engagement.role import EngagementRole
from streams.intake.intake import AcceptanceRules, Intake, IntakeParts
from streams.kafka.topic_ids import BrokersTopicIds
from streams.lifecycle.fatal_error import FatalError
from streams.observability import metrics
from streams.recovery.gap_closing import LogRefold, RepairVideo
from streams.recovery.gap_retry import GapRetry
from streams.recovery.meanwhile import Meanwhile
from streams.store.claims import Claims
from streams.store.video_statuses import VideoStatuses
from streams.verdict.boundary import FoldBoundary
from streams.verdict.due_poller import deadline_poller, tombstone_poller
from streams.verdict.role import VerdictRole
from streams.worker.shared import Shared

if TYPE_CHECKING:
    from streams.analysis.engine import Engine

_LIGHT_EVENTS: Final = 64
"""Concurrent events of roles whose events cost a few round trips."""
_MEDIA_POLL_RECORDS: Final = 4
_MEDIA_BUFFER_RECORDS: Final = 1024
"""Holds polls of 51 partitions; uploads may be large, so it is not larger."""


def intake_spec(shared: Shared) -> RoleSpec:
    """Return the intake role: registers uploads."""
    settings = shared.settings
    deadlines: dict[Lane, float] = {
        "live": settings.default_deadline_seconds, "backfill": settings.backfill_deadline_seconds
    }  # fmt: skip
    return RoleSpec(
        role="intake",
        topic=UPLOADED,
        works={"intake": Intake(_intake_parts(shared), AcceptanceRules(MODALITIES, deadlines))},
        capacity=_LIGHT_EVENTS,
        rules=ResumeFromKafka(),
        attempts=shared.intake_attempts(),
        internal_error_attempts=INTERNAL_ERROR_ATTEMPTS,
        limit=shared.limit("intake"),
        last_resort=shared.last_resort("intake"),
        deferred_events=DeferredEvents(
            Breakers(shared.clock),
            shared.clock,
            capacity=_LIGHT_EVENTS,
            timeout_seconds=settings.source_outage_timeout_seconds,
        ),
    )


def _intake_parts(shared: Shared) -> IntakeParts:
    settings = shared.settings
    return IntakeParts(
        cases=VideoStatuses(shared.redis, shared.keys, settings.engagement_retention_seconds),
        deadlines=shared.deadlines,
        publisher=shared.publisher,
        dead_letters=shared.dead_letters,
        clock=shared.clock,
        topic_ids=BrokersTopicIds(settings, shared.clock),
    )


def media_spec(shared: Shared, engine: Engine) -> RoleSpec:
    """Return the media role: media become signals."""
    settings = shared.settings
    return RoleSpec(
        role="media",
        topic=UPLOADED,
        works=_live_works(shared, engine),
        capacity=settings.max_concurrent_videos,
        rules=ResumeFromKafka(),
        attempts=shared.attempts(),
        device_fault_attempts=settings.device_fault_attempts,
        internal_error_attempts=INTERNAL_ERROR_ATTEMPTS,
        limit=shared.limit("media"),
        last_resort=shared.last_resort("media"),
        deferred_events=_watched_deferred_events(shared, engine),
        num_arrived=lambda: engine.media.bytes_fetched,
        poll_records=_MEDIA_POLL_RECORDS,
        buffer_records=_MEDIA_BUFFER_RECORDS,
    )


def backfill_spec(shared: Shared, engine: Engine, gate: LivePriorityGate) -> RoleSpec:
    """Return the backfill role: past uploads become signals while no live video is in flight."""
    settings = shared.settings
    metrics.BACKFILL_YIELDING.set_function(lambda: not gate.is_quiet)
    metrics.BACKFILL_PAUSED.set_function(lambda: gate.is_paused)
    return RoleSpec(
        role="backfill",
        topic=BACKFILL,
        works=_backfill_works(shared, engine.behind(gate)),
        capacity=settings.backfill_max_concurrent_videos,
        rules=ResumeFromKafka(),
        attempts=shared.attempts(),
        device_fault_attempts=settings.device_fault_attempts,
        internal_error_attempts=INTERNAL_ERROR_ATTEMPTS,
        limit=shared.limit("backfill"),
        last_resort=shared.last_resort("backfill"),
        deferred_events=_deferred_events(shared, engine),
        num_arrived=lambda: engine.media.bytes_fetched,
        poll_records=_MEDIA_POLL_RECORDS,
        buffer_records=_MEDIA_BUFFER_RECORDS,
        gate=gate,
    )


def backfill_gate(shared: Shared, engine: Engine, num_live: Callable[[], int]) -> LivePriorityGate:
    """Return the gate that keeps backfill off the device and out of the slots while more than the permitted live videos
    are in flight."""
    return LivePriorityGate(
        num_live=num_live,
        max_live=shared.settings.backfill_max_live_videos,
        hold=engine.inference.hold,
        clock=shared.clock,
    )


async def is_backfill_paused(shared: Shared) -> bool:
    """Return whether an operator paused backfill."""
    return bool(await shared.redis.exists(shared.keys.backfill_paused()))


def _live_works(shared: Shared, engine: Engine) -> Mapping[str, EventWork]:
    works = _modality_works(shared, engine, "media")
    per_minute = live_uploads_per_minute(shared.settings)
    if not per_minute:
        return works
    share = LiveShare(CreatorShares(per_minute), shared.publisher, BrokersTopicIds(shared.settings, shared.clock))
    return {modality: LiveShareWork(work, share) for modality, work in works.items()}


def live_uploads_per_minute(settings: Settings) -> int:
    """Return how many live uploads of a creator a worker analyses at once in a minute; 0 is unlimited.

    By default, only a worker that has the backfill role leaves uploads to it: elsewhere, perhaps no worker has it.
    """
    if settings.creator_live_uploads_per_minute is not None:
        return settings.creator_live_uploads_per_minute
    return default_per_minute(settings.decode_processes) if "backfill" in settings.roles else 0


def _backfill_works(shared: Shared, engine: Engine) -> Mapping[str, EventWork]:
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


def _deferred_events(shared: Shared, engine: Engine) -> DeferredEvents:
    return DeferredEvents(
        engine.breakers,
        shared.clock,
        capacity=shared.settings.max_deferred_events,
        timeout_seconds=shared.settings.source_outage_timeout_seconds,
    )


def _watched_deferred_events(shared: Shared, engine: Engine) -> DeferredEvents:
    deferred_events = _deferred_events(shared, engine)
    metrics.DEFERRED_EVENTS.set_function(lambda: deferred_events.num_deferred)
    metrics.MAX_DEFERRED_EVENTS.set(shared.settings.max_deferred_events)
    metrics.SOURCE_BREAKERS_OPEN.set_function(lambda: engine.breakers.num_open)
    return deferred_events


def engagement_role(shared: Shared, fatal_error: FatalError, worker_id: str) -> EngagementRole:
    """Return the engagement role: events become counts and summaries; it reads its topic without Faust."""
    return EngagementRole(
        shared.settings,
        shared.publisher,
        shared.dead_letters,
        fatal_error,
        shared.clock,
        worker_id,
        shared.held("engagement"),
        shared.board,
    )


def verdict_role(shared: Shared, policy: Policy) -> VerdictRole:
    """Return the role that folds facts and publishes outcomes."""
    ruleset = shared.ruleset(policy)
    boundary = FoldBoundary(
        shared.gaps,
        shared.dead_letters,
        shared.clock,
        ruleset.log_generation,
        shared.held("verdict"),
        shared.withdrawal,
    )
    return VerdictRole(
        shared.outcomes, shared.deadlines, shared.publisher, ruleset, shared.clock, shared.forgetting, shared.followers,
        boundary, shared.fold_watch,
    )  # fmt: skip


def gap_retry(shared: Shared, policy: Policy) -> GapRetry:
    """Return the background retry of videos in a gap."""
    ruleset, gaps, clock = shared.ruleset(policy), shared.gaps, shared.clock
    return GapRetry(
        gaps,
        shared.outcomes,
        LogRefold(shared.settings, ruleset, shared.fold_watch),
        RepairVideo(shared.publishing, shared.outcomes, gaps, shared.deadlines, shared.publisher, ruleset, clock),
        Meanwhile(gaps, shared.publisher, ruleset, shared.withdrawal, clock, shared.publishing.publish_again),
        clock,
    )


def verdict_background_work(shared: Shared, policy: Policy) -> Iterator[Coroutine[object, object, object]]:
    """Yield what a worker with the verdict role runs in the background until it stops."""
    yield gap_retry(shared, policy).run()
    yield shared.rollback_detector.watch(shared.fold_redis)
    if shared.settings.audit_interval_seconds:
        yield shared.audit(policy).run()
    yield deadline_poller(shared.outcomes, shared.deadlines, shared.publisher, shared.clock).run()
    yield tombstone_poller(shared.withdrawal, shared.clock).run()
    if shared.settings.video_retention_seconds:
        yield shared.expiry_poller.run()


def verdict_spec(shared: Shared, role: VerdictRole) -> RoleSpec:
    """Return the verdict role: signals become verdicts and feature records."""
    return RoleSpec(
        role="verdict",
        topic=SIGNALS,
        works={"verdict": role},
        capacity=_LIGHT_EVENTS,
        rules=ResumeFromStore(shared.applied),
        held=role.held,
        close=role.close,
    )


def _modality_works(shared: Shared, engine: Engine, role: Role) -> Mapping[str, EventWork]:
    # these import torch, which only the media and backfill roles need
    from streams.analysis.agents.agent_registry import AGENTS
    from streams.analysis.modality_work import MediaParts, ModalityWork

    parts = MediaParts(
        claims=Claims(
            shared.redis,
            shared.keys,
            shared.settings.claim_ttl_seconds,
            shared.settings.recognised_text_retention_seconds,
        ),
        publisher=shared.publisher,
        dead_letters=shared.dead_letters,
        engine=engine,
        clock=shared.clock,
        default_deadline_seconds=shared.settings.default_deadline_seconds,
        role=role,
    )
    return {modality: ModalityWork(agent, parts) for modality, agent in AGENTS.items()}
