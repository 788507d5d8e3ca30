"""The plan as laws: what each of its numbers has to be, computed in another way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.media.audio_plan import END_SLACK_SECONDS
from operators.media.index import AudioStreamIndex, VideoStreamIndex
from operators.media.plan import (
    FAR_SECONDS,
    MAX_GRID_TIMES,
    DecodeSpan,
    PlanPolicy,
    VideoPlan,
    coverage_ratio,
    make_plan,
)
from tests.unit.operators.media.test_plan import POLICY, index_of, plan_of, video_index

SPARSE = PlanPolicy(num_dense_segments=0, max_frames=4, full_decode_max_seconds=0.0, full_decode_max_packets=0)
"""Four sample points, of one picture each, in a video of any length."""


def video_of(video: VideoStreamIndex, policy: PlanPolicy = POLICY) -> VideoPlan:
    """The plan of its pictures."""
    found = plan_of(video, policy).video
    assert found is not None
    return found


def starts_of(video: VideoStreamIndex, policy: PlanPolicy) -> list[float]:
    """Where its spans start."""
    return [span.start_seconds for span in video_of(video, policy).spans]


class TestGrid:
    """What coverage is measured against."""

    @pytest.mark.parametrize(
        ("seconds", "announced", "rate", "times"),
        [
            (3.0, 0.0, 1.0, (10.5, 11.5, 12.5)),
            (3.0, 4.0, 1.0, (10.5, 11.5, 12.5, 13.5)),
            (4.0, 3.0, 0.5, (11.0, 13.0)),
            (2.6, 0.0, 1.0, (10 + 2.6 / 6, 10 + 2.6 / 2, 10 + 2.6 / 6 * 5)),
            (1.4, 0.0, 1.0, (10.5,)),
            (0.04, 0.0, 1.0, (10.02,)),
            (1.4, 0.0, 2.0, (10 + 1.4 / 6, 10 + 1.4 / 2, 10 + 1.4 / 6 * 5)),
        ],
        ids=["each second", "as announced", "every other second", "rounded", "one", "brief", "twice a second"],
    )
    def test_one_time_a_period(self, seconds: float, announced: float, rate: float, times: tuple[float, ...]) -> None:
        """In the middle of each, over what is there or is announced, from the start of the video."""
        video = replace(video_index(seconds), start_seconds=10.0, announced_seconds=announced)
        plan = plan_of(video, replace(POLICY, frames_per_second=rate))
        assert plan.covered_grid_seconds == pytest.approx(times)
        assert plan.period_seconds == 1 / rate

    def test_a_header_that_claims_a_year_is_measured_all_the_same(self) -> None:
        """Against so many times, over all that it claims."""
        grid = plan_of(replace(video_index(20.0), announced_seconds=200_000.0)).covered_grid_seconds
        assert len(grid) == MAX_GRID_TIMES
        assert grid[:2] == (1.0, 3.0)

    def test_without_video_there_is_none(self) -> None:
        """And nothing of it is left out."""
        plan = make_plan(index_of(None, None), POLICY, max_pixels=1)
        assert (plan.covered_grid_seconds, plan.planned_ratio) == ((), 1.0)

    def test_the_planned_share_is_what_wanted_pictures_stand_for(self) -> None:
        """All of a short video; of a long one that cannot be sought, what the budget reaches."""
        assert plan_of(video_index(20.0)).planned_ratio == 1.0
        plan = plan_of(replace(video_index(900.0), is_seekable=False))
        assert plan.video is not None
        near = [
            any(abs(time - wanted) <= 0.5 for wanted in plan.video.wanted_seconds) for time in plan.covered_grid_seconds
        ]
        assert 0 < plan.planned_ratio == sum(near) / 900 < 0.05

    @settings(max_examples=300)
    @given(
        st.lists(st.integers(0, 40), max_size=8, unique=True).map(sorted),
        st.lists(st.integers(0, 40), max_size=8, unique=True).map(sorted),
        st.sampled_from([1, 2, 6]),
    )
    def test_a_frame_stands_until_the_next_and_half_a_period_around(
        self, grid: list[int], starts: list[int], period: int
    ) -> None:
        """Counted over all frames, not over the nearest ones."""
        shown = [(float(start), float(end)) for start, end in pairwise([*starts, starts[-1] + 1])] if starts else []
        brief = [(start, start) for start, _ in shown]
        for frames in (shown, brief):
            covered = [any(a - period / 2 <= time <= b + period / 2 for a, b in frames) for time in grid]
            expected = sum(covered) / len(grid) if grid else 1.0
            assert coverage_ratio(tuple(map(float, grid)), float(period), frames) == expected


class TestFullDecode:
    @pytest.mark.parametrize(
        ("seconds", "num_packets", "is_complete", "is_full"),
        [
            (90.0, 99_999, True, True),
            (90.01, 99_999, True, False),
            (999.0, 2700, True, True),
            (999.0, 2701, True, False),
            (999.0, 2700, False, False),
        ],
    )
    def test_short_ones_and_those_of_few_packets(
        self, seconds: float, num_packets: int, is_complete: bool, is_full: bool
    ) -> None:
        """Up to and with the limits; packets count where all of them are known."""
        video = replace(video_index(seconds), num_packets=num_packets, is_complete=is_complete)
        assert ([span.kind for span in video_of(video).spans] == ["full"]) is is_full

    @pytest.mark.parametrize(("is_complete", "end"), [(True, FAR_SECONDS), (False, 10.0 + 20.0 + END_SLACK_SECONDS)])
    def test_one_span_from_the_beginning(self, is_complete: bool, end: float) -> None:
        """To the end of the file where all its packets are known, else to a little behind its stated end."""
        video = replace(video_index(20.0), start_seconds=10.0, is_complete=is_complete)
        found = video_of(video)
        assert found.spans == (DecodeSpan("full", 10.0, end, None),)
        assert found.wanted_seconds == tuple(10.5 + number for number in range(20))

    @pytest.mark.parametrize(
        ("seconds", "rate", "max_frames", "first", "distance", "count"),
        [
            (0.0, 0.5, 100, 1.0, 2.0, 45),
            (0.0, 1.0, 48, 0.5, 1.0, 48),
            (90.0, 1.0, 45, 1.0, 2.0, 45),
            (0.3, 1.0, 48, 0.15, 0, 1),
        ],
    )
    def test_pictures_a_second(
        self, seconds: float, rate: float, max_frames: int, first: float, distance: float, count: int
    ) -> None:
        """No more than allowed; of a video of unknown length as long as a full decode may be."""
        video = replace(video_index(seconds), is_complete=False)
        wanted = video_of(video, replace(POLICY, frames_per_second=rate, max_frames=max_frames)).wanted_seconds
        assert wanted == pytest.approx([first + number * distance for number in range(count)])

    @pytest.mark.parametrize(
        ("seconds", "is_complete", "most"),
        [
            (20.0, True, 501),
            (20.0, False, math.ceil((20.0 + END_SLACK_SECONDS) * 12) + 1),
            (20.05, False, 254),
            (0.0, False, math.ceil((90.0 + END_SLACK_SECONDS) * 12) + 1),
        ],
    )
    def test_room_for_the_motion_track(self, seconds: float, is_complete: bool, most: int) -> None:
        """One picture an interval and one a span, or one a packet and one more."""
        assert video_of(replace(video_index(seconds), is_complete=is_complete)).max_motion_frames == most

    def test_packets_without_end_are_bounded_by_time(self) -> None:
        """A file of few seconds and endless packets takes no more room than the longest full decode."""
        video = replace(video_index(20.0), num_packets=10**9)
        assert video_of(video).max_motion_frames == math.ceil((90.0 + END_SLACK_SECONDS) * 12) + 1


class TestSpacing:
    @pytest.mark.parametrize(
        ("seconds", "rate"), [(20.0, 1.0), (20.0, 0.5), (90.0, 1.0), (600.0, 1.0), (3600.0, 2.0), (0.5, 1.0)]
    )
    def test_is_the_usual_distance_and_a_period_at_least(self, seconds: float, rate: float) -> None:
        """The one in the middle of all distances, ordered."""
        found = video_of(video_index(seconds), replace(POLICY, frames_per_second=rate))
        distances = sorted(after - before for before, after in pairwise(found.wanted_seconds))
        usual = distances[len(distances) // 2] if distances else 0.0
        assert found.spacing_seconds == max(1 / rate, usual)


class TestLeftOut:
    """What a decoder may skip."""

    @pytest.mark.parametrize(
        ("fields", "is_skipped"),
        [
            ({}, True),
            ({"frame_rate_hz": 10.0}, True),
            ({"num_packets": 200}, False),
            ({"num_packets": 399}, False),
            ({"num_packets": 400}, True),
            ({"num_packets": 200, "is_complete": False}, True),
            ({"num_packets": 0}, True),
            ({"num_packets": 0, "frame_rate_hz": 19.9}, False),
            ({"duration_seconds": 0.0, "frame_rate_hz": 20.0}, True),
            ({"duration_seconds": 0.0, "frame_rate_hz": 19.9}, False),
            ({"is_complete": False, "frame_rate_hz": 0.0}, False),
            ({"longest_interval_seconds": 0.25}, True),
            ({"longest_interval_seconds": 0.26}, False),
            ({"width": 640, "height": 360}, True),
            ({"width": 640, "height": 359}, False),
        ],
    )
    def test_pictures_that_no_other_needs(self, fields: dict[str, object], is_skipped: bool) -> None:
        """The rate is that of the packets where all are known, else the header's."""
        assert video_of(replace(video_index(20.0), **fields)).skip_nonreference is is_skipped

    @pytest.mark.parametrize(("width", "is_skipped"), [(1280, True), (1279, False)])
    def test_deblocking_of_large_pictures(self, width: int, is_skipped: bool) -> None:
        """From a number of pixels on."""
        assert video_of(replace(video_index(20.0), width=width)).skip_deblocking is is_skipped


