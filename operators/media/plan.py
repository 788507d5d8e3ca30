"""Plans what to decode of a video: pure policy on the container's index, no I/O and no pixels.

Short videos are decoded in full. Long videos are decoded at sample points that are spread evenly over the duration and
start at keyframes where possible. Most sample points decode one keyframe, which costs very little; every few decode a
dense segment, a short stretch that also shows motion. If keyframes are far apart, reaching a sample point means
decoding up to it; such sample points are kept, cheapest first, until a budget of decoded seconds is used.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from operators.media.audio_plan import END_SLACK_SECONDS, AudioPlan, make_audio_plan
from operators.media.geometry import Size, displayed_size, frame_size, motion_size, text_size
from operators.media.index import AudioStreamIndex, MediaIndex, VideoStreamIndex
from operators.media.spread import spread

PLAN_VERSION = 9
"""Part of every signal's fingerprint; grows when the same policy would choose other frames."""

FAR_SECONDS = 1e9
"""After every picture: a span up to here is decoded to the end of the file."""
NUM_SPARE_FRAMES = 8
"""Pictures that may be sampled in addition to the planned ones, if there are some after the end that the index
states."""

COUNTED_PIXELS = (320 * 180, 640 * 360)
"""A packet of a picture of the second size or more counts as one towards `full_decode_max_packets`, one of a smaller
picture as a share of it. Below the first size pictures take no less time to decode."""

SpanKind = Literal["full", "dense", "keyframe"]


@dataclass(frozen=True, slots=True)
class PlanPolicy:
    """Limits and rates of sampling."""

    frames_per_second: float = 1.0
    max_frames: int = 48
    motion_hz: float = 12.0
    """Highest rate of the motion track."""
    outline_hz: float = 120.0
    """Highest rate of the outlines: that of the video up to here, so that cuts are located to one picture."""
    full_decode_max_seconds: float = 90.0
    """Longer videos are decoded at sample points."""
    full_decode_max_packets: int = 2700
    """A video of any duration with at most as many packets as 90 s at 30 frames per second costs no more to decode in
    full. Packets of small pictures count for less: four minutes at 25 frames per second of 240p are decoded in full."""
    num_dense_segments: int = 12
    dense_segment_seconds: float = 2.0
    max_decoded_seconds: float = 300.0
    """Of a long video, including lead-ins from keyframes."""
    max_audio_seconds: float = 300.0
    num_audio_spans: int = 10
    """For longer audio: the number of equal spans, spread evenly."""
    max_remote_audio_seconds: float = 60.0
    """Used for remote, sparsely sampled media. Audio is interleaved with video, so each second of audio also
    downloads a second of video; audio spans therefore start where the dense video segments start."""
    frame_shorter_pixels: int = 256
    frame_longer_pixels: int = 512
    motion_pixels: int = 160 * 90
    outline_pixels: int = 64 * 36
    max_text_pictures: int = 4
    """Pictures of a video in which text is looked for."""
    text_longer_pixels: int = 640
    """Of these: sampled ones are too small for text of a twentieth of their height."""
    text_pixels: int = 640 * 480
    skip_deblocking_pixels: int = 1280 * 720
    """From this picture size on, the codec's deblocking is skipped: a fifth less work. Pictures are then shrunk to a
    third or less, where it changes a pixel by 0.9 to 2 of 255 on average."""
    skip_nonreference_pixels: int = 640 * 360
    """From this picture size on, non-reference frames are not decoded: a fifth to a third less work. Only if enough
    remain: see the next two."""
    skip_nonreference_hz: float = 20.0
    """In a video with fewer pictures per second, each is needed; of up to four in a row one may remain."""
    skip_nonreference_interval_seconds: float = 0.25
    """A picture that is displayed for longer somewhere may be a slide, which no other picture shows."""


@dataclass(frozen=True, slots=True)
class DecodeSpan:
    """A stretch `[start_seconds, end_seconds)` to decode, reached from the keyframe at `seek_seconds`."""

    kind: SpanKind
    start_seconds: float
    end_seconds: float
    seek_seconds: float | None
    """None: read from the beginning of the file."""

    @property
    def lead_in_seconds(self) -> float:
        """Seconds that must be decoded before the first wanted frame."""
        return self.start_seconds - (self.seek_seconds or 0.0)


