"""Coverage of one modality, counted from what was decoded and given to operators, not from headers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from operators.media.index import StreamFault
from schemas.receipts import Seen

NOTHING_RATIO = 0.1
"""Below this a stream counts as not decodable: the little that is decoded says nothing about the rest."""
_TIME_SLACK_SECONDS = 0.05
"""Times of an index and of decoded pictures agree to about a frame."""


def damage(kind: str, seen: Seen) -> StreamFault | None:
    """Return the fault of a stream of which hardly anything could be decoded; None if enough could."""
    if not seen.num_packets or min(seen.achieved_ratio, seen.intact_ratio) >= NOTHING_RATIO:
        return None
    return StreamFault(
        "media-damaged",
        f"next to nothing of the {kind} could be decoded: {seen.num_damaged} of {seen.num_packets} packets are"
        f" broken, {seen.achieved_ratio:.0%} of what was planned came out",
    )


def encryption(kind: str, num_encrypted: int, num_packets: int) -> StreamFault | None:
    """Return the fault of a stream most of whose packets are encrypted; None otherwise."""
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
    """Return the share of the wanted times whose picture was decoded: the one that a player shows then, or one close to
    it.

    Args:
        wanted_seconds: of the plan; the ratio is 1.0 without any.
        sampled_seconds: of the pictures that operators got, ascending.
        packet_seconds: display time of each packet that was read, ascending.
        damaged_seconds: the same of packets with logged errors, or that are encrypted.
        reach_seconds: distance up to which a picture represents others, if pictures are closely spaced.
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
    """Return whether a picture was sampled between the one that is shown at `time` and that time, with the reach as
    tolerance."""
    place = bisect_right(packets, time + _TIME_SLACK_SECONDS) - 1
    if not packets or packets[max(0, place)] in damaged:
        return False
    shown = min(packets[max(0, place)], time)
    first = bisect_left(sampled, shown - reach)
    return first < len(sampled) and sampled[first] <= max(time, packets[max(0, place)]) + reach


def length_ratio(reached_seconds: float, announced_seconds: float) -> float:
    """Return the reachable length divided by the announced one; 1.0 if none is announced."""
    return min(1.0, reached_seconds / announced_seconds) if announced_seconds > 0 else 1.0
