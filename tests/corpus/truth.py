"""What the generator knows of a case, and the comparison with it: no decoder and no demuxer is asked.

Every picture carries its number and no stretch of the noise is like another, so that a sampled picture and a heard
stretch say themselves which ones they are. When those are shown and heard follows from how the file was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt

from tests.corpus.cases import LATE_SECONDS, TRIMMED_SECONDS, Case
from tests.corpus.coded import SOUND_HZ, coded_sound, number_of
from tests.decoded_here import DecodedHere

HALF_A_PICTURE_SECONDS = 0.02
MUXER_SECONDS = 0.081
"""Two pictures: FFmpeg's own muxer of programme streams moves some by as much."""
PRIMING_SECONDS = 0.022
"""What AAC puts ahead of its first sample: in fragments with an empty index FFmpeg's muxer begins each track at 0, and
all but the first picture are late by as much."""
ORIGIN_SECONDS = 0.1
"""A file's timeline begins with the first of its packets, which codecs of sound put before the first sample."""
WINDOW = SOUND_HZ // 2
MAX_LAG = SOUND_HZ // 5
LATE_SOUND_SECONDS = 0.06
MAX_LEFT_OUT_SECONDS = 0.25
"""How long the picture may stay that is shown when an edit begins: beyond that, the whole track is analysed."""


@dataclass(slots=True)
class Differences:
    """From what the generator knows."""

    worst_picture_seconds: float = 0.0
    worst_sound_seconds: float = 0.0
    faults: tuple[str, ...] = ()


def differences(case: Case, found: DecodedHere) -> Differences:
    """Hold sampled pictures and heard sound against the generator."""
    result = Differences()
    offset = _hold_pictures(case, found, result)
    if case.has_sound:
        _hold_sound(case, found, offset, result)
    return result


def pictures_of(case: Case) -> list[tuple[float, int]]:
    """When each picture is shown and which number it carries."""
    times = [time / 1000 for time in case.times_ms]
    part = [(time, number) for number, time in enumerate(times)]
    match case.change:
        case "trimmed":
            trimmed = trimmed_seconds(case)
            return [(time - trimmed, number) for time, number in part if not trimmed or time > trimmed - 0.1]
        case "late pictures":
            return [(time + LATE_SECONDS, number) for time, number in part]
        case "twice" | "after another":
            behind = times[-1] + times[-1] - times[-2]
            return part + [(time + behind, number) for time, number in part]
        case _:
            return part


def held_back_seconds(case: Case) -> float:
    """How much later than written a file without edits shows all.

    A codec with B pictures delays the first one. An edit would remove the delay, but FFmpeg writes none into fragments
    with `empty_moov`. Sound is as late.
    """
    is_late = case.change == "fragments" and case.codec == "h264 B"
    return (case.times_ms[1] - case.times_ms[0]) / 1000 if is_late else 0.0


def sound_of(case: Case) -> list[tuple[float, npt.NDArray[np.float32]]]:
    """When each stretch of the noise begins, and its samples."""
    noise = coded_sound(case.sound_seconds)
    match case.change:
        case "trimmed":
            return [(-trimmed_seconds(case), noise)]
        case "late sound":
            return [(LATE_SECONDS, noise)]
        case "twice" | "after another":
            behind = (2 * case.times_ms[-1] - case.times_ms[-2]) / 1000
            return [(0.0, noise), (behind, noise)]
        case _:
            return [(0.0, noise)]


def trimmed_seconds(case: Case) -> float:
    """What the edit removes; 0.0 if a picture that is shown when it begins stays too long: all is analysed then."""
    return TRIMMED_SECONDS if _left_out_seconds(case) <= MAX_LEFT_OUT_SECONDS else 0.0


def _left_out_seconds(case: Case) -> float:
    """How long the picture stays that began before the edit; FFmpeg makes all pictures early by as much."""
    return next(time / 1000 for time in case.times_ms if time / 1000 >= TRIMMED_SECONDS) - TRIMMED_SECONDS