@dataclass(frozen=True, slots=True)
class VideoPlan:
    """What to decode of the pictures and how to return it."""

    spans: tuple[DecodeSpan, ...]
    wanted_seconds: tuple[float, ...]
    """Ascending; the frame shown at each of these times is sampled, once."""
    spacing_seconds: float
    """Usual distance of two wanted pictures, at least the period: the time that one represents."""
    skip_nonreference: bool
    skip_deblocking: bool
    frame_size: Size
    """Before rotation."""
    motion_size: Size
    """Before rotation."""
    motion_hz: float
    max_motion_frames: int
    outline_size: Size
    """Before rotation."""
    outline_hz: float
    max_outlines: int
    text_size: Size
    """Before rotation."""
    max_text_pictures: int
    max_pixels: int


@dataclass(frozen=True, slots=True)
class DecodePlan:
    """Everything that a decoder process does for one video."""

    video: VideoPlan | None
    audio: AudioPlan | None
    covered_grid_seconds: tuple[float, ...]
    """The wanted seconds that coverage is measured against, one per sampling period over the whole duration that the
    container announces: what is announced and missing is not covered."""
    period_seconds: float

    @property
    def planned_ratio(self) -> float:
        """Share of the grid for which a picture is wanted, half a period before or after; 1.0 without video."""
        wanted = self.video.wanted_seconds if self.video else ()
        return coverage_ratio(self.covered_grid_seconds, self.period_seconds, [(time, time) for time in wanted])


def make_plan(index: MediaIndex, policy: PlanPolicy, *, max_pixels: int, is_whole: bool = True) -> DecodePlan:
    """Select what to decode of the video that `index` describes.

    Args:
        index: of its container.
        policy: limits and rates.
        max_pixels: of one picture.
        is_whole: whether every byte is local; otherwise bytes cost, too.
    """
    period = 1 / policy.frames_per_second
    max_audio_seconds = policy.max_audio_seconds
    video = _video_plan(index.video, policy, max_pixels) if index.video else None
    dense_segment_seconds: list[float] = []
    if not is_whole and index.video is not None and video is not None and not _is_decoded_in_full(index.video, policy):
        max_audio_seconds = min(max_audio_seconds, policy.max_remote_audio_seconds)
        dense_segment_seconds = [span.start_seconds for span in video.spans if span.kind == "dense"]
    heard = _heard(index, max_audio_seconds)
    audio = make_audio_plan(heard, max_audio_seconds, policy.num_audio_spans, dense_segment_seconds) if heard else None
    return DecodePlan(
        video=video,
        audio=audio,
        covered_grid_seconds=_grid(index.video, period) if index.video else (),
        period_seconds=period,
    )


def _heard(index: MediaIndex, max_seconds: float) -> AudioStreamIndex | None:
    """Return the sound; without a stated length, it lasts as long as a long video's pictures."""
    if index.audio is None or index.audio.duration_seconds or index.duration_seconds <= max_seconds:
        return index.audio
    return replace(index.audio, duration_seconds=index.duration_seconds)


def coverage_ratio(grid_seconds: tuple[float, ...], period_seconds: float, shown: list[tuple[float, float]]) -> float:
    """Return the share of the grid that a sampled frame represents.

    Args:
        grid_seconds: Wanted times, ascending.
        period_seconds: Distance of two of them.
        shown: Of each sampled frame, ascending: when it appears and when the next decoded frame replaces it. A frame
            represents the times within half a period of that interval.
    """
    if not grid_seconds:
        return 1.0
    starts = [first for first, _ in shown]
    return sum(_is_covered(time, period_seconds / 2, starts, shown) for time in grid_seconds) / len(grid_seconds)


def _is_covered(time: float, reach: float, starts: list[float], shown: list[tuple[float, float]]) -> bool:
    after = bisect_right(starts, time)
    near = shown[max(0, after - 1) : after + 1]
    return any(first - reach <= time <= last + reach for first, last in near)


MAX_GRID_TIMES = 100_000
"""A day of one-second periods; a header that claims more is measured against this many."""


