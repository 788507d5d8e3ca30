"""Where a seek leads is looked at: containers that count in times of decoding, lead far ahead, or lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import pytest

from operators.media.decoders.keyframe_seek import KeyframeSeeker

TICKS = 1000
"""A second."""
FRAME = 40
DELAY = 2 * FRAME
"""Between decoding and showing a picture."""
GOP = 10


def packet_at(decoded: int, *, is_keyframe: bool) -> av.Packet:
    packet = av.Packet(b"x")
    packet.dts, packet.pts, packet.is_keyframe = decoded, decoded + DELAY, is_keyframe
    return packet


@dataclass
class FakeContainer:
    """A hundred pictures, each tenth a keyframe; `leads_to` is what its seeks do."""

    leads_to: Callable[[int], int]
    """The place in `packets` to which a stamp leads."""
    packets: list[av.Packet] = field(
        default_factory=lambda: [packet_at(FRAME * number, is_keyframe=number % GOP == 0) for number in range(100)]
    )
    sought: list[int] = field(default_factory=list)
    num_read: int = 0
    place: int = 0

    def seek(self, stamp: int, *, stream: object) -> None:
        self.sought.append(stamp)
        self.place = self.leads_to(stamp)

    def demuxed(self) -> Iterator[Any]:
        for packet in self.packets[self.place :]:
            self.num_read += 1
            yield packet


class FakeStream:
    """Only its clock is asked for."""

    time_base = Fraction(1, TICKS)


def seeker(container: FakeContainer) -> KeyframeSeeker:
    fake: Any = container
    stream: Any = FakeStream()
    return KeyframeSeeker(fake, stream, container.demuxed)


def by_showing(stamp: int) -> int:
    """As MP4: the last keyframe that is shown by then."""
    return max(0, (stamp - DELAY) // (GOP * FRAME) * GOP)


def by_decoding(stamp: int) -> int:
    """As a transport stream: the packet that is decoded then."""
    return min(100, max(0, stamp // FRAME))


def shown(number: int) -> int:
    """When keyframe `number` is shown."""
    return number * GOP * FRAME + DELAY


class TestKeyframeSeeker:
    @pytest.mark.parametrize("leads_to", [by_showing, by_decoding, lambda _stamp: 0])
    def test_every_keyframe_is_found(self, leads_to: Callable[[int], int]) -> None:
        """However seeks behave, packets begin with the keyframe of that time."""
        container = FakeContainer(leads_to)
        found = seeker(container)
        for number in (5, 3, 9, 0):
            first = next(found.packets_from(shown(number)))
            assert (first.pts, first.is_keyframe) == (shown(number), True)

    def test_an_exact_seek_is_all(self) -> None:
        """Nothing but the keyframe itself is read."""
        container = FakeContainer(by_showing)
        next(seeker(container).packets_from(shown(4)))
        assert (container.sought, container.num_read) == ([shown(4)], 1)

    def test_a_way_that_led_there_is_taken_at_once(self) -> None:
        """The second seek goes back right away."""
        container = FakeContainer(by_decoding)
        found = seeker(container)
        found.packets_from(shown(4))
        assert container.sought == [shown(4), shown(4) - TICKS]
        found.packets_from(shown(8))
        assert container.sought[2:] == [shown(8) - TICKS]

    def test_a_time_without_a_keyframe(self) -> None:
        """Leads where FFmpeg leads: to the keyframe before."""
        container = FakeContainer(by_showing)
        first = next(seeker(container).packets_from(shown(4) + 5 * FRAME))
        assert (first.pts, first.is_keyframe) == (shown(4), True)

    def test_times_that_lie(self) -> None:
        """A file whose pictures all claim the same early time is not read to its end for each of its sample points."""
        packets = [packet_at(0, is_keyframe=False) for _ in range(50_000)]
        container = FakeContainer(lambda _stamp: 0, packets)
        seeker(container).packets_from(shown(9))
        assert container.num_read < len(packets) / 5

    def test_without_times(self) -> None:
        """Elementary streams: what comes first is taken."""
        timeless = av.Packet(b"x")
        container = FakeContainer(lambda _stamp: 0, [timeless])
        assert next(seeker(container).packets_from(shown(2))) is timeless
