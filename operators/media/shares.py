"""How much of one modality was seen, counted from what was decoded and given to operators, not from headers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from operators.media.index import StreamFault
from schemas.receipts import Seen

NOTHING_RATIO = 0.1
"""Below this a stream counts as not decodable: what little comes of it says nothing of the rest."""
_TIME_SLACK_SECONDS = 0.05
"""Times of an index and of decoded pictures agree to about a frame."""


def damage(kind: str, seen: Seen) -> StreamFault | None:
    """What to say of a stream of which next to nothing could be decoded; None where enough could."""
    if not seen.num_packets or min(seen.achieved_ratio, seen.intact_ratio) >= NOTHING_RATIO:
        return None
    return StreamFault(
        "media-damaged",
        f"next to nothing of the {kind} could be decoded: {seen.num_damaged} of {seen.num_packets} packets are"
        f" broken, {seen.achieved_ratio:.0%} of what was planned came out",
    )


def encryption(kind: str, num_encrypted: int, num_packets: int) -> StreamFault | None:
    """What to say of a stream most of whose packets are encrypted; None otherwise."""
    if num_packets - num_encrypted >= NOTHING_RATIO * max(1, num_packets) or not num_encrypted:
        return None
    return StreamFault("media-encrypted", f"the {kind} is encrypted: {num_encrypted} of {num_packets} packets")


def achieved_ratio(
    wanted_seconds: Sequence[float],
    sampled_seconds: Sequence[float],
    packet_seconds: Sequence[float],
    damaged_seconds: Sequence[float],
    *,
    reach_seconds: float,
) -> float:
    """Share of the wanted times whose picture came out: the one that a player shows then, or one close to it.

    Args:
        wanted_seconds: of the plan; 1.0 where there are none.
        sampled_seconds: of the pictures that operators were given, ascending.
        packet_seconds: when each packet that was read is shown, ascending.
        damaged_seconds: the same of those that the codec complained about, or that are encrypted.
        reach_seconds: how far from its own time a picture stands for others, where pictures follow one another closely.
    """
    if not wanted_seconds:
        return 1.0
    damaged = set(damaged_seconds)
    seen = [
        _is_seen(time, sampled_seconds, packet_seconds, damaged, reach_seconds + _TIME_SLACK_SECONDS)
        for time in wanted_seconds
    ]
    return sum(seen) / len(seen)


def _is_seen(
    time: float, sampled: Sequence[float], packets: Sequence[float], damaged: set[float], reach: float
) -> bool:
    """Whether a picture was sampled between the one that is shown at `time` and that time, give or take the reach."""
    place = bisect_right(packets, time + _TIME_SLACK_SECONDS) - 1
    if not packets or packets[max(0, place)] in damaged:
        return False
    shown = min(packets[max(0, place)], time)
    first = bisect_left(sampled, shown - reach)
    return first < len(sampled) and sampled[first] <= max(time, packets[max(0, place)]) + reach


def length_ratio(reached_seconds: float, announced_seconds: float) -> float:
    """Length that can be reached over the announced one; 1.0 where none is announced."""
    return min(1.0, reached_seconds / announced_seconds) if announced_seconds > 0 else 1.0