def _grid(video: VideoStreamIndex, period: float) -> tuple[float, ...]:
    start = video.start_seconds - video.lead_seconds
    duration = max(video.duration_seconds, video.announced_seconds) + video.lead_seconds
    num_times = min(MAX_GRID_TIMES, max(1, round(duration / period)))
    step = min(period, duration) if num_times == 1 else duration / num_times
    return tuple(start + (number + 0.5) * step for number in range(num_times))


def _video_plan(video: VideoStreamIndex, policy: PlanPolicy, max_pixels: int) -> VideoPlan:
    shown = displayed_size(video.width, video.height, video.pixel_aspect)
    spans, wanted = _full_decode(video, policy) if _is_decoded_in_full(video, policy) else _sample_points(video, policy)
    return VideoPlan(
        spans=spans,
        wanted_seconds=wanted,
        spacing_seconds=_spacing_seconds(wanted, 1 / policy.frames_per_second),
        skip_deblocking=video.width * video.height >= policy.skip_deblocking_pixels,
        skip_nonreference=_may_skip_nonreference(video, policy),
        frame_size=frame_size(*shown, shorter=policy.frame_shorter_pixels, longer=policy.frame_longer_pixels),
        motion_size=motion_size(*shown, pixels=policy.motion_pixels),
        motion_hz=policy.motion_hz,
        max_motion_frames=_max_motion_frames(spans, video, policy, policy.motion_hz),
        outline_size=motion_size(*shown, pixels=policy.outline_pixels),
        outline_hz=policy.outline_hz,
        max_outlines=_max_motion_frames(spans, video, policy, policy.outline_hz),
        text_size=text_size(*shown, longer=policy.text_longer_pixels, pixels=policy.text_pixels),
        max_text_pictures=policy.max_text_pictures,
        max_pixels=max_pixels,
    )


