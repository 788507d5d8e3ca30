"""What a rebuild leaves out, and how it goes on where one video fails, or waits with its deletion."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from schemas.codec import encode
from schemas.facts import Accepted, Deleted, Fact, SourceOffset
from schemas.outcomes import Outcome
from streams.config.settings import Settings
from streams.decision.cost import Prices
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.decision.policy_file import load_policy
from streams.decision.ruleset import Ruleset
from streams.kafka.clients import StoredRecord
from streams.lifecycle.fold_board import FoldedFact
from streams.record import Place
from streams.recovery import rebuild
from streams.recovery.rebuild import (
    FoldDeaths,
    RebuildProgress,
    RebuildStores,
    kept_videos,
    rebuild_store,
    repair_video,
)
from streams.recovery.rebuilt import Rebuilt
from streams.recovery.refold import Scope, refold
from streams.recovery.refold_report import RefoldReport
from streams.store.deletion_reach import Hidden
from streams.store.gaps import WaitingFact
from streams.store.served import Served
from streams.store.stored_case import StoredVideo
from tests.fakes import ManualClock
from tests.sample_facts import VIDEO_ID, accepted, signal

pytestmark = pytest.mark.usefixtures("silent_logs")

RULESET = Ruleset(load_policy(None), Prices(1.0, 1.0, 1.0, 1.0), log_generation=0)
OTHER = "video-2"
BEFORE = SourceOffset(topic="video.uploaded", partition=0, offset=50)
DELETION = Deleted(video_id=VIDEO_ID, revision=1, reason="", event_unix_seconds=1.0, before=BEFORE)


def decided() -> Rebuilt:
    """A video whose last outcome is of the manual clock's first moment."""
    now_unix_seconds = ManualClock().now_unix_seconds()
    context = FoldContext(load_policy(None), Prices(1.0, 1.0, 1.0, 1.0), 0, now_unix_seconds)
    begun = fold(None, accepted(expected=("frames",)), 0, context)
    folded = fold(begun.state, signal("frames"), 1, context)
    assert folded.state is not None
    return Rebuilt(folded.state, folded.outcome, is_published=True)


class TestKeptVideos:
    """What a rebuild leaves out."""

    @pytest.mark.parametrize(("kept_seconds", "is_kept"), [(0, True), (100, True), (99, False)])
    def test_a_video_whose_time_is_up(self, kept_seconds: int, is_kept: bool) -> None:
        """The time counts from its last outcome; without a setting it never ends."""
        video, clock = decided(), ManualClock()
        clock.advance(99.5)
        assert (VIDEO_ID in kept_videos({VIDEO_ID: video}, kept_seconds, clock)) is is_kept

    def test_a_video_without_an_outcome(self) -> None:
        """Signals that wait for their `accepted`, and deletions, have no end of this kind."""
        video, clock = Rebuilt(decided().state, None, is_published=False), ManualClock()
        clock.advance(1e9)
        assert VIDEO_ID in kept_videos({VIDEO_ID: video}, 1, clock)


