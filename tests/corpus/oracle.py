"""A plain decode of everything, in a few lines that share nothing with the product, and the comparison with it.

Both are held against what the generator knows, too, which no decoder tells: see `truth`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation

from tests.corpus.cases import Case
from tests.corpus.coded import SOUND_HZ, number_of
from tests.corpus.truth import MUXER_SECONDS, differences, trimmed_seconds
from tests.decoded_here import DecodedHere, decoded_here

FALL_SECONDS = 1.0
"""Of a clock that starts again."""
LEAP_SECONDS = 12 * 3_600.0
"""FFmpeg takes a clock that starts again below its first time for one that has wrapped."""
WRAP_SECONDS = 2**33 / 90_000
MAX_SOUND_SECONDS = 2_000.0
"""More is a fault of the comparison, and would fill the memory of the machine."""
ROUNDING_SECONDS = 0.01
"""Containers that count in milliseconds round the times of packets that follow one another without a gap."""
_WINDOW = SOUND_HZ // 2
_MAX_LAG = SOUND_HZ // 20


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of the full decode."""

    seconds: float
    number: int
    pixels: npt.NDArray[np.uint8]


@dataclass(slots=True)
class Comparison:
    """What the product and the oracle differ in."""

    name: str
    num_pictures: int = 0
    num_sampled: int = 0
    worst_difference: float = 0.0
    """Mean over a picture, of 255."""
    worst_seconds: float = 0.0
    """Of a sampled picture against the same one in the full decode."""
    worst_sound_seconds: float = 0.0
    coverage_ratio: float = 0.0
    truth_seconds: float = 0.0
    """Of a sampled picture against what the generator knows, without asking any decoder."""
    truth_sound_seconds: float = 0.0
    counted_ratio: float = 0.0
    """Coverage by the oracle: pictures of the file that are sampled or near a sampled one."""
    faults: list[str] = field(default_factory=list)


