"""Which items form a batch: nothing lost, nobody starved, live first, videos mixed."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.errors import Overloaded
from operators.inference.batch_policy import Batch, BatchLimits, BatchPolicy
from operators.inference.priority_queue import VideoArrivals
from operators.inference.request_context import Lane
from tests.fakes import ManualClock
from tests.unit.operators.inference.fakes import SIZES, context

NO_AGE_TURN = 1_000_000


def policy(sizes: tuple[int, ...] = SIZES, clock: ManualClock | None = None, **limits: float) -> BatchPolicy:
    return BatchPolicy(sizes, BatchLimits(**limits), (clock or ManualClock()).monotonic_seconds)  # type: ignore[arg-type]


def videos(batch: Batch | None) -> list[str]:
    assert batch is not None
    return [item.context.video_id for item in batch.items]


def lanes(batch: Batch | None) -> list[Lane]:
    assert batch is not None
    return [item.context.lane for item in batch.items]


class TestQueue:
    def test_nothing_waits(self) -> None:
        """Without items there is no batch."""
        assert policy().next_batch() is None

    def test_a_single_item_is_a_batch_at_once(self) -> None:
        """An idle device never waits for company."""
        subject = policy()
        token = subject.add(context())
        batch = subject.next_batch()
        assert batch is not None
        assert ([token], 1, 0) == ([item.token for item in batch.items], batch.size, batch.padded_slots)

    def test_padding_is_counted(self) -> None:
        """Three items take the shape of four."""
        subject = policy()
        for _ in range(3):
            subject.add(context())
        batch = subject.next_batch()
        assert batch is not None
        assert (len(batch.items), batch.size, batch.padded_slots, batch.videos) == (3, 4, 1, 1)

    def test_is_bounded_per_lane(self) -> None:
        """A full backfill lane refuses more of its own, and never a live item."""
        subject = policy(max_waiting_items=2)
        subject.add(context(lane="backfill"))
        subject.add(context(lane="backfill"))
        with pytest.raises(Overloaded, match="2 backfill items wait, at most 2 may"):
            subject.add(context(lane="backfill"))
        subject.add(context(lane="live"))
        assert len(subject) == 3

    def test_discarded_items_never_run(self) -> None:
        """What nobody waits for leaves the queue, once."""
        subject = policy()
        first, second = subject.add(context()), subject.add(context())
        assert (subject.discard(first), subject.discard(first)) == (True, False)
        batch = subject.next_batch()
        assert batch is not None
        assert [second] == [item.token for item in batch.items]
        assert not subject.discard(second)

    def test_tells_the_age(self) -> None:
        """The age of a batch is that of its oldest item; the oldest of a lane is known while it waits."""
        clock = ManualClock()
        subject = policy(clock=clock)
        subject.add(context("a"))
        clock.advance(2.0)
        subject.add(context("b"))
        clock.advance(1.0)
        assert (subject.oldest_seconds("live"), subject.oldest_seconds("backfill")) == (0.0, None)
        batches = [subject.next_batch(), subject.next_batch()]
        assert [batch.queue_age_seconds for batch in batches if batch] == [3.0, 1.0]

    def test_the_age_is_that_of_the_oldest_item(self) -> None:
        """Whichever video's turn came first."""
        clock = ManualClock()
        subject = policy(sizes=(4,), clock=clock)
        for video_id in ("a", "b", "a", "b"):
            subject.add(context(video_id))
            clock.advance(1.0)
        batch = subject.next_batch()
        assert batch is not None
        assert (len(batch.items), batch.queue_age_seconds) == (4, 4.0)

    def test_every_so_many_batches_one_is_by_age(self) -> None:
        """The last of each round, and no other."""
        subject = policy(sizes=(1,), batches_per_age_turn=3)
        for _ in range(4):
            subject.add(context("b", "backfill"))
        for _ in range(6):
            subject.add(context("a", "live"))
        found = [lanes(subject.next_batch())[0] for _ in range(9)]
        assert found == ["live", "live", "backfill"] * 3

    def test_a_video_keeps_its_place_while_nothing_of_it_waits(self) -> None:
        """One that came first is served first, though its first item was given up before any batch."""
        subject = policy(sizes=(1,))
        subject.discard(subject.add(context("first")))
        subject.add(context("second"))
        subject.add(context("first"))
        assert videos(subject.next_batch()) == ["first"]

    @pytest.mark.parametrize(
        ("due_seconds", "is_first"),
        [(99.9, False), (100.0, True), (100.5, True), (101.0, True), (101.1, False), (1000.0, False)],
    )
    def test_a_video_near_its_deadline_goes_first(self, due_seconds: float, is_first: bool) -> None:
        """From a second before it up to it; a deadline that has passed is lost."""
        clock = ManualClock()
        clock.advance(100.0)
        subject = policy(sizes=(1,), clock=clock, urgent_seconds=1.0)
        subject.add(context("earlier", due_seconds=1000.0))
        subject.add(context("other", due_seconds=due_seconds))
        assert (videos(subject.next_batch()) == ["other"]) is is_first