def _spacing_seconds(wanted: tuple[float, ...], period: float) -> float:
    distances = sorted(after - before for before, after in pairwise(wanted))
    return max(period, distances[len(distances) // 2]) if distances else period


def _may_skip_nonreference(video: VideoStreamIndex, policy: PlanPolicy) -> bool:
    """Return whether enough pictures remain without non-reference ones, everywhere in the video."""
    rate = video.num_packets / video.duration_seconds if video.is_complete and video.duration_seconds else 0.0
    is_dense = (rate or video.frame_rate_hz) >= policy.skip_nonreference_hz
    has_slides = video.longest_interval_seconds > policy.skip_nonreference_interval_seconds
    return is_dense and not has_slides and video.width * video.height >= policy.skip_nonreference_pixels


def _is_decoded_in_full(video: VideoStreamIndex, policy: PlanPolicy) -> bool:
    if video.duration_seconds <= policy.full_decode_max_seconds:
        return True
    least, most = COUNTED_PIXELS
    counted_ratio = min(max(video.width * video.height, least), most) / most
    return video.is_complete and video.num_packets * counted_ratio <= policy.full_decode_max_packets


def _max_motion_frames(spans: tuple[DecodeSpan, ...], video: VideoStreamIndex, policy: PlanPolicy, hz: float) -> int:
    longest = max(video.duration_seconds, policy.full_decode_max_seconds) + END_SLACK_SECONDS
    seconds = sum(min(longest, span.end_seconds - span.start_seconds) for span in spans if span.kind != "keyframe")
    by_time = math.ceil(seconds * hz) + len(spans)
    return min(by_time, video.num_packets + 1) if video.is_complete else by_time


def _full_decode(video: VideoStreamIndex, policy: PlanPolicy) -> tuple[tuple[DecodeSpan, ...], tuple[float, ...]]:
    duration = video.duration_seconds or policy.full_decode_max_seconds
    num_frames = min(policy.max_frames, max(1, round(duration * policy.frames_per_second)))
    step = duration / num_frames
    if not video.duration_seconds:
        step = 1 / policy.frames_per_second
    length = num_frames * step
    wanted = tuple(spread(num_frames, video.start_seconds, length, video.content_seconds, max_times=policy.max_frames))
    end = video.start_seconds + duration + END_SLACK_SECONDS
    # If all packets of a video are known, none is left unread, whatever its time.
    return (DecodeSpan("full", video.start_seconds, FAR_SECONDS if video.is_complete else end, None),), wanted


def _sample_points(video: VideoStreamIndex, policy: PlanPolicy) -> tuple[tuple[DecodeSpan, ...], tuple[float, ...]]:
    frames_per_dense_segment = max(1, round(policy.dense_segment_seconds * policy.frames_per_second))
    num_dense_segments = min(policy.num_dense_segments, policy.max_frames // frames_per_dense_segment)
    num_sample_points = policy.max_frames - num_dense_segments * (frames_per_dense_segment - 1)
    slot = video.duration_seconds / num_sample_points
    targets = spread(num_sample_points, video.start_seconds, video.duration_seconds, video.content_seconds)
    spans = [
        _sample_point(video, target, slot, _is_dense_segment(number, num_sample_points, num_dense_segments), policy)
        for number, target in enumerate(targets)
    ]
    kept = _within_budget(_without_repeats(spans), policy.max_decoded_seconds)
    return tuple(kept), tuple(sorted(time for span in kept for time in _wanted_in(span, policy)))


def _is_dense_segment(number: int, num_sample_points: int, num_dense_segments: int) -> bool:
    """Return whether sample point `number` is one of `num_dense_segments` spread evenly among the sample points."""
    return (number * num_dense_segments) // num_sample_points != (
        (number + 1) * num_dense_segments
    ) // num_sample_points


def _sample_point(
    video: VideoStreamIndex, target: float, slot: float, is_dense_segment: bool, policy: PlanPolicy
) -> DecodeSpan:
    start, seek = _reached(video, target, slot / 2)
    length = policy.dense_segment_seconds if is_dense_segment else 0.0
    end = min(start + length, video.start_seconds + video.duration_seconds + END_SLACK_SECONDS)
    return DecodeSpan("dense" if is_dense_segment else "keyframe", start, end, seek)


def _reached(video: VideoStreamIndex, target: float, reach: float) -> tuple[float, float | None]:
    """Return where a sample point begins and from where it is decoded: the keyframe nearest to `target` if within
    `reach`, otherwise the target itself and the last keyframe before it."""
    if not video.is_seekable:
        return target, None
    keyframes = video.keyframe_seconds
    after = bisect_right(keyframes, target)
    near = [time for time in keyframes[max(0, after - 1) : after + 1] if abs(time - target) <= reach]
    if near:
        nearest = min(near, key=lambda time: abs(time - target))
        return nearest, nearest
    if not video.is_complete and after == len(keyframes):
        return target, target  # beyond the known part the container finds a keyframe by itself
    return target, keyframes[after - 1] if after else video.start_seconds


def _without_repeats(spans: list[DecodeSpan]) -> list[DecodeSpan]:
    """Drop a sample point that starts before the previous one has ended."""
    kept: list[DecodeSpan] = []
    for span in spans:
        if not kept or span.start_seconds > max(kept[-1].start_seconds, kept[-1].end_seconds):
            kept.append(span)
    return kept


def _within_budget(spans: list[DecodeSpan], budget_seconds: float) -> list[DecodeSpan]:
    """Return the sample points nearest after their keyframe first while the budget lasts, in order of time.

    Sample points after the same keyframe are reached in one pass, so each costs the distance to the previous one.
    """
    kept: list[DecodeSpan] = []
    reached: dict[float | None, float] = {}
    spent = 0.0
    for span in sorted(spans, key=lambda span: (span.lead_in_seconds, span.start_seconds)):
        cost = span.end_seconds - reached.get(span.seek_seconds, span.start_seconds - span.lead_in_seconds)
        if kept and spent + cost > budget_seconds:
            continue
        kept.append(span)
        reached[span.seek_seconds] = span.end_seconds
        spent += cost
    return sorted(kept, key=lambda span: span.start_seconds)


def _wanted_in(span: DecodeSpan, policy: PlanPolicy) -> tuple[float, ...]:
    num_frames = max(1, round((span.end_seconds - span.start_seconds) * policy.frames_per_second))
    return tuple(span.start_seconds + number / policy.frames_per_second for number in range(num_frames))