@dataclass
class World:
    """What a rebuild fills, and a log of one partition."""

    log: list[Fact] = field(default_factory=list)
    is_typed: bool = False
    """Whether deletions are of a layout that only a newer release reads."""
    writing_fails: str = ""
    """Id of a video whose state cannot be written."""
    follower_fails: str = ""
    stored: StoredVideo | None = None
    """What the store has at a later place than the log, where it has."""
    written: list[str] = field(default_factory=list)
    followed: list[str] = field(default_factory=list)
    waiting: dict[str, WaitingFact] = field(default_factory=dict)
    hidden: dict[str, Deleted | None] = field(default_factory=dict)

    async def restore(self, video_id: str, *_: Any, **__: Any) -> bool:
        if video_id == self.writing_fails:
            raise ValueError("a bug of one video")
        if self.stored is None:
            self.written.append(video_id)
        return self.stored is None

    async def read_served(self, _video_id: str) -> Served:
        assert self.stored is not None
        return Served(self.stored, {}, None, {}, {})

    async def serve_again(self, *_: Any) -> bool:
        raise AssertionError("nothing may be served in a gap but what is said in it")

    async def replace(self, outcome: Outcome) -> None:
        self._follow(outcome.verdict.video_id, "replaced")

    async def remove(self, video_id: str) -> None:
        self._follow(video_id, "removed")

    def _follow(self, video_id: str, done: str) -> None:
        if video_id == self.follower_fails:
            raise ValueError("a vector of another length")
        self.followed.append(f"{video_id} {done}")

    async def differences(self, _video_id: str, _outcome: Outcome | None) -> list[str]:
        return ["lacks the vector"]

    async def register(self, *_: Any) -> None:
        return

    async def raise_to(self, *_: Any) -> None:
        return

    async def deadly_videos(self, *, of_any_release: bool) -> frozenset[str]:
        del of_any_release
        return frozenset()

    async def wait(self, fact: WaitingFact, _now_unix_seconds: float) -> bool:
        self.waiting[fact.video_id] = fact
        return True

    async def wait_for_release(
        self, fact: FoldedFact, _who: str, _deaths: int, _now: float, deletion: Deleted | None, **is_unread: bool
    ) -> None:
        waiting = WaitingFact(fact.video_id, 0, 0, fact.place.offset, "crash-loop", "", deletion=deletion, **is_unread)
        self.waiting[fact.video_id] = waiting

    async def hide(self, video_id: str, deletion: Deleted | None) -> Hidden:
        self.hidden[video_id] = deletion
        return Hidden(verdict=True, evidence=True)

    @property
    def stores(self) -> RebuildStores:
        told: Any = self
        return RebuildStores(told, told, told, told, (told,), gaps=told)

    def _headers(self, fact: Fact) -> tuple[tuple[str, bytes], ...]:
        return (("ce_type", b"video.deleted.v2"),) if self.is_typed and isinstance(fact, Deleted) else ()

    def rebuilt(self, *_: Any, scope: Scope, report: RefoldReport) -> Mapping[str, Rebuilt]:
        stored = [
            StoredRecord("video.signals", 0, offset, 1.0, fact.video_id.encode(), encode(fact), self._headers(fact))
            for offset, fact in enumerate(self.log)
        ]
        return refold({}, stored, RULESET, ManualClock(), None, scope, report)


def run_rebuild(world: World, monkeypatch: pytest.MonkeyPatch, deaths: FoldDeaths | None = None) -> RebuildProgress:
    monkeypatch.setattr(rebuild, "log_ends", lambda _settings: {("video.signals", 0): len(world.log)})
    monkeypatch.setattr(rebuild, "rebuilt_partition", world.rebuilt)
    return asyncio.run(rebuild_store(Settings(), RULESET, world.stores, lambda _: None, deaths=deaths))


def break_fold(monkeypatch: pytest.MonkeyPatch, *kinds: type[Fact]) -> None:
    """Let the fold of some kinds of fact of the first video fail."""

    def failing(state: Any, fact: Fact, *rest: Any) -> Any:
        if fact.video_id == VIDEO_ID and isinstance(fact, kinds):
            raise ZeroDivisionError("a bug of one video")
        return fold(state, fact, *rest)

    monkeypatch.setattr("streams.recovery.refold.fold_next", failing)


def clip(video_id: str = VIDEO_ID) -> list[Fact]:
    return [accepted(video_id=video_id, expected=("frames",)), signal("frames", video_id=video_id)]