class TestOrder:
    def test_live_goes_before_backfill(self) -> None:
        """Live items go first though backfill came first; what live leaves free, backfill fills."""
        subject = policy(sizes=(4,))
        for _ in range(4):
            subject.add(context("b", "backfill"))
        for _ in range(6):
            subject.add(context("a", "live"))
        assert lanes(subject.next_batch()) == ["live"] * 4
        assert lanes(subject.next_batch()) == ["live", "live", "backfill", "backfill"]

    def test_backfill_makes_no_batch_larger(self) -> None:
        """Two live items take the shape of two and run at once; many backfill items behind them change nothing."""
        subject = policy(sizes=(1, 2, 16))
        for _ in range(30):
            subject.add(context("b", "backfill"))
        subject.add(context("a", "live"))
        subject.add(context("a", "live"))
        assert lanes(subject.next_batch()) == ["live"] * 2
        assert lanes(subject.next_batch()) == ["backfill"] * 16

    def test_backfill_takes_the_rows_that_live_leaves_free(self) -> None:
        """What would be filler is not wasted."""
        subject = policy(sizes=(4,))
        for lane in ("backfill", "backfill", "live", "live", "live"):
            subject.add(context(lane, lane))  # type: ignore[arg-type]
        assert lanes(subject.next_batch()) == ["live"] * 3 + ["backfill"]

    def test_backfill_alone_keeps_the_device_for_a_moment_only(self) -> None:
        """However much of it waits, its batches stay small; live ones may be large."""
        subject = BatchPolicy((1, 4, 16), BatchLimits(), ManualClock().monotonic_seconds, backfill_sizes=(1, 4))
        for lane in ("backfill", "live"):
            for _ in range(16):
                subject.add(context(lane, lane))  # type: ignore[arg-type]
        batches = [subject.next_batch() for _ in range(5)]
        assert [(batch.size, batch.items[0].context.lane) for batch in batches if batch] == [
            (16, "live"), *[(4, "backfill")] * 4,
        ]  # fmt: skip

    def test_a_held_lane_gives_nothing(self) -> None:
        """Not by age either, and nobody is told that something waits; let go, it is served as ever."""
        subject = policy(sizes=(1,), batches_per_age_turn=1)
        subject.add(context("b", "backfill"))
        subject.add(context("a", "live"))
        subject.hold("backfill")
        assert (subject.oldest_seconds("backfill"), lanes(subject.next_batch())) == (None, ["live"])
        assert subject.next_batch() is None
        subject.hold(None)
        assert lanes(subject.next_batch()) == ["backfill"]

    def test_a_near_deadline_goes_first_and_whole(self) -> None:
        """A video that is due within a second overtakes those that came before it."""
        subject = policy(sizes=(4,), urgent_seconds=1.0)
        for video_id, due_seconds in (("early", 60.0), ("late", 0.9), ("later", 0.5)):
            for _ in range(3):
                subject.add(context(video_id, due_seconds=due_seconds))
        assert videos(subject.next_batch()) == ["later", "later", "later", "late"]

    def test_a_missed_deadline_gives_no_precedence(self) -> None:
        """Anyone who is late already cannot be saved by making others late."""
        clock = ManualClock()
        subject = policy(sizes=(1,), clock=clock)
        subject.add(context("early", due_seconds=60.0))
        subject.add(context("missed", due_seconds=1.0))
        clock.advance(5.0)
        assert videos(subject.next_batch()) == ["early"]

    def test_no_deadline_is_no_hurry(self) -> None:
        """A request context without a deadline is served in turn."""
        subject = policy(sizes=(1,))
        subject.add(context("a", due_seconds=math.inf))
        assert videos(subject.next_batch()) == ["a"]

    def test_the_earliest_videos_share_in_turns(self) -> None:
        """The first few videos share a batch equally; the next joins when one of them has nothing more."""
        subject = policy(sizes=(4,), videos_sharing=2)
        for video_id, count in (("a", 3), ("b", 3), ("c", 9)):
            for _ in range(count):
                subject.add(context(video_id))
        assert videos(subject.next_batch()) == ["a", "b", "a", "b"]
        assert videos(subject.next_batch()) == ["a", "b", "c", "c"]

    def test_a_started_video_keeps_its_place_over_a_pause(self) -> None:
        """A video whose decoder paused goes before those that came in the meantime."""
        subject = policy(sizes=(1,), videos_sharing=1)
        subject.add(context("first"))
        subject.next_batch()
        subject.add(context("second"))
        subject.add(context("first"))
        assert videos(subject.next_batch()) == ["first"]

    def test_one_batch_in_eight_goes_by_age(self) -> None:
        """Under endless live load the backfill item goes out with the eighth batch, not before."""
        subject = policy(sizes=(1,))
        subject.add(context("b", "backfill"))
        served = []
        for _ in range(8):
            subject.add(context("a"))
            served += lanes(subject.next_batch())
        assert served == ["live"] * 7 + ["backfill"]


