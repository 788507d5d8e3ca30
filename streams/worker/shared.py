"""What all roles of a worker share, and what each uses of it: stores, publisher, dead letters, limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from redis.asyncio import Redis

from schemas.facts import Failure
from schemas.topics import TOPICS
from streams.config.settings import Role, Settings
from streams.dead_letters.dead_letters import DeadLetters
from streams.dead_letters.refused_uploads import RefusedUploads
from streams.decision.cost import Prices
from streams.decision.policy import Policy
from streams.decision.ruleset import Ruleset
from streams.delivery.attempts import Attempts
from streams.delivery.dead_letter_limit import DeadLetterLimit
from streams.delivery.held_events import HeldEvents
from streams.kafka.group_names import group_of
from streams.kafka.publisher import Publisher
from streams.lifecycle.clock import Clock
from streams.lifecycle.exclusive_board import ExclusiveBoard
from streams.lifecycle.fold_board import FoldBoard
from streams.lifecycle.release import release
from streams.monitoring.health_watch import Question
from streams.record import Record
from streams.recovery.audit import Audit
from streams.recovery.periodic_audit import PeriodicAudit, take_turn
from streams.recovery.rebuild import RebuildStores
from streams.similarity.picture_index import PictureIndex
from streams.similarity.vectors import Vectors
from streams.store.applied import AppliedOffsets
from streams.store.deadlines import Deadlines
from streams.store.fold_deaths import FactDeaths, FoldWatch
from streams.store.gaps import Gaps
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.store.rollback_detector import RollbackDetector
from streams.verdict.due_poller import DuePoller
from streams.verdict.expiry import Expiry, expiry_poller
from streams.verdict.followers import Follower
from streams.verdict.forgetting import Forgetting
from streams.verdict.stored_publishing import StoredPublishing
from streams.verdict.withdrawal import Withdrawal

_INTAKE_WAITS_SECONDS: Final = 1.0
"""Time limit for Redis to count the start of an event: longer than a busy one takes, and deletions may wait that
long."""

_BROKER_ANSWERS_SECONDS: Final = 2.5
"""Shorter than the time that readiness waits for an answer."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all roles of a worker share."""

    settings: Settings
    redis: Redis
    fold_redis: Redis
    """The same store through a client that calls `rollback_detector` at every new connection."""
    rollback_detector: RollbackDetector
    keys: Keys
    publisher: Publisher
    clock: Clock
    board: ExclusiveBoard | None = None
    """Read by the worker's parent process, if there is one."""
    exclusive_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the exclusive event, of any role, so that a death is attributed to one event."""

    def questions(self) -> dict[str, Question]:
        """Return the checks of readiness outside the worker itself."""

        async def store() -> bool:
            return bool(await self.redis.ping())

        async def broker() -> bool:
            return await asyncio.to_thread(self.publisher.is_answered, TOPICS[0], _BROKER_ANSWERS_SECONDS)

        return {"store": store, "broker": broker}

    def attempts(self) -> Attempts:
        """Return attempt counts of work that may end the process."""
        return Attempts(self.redis, self.keys, self.board, exclusive_turn=self.exclusive_turn)

    def intake_attempts(self) -> Attempts:
        """Return those of intake, whose deletions do not wait for the store."""
        return Attempts(
            self.redis,
            self.keys,
            self.board,
            name_key=self.keys.intake_attempts,
            exclusive_turn=self.exclusive_turn,
            longest_wait_seconds=_INTAKE_WAITS_SECONDS,
        )

    def limit(self, role: Role) -> DeadLetterLimit:
        """Return the limit on the role's dead letters by internal faults."""
        return DeadLetterLimit(
            role,
            self.clock,
            max_dead_letters=self.settings.dead_letter_limit,
            window_seconds=self.settings.dead_letter_limit_window_seconds,
        )

    def held(self, role: Role) -> HeldEvents:
        """Return the same limit for a role that holds its events in order."""
        return HeldEvents(
            role,
            self.clock,
            max_dead_letters=self.settings.dead_letter_limit,
            window_seconds=self.settings.dead_letter_limit_window_seconds,
        )

    def last_resort(self, role: Role) -> Callable[[Record, Failure], Awaitable[None]]:
        """Return a function that writes the dead letter of an event if even its failure cannot be reported."""
        return partial(self.dead_letters.write_bare, role=role)

    @property
    def dead_letters(self) -> DeadLetters:
        """The writer of dead letters."""
        settings = self.settings
        kept_seconds = settings.topic_retention_dead_letter_seconds
        refused_seconds = min(
            settings.refusal_retention_seconds, kept_seconds
        )  # a refusal contains its dead letter's position
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
            self.rollback_detector,
            settings.engagement_retention_seconds,
        )

    @property
    def gaps(self) -> Gaps:
        """Videos in a gap."""
        return Gaps(self.fold_redis, self.keys, release(), self.settings.deletion_marker_ttl_seconds)

    @property
    def fold_watch(self) -> FoldWatch:
        """Finds facts of which a worker dies; its parent process reads the board."""
        return FoldWatch(FoldBoard(self.board), FactDeaths(self.redis, self.keys))

    def ruleset(self, policy: Policy) -> Ruleset:
        """How facts are folded."""
        return Ruleset(policy, Prices.from_settings(self.settings), self.settings.log_epoch)

    @property
    def applied(self) -> AppliedOffsets:
        """Applied offsets of the verdict role's log."""
        return AppliedOffsets(self.fold_redis, self.keys, group_of(self.settings, "verdict"), self.rollback_detector)

    @property
    def vectors(self) -> Vectors:
        """The follower that writes embeddings to the spaces."""
        return Vectors(self.redis, self.keys)

    @property
    def picture_index(self) -> PictureIndex:
        """The follower that indexes hashes of pictures."""
        return PictureIndex(self.redis, self.keys)

    @property
    def expiring(self) -> Deadlines:
        """Times at which expiry is checked."""
        return Deadlines(self.redis, self.keys, self.keys.expiring())

    @property
    def expiry(self) -> Expiry:
        """Expiry of videos."""
        return Expiry(self.expiring, self.settings.video_retention_seconds)

    @property
    def followers(self) -> tuple[Follower, ...]:
        """All followers of outcomes."""
        return (self.vectors, self.picture_index, self.expiry)

    @property
    def expiry_poller(self) -> DuePoller:
        """The poller that removes expired videos."""
        kept_seconds = self.settings.video_retention_seconds
        return expiry_poller(self.outcomes, self.expiring, self.followers, kept_seconds, self.clock)

    @property
    def forgetting(self) -> Forgetting:
        """What a deletion needs."""
        tombstones = Deadlines(self.redis, self.keys, self.keys.tombstones())
        return Forgetting(tombstones, self.dead_letters, self.settings.tombstone_repeat_seconds)

    @property
    def withdrawal(self) -> Withdrawal:
        """Withdrawal by a deletion that waits in a gap."""
        return Withdrawal(self.gaps, self.publishing)

    @property
    def publishing(self) -> StoredPublishing:
        """The publisher of stored outcomes."""
        return StoredPublishing(self.outcomes, self.publisher, self.clock, self.forgetting, self.followers)

    def audit(self, policy: Policy) -> PeriodicAudit:
        """The background audit."""
        settings = self.settings
        stores = RebuildStores(
            self.outcomes, self.deadlines, self.applied, self.expiry, (self.vectors, self.picture_index)
        )
        audit = Audit(settings, self.ruleset(policy), stores, self.publisher, self.gaps, self.fold_watch)
        interval_seconds = settings.audit_interval_seconds
        turn = partial(take_turn, self.redis, self.keys, interval_seconds)
        return PeriodicAudit(audit, turn, interval_seconds, self.clock)