def law_of_sample_points(video: VideoStreamIndex, num_points: int) -> list[tuple[float, float | None]]:
    """Start and keyframe of every sample point, by looking at all keyframes; repeats dropped."""
    slot = video.duration_seconds / num_points
    found: list[tuple[float, float | None]] = []
    for number in range(num_points):
        target = video.start_seconds + (number + 0.5) * slot
        start, seek = _law_of_reach(video, target, slot / 2)
        if not found or start > found[-1][0]:
            found.append((start, seek))
    return found


def _law_of_reach(video: VideoStreamIndex, target: float, reach: float) -> tuple[float, float | None]:
    if not video.is_seekable:
        return target, None
    near = [time for time in video.keyframe_seconds if abs(time - target) <= reach]
    if near:
        nearest = min(near, key=lambda time: abs(time - target))
        return nearest, nearest
    before = [time for time in video.keyframe_seconds if time <= target]
    if not video.is_complete and len(before) == len(video.keyframe_seconds):
        return target, target
    return target, max(before, default=video.start_seconds)


class TestSamplePoints:
    @settings(max_examples=300)
    @given(
        st.lists(st.integers(0, 60), max_size=12, unique=True).map(sorted),
        st.booleans(),
        st.booleans(),
        st.integers(1, 8),
    )
    def test_begin_at_the_nearest_keyframe_or_are_reached_from_the_last_one(
        self, keyframes: Sequence[int], is_complete: bool, is_seekable: bool, num_points: int
    ) -> None:
        """Whatever keyframes there are; beyond what is known of them the container finds one."""
        video = replace(
            video_index(48.0),
            start_seconds=4.0,
            num_packets=10**6,
            keyframe_seconds=tuple(4.0 + time for time in keyframes),
            is_complete=is_complete,
            is_seekable=is_seekable,
        )
        found = video_of(video, replace(SPARSE, max_frames=num_points, max_decoded_seconds=1e9)).spans
        assert [(span.start_seconds, span.seek_seconds) for span in found] == law_of_sample_points(video, num_points)
        assert all(span.kind == "keyframe" and span.end_seconds == span.start_seconds for span in found)

    @pytest.mark.parametrize(
        ("keyframes", "budget", "starts"),
        [
            ((0.0,), 35.0, [0.0, 15.0, 25.0, 35.0]),
            ((0.0,), 34.9, [0.0, 15.0, 25.0]),
            ((0.0,), 25.0, [0.0, 15.0, 25.0]),
            ((0.0,), 14.9, [0.0]),
            ((0.0, 34.0), 25.0, [0.0, 15.0, 25.0, 34.0]),
            ((0.0, 34.0), 15.0, [0.0, 15.0, 34.0]),
            ((1.0, 12.0, 20.0), 6.0, [1.0, 12.0, 20.0]),
            ((2.0, 4.0), 11.0, [4.0, 15.0]),
            ((0.0, 24.0), 15.0, [0.0, 24.0, 35.0]),
        ],
    )
    def test_the_cheapest_are_kept_while_the_budget_lasts(
        self, keyframes: tuple[float, ...], budget: float, starts: list[float]
    ) -> None:
        """Those behind one keyframe are reached in one go, and each costs what is between it and the one before."""
        video = replace(video_index(40.0), num_packets=10**6, keyframe_seconds=keyframes)
        assert starts_of(video, replace(SPARSE, max_decoded_seconds=budget)) == starts

    def test_one_that_is_too_dear_keeps_no_cheaper_one_off(self) -> None:
        """The next behind a keyframe that was reached costs the distance alone."""
        video = replace(video_index(60.0), num_packets=10**6, keyframe_seconds=(9.0, 33.0))
        assert starts_of(video, replace(SPARSE, max_frames=6, max_decoded_seconds=16.0)) == [9.0, 15.0, 25.0, 33.0]

    def test_one_is_kept_whatever_it_costs(self) -> None:
        """A video of which nothing is looked at would pass unseen."""
        video = replace(video_index(4000.0), keyframe_seconds=(0.0,), is_seekable=False)
        assert starts_of(video, replace(SPARSE, max_decoded_seconds=1.0)) == [500.0]

    def test_what_cannot_be_sought_costs_all_before_it(self) -> None:
        """Once: the next goes on from there."""
        video = replace(video_index(40.0), num_packets=10**6, is_seekable=False)
        assert starts_of(video, replace(SPARSE, max_decoded_seconds=25.0)) == [5.0, 15.0, 25.0]
        assert DecodeSpan("keyframe", 5.0, 5.0, None).lead_in_seconds == 5.0
        assert DecodeSpan("dense", 5.0, 7.0, 3.5).lead_in_seconds == 1.5

    @pytest.mark.parametrize(
        ("policy", "num_dense", "num_points"),
        [
            (POLICY, 12, 36),
            (replace(POLICY, dense_segment_seconds=4.0), 12, 12),
            (replace(POLICY, max_frames=10), 5, 5),
            (replace(POLICY, dense_segment_seconds=0.1), 12, 48),
            (replace(POLICY, num_dense_segments=0), 0, 48),
            (replace(POLICY, frames_per_second=0.5, dense_segment_seconds=4.0, num_dense_segments=5), 5, 43),
        ],
    )
    def test_dense_segments_lie_evenly_among_them(self, policy: PlanPolicy, num_dense: int, num_points: int) -> None:
        """As many as the number of pictures allows; wanted pictures are a period apart within each."""
        found = video_of(video_index(7200.0, gop_seconds=0.5), policy)
        kinds = [span.kind for span in found.spans]
        assert (kinds.count("dense"), len(kinds)) == (num_dense, num_points)
        assert len(found.wanted_seconds) == policy.max_frames
        places = [place for place, kind in enumerate(kinds) if kind == "dense"]
        if num_dense:
            assert places == [math.ceil((turn + 1) * num_points / num_dense) - 1 for turn in range(num_dense)]
        period = 1 / policy.frames_per_second
        in_dense = max(1, round(policy.dense_segment_seconds / period))
        turns = [(span, turn) for span in found.spans for turn in range(in_dense if span.kind == "dense" else 1)]
        assert found.wanted_seconds == pytest.approx([span.start_seconds + turn * period for span, turn in turns])
        for span in found.spans:
            length = policy.dense_segment_seconds if span.kind == "dense" else 0.0
            assert span.end_seconds - span.start_seconds == pytest.approx(length)

    def test_the_motion_track_has_room_for_dense_segments(self) -> None:
        """Twelve of two seconds, and one picture a span."""
        assert video_of(video_index(600.0)).max_motion_frames == 12 * 2 * 12 + 36

    def test_a_segment_ends_with_the_video(self) -> None:
        """A little behind its stated end at the latest."""
        video = replace(video_index(600.0), keyframe_seconds=(0.0, 599.9), num_packets=10**6)
        span = video_of(video, replace(POLICY, max_decoded_seconds=1e9)).spans[-1]
        assert (span.kind, span.start_seconds, span.end_seconds) == ("dense", 599.9, 600.0 + END_SLACK_SECONDS)

    def test_a_moment_that_starts_in_a_segment_is_dropped(self) -> None:
        """Its pictures are among those of the segment; one that starts behind it stays."""
        policy = replace(
            POLICY, num_dense_segments=2, max_frames=6, full_decode_max_seconds=0, full_decode_max_packets=0
        )
        video = replace(video_index(8.0), keyframe_seconds=(0.0, 3.9, 4.1, 6.0), num_packets=10**6)
        spans = video_of(video, policy).spans
        assert [(span.kind, span.start_seconds) for span in spans] == [
            ("keyframe", 0.0),
            ("dense", 3.9),
            ("dense", 6.0),
        ]


class TestSound:
    def test_sound_of_unknown_length_with_a_video_as_long_as_the_limit(self) -> None:
        """It is heard up to the limit; next to a longer one it lasts as long."""
        sound = AudioStreamIndex("opus", 1, 0.0, 0.0)
        plans = [make_plan(index_of(video_index(seconds), sound), POLICY, max_pixels=1) for seconds in (300.0, 300.5)]
        as_long, longer = (plan.audio.spans for plan in plans if plan.audio)
        assert (as_long, len(longer)) == (((0.0, 300.0),), POLICY.num_audio_spans)
