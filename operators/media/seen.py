"""From index, plan and what came of it to the shares that a receipt states."""

from __future__ import annotations

from msgspec.structs import replace

from operators.media.decode_audio import SHARE_SLACK_SECONDS, AudioTally
from operators.media.decode_video import VideoTally
from operators.media.index import AudioStreamIndex, MediaIndex, VideoStreamIndex
from operators.media.plan import DecodePlan, coverage_ratio
from operators.media.shares import achieved_ratio, length_ratio
from schemas.receipts import Seen

REACHED_RATIO = 0.9
"""Of the file's stated length: a file of which some stream reaches this far is not cut off, and where a container
states no length for each stream, the others are then as long as they are."""

LAST_SLACK_SECONDS = 0.1
"""Times of lists are those of decoding; shifted, they agree with those of showing to about two pictures."""


def picture_shares(index: MediaIndex, plan: DecodePlan, tally: VideoTally) -> Seen | None:
    """How much of the pictures was seen; None where there are none."""
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
    )


def _intact_ratio(plan: DecodePlan, tally: VideoTally) -> float:
    """Where all is read in one go, a picture whose time falls back behind the one before is lost, too."""
    num_lost = len(tally.damaged_seconds) + (tally.num_discarded if _is_decoded_in_full(plan) else 0)
    return max(0.0, 1 - num_lost / max(1, len(tally.packet_seconds)))


def _is_decoded_in_full(plan: DecodePlan) -> bool:
    return plan.video is not None and any(span.kind == "full" for span in plan.video.spans)


def sound_shares(index: MediaIndex, plan: DecodePlan, tally: AudioTally) -> Seen | None:
    """How much of the sound was heard; None where there is none."""
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
    """Stated sound where the plan listens: of a stream of its own length, else its packets tell."""
    return _overlap_seconds(audio, plan) if audio.announced_seconds else 0.0


def _overlap_seconds(audio: AudioStreamIndex, plan: DecodePlan) -> float:
    """Of the sound that can be reached, what the plan listens to."""
    if plan.audio is None:
        return 0.0
    first, last = audio.start_seconds, audio.start_seconds + audio.duration_seconds
    return sum(max(0.0, min(end, last) - max(start, first)) for start, end in plan.audio.spans)


def _reached_seconds(video: VideoStreamIndex, plan: DecodePlan, tally: VideoTally) -> float:
    """How far the pictures reach: of a video that was decoded in full, up to the last packet that was read.

    The last of all may stand for minutes, at the end of a screen recording or an animated GIF.
    """
    if not _is_decoded_in_full(plan) or not tally.packet_seconds:
        return video.duration_seconds
    last = tally.packet_seconds[-1]
    is_last_of_all = video.last_picture_seconds is not None and last >= video.last_picture_seconds - LAST_SLACK_SECONDS
    is_at_end = is_last_of_all or last - video.start_seconds >= REACHED_RATIO * video.duration_seconds
    return video.duration_seconds if is_at_end else last - video.start_seconds


def _announced_seconds(index: MediaIndex, stream: VideoStreamIndex | AudioStreamIndex) -> float:
    """Stated for the stream, else for the file where nothing in it reaches that far."""
    if stream.announced_seconds:
        return stream.announced_seconds
    claimed = index.claimed_duration_seconds
    return claimed - stream.start_seconds if index.duration_seconds < REACHED_RATIO * claimed else 0.0
