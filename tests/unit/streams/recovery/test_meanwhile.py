"""What is said of a video while its facts wait, without a store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from schemas.facts import Deleted
from schemas.topics import MODERATION
from streams.decision.cost import Prices
from streams.decision.policy_file import load_policy
from streams.decision.ruleset import Ruleset
from streams.recovery.meanwhile import Meanwhile
from streams.store.gap import Gap
from streams.store.gaps import Said
from tests.fakes import ManualClock, MemoryPublisher
from tests.sample_facts import VIDEO_ID

RULESET = Ruleset(load_policy(None), Prices(1.0, 1.0, 1.0, 1.0), log_generation=0)
DELETION = Deleted(video_id=VIDEO_ID, revision=1, reason="", event_unix_seconds=1.0)
GAP = Gap("internal-error", "", 0, 0, 5, 5, 1.0, 0, "1", "", "", False)
DELETED = replace(GAP, is_deletion_waiting=True, deletion=DELETION)


@dataclass
class World:
    """One video of which a revision is registered and nothing decided."""

    gap: Gap | None
    revision: int = 2
    served: list[Said] = field(default_factory=list)
    withdrawn: list[Deleted | None] = field(default_factory=list)
    published_again: list[str] = field(default_factory=list)
    topics: MemoryPublisher = field(default_factory=MemoryPublisher)
    is_overtaken: bool = False
    """Whether the video is deleted while something is said of it."""

    async def read(self, _video_id: str) -> Gap | None:
        return self.gap

    async def said(self, _video_id: str) -> tuple[Mapping[bytes, bytes], bytes | None]:
        return {b"revision": str(self.revision).encode(), b"expected": b"frames"}, None

    async def say(self, _video_id: str, _gap: Gap, _known: Any, said: Said) -> bool:
        self.served.append(said)
        return True

    async def told(self, _video_id: str, _version: str) -> bool:
        if self.is_overtaken:
            self.gap = DELETED
        return not self.is_overtaken

    async def withdraw(self, _video_id: str, deletion: Deleted | None) -> None:
        self.withdrawn.append(deletion)

    async def publish_again(self, video_id: str) -> None:
        self.published_again.append(video_id)

    async def look(self) -> None:
        told: Any = self
        meanwhile = Meanwhile(told, self.topics, RULESET, self.withdraw, ManualClock(), self.publish_again)
        await meanwhile.say(VIDEO_ID)


async def test_a_newer_revision_is_spoken_for_behind_a_waiting_deletion() -> None:
    """It is not deleted, and must not stay pending past its deadline."""
    world = World(DELETED)
    await world.look()
    assert world.withdrawn == [DELETION]
    (said,) = world.served
    assert (said.version, said.status["action"]) == ("2.0.5", "review")
    assert len(world.topics.of(MODERATION)) == 1


async def test_a_deletion_that_its_gap_does_not_tell_still_takes_the_video_away() -> None:
    """The last release let a deletion wait without saying what it is; what of the video lives cannot be known then."""
    world = World(replace(DELETED, deletion=None))
    await world.look()
    assert (world.withdrawn, world.served) == ([None], [])


@pytest.mark.parametrize("is_overtaken", [False, True])
async def test_what_reaches_the_topics_after_the_tombstones_is_taken_back(is_overtaken: bool) -> None:
    """A deletion may begin to wait while something is published of the video."""
    world = World(GAP, is_overtaken=is_overtaken)
    await world.look()
    assert world.withdrawn == [DELETION] * is_overtaken
    assert world.published_again == []