def compared(case: Case, folder: Path) -> Comparison:
    """Build a case and hold the product against the full decode of it."""
    path = case.build(folder)
    shown, found = shown_pictures(path, _edit_options(case)), decoded_here(path)
    found.pictures = [np.rot90(pixels, -case.rotation_degrees // 90) for pixels in found.pictures]
    result = Comparison(case.name, num_pictures=len(shown), num_sampled=len(found.seconds))
    if found.failure is not None or found.receipt is None or found.plan is None or found.plan.video is None:
        result.faults.append(f"failed: {found.failure}")
        return result
    _hold_oracle(case, shown, result)
    _compare_pictures(found, shown, result)
    _compare_plan(found, shown, result)
    _compare_shares(found, result)
    if case.has_sound:
        _compare_sound(found, sound_of(path, _edit_options(case)), result)
    known = differences(case, found)
    result.truth_seconds, result.truth_sound_seconds = known.worst_picture_seconds, known.worst_sound_seconds
    result.faults += known.faults
    return result


def _edit_options(case: Case) -> Mapping[str, str]:
    """As the product: an edit that begins while a picture is shown for long is ignored, except for its shift."""
    is_left_out = case.change == "trimmed" and not trimmed_seconds(case)
    return {"advanced_editlist": "0"} if is_left_out else {}


def shown_pictures(path: Path, options: Mapping[str, str]) -> list[Shown]:
    """Every picture of a file, when it is shown; parts with a clock of their own follow one another."""
    with av.open(str(path), options=dict(options)) as container:
        origin, shift, shown = (container.start_time or 0) / 1e6, 0.0, []
        for frame in container.decode(video=0):
            seconds = float(frame.time) - origin + shift
            if shown and not -FALL_SECONDS < seconds - shown[-1].seconds < LEAP_SECONDS:
                fall = shown[-1].seconds + (shown[-1].seconds - shown[-2].seconds) - seconds
                seconds, shift = seconds + fall, shift + fall
            pixels = frame.reformat(format="rgb24").to_ndarray()
            shown.append(Shown(seconds, number_of(pixels), _shrunk(frame)))
    return sorted(shown, key=lambda picture: picture.seconds)


def _shrunk(frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
    """In the size in which the product samples."""
    scale = min(256 / min(frame.width, frame.height), 512 / max(frame.width, frame.height))
    width, height = round(frame.width * scale), round(frame.height * scale)
    return frame.reformat(width, height, "rgb24", interpolation=Interpolation.AREA).to_ndarray()


def sound_of(path: Path, options: Mapping[str, str]) -> npt.NDArray[np.float32]:
    """Sound on the file's timeline at 48 kHz, not a number where there is none."""
    with av.open(str(path), options=dict(options)) as container:
        origin, shift, last, parts = (container.start_time or 0) / 1e6, 0.0, 0.0, []
        for frame in container.decode(audio=0):
            samples = av.AudioResampler("fltp", "mono", SOUND_HZ)
            seconds = float(frame.time) - origin + shift
            if seconds > LEAP_SECONDS:  # before the first picture, where a clock of 33 bits has wrapped
                seconds -= WRAP_SECONDS
            if parts and not -FALL_SECONDS < seconds - last < LEAP_SECONDS:
                seconds, shift = last, shift + last - seconds
            if parts and abs(seconds - last) < ROUNDING_SECONDS:
                seconds = last
            last = seconds + frame.samples / frame.sample_rate
            frame.pts = None
            parts.append((seconds, samples.resample(frame)[0].to_ndarray().reshape(-1)))
    if last > MAX_SOUND_SECONDS:
        raise ValueError(f"sound ends after {last:.0f} s")
    timeline = np.full(int((last + 0.5) * SOUND_HZ), np.nan, np.float32)
    for seconds, samples in parts:
        first = max(0, round(seconds * SOUND_HZ))
        room = timeline[first : first + len(samples)]
        room[:] = samples[: len(room)]
    return timeline


def _hold_oracle(case: Case, shown: list[Shown], result: Comparison) -> None:
    """The full decode shows the generator's pictures at the generator's distances."""
    times = [time / 1000 for time in case.times_ms]
    parts = 2 if case.change in ("twice", "after another") else 1
    part = shown[: len(shown) // parts]
    drift = [
        abs((picture.seconds - part[0].seconds) - (times[picture.number] - times[part[0].number])) for picture in part
    ]
    if max(drift) > MUXER_SECONDS or (case.change != "trimmed" and len(part) < len(times) - 1):
        result.faults.append(f"the oracle itself is off: {len(part)} of {len(times)} pictures, by {max(drift):.3f} s")


def _compare_pictures(found: DecodedHere, shown: list[Shown], result: Comparison) -> None:
    times = [picture.seconds for picture in shown]
    for seconds, pixels in zip(found.seconds, found.pictures, strict=True):
        place = min(range(len(times)), key=lambda n: abs(times[n] - seconds))
        near = shown[place]
        result.worst_seconds = max(result.worst_seconds, abs(near.seconds - seconds))
        if near.number != number_of(pixels):
            result.faults.append(f"at {seconds:.3f} s picture {number_of(pixels)}, not {near.number}")
        elif near.pixels.shape == pixels.shape:
            difference = float(np.abs(near.pixels.astype(int) - pixels).mean())
            result.worst_difference = max(result.worst_difference, difference)
        else:
            result.faults.append(f"pictures of {pixels.shape}, not {near.pixels.shape}")
    if result.worst_seconds > 0.004:
        result.faults.append(f"pictures are off by {result.worst_seconds:.3f} s")
    if result.worst_difference > 4.0:
        result.faults.append(f"pictures differ by {result.worst_difference:.1f}")


def _compare_plan(found: DecodedHere, shown: list[Shown], result: Comparison) -> None:
    """Every wanted time has its picture, and wanted times leave out nothing of what is shown."""
    assert found.plan is not None and found.plan.video is not None
    plan, times = found.plan.video, [picture.seconds for picture in shown]
    slack = plan.spacing_seconds / 2 if plan.skip_nonreference else 0.0
    for wanted in plan.wanted_seconds:
        at_wanted = times[max(0, bisect_right(times, wanted - 2e-3) - 1)]  # of two at a rounded time, either one
        if not any(at_wanted - slack - 2e-3 <= seconds <= max(at_wanted, wanted) + 2e-3 for seconds in found.seconds):
            result.faults.append(f"the picture shown at {wanted:.3f} s was not sampled")
    places = [min(range(len(times)), key=lambda n: abs(times[n] - seconds)) for seconds in found.seconds]
    reach = max(3, len(times) // 16)
    near = [
        any(abs(place - number) <= reach for place in places)
        or any(abs(seconds - time) <= plan.spacing_seconds for seconds in found.seconds)
        for number, time in enumerate(times)
    ]
    result.counted_ratio = sum(near) / len(near)
    if result.counted_ratio < 1.0:
        result.faults.append(f"{1 - result.counted_ratio:.1%} of the pictures are far from every sampled one")


def _compare_shares(found: DecodedHere, result: Comparison) -> None:
    assert found.receipt is not None and found.index is not None
    result.coverage_ratio = found.receipt.coverage_ratio
    for modality in ("video", "audio"):
        seen = getattr(found.receipt, modality)
        if seen is not None and seen.seen_ratio < 0.95:
            result.faults.append(f"an undamaged file has shares of {modality} of {seen}")
    if found.index.unseen:
        result.faults.append(f"nothing is unseen here: {found.index.unseen}")


def _compare_sound(found: DecodedHere, sound: npt.NDArray[np.float32], result: Comparison) -> None:
    """Every stretch of the product's sound is the oracle's at that time, and none is left out."""
    heard, there = len(found.full_band) / SOUND_HZ, float(np.isfinite(sound).sum()) / SOUND_HZ
    if abs(heard - there) > 0.2:
        result.faults.append(f"{heard:.2f} s of sound heard, {there:.2f} s are there")
    for span in found.spans:
        samples = found.full_band[span.first_sample * 3 : (span.first_sample + span.num_samples) * 3].mean(axis=1)
        start = round(span.start_seconds * SOUND_HZ)
        for first in range(0, len(samples) - _WINDOW, 4 * _WINDOW):
            _compare_window(samples[first : first + _WINDOW], sound, start + first, result)


def _compare_window(
    ours: npt.NDArray[np.float32], sound: npt.NDArray[np.float32], start: int, result: Comparison
) -> None:
    first = start - _MAX_LAG
    theirs = np.nan_to_num(sound[max(0, first) : start + len(ours) + _MAX_LAG])
    theirs = np.pad(theirs, (max(0, -first), 0))
    theirs = np.pad(theirs, (0, len(ours) + 2 * _MAX_LAG - len(theirs)))
    size = len(theirs)
    match = np.fft.irfft(np.fft.rfft(theirs, size) * np.conj(np.fft.rfft(ours, size)), size)[: 2 * _MAX_LAG]
    lag = abs(int(np.argmax(match)) - _MAX_LAG) / SOUND_HZ
    similarity = float(match.max()) / (float(np.linalg.norm(ours)) * float(np.linalg.norm(theirs)) + 1e-9)
    result.worst_sound_seconds = max(result.worst_sound_seconds, lag)
    if similarity < 0.6 or lag > 0.02:
        result.faults.append(f"sound at {start / SOUND_HZ:.2f} s is off by {lag:.3f} s, similarity {similarity:.2f}")