events = st.lists(
    st.one_of(
        st.tuples(
            st.just("add"), st.sampled_from("abcdefgh"), st.sampled_from(["live", "backfill"]), st.floats(0.0, 20.0)
        ),
        st.tuples(st.just("run")),
        st.tuples(st.just("discard"), st.integers(0, 200)),
        st.tuples(st.just("advance"), st.floats(0.0, 2.0)),
    ),
    max_size=200,
)


class TestProperties:
    @given(events=events, sizes=st.sampled_from([(1,), (4,), (1, 4, 16), (2, 3, 8)]))
    @settings(max_examples=60, deadline=None)
    def test_nothing_is_lost_or_doubled(self, events: list[tuple], sizes: tuple[int, ...]) -> None:  # type: ignore[type-arg]
        """Whatever the load, each item leaves exactly once, by a batch of an allowed size or by being discarded."""
        clock = ManualClock()
        subject = policy(sizes=sizes, clock=clock)
        added: list[int] = []
        left: Counter[int] = Counter()

        def run() -> None:
            batch = subject.next_batch()
            if batch is not None:
                assert batch.size in sizes
                assert 1 <= len(batch.items) <= batch.size
                left.update(item.token for item in batch.items)

        for event, *details in events:
            if event == "add":
                added.append(subject.add(context(details[0], details[1], details[2])))
            elif event == "discard":
                left.update([details[0]] if subject.discard(details[0]) else [])
            elif event == "advance":
                clock.advance(details[0])
            else:
                run()
        while len(subject):
            run()
        assert Counter(added) == left

    @given(live=st.integers(0, 20), backfill=st.integers(0, 20), size=st.sampled_from([1, 4, 16]))
    @settings(deadline=None)
    def test_no_backfill_while_live_waits(self, live: int, backfill: int, size: int) -> None:
        """Outside the turns by age, a batch holds backfill only if it holds all the live items that waited."""
        subject = policy(sizes=(size,), batches_per_age_turn=NO_AGE_TURN)
        counts: tuple[tuple[Lane, int], ...] = (("backfill", backfill), ("live", live))
        for lane, count in counts:
            for index in range(count):
                subject.add(context(f"{lane}{index % 3}", lane))
        live_left = live
        while (batch := subject.next_batch()) is not None:
            live_in_batch = lanes(batch).count("live")
            assert live_in_batch == min(live_left, len(batch.items))
            live_left -= live_in_batch

    @given(
        older=st.integers(0, 6),
        size=st.sampled_from([1, 2, 4]),
        lane=st.sampled_from(["live", "backfill"]),
        flood_due_seconds=st.sampled_from([0.5, 100.0]),
    )
    @settings(deadline=None)
    def test_nobody_starves(self, older: int, size: int, lane: Lane, flood_due_seconds: float) -> None:
        """Under a flood of live and urgent items, an item with k older ones is out after 8 * (k + 1) batches."""
        subject = policy(sizes=(size,))
        tokens = [subject.add(context("patient", lane, 1000.0)) for _ in range(older + 1)]
        for _ in range(8 * (older + 1)):
            for index in range(size):
                subject.add(context(f"flood{index}", "live", flood_due_seconds))
            subject.next_batch()
        assert not subject.discard(tokens[-1])


class TestMixing:
    @pytest.mark.parametrize("sizes", [(1, 4), (1, 4, 8, 16)])
    def test_eight_videos_in_flight_share_batches(self, sizes: tuple[int, ...]) -> None:
        """With eight videos of thirty frames in flight, batches hold items of at least 1.5 videos on average."""
        clock = ManualClock()
        subject = policy(sizes=sizes, clock=clock)
        remaining = {f"v{index}": 30 for index in range(8)}
        waiting: Counter[str] = Counter()
        mixed: list[int] = []
        while any(remaining.values()) or len(subject):
            for video_id, count in remaining.items():
                while count and waiting[video_id] < 4:  # an agent keeps a few frames in flight
                    subject.add(context(video_id, due_seconds=8.0))
                    waiting[video_id] += 1
                    count -= 1
                remaining[video_id] = count
            batch = subject.next_batch()
            assert batch is not None
            waiting.subtract(videos(batch))
            mixed.append(batch.videos)
            clock.advance(0.05)
        assert sum(mixed) / len(mixed) >= 1.5

    def test_started_videos_finish_early(self) -> None:
        """Of eight equal videos the first four are done before half of the work is."""
        subject = policy(sizes=(4,))
        for _ in range(10):
            for index in range(8):
                subject.add(context(f"v{index}"))
        served: list[str] = []
        while (batch := subject.next_batch()) is not None:
            served += videos(batch)
        early = {f"v{index}" for index in range(4)}
        assert max(place for place, video_id in enumerate(served) if video_id in early) <= 48


class TestVideoArrivals:
    def test_memory_is_bounded(self) -> None:
        """Only so many videos are remembered; one that was forgotten comes last again."""
        arrivals = VideoArrivals(max_videos=2)
        assert [arrivals.note(video_id) for video_id in ("a", "b", "a", "c", "a")] == [0, 1, 0, 2, 3]
