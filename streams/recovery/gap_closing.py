"""Inputs and outputs of the gap retry: refolds from the log, and everything that depends on a video's state."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

from schemas.topics import SIGNALS
from streams.config.settings import Settings
from streams.decision.ruleset import Ruleset
from streams.lifecycle.clock import Clock
from streams.recovery.audit import decide_again
from streams.recovery.gap_retry import REFOLD_SECONDS, Refolded
from streams.recovery.rebuild import register_deadline
from streams.recovery.rebuilt import Rebuilt
from streams.recovery.refold import Scope, rebuilt_partition
from streams.recovery.refold_report import RefoldReport
from streams.store.deadlines import Deadlines
from streams.store.fold_deaths import FoldWatch
from streams.store.gaps import Gaps
from streams.store.outcomes import Outcomes
from streams.store.stored_case import spell
from streams.verdict.publishing import EventPublisher
from streams.verdict.stored_publishing import StoredPublishing


@dataclass(frozen=True, slots=True)
class LogRefold:
    """Reads a partition of the log in a thread, for some of its videos."""

    settings: Settings
    ruleset: Ruleset
    watch: FoldWatch

    async def __call__(self, partition: int, videos: Mapping[str, str]) -> Refolded:
        """Refold them. Raises BrokerUnavailable, TimeoutError."""
        until = monotonic() + REFOLD_SECONDS

        def go_on() -> None:
            if monotonic() > until:
                raise TimeoutError(f"partition {partition} of the log was not read within {REFOLD_SECONDS:g} s")

        topic, report = self.settings.topic_prefix + SIGNALS.name, RefoldReport()
        suspects = await self.watch.suspects(topic, partition)
        scope = Scope(only=videos, said=videos, suspects=suspects, board=self.watch.board, go_on=go_on)
        found = await asyncio.to_thread(rebuilt_partition, self.settings, self.ruleset, partition, None, scope, report)
        await self.watch.survived(topic, partition, report.survived)
        return Refolded(found, report.faults, report.seen, report.deletions, self.ruleset.log_generation)


@dataclass(frozen=True, slots=True)
class RepairVideo:
    """Registers and publishes what depends on a refolded state."""

    publishing: StoredPublishing
    outcomes: Outcomes
    gaps: Gaps
    deadlines: Deadlines
    publisher: EventPublisher
    ruleset: Ruleset
    clock: Clock

    async def __call__(self, video_id: str, video: Rebuilt | None) -> None:
        """May be repeated; without a refolded state only the stored one is published."""
        if video is not None:
            await register_deadline(self.deadlines, video.state)
        await self.publishing.publish_stored(video_id)
        # Readers keep the interim outcome, because its version is not lower: only a fact can supersede it.
        if video is not None and video.is_outdone and video.state.status != "pending":
            assert video.contradicted is not None
            await self._decide_again(video_id, video.state.revision, spell(video.contradicted))
        else:
            await self._outdo(video_id)

    async def _outdo(self, video_id: str) -> None:
        """Supersede the interim outcome, which may reach the topics later."""
        said = await self.gaps.said_before(video_id)
        stored = await self.outcomes.read(video_id) if said else None
        if said is None or stored is None or stored.state is None or stored.outcome is None:
            return
        if stored.state.status != "pending" and _version(said) >= _version(spell(stored.outcome.version)):
            await self._decide_again(video_id, stored.state.revision, said)

    async def _decide_again(self, video_id: str, revision: int, contradicted: str) -> None:
        await decide_again(self.publisher, self.ruleset, self.clock, video_id, revision, contradicted)


def _version(spelt: str) -> tuple[int, ...]:
    return tuple(int(part) for part in spelt.split("."))
