"""What the plan looks at, from indexes alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from operators.media.index import AudioStreamIndex, MediaIndex, VideoStreamIndex
from operators.media.layout import layout_for
from operators.media.plan import DecodePlan, PlanPolicy, coverage_ratio, make_plan

POLICY = PlanPolicy()


def video_index(seconds: float, *, gop_seconds: float = 2.0, rate: float = 25.0) -> VideoStreamIndex:
    """A 720p video with evenly spaced keyframes."""
    return VideoStreamIndex(
        codec="h264",
        width=1280,
        height=720,
        pixel_aspect=1.0,
        frame_rate_hz=rate,
        start_seconds=0.0,
        duration_seconds=seconds,
        num_packets=round(seconds * rate),
        keyframe_seconds=tuple(number * gop_seconds for number in range(int(seconds / gop_seconds) + 1)),
        is_listed=True,
        is_complete=True,
    )


def index_of(video: VideoStreamIndex | None, audio: AudioStreamIndex | None = None) -> MediaIndex:
    """A file of these streams."""
    seconds = max((stream.duration_seconds for stream in (video, audio) if stream), default=0.0)
    return MediaIndex("mov", 1000, seconds, seconds, 0.0, video, audio)


def plan_of(video: VideoStreamIndex, policy: PlanPolicy = POLICY) -> DecodePlan:
    """The plan of a silent video."""
    return make_plan(index_of(video), policy, max_pixels=10**8)


class TestSweep:
    """Short videos."""

    @pytest.mark.parametrize(("seconds", "num_frames"), [(0.04, 1), (5.3, 5), (20.0, 20), (48.0, 48), (90.0, 48)])
    def test_one_frame_a_second_up_to_the_limit(self, seconds: float, num_frames: int) -> None:
        """Wanted times lie evenly, one a second, no more than allowed, all inside the video."""
        video = plan_of(video_index(seconds)).video
        assert video is not None
        assert [span.kind for span in video.spans] == ["full"]
        assert len(video.wanted_seconds) == num_frames
        assert all(0 < time < seconds for time in video.wanted_seconds)

    def test_pictures_are_left_out_only_where_enough_remain(self) -> None:
        """Not at a low rate, and not where a picture stands for long somewhere: each may be a slide."""
        slow, slides = video_index(20.0, rate=10.0), replace(video_index(20.0), longest_interval_seconds=3.0)
        assert not plan_of(slow).video.skip_nonreference  # type: ignore[union-attr]
        assert not plan_of(slides).video.skip_nonreference  # type: ignore[union-attr]

    def test_unknown_duration_is_decoded_in_full(self) -> None:
        """Without any duration the first stretch is looked at."""
        video = plan_of(replace(video_index(0.0), num_packets=0, is_complete=False)).video
        assert video is not None
        assert video.wanted_seconds[0] == 0.5
        assert len(video.wanted_seconds) == POLICY.max_frames

    def test_few_packets_are_decoded_in_full_whatever_the_duration(self) -> None:
        """Three hours of a slide a minute cost no more than three minutes of slides."""
        video = plan_of(video_index(10_800.0, rate=1 / 60)).video
        assert video is not None
        assert [span.kind for span in video.spans] == ["full"]
        assert video.max_motion_frames <= 181

    @pytest.mark.parametrize(("width", "height", "is_full"), [(426, 240, True), (640, 360, False), (1280, 720, False)])
    def test_small_pictures_are_decoded_in_full_for_longer(self, width: int, height: int, is_full: bool) -> None:
        """Four minutes of small pictures cost what 90 s of larger ones do."""
        video = plan_of(replace(video_index(240.0), width=width, height=height)).video
        assert video is not None
        assert (video.spans[0].kind == "full") is is_full

    def test_tiny_pictures_have_a_limit(self) -> None:
        """An hour is sampled, however small its pictures."""
        assert plan_of(replace(video_index(3600.0), width=32, height=32)).video.spans[0].kind != "full"  # type: ignore[union-attr]

    def test_large_pictures_leave_out_frames(self) -> None:
        """Skipping pays from a picture size on."""
        small = replace(video_index(5.0), width=320, height=180)
        assert plan_of(video_index(5.0)).video.skip_nonreference  # type: ignore[union-attr]
        assert not plan_of(small).video.skip_nonreference  # type: ignore[union-attr]


class TestSamplePoints:
    """Long videos."""

    def test_spread_from_first_to_last(self) -> None:
        """Moments cover the whole duration, dense segments among keyframe samples, within the number of frames."""
        video = plan_of(video_index(600.0)).video
        assert video is not None
        starts = [span.start_seconds for span in video.spans]
        assert starts == sorted(starts)
        assert (starts[0] < 17.0, starts[-1] > 580.0) == (True, True)
        assert [span.kind for span in video.spans].count("dense") == POLICY.num_dense_segments
        assert len(video.wanted_seconds) == POLICY.max_frames

    def test_start_at_keyframes_where_there_are_some(self) -> None:
        """Nothing is decoded before a moment whose keyframe is near."""
        video = plan_of(video_index(600.0)).video
        assert video is not None
        assert {span.lead_in_seconds for span in video.spans} == {0.0}

    def test_sparse_keyframes_keep_to_the_budget(self) -> None:
        """With one keyframe in an hour, what is decoded stays within the budget and sample points remain."""
        video = plan_of(video_index(3600.0, gop_seconds=5000.0)).video
        assert video is not None
        assert video.spans
        assert max(span.end_seconds for span in video.spans) <= POLICY.max_decoded_seconds

    def test_sparse_keyframes_within_the_budget_lose_nothing(self) -> None:
        """A four-minute video with one keyframe is walked through from end to end."""
        video = plan_of(video_index(240.0, gop_seconds=5000.0)).video
        assert video is not None
        assert len(video.wanted_seconds) == POLICY.max_frames

    def test_what_cannot_be_sought_is_read_from_its_beginning(self) -> None:
        """Up to the budget; what is behind it is not looked at."""
        video = plan_of(replace(video_index(900.0), is_seekable=False)).video
        assert video is not None
        assert {span.seek_seconds for span in video.spans} == {None}
        assert 250.0 < video.spans[-1].end_seconds <= POLICY.max_decoded_seconds

    @pytest.mark.parametrize("seconds", [110.0, 120.0, 180.0, 400.0, 3600.0])
    @pytest.mark.parametrize("gop_seconds", [0.5, 2.0, 3.0, 5.0, 8.0, 10.0, 12.0, 30.0, 61.0, 5000.0])
    def test_sample_points_do_not_overlap(self, seconds: float, gop_seconds: float) -> None:
        """Spans follow one another, and no keyframe is a moment twice, however far keyframes are apart."""
        video = plan_of(video_index(seconds, gop_seconds=gop_seconds)).video
        assert video is not None
        assert len(video.spans) > 1
        for before, after in pairwise(video.spans):
            assert max(before.start_seconds, before.end_seconds) < after.start_seconds


class TestAudioPlan:
    """Sound."""

    def test_short_sound_is_taken_whole(self) -> None:
        """One span, with room for what headers round off."""
        audio = make_plan(index_of(None, AudioStreamIndex("aac", 2, 0.0, 20.0)), POLICY, max_pixels=1).audio
        assert audio is not None
        assert audio.spans == ((0.0, 21.0),)

    @pytest.mark.parametrize("seconds", [298.9, 299.0, 299.5, 299.999, 300.0])
    def test_sound_just_below_the_limit_is_one_span(self, seconds: float) -> None:
        """Not ten that overlap; with room for all of it."""
        for num_spans in (1, 10):
            policy = replace(POLICY, num_audio_spans=num_spans)
            stream = AudioStreamIndex("aac", 2, 0.0, seconds)
            audio = make_plan(index_of(None, stream), policy, max_pixels=1).audio
            assert audio is not None
            assert audio.spans == ((0.0, seconds + 1.0),)
            assert audio.max_samples >= seconds * 16_000

    @pytest.mark.parametrize("seconds", [300.001, 301.0, 305.0, 7200.0])
    @pytest.mark.parametrize("num_spans", [1, 2, 10])
    def test_longer_sound_is_heard_in_spans_that_do_not_overlap(self, seconds: float, num_spans: int) -> None:
        """Up to the limit, inside of it."""
        stream = AudioStreamIndex("aac", 2, 0.0, seconds)
        policy = replace(POLICY, num_audio_spans=num_spans)
        audio = make_plan(index_of(None, stream), policy, max_pixels=1).audio
        assert audio is not None and len(audio.spans) == num_spans
        assert all(end <= start + 1e-6 for (_, end), (start, _) in zip(audio.spans, audio.spans[1:], strict=False))
        assert audio.spans[0][0] >= 0 and audio.spans[-1][1] <= seconds + 1e-6

    def test_long_sound_is_sampled(self) -> None:
        """Spans are spread evenly and add up to the limit."""
        stream = AudioStreamIndex("aac", 6, 0.0, 7200.0)
        audio = make_plan(index_of(None, stream), POLICY, max_pixels=1).audio
        assert audio is not None
        assert sum(end - start for start, end in audio.spans) == pytest.approx(POLICY.max_audio_seconds)
        assert audio.spans[-1][1] == pytest.approx(7200.0)
        assert audio.num_channels == 6
        many = replace(stream, num_channels=16)
        assert make_plan(index_of(None, many), POLICY, max_pixels=1).audio.num_channels == 2  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        ("video_seconds", "is_whole", "heard_seconds"),
        [(7200.0, True, 300.0), (7200.0, False, 60.0), (120.0, False, 60.0), (80.0, False, 82.0), (None, False, 300.0)],
    )
    def test_less_is_heard_of_what_is_fetched(
        self, video_seconds: float | None, is_whole: bool, heard_seconds: float
    ) -> None:
        """Where pictures are looked at in sample points, and every byte between them would come for the sound's
        sake."""
        sound = AudioStreamIndex("aac", 2, 0.0, video_seconds + 1 if video_seconds else 7200.0)
        video = video_index(video_seconds) if video_seconds else None
        index = index_of(video, sound)
        plan = make_plan(index, POLICY, max_pixels=10**8, is_whole=is_whole)
        assert plan.audio is not None
        assert sum(end - start for start, end in plan.audio.spans) == pytest.approx(heard_seconds, rel=0.02)

    def test_what_is_fetched_is_heard_where_it_is_watched(self) -> None:
        """One span from the beginning of each burst, none into the next; the sound's own end ends the last."""
        index = index_of(video_index(120.0), AudioStreamIndex("aac", 2, 0.0, 112.0))
        plan = make_plan(index, replace(POLICY, max_remote_audio_seconds=100.0), max_pixels=10**8, is_whole=False)
        assert plan.video is not None and plan.audio is not None
        starts = [start for start, _ in plan.audio.spans]
        dense_segments = [span.start_seconds for span in plan.video.spans if span.kind == "dense"]
        assert starts == [start for start in dense_segments if start < 113.0] != dense_segments
        ends = [end for _, end in plan.audio.spans]
        assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
        assert ends[-1] <= 113.0

    @pytest.mark.parametrize(("num_dense_segments", "sound_seconds"), [(3, 7200.0), (12, 100.0)])
    def test_few_dense_segments_do_not_decide_where_sound_is_decoded(
        self, num_dense_segments: int, sound_seconds: float
    ) -> None:
        """Without enough of them while there is sound, it is heard at even distances."""
        index = index_of(video_index(7200.0), AudioStreamIndex("aac", 2, 0.0, sound_seconds))
        plan = make_plan(
            index, replace(POLICY, num_dense_segments=num_dense_segments), max_pixels=10**8, is_whole=False
        )
        assert plan.audio is not None
        assert len(plan.audio.spans) == POLICY.num_audio_spans
        assert plan.audio.spans[0][0] == 0.0

    @pytest.mark.parametrize(
        ("seconds", "spans"), [(60.0, ((0.0, 300.0),)), (3600.0, ((0.0, 30.0), (396.667, 426.667)))]
    )
    def test_sound_of_unknown_length(self, seconds: float, spans: tuple[tuple[float, float], ...]) -> None:
        """As browsers record it: next to a long video it is taken to last as long, else it is heard up to the limit."""
        index = index_of(video_index(seconds), AudioStreamIndex("opus", 1, 0.0, 0.0))
        plan = make_plan(index, POLICY, max_pixels=10**8)
        assert plan.audio is not None
        assert [pytest.approx(span, abs=0.001) for span in spans] == list(plan.audio.spans[:2])


