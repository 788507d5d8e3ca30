"""An audit goes on where one video fails, and says nothing of a video whose facts wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from redis.exceptions import ResponseError

from schemas.codec import encode
from schemas.outcomes import Outcome, Version
from streams.config.settings import Settings
from streams.decision.cost import Prices
from streams.decision.policy_file import load_policy
from streams.decision.ruleset import Ruleset
from streams.recovery.audit import Audit, AuditFinding, _Look
from streams.recovery.rebuild import RebuildStores
from streams.recovery.rebuilt import Rebuilt
from streams.recovery.refold_report import RefoldReport
from streams.store.served import Served, encoded, status_of
from streams.store.stored_case import StoredVideo
from tests.fakes import MemoryPublisher
from tests.sample_facts import EXPECTED, accepted
from tests.unit.streams.verdict.folding import ALL_SIGNALS, fold_all

pytestmark = pytest.mark.usefixtures("silent_logs")

RULESET = Ruleset(load_policy(None), Prices(1.0, 1.0, 1.0, 1.0), log_generation=0)
BAD, GOOD = "video-bad", "video-good"
LAST = fold_all([accepted(expected=EXPECTED), *ALL_SIGNALS])[-1]
assert LAST.state is not None
VIDEO = Rebuilt(LAST.state, LAST.outcome, is_published=False)
STORED = StoredVideo(LAST.state, LAST.outcome, is_published=True)


@dataclass
class World:
    """A store in which one step fails over one of two videos."""

    step: str = ""
    fault: Exception = field(default_factory=lambda: ValueError("a bug of one video"))
    stored: StoredVideo = STORED
    topics: MemoryPublisher = field(default_factory=MemoryPublisher)
    marked: list[str] = field(default_factory=list)

    def _fail(self, step: str, video_id: str) -> None:
        if (step, video_id) == (self.step, BAD):
            raise self.fault

    async def restore(self, video_id: str, *_: Any, **__: Any) -> bool:
        self._fail("restore", video_id)
        return False

    async def read(self, video_id: str) -> StoredVideo:
        self._fail("read", video_id)
        return self.stored

    async def read_served(self, video_id: str) -> Served:
        self._fail("read_served", video_id)
        state, outcome = self.stored.state, self.stored.outcome
        assert state is not None
        assert outcome is not None
        if self.stored.is_withdrawn:
            return Served(self.stored, {}, None, {}, {})
        names = status_of(state, outcome), encoded(outcome.record.features), encoded(outcome.record.embeddings)
        status, features, embeddings = (_as_read(fields) for fields in names)
        return Served(self.stored, status, encode(outcome.verdict), features, embeddings)

    async def serve_again(self, *_: Any) -> bool:
        return False

    async def mark_published(self, video_id: str, _version: Version) -> bool:
        self.marked.append(video_id)
        return True

    async def differences(self, video_id: str, _outcome: Outcome | None) -> list[str]:
        self._fail("differences", video_id)
        return []

    async def replace(self, _outcome: Outcome) -> None:
        return

    async def register(self, *_: Any) -> None:
        return

    @property
    def audit(self) -> Audit:
        told: Any = self
        return Audit(Settings(), RULESET, RebuildStores(told, told, told, told, (told,)), self.topics)

    async def repair(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Run an audit that finds the same of both videos."""
        findings = [AuditFinding(video_id, "store-behind", "") for video_id in (BAD, GOOD)]
        videos = {BAD: VIDEO, GOOD: VIDEO}
        audit = self.audit

        async def look(_place: tuple[str, int]) -> _Look:
            return _Look(videos, videos, RefoldReport(), findings)

        monkeypatch.setattr(audit, "_look_twice", look)
        monkeypatch.setattr("streams.recovery.audit.log_ends", lambda _settings: {("video.signals", 0): 1})
        await audit.run(is_repairing=True)


def _as_read(fields: Mapping[str, Any]) -> dict[bytes, bytes]:
    return {name.encode(): value if isinstance(value, bytes) else str(value).encode() for name, value in fields.items()}


@pytest.mark.parametrize("step", ["restore", "read", "read_served", "differences"])
async def test_a_video_that_cannot_be_repaired_stops_no_other(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """The next audit tries again."""
    world = World(step)
    await world.repair(monkeypatch)
    assert GOOD in world.marked


async def test_a_fault_of_the_store_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that refuses for a reason of its own is no video's fault."""
    world = World("restore", ResponseError("MISCONF Redis is configured to save RDB snapshots"))
    with pytest.raises(ResponseError, match="MISCONF"):
        await world.repair(monkeypatch)


@pytest.mark.parametrize("step", ["read_served", "differences"])
async def test_a_video_that_cannot_be_compared_is_a_finding(step: str) -> None:
    """It is named, and the others are compared."""
    assert LAST.outcome is not None
    world, last = World(step), [LAST.outcome.version] * 2
    audit = world.audit
    videos = {BAD: VIDEO, GOOD: VIDEO}
    found = [await audit._compare(video_id, last, videos) for video_id in (BAD, GOOD)]
    words = [finding.words if finding else "" for finding in found]
    assert "a bug of one video" in words[0]
    assert "a bug of one video" not in words[1]


async def test_nothing_is_published_of_a_video_whose_facts_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its state keeps a deleted outcome for as long as its deletion waits."""
    world = World(stored=replace(STORED, is_in_gap=True, is_withdrawn=True))
    await world.repair(monkeypatch)
    assert (world.topics.records, world.marked) == ([], [])


async def test_nothing_is_found_wrong_of_what_is_said_in_a_gap() -> None:
    """Tombstones in the topics and empty keys are as they have to be."""
    world = World(stored=replace(STORED, is_in_gap=True, is_withdrawn=True))
    assert await world.audit._compare(GOOD, [None, None], {GOOD: VIDEO}) is None