class TestFaultsOfOneVideo:
    """One video does not end a rebuild."""

    def test_a_video_that_cannot_be_written_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Others are written, and no worker folds its next fact over nothing."""
        world = World([*clip(), *clip(OTHER)], writing_fails=VIDEO_ID)
        progress = run_rebuild(world, monkeypatch)
        assert world.written == [OTHER]
        assert world.waiting[VIDEO_ID].cause == "internal-error"
        assert (progress.videos_read, progress.videos_unfolded) == (1, 1)

    def test_a_follower_that_fails_stops_no_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An audit finds that."""
        world = World([*clip(), *clip(OTHER)], follower_fails=VIDEO_ID)
        run_rebuild(world, monkeypatch)
        assert world.written == [VIDEO_ID, OTHER]
        assert f"{OTHER} replaced" in world.followed

    async def test_vectors_do_not_return_behind_a_waiting_deletion(self) -> None:
        """The state in the store keeps the deleted outcome until its gap is closed."""
        video = decided()
        world = World(stored=StoredVideo(video.state, video.outcome, True, is_in_gap=True, is_withdrawn=True))
        assert not await repair_video(world.stores, VIDEO_ID, video)
        assert world.followed == []


class TestDeletionsThatWait:
    """A deletion that waits in a gap is not forgotten with the store."""

    @pytest.mark.parametrize(
        "log",
        [
            pytest.param([*clip(), DELETION], id="the deletion itself cannot be folded"),
            pytest.param([accepted(expected=("frames",)), DELETION, signal("frames")], id="nor what follows"),
        ],
    )
    def test_the_gap_is_opened_with_it(self, monkeypatch: pytest.MonkeyPatch, log: list[Fact]) -> None:
        """It acts on what is served at once, and is folded when the gap closes."""
        break_fold(monkeypatch, Deleted)
        world = World([*log, *clip(OTHER)])
        run_rebuild(world, monkeypatch)
        assert world.waiting[VIDEO_ID].deletion == DELETION
        assert world.hidden == {VIDEO_ID: DELETION}
        assert f"{VIDEO_ID} removed" in world.followed
        assert world.written == [OTHER]

    def test_behind_a_fact_that_cannot_be_folded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Deletions that wait together reach what any of them reaches."""
        break_fold(monkeypatch, Accepted)
        named = replace_deletion(revision=3, before=None, event_unix_seconds=0.5)
        run_rebuild(world := World([*clip(), DELETION, named]), monkeypatch)
        assert world.waiting[VIDEO_ID].deletion == replace_deletion(revision=3)

    def test_before_a_fact_that_cannot_be_folded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was deleted before keeps its uploads off, as the marker of that is gone with the store."""
        break_fold(monkeypatch, Accepted)
        log: list[Fact] = [signal("frames"), DELETION, accepted(revision=2)]
        run_rebuild(world := World(log), monkeypatch)
        deletion = world.waiting[VIDEO_ID].deletion
        assert deletion is not None
        assert (deletion.revision, deletion.before) == (1, BEFORE)

    def test_of_a_newer_release(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What it reaches cannot be read: nothing of the video is served."""
        world = World([*clip(), DELETION], is_typed=True)
        run_rebuild(world, monkeypatch)
        assert world.waiting[VIDEO_ID].is_unread_deletion
        assert world.hidden == {VIDEO_ID: None}

    @pytest.mark.parametrize("is_typed", [False, True])
    def test_of_a_video_that_ends_the_process(self, monkeypatch: pytest.MonkeyPatch, is_typed: bool) -> None:
        """It is not folded, and its deletion is in effect all the same, even one that only a newer release reads."""
        deadly = FoldedFact(VIDEO_ID, Place("video.signals", 0, 0), 0)
        world = World([*clip(), DELETION], is_typed=is_typed)
        progress = run_rebuild(world, monkeypatch, FoldDeaths(deadly={VIDEO_ID: deadly}))
        assert world.hidden == {VIDEO_ID: None if is_typed else DELETION}
        waiting = world.waiting[VIDEO_ID]
        assert (waiting.deletion, waiting.is_unread_deletion) == (None if is_typed else DELETION, is_typed)
        assert (world.written, progress.videos_unfolded) == ([], 1)


def replace_deletion(**changes: Any) -> Deleted:
    fields = {name: getattr(DELETION, name) for name in DELETION.__struct_fields__}
    return Deleted(**{**fields, **changes})