class TestPlan:
    """The whole."""

    def test_it_is_stable(self) -> None:
        """The same inputs give the same plan, another policy another."""
        first, second = plan_of(video_index(20.0)), plan_of(video_index(20.0))
        other = plan_of(video_index(20.0), replace(POLICY, max_frames=10))
        assert first == second != other

    def test_capacity_is_bounded(self) -> None:
        """No header makes the memory larger than the policy allows."""
        video = replace(video_index(20.0), duration_seconds=1e9, num_packets=10**9, is_complete=False)
        plan = make_plan(index_of(video, AudioStreamIndex("aac", 2, 0.0, 1e9)), POLICY, max_pixels=10**8)
        assert layout_for(plan).capacity_bytes < 400 * 2**20


class TestCoverage:
    """`coverage_ratio`."""

    def test_counts_near_frames(self) -> None:
        """A wanted time is covered within half a period of a sampled frame."""
        assert coverage_ratio((0.5, 1.5, 2.5, 3.5), 1.0, [(0.4, 0.4), (2.0, 2.0)]) == 0.75

    def test_standing_frame_covers_while_it_stands(self) -> None:
        """A frame on screen for a minute stands for that minute."""
        assert coverage_ratio((0.5, 1.5, 2.5, 3.5), 1.0, [(0.0, 3.6)]) == 1.0

    def test_nothing_sampled(self) -> None:
        """Nothing is covered by nothing; without video there is nothing to cover."""
        assert coverage_ratio((0.5,), 1.0, []) == 0.0
        assert coverage_ratio((), 1.0, []) == 1.0