def _origin_seconds(case: Case) -> float:
    """How far all pictures may be from where they were written, together."""
    left_out = _left_out_seconds(case) if case.change == "trimmed" and trimmed_seconds(case) else 0.0
    return max(ORIGIN_SECONDS, left_out + HALF_A_PICTURE_SECONDS)


def _hold_pictures(case: Case, found: DecodedHere, result: Differences) -> float:
    """The offset of the file's timeline; every picture is at its time with it."""
    shown = pictures_of(case)
    late, held_back = [], held_back_seconds(case)
    for seconds, pixels in zip(found.seconds, found.pictures, strict=True):
        times = [time for time, number in shown if number == number_of(pixels)]
        if not times:
            result.faults += (f"picture {number_of(pixels)} at {seconds:.3f} s was never written",)
            continue
        late.append(min((seconds - time for time in times), key=abs))
    offset = median(late) if late else 0.0
    result.worst_picture_seconds = max((abs(each - offset) for each in late), default=0.0)
    limit = MUXER_SECONDS if case.suffix == "mpg" else HALF_A_PICTURE_SECONDS
    limit += PRIMING_SECONDS if case.change == "fragments" and case.has_sound else 0.0
    if result.worst_picture_seconds > limit or not -_origin_seconds(case) <= offset <= held_back + ORIGIN_SECONDS:
        result.faults += (f"pictures are off by {result.worst_picture_seconds:.3f} s, all by {offset:.3f} s",)
    return offset


def _hold_sound(case: Case, found: DecodedHere, offset: float, result: Differences) -> None:
    """Every half second in two of what was heard is the noise of that time, and none is missing."""
    stretches = sound_of(case)
    late = max(LATE_SOUND_SECONDS, abs(offset) + HALF_A_PICTURE_SECONDS if case.change == "trimmed" else 0.0)
    written = sum(len(noise) / SOUND_HZ + min(0.0, start) for start, noise in stretches)
    heard = len(found.full_band) / SOUND_HZ
    if heard < written - 0.25:
        result.faults += (f"{heard:.2f} s of sound heard, {written:.2f} s written",)
    for span in found.spans:
        samples = found.full_band[span.first_sample * 3 : (span.first_sample + span.num_samples) * 3].mean(axis=1)
        for first in range(0, len(samples) - WINDOW, 4 * WINDOW):
            at = span.start_seconds + first / SOUND_HZ - offset
            similarity, lag = max(
                _match(samples[first : first + WINDOW], at - start, noise) for start, noise in stretches
            )
            result.worst_sound_seconds = max(result.worst_sound_seconds, lag)
            if similarity < 0.6 or lag > late:
                result.faults += (f"sound at {at:.2f} s is off by {lag:.3f} s, similarity {similarity:.2f}",)


def _match(ours: Sequence[float], at_seconds: float, noise: npt.NDArray[np.float32]) -> tuple[float, float]:
    """How like the noise at that time it is, at the best lag, and that lag in seconds."""
    first = round(at_seconds * SOUND_HZ) - MAX_LAG
    length = len(ours) + 2 * MAX_LAG
    theirs = np.zeros(length, np.float32)
    begin, end = max(0, first), min(len(noise), first + length)
    if end <= begin:
        return 0.0, 0.0
    theirs[begin - first : end - first] = noise[begin:end]
    match = np.fft.irfft(np.fft.rfft(theirs, length) * np.conj(np.fft.rfft(ours, length)), length)[: 2 * MAX_LAG]
    place = int(np.argmax(match))
    matched = theirs[place : place + len(ours)]
    similarity = float(match[place]) / (float(np.linalg.norm(ours)) * float(np.linalg.norm(matched)) + 1e-9)
    return similarity, abs(place - MAX_LAG) / SOUND_HZ
