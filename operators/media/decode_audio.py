"""One pass over the sound: 16 kHz mono for models, 48 kHz for loudness. Decoder process only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet

from operators.media.audio_plan import AudioPlan
from operators.media.channels import channel_names, conversion, kept_names, loudness_weights, stereo_gains
from operators.media.complaints import Complaints
from operators.media.containers import MediaFile, give_back, packets_of, read_only, take_container
from operators.media.continuous_clock import ContinuousClock
from operators.media.index import ClockRestart, StreamFault
from operators.media.ipc_messages import AudioReady
from operators.media.layout import MediaMemory
from operators.media.mono import mono_of
from operators.media.packet_copy import packet_copy
from operators.media.shares import damage, encryption, length_ratio
from operators.media.stated_lengths import origin_seconds
from operators.media.streams_of import audio_stream
from operators.media.tracks import FULL_BAND_HZ, FULL_BAND_SAMPLES_PER_SPEECH_SAMPLE, SPEECH_HZ, AudioSpan
from schemas.receipts import Seen

SEEK_WORTH_SECONDS = 1.0
"""A first span that begins earlier is reached by reading, without a seek."""
GAP_SECONDS = 0.1
"""A larger jump of the clock starts a new span; smaller ones are rounding of timestamps."""
MAX_SPANS = 1000
"""Maximum for a file whose clock jumps with every packet."""
MAX_ERRORS = 10_000
"""Broken packets after which the rest of the sound is given up."""

SHARE_SLACK_SECONDS = 0.1
"""What codecs hold back or cut off at both ends of a segment is no loss."""

STEP_SAMPLES = 10 * FULL_BAND_HZ
"""Number of samples that are resampled at a time, which limits the memory of a step to a few megabytes."""

DECODE_ERRORS = (FFmpegError, ValueError)
"""PyAV raises `ValueError` for a frame that cannot be resampled."""


@dataclass(slots=True)
class AudioTally:
    """Results for the sound."""

    num_samples: int = 0
    """At 16 kHz."""
    errors: int = 0
    num_packets: int = 0
    """Packets within the plan; the same applies to the next field."""
    num_damaged: int = 0
    num_lost: int = 0
    """Damaged packets from which nothing came out."""
    num_encrypted: int = 0
    stated_seconds: float = 0.0
    """Stated duration of those packets; 0.0 if they state none."""
    paused_seconds: float = 0.0
    """The part of it without content: MP4 states a pause as a longer duration of the packet before it."""
    last_seconds: float = 0.0
    """Start of the last of all packets that were read."""

    @property
    def fault(self) -> StreamFault | None:
        """Why the sound counts as not decodable, whatever was decoded."""
        return encryption("sound", self.num_encrypted, self.num_packets) or damage("sound", self.shares(0.0, 0.0, 0.0))

    def shares(self, planned_seconds: float, announced_seconds: float, start_seconds: float) -> Seen:
        """How much was heard.

        Args:
            planned_seconds: of sound that the container states where the plan listens; 0.0 where it states none.
            announced_seconds: of the stream's index.
            start_seconds: of the same.
        """
        seconds = self.num_samples / SPEECH_HZ + SHARE_SLACK_SECONDS
        wanted = max(0.0, max(self.stated_seconds, planned_seconds) - self.paused_seconds)
        return Seen(
            planned_ratio=min(1.0, wanted / announced_seconds) if announced_seconds else 1.0,
            achieved_ratio=min(1.0, seconds / wanted) if wanted else float(self.num_samples > 0),
            length_ratio=length_ratio(self.last_seconds - start_seconds + SHARE_SLACK_SECONDS, announced_seconds),
            intact_ratio=1 - self.num_damaged / max(1, self.num_packets),
            num_packets=self.num_packets,
            num_damaged=self.num_damaged,
            num_lost=self.num_lost if wanted else 0,
        )


def decode_audio(
    media: MediaFile, plan: AudioPlan, memory: MediaMemory, restarts: tuple[ClockRestart, ...] = ()
) -> tuple[AudioReady, AudioTally]:
    """Decode the planned spans; broken packets are skipped and counted.

    `restarts` are those of the pictures' clock, with which the sound stays in sync.
    """
    full_decode = FullAudioDecode(plan, memory, restarts)
    try:
        container = take_container(media)
        stream = audio_stream(container)
        if stream is not None:
            read_only(container, stream)
            full_decode.run(container, stream)
        give_back(media, container, was_read=True)
    except DECODE_ERRORS:
        full_decode.tally.errors += 1
    finally:
        full_decode.complaints.close()
    return full_decode.finish(), full_decode.tally


class FullAudioDecode:
    """Decodes all planned spans."""

    def __init__(self, plan: AudioPlan, memory: MediaMemory, restarts: tuple[ClockRestart, ...] = ()) -> None:
        self.tally = AudioTally()
        self.complaints = Complaints()
        self._base = 0.0
        self._last_stamp: int | None = None
        self._clock = ContinuousClock(restarts)
        self._plan = plan
        self._speech = memory.speech(plan.max_samples)
        self._full_band = memory.full_band(plan.max_samples)
        self._names = kept_names(plan.num_channels, ())
        self._spans: list[AudioSpan] = []
        self._open_span: ResampledSpan | None = None

    def run(self, container: InputContainer, stream: AudioStream) -> None:
        """Decode span after span."""
        self.complaints.listen()
        stream.codec_context.options = {"err_detect": "crccheck"}  # else damaged FLAC is decoded to noise, in silence
        self._names = kept_names(self._plan.num_channels, channel_names(stream.codec_context.layout))
        origin = self._clock.origin_seconds = origin_seconds(container)
        for number, (start_seconds, end_seconds) in enumerate(self._plan.spans):
            if number or start_seconds > SEEK_WORTH_SECONDS:
                self._seek(container, stream, start_seconds + origin)
            self._walk(container, stream, start_seconds, end_seconds)
            self._close_span()

    def finish(self) -> AudioReady:
        """Return the track as written."""
        self._close_span()
        weights = loudness_weights(self._names)
        gains = tuple((float(left), float(right)) for left, right in stereo_gains(self._names))
        tally = self.tally
        return AudioReady(tally.num_samples, tuple(self._spans), tally.errors, tally.fault, weights, gains)

    def _seek(self, container: InputContainer, stream: AudioStream, seconds: float) -> None:
        container.seek(int(seconds / float(stream.time_base or 1)), stream=stream)
        stream.codec_context.flush_buffers()
        self._clock.begin_elsewhere()

    def _walk(self, container: InputContainer, stream: AudioStream, start: float, end: float) -> None:
        origin = self._clock.origin_seconds = origin_seconds(container)
        clock, base = start, Fraction(0)
        for frame in self._frames(container, stream, start, end):
            base = base or frame.time_base or Fraction(0)  # of one codec, and expensive to query
            is_timed = frame.pts is not None and base
            clock = (frame.pts or 0) * base.numerator / base.denominator - origin if is_timed else clock
            if clock >= end or self._is_full():
                return
            clock_after = clock + frame.samples / frame.sample_rate
            if clock_after > start:
                self._add(frame, clock)
            clock = clock_after

    def _frames(self, container: InputContainer, stream: AudioStream, start: float, end: float) -> Iterator[AudioFrame]:
        packets = packets_of(container, stream)
        origin = self._clock.origin_seconds = origin_seconds(container)
        while self.tally.errors < MAX_ERRORS:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except FFmpegError:
                self.tally.errors += 1
                return
            self._clock.correct(packet)
            packet = self._unhidden(packet)
            is_encrypted = packet.has_sidedata("encryption_info")
            self.complaints.forget()
            num_errors = self.tally.errors
            frames = [] if is_encrypted else self._decoded(packet)
            is_damaged = self.tally.errors > num_errors or self.complaints.were_made()  # not every error is logged
            is_counted = self._count(packet, origin, (start, end))
            self.tally.num_encrypted += is_counted and is_encrypted
            self.tally.num_damaged += is_counted and (is_encrypted or is_damaged)
            self.tally.num_lost += is_counted and (is_encrypted or is_damaged) and not frames
            if is_counted and frames and not is_damaged:
                self.tally.paused_seconds += _paused_seconds((packet.duration or 0) * self._base, frames)
            yield from frames

    def _unhidden(self, packet: Packet[AudioStream]) -> Packet[AudioStream]:
        """Return a packet that is played, though FFmpeg drops it.

        Fragments of one packet each may start at the same time, if their muxer did not know how long the first one
        lasts. FFmpeg takes the second one for hidden by an edit; other players play it.
        """
        is_repeated, self._last_stamp = packet.pts == self._last_stamp, packet.pts
        if not packet.is_discard or not is_repeated or packet.pts is None:
            return packet
        return packet_copy(packet, bytes(packet))

    def _decoded(self, packet: Packet[AudioStream]) -> list[AudioFrame]:
        try:
            return packet.decode()
        except FFmpegError:
            self.tally.errors += 1
            return []

    def _count(self, packet: Packet[AudioStream], origin: float, span: tuple[float, float]) -> bool:
        """Count a packet of the span, or without a time; return whether it is one."""
        stamp = packet.dts if packet.pts is None else packet.pts
        base = self._base = self._base or float(packet.time_base or 0)
        seconds = span[0] if stamp is None else stamp * base - origin
        if not packet.size or packet.is_discard or not span[0] <= seconds < span[1]:
            return False
        self.tally.num_packets += 1
        self.tally.stated_seconds += (packet.duration or 0) * base
        self.tally.last_seconds = max(self.tally.last_seconds, seconds + (packet.duration or 0) * base)
        return True

    def _is_full(self) -> bool:
        return self.tally.num_samples + self._pending_samples() >= self._plan.max_samples

    def _pending_samples(self) -> int:
        return self._open_span.num_samples if self._open_span else 0

    def _add(self, frame: AudioFrame, seconds: float) -> None:
        span = self._open_span
        if span is not None and abs(seconds - span.end_seconds) > GAP_SECONDS and len(self._spans) < MAX_SPANS:
            self._close_span()
        if self._open_span is None:
            first = self.tally.num_samples * FULL_BAND_SAMPLES_PER_SPEECH_SAMPLE
            self._open_span = ResampledSpan(seconds, self._full_band[first:], self._names)
        try:
            self._open_span.add(frame)
        except DECODE_ERRORS:
            self.tally.errors += 1
            self._close_span()

    def _close_span(self) -> None:
        """Append the open span to the previous ones, with corresponding lengths at both rates."""
        span, self._open_span = self._open_span, None
        if span is None:
            return
        speech, full_band = span.finish()
        first, room = self.tally.num_samples, self._plan.max_samples - self.tally.num_samples
        count = min(room, len(speech), len(full_band) // FULL_BAND_SAMPLES_PER_SPEECH_SAMPLE)
        if count == 0:
            return
        self._speech[first : first + count] = np.clip(speech[:count], -1.0, 1.0)
        self._spans.append(AudioSpan(span.start_seconds, first, count))
        self.tally.num_samples += count


def _paused_seconds(stated_seconds: float, frames: list[AudioFrame]) -> float:
    """Return how much longer a packet is stated to last than the sound that came out with it; 0.0 for a short time."""
    excess = stated_seconds - sum(frame.samples / frame.sample_rate for frame in frames)
    return excess if excess > GAP_SECONDS else 0.0


class ResampledSpan:
    """One run of sound that is resampled to both rates: to 48 kHz as it arrives, from there to 16 kHz at the end.

    Args:
        start_seconds: when it begins.
        room: `(M, C)`, the output; longer sound is cut off.
        names: of the C channels.
    """

    def __init__(self, start_seconds: float, room: npt.NDArray[np.float32], names: tuple[str, ...]) -> None:
        self.start_seconds = start_seconds
        self._source_seconds = 0.0
        self._room = room
        self._names = names
        self._num_written = 0
        self._resampler: AudioResampler | None = None
        self._format: tuple[str, str, int] | None = None
        self._conversion: npt.NDArray[np.float32] | None = None

    @property
    def end_seconds(self) -> float:
        """Time at which the next frame is expected."""
        return self.start_seconds + self._source_seconds

    @property
    def num_samples(self) -> int:
        """At 16 kHz, except what the resampler holds back."""
        return round(self._source_seconds * SPEECH_HZ)

    def add(self, frame: AudioFrame) -> None:
        """Resample one frame of any rate and channels; raises one of `DECODE_ERRORS` if that is impossible."""
        found = (frame.format.name, frame.layout.name, frame.sample_rate)
        if found != self._format:
            self._flush()
            self._format, self._resampler = found, AudioResampler("flt", frame.layout, FULL_BAND_HZ)
            self._conversion = conversion(channel_names(frame.layout), self._names)
        assert self._resampler is not None
        frame.pts = None  # gaps are handled here; the resampler would fill or drop samples for them
        self._write(self._resampler.resample(frame))
        self._source_seconds += frame.samples / frame.sample_rate

    def finish(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return `(N,)` at 16 kHz and `(M, C)` at 48 kHz; numbers that are not finite become silence."""
        self._flush()
        full_band = self._room[: self._num_written]
        np.nan_to_num(full_band, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        return mono_of(full_band, _at_speech_rate, stereo_gains(self._names)), full_band

    def _flush(self) -> None:
        """Write what the resampler holds back."""
        if self._resampler is not None:
            self._write(self._resampler.resample(None))
            self._resampler = None

    def _write(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            samples = frame.to_ndarray().reshape(frame.samples, -1).astype(np.float32, copy=False)
            if self._conversion is not None:
                samples = samples @ self._conversion
            count = min(len(samples), len(self._room) - self._num_written)
            self._room[self._num_written : self._num_written + count] = samples[:count]
            self._num_written += count


def _at_speech_rate(mono: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Resample `(M,)` at 48 kHz to `(N,)` at 16 kHz, in a few large steps: each call costs as much as 50 ms of
    sound."""
    resampler = AudioResampler("flt", "mono", SPEECH_HZ)
    parts: list[npt.NDArray[np.float32]] = []
    for first in range(0, len(mono), STEP_SAMPLES):
        frame = AudioFrame.from_ndarray(mono[np.newaxis, first : first + STEP_SAMPLES], "flt", "mono")
        frame.sample_rate = FULL_BAND_HZ
        parts += _samples(resampler.resample(frame))
    if parts:
        parts += _samples(resampler.resample(None))
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _samples(frames: list[AudioFrame]) -> list[npt.NDArray[np.float32]]:
    return [frame.to_ndarray().reshape(-1).astype(np.float32, copy=False) for frame in frames]
