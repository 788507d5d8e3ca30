"""What the places of recent records tell of their producers."""

from __future__ import annotations

from ops.doctor.placement import Placed, judge
from streams.kafka.partitioning import partition_of

NUM_PARTITIONS = 8


def placed(number: int, *, is_right: bool, source: bytes | None = None) -> Placed:
    key = f"v-{number}".encode()
    return Placed((partition_of(key, NUM_PARTITIONS) + (not is_right)) % NUM_PARTITIONS, key, source)


def test_all_in_their_places() -> None:
    """Nothing to do; a record without a key has no place to be in."""
    records = [*(placed(number, is_right=True) for number in range(50)), Placed(3, None, None)]
    finding = judge("video.uploaded", records, NUM_PARTITIONS)
    assert (finding.state, finding.found) == (
        "ok",
        "all of 50 recent records on the partition that murmur2 gives for the key",
    )


def test_some_elsewhere() -> None:
    """How many of how many, who wrote them as far as they report it, and the setting that mends it."""
    records = [placed(number, is_right=number >= 312) for number in range(1_000)]
    finding = judge("video.uploaded", records, NUM_PARTITIONS)
    assert finding.state == "warning"
    assert finding.found.startswith("312 of 1,000 recent records on another partition than murmur2 gives")
    assert "not known" in finding.found
    assert "partitioner=murmur2_random" in finding.do


def test_senders_are_named_by_their_header() -> None:
    """The most frequent ones, whatever bytes they put there."""
    wrong = [placed(number, is_right=False, source=f"team-{number % 2 * number}".encode()) for number in range(20)]
    finding = judge("video.uploaded", [*wrong, placed(99, is_right=False, source=b"\xff\n")], NUM_PARTITIONS)
    assert "by ce_source: 'team-0' 10, " in finding.found
    assert "\n" not in finding.found
