"""From index, plan and decode results to the ratios of a receipt."""

from __future__ import annotations

from msgspec.structs import replace

from operators.media.decode_audio import SHARE_SLACK_SECONDS, AudioTally
from operators.media.decode_video import VideoTally
from operators.media.index import AudioStreamIndex, MediaIndex, VideoStreamIndex
from operators.media.plan import DecodePlan, coverage_ratio
from operators.media.shares import achieved_ratio, length_ratio
from schemas.receipts import Seen

REACHED_RATIO = 0.9
"""Of the file's stated length: a file with a stream that reaches this far is not truncated, and in a container without
stated stream lengths the other streams are then complete."""

LAST_SLACK_SECONDS = 0.1
"""Times of lists are decode times; shifted, they agree with display times to about two pictures."""


def picture_shares(index: MediaIndex, plan: DecodePlan, tally: VideoTally) -> Seen | None:
    """Return the coverage of the pictures; None without pictures."""
    if index.video is None or plan.video is None:
        return None
    video, seen = index.video, [first for first, _ in tally.shown]
    achieved = achieved_ratio(
        plan.video.wanted_seconds,
        seen,
        tally.packet_seconds,
        tally.damaged_seconds,
        reach_seconds=plan.video.spacing_seconds / 2,
    )
    coverage = coverage_ratio(plan.covered_grid_seconds, plan.period_seconds, tally.shown)
    return Seen(
        planned_ratio=max(plan.planned_ratio, coverage),
        achieved_ratio=achieved,
        length_ratio=length_ratio(
            _reached_seconds(video, plan, tally) + SHARE_SLACK_SECONDS, _announced_seconds(index, video)
        ),
        intact_ratio=_intact_ratio(plan, tally),
        num_packets=len(tally.packet_seconds),
        num_damaged=len(tally.damaged_seconds),
        num_discarded=tally.num_discarded,
        num_lost=len(tally.damaged_seconds),
        lead_ratio=_lead_ratio(video),
    )


def _lead_ratio(video: VideoStreamIndex) -> float:
    length = max(video.duration_seconds, video.announced_seconds) + video.lead_seconds
    return video.lead_seconds / length if length else 0.0


def _intact_ratio(plan: DecodePlan, tally: VideoTally) -> float:
    """If all is read in one pass, a picture whose time falls behind the previous one is lost, too."""
    num_lost = len(tally.damaged_seconds) + (tally.num_discarded if _is_decoded_in_full(plan) else 0)
    return max(0.0, 1 - num_lost / max(1, len(tally.packet_seconds)))


def _is_decoded_in_full(plan: DecodePlan) -> bool:
    return plan.video is not None and any(span.kind == "full" for span in plan.video.spans)


def sound_shares(index: MediaIndex, plan: DecodePlan, tally: AudioTally) -> Seen | None:
    """Return the coverage of the sound; None without sound."""
    if index.audio is None or plan.audio is None:
        return None
    audio = index.audio
    announced = _announced_seconds(index, audio)
    shares = replace(
        tally.shares(_planned_seconds(audio, plan), announced, audio.start_seconds),
        planned_ratio=_heard_ratio(audio, plan, announced),
    )
    is_heard_to_its_end = plan.audio.spans[-1][1] >= audio.start_seconds + audio.duration_seconds
    return (
        shares if is_heard_to_its_end else replace(shares, length_ratio=length_ratio(audio.duration_seconds, announced))
    )


def _heard_ratio(audio: AudioStreamIndex, plan: DecodePlan, announced_seconds: float) -> float:
    """Share of the announced sound, or of what there is where that is more, at which the plan listens."""
    length = max(announced_seconds, audio.duration_seconds)
    return min(1.0, _overlap_seconds(audio, plan) / length) if length else 1.0


def _planned_seconds(audio: AudioStreamIndex, plan: DecodePlan) -> float:
    """Return the stated sound within the plan: of a stream with its own length, otherwise from its packets."""
    return _overlap_seconds(audio, plan) if audio.announced_seconds else 0.0


def _overlap_seconds(audio: AudioStreamIndex, plan: DecodePlan) -> float:
    """Return the part of the reachable sound that is planned."""
    if plan.audio is None:
        return 0.0
    first, last = audio.start_seconds, audio.start_seconds + audio.duration_seconds
    return sum(max(0.0, min(end, last) - max(start, first)) for start, end in plan.audio.spans)


def _reached_seconds(video: VideoStreamIndex, plan: DecodePlan, tally: VideoTally) -> float:
    """Return how far the pictures reach: for a video that was decoded in full, up to the last packet that was read.

    The last picture may be displayed for minutes, at the end of a screen recording or an animated GIF.
    """
    if not _is_decoded_in_full(plan) or not tally.packet_seconds:
        return video.duration_seconds
    last = tally.packet_seconds[-1]
    is_last_of_all = video.last_picture_seconds is not None and last >= video.last_picture_seconds - LAST_SLACK_SECONDS
    is_at_end = is_last_of_all or last - video.start_seconds >= REACHED_RATIO * video.duration_seconds
    return video.duration_seconds if is_at_end else last - video.start_seconds


def _announced_seconds(index: MediaIndex, stream: VideoStreamIndex | AudioStreamIndex) -> float:
    """Return the length stated for the stream, otherwise that of the file if nothing in it reaches that far."""
    if stream.announced_seconds:
        return stream.announced_seconds
    claimed = index.claimed_duration_seconds
    return claimed - stream.start_seconds if index.duration_seconds < REACHED_RATIO * claimed else 0.0
