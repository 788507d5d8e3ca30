"""What the decode of one video has given so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from operators.errors import InvalidMedia
from operators.media.index import MediaIndex, StreamFault
from operators.media.ipc_messages import (
    AudioReady,
    FramesReady,
    Indexed,
    MotionReady,
    Reply,
    TextPicturesReady,
    TextSlot,
)
from operators.media.layout import MediaMemory
from operators.media.look_around import frame_in
from operators.media.motion_memory import motion_track_in
from operators.media.receipt import DecodeUsage
from operators.media.tracks import AudioTrack, MotionTrack, SampledFrame, TextPicture
from operators.media.undecodable import NO_PICTURE, NO_SOUND


@dataclass(slots=True)
class DecodeResults:
    """Results of a decode; each message of the decoder process adds some. Arrays are views of `memory`."""

    index: MediaIndex | None = None
    memory: MediaMemory | None = None
    frames: list[SampledFrame] = field(default_factory=list)
    motion: MotionTrack | None = None
    text_pictures: tuple[TextPicture, ...] = ()
    audio: AudioTrack | None = None
    is_audio_settled: bool = False
    no_frames: InvalidMedia | None = None
    """Why the video gives no more frames, once that is known."""
    no_audio: InvalidMedia | None = None
    """Why the sound gives no audio track, once that is known."""
    receipt: DecodeUsage | None = None
    """Set when the decode is over."""

    def take(self, reply: Reply) -> None:
        """Process a message of the decoder process; raises `ValueError` if it is invalid."""
        match reply:
            case Indexed():
                self._take_index(reply)
            case FramesReady(frames):
                self.frames += [frame_in(self.memory, slot) for slot in frames]
            case TextPicturesReady(pictures):
                self.text_pictures = tuple(self._text_picture(slot) for slot in pictures)
            case MotionReady():
                self.motion = motion_track_in(self._mapped(), reply)
            case AudioReady():
                self._take_audio(reply)

    def settle(self, receipt: DecodeUsage) -> None:
        """End the decode: what it has not given by now it will not give."""
        has_video = self.index is not None and self.index.video is not None
        if receipt.video_fault is not None:
            self.no_frames = _failure(receipt.video_fault)
        elif has_video and not self.frames:
            self.no_frames = InvalidMedia("media-no-frames", f"there is sound, but {NO_PICTURE}")
        self.is_audio_settled = True
        self.receipt = receipt

    def _take_index(self, indexed: Indexed) -> None:
        self.index = indexed.index
        self.is_audio_settled = indexed.index.audio is None
        self.no_frames = _failure(indexed.index.video_fault)
        self.no_audio = _failure(indexed.index.audio_fault)

    def _take_audio(self, ready: AudioReady) -> None:
        self.is_audio_settled = True
        if ready.fault is None and ready.num_samples:
            self.audio = self._audio_track(ready)
        else:
            self.no_audio = self._why_silent(ready)

    def _audio_track(self, ready: AudioReady) -> AudioTrack:
        memory, num_samples = self._mapped(), ready.num_samples
        return AudioTrack(
            memory.speech(num_samples),
            memory.full_band(num_samples),
            ready.spans,
            ready.channel_weights,
            ready.stereo_gains,
        )

    def _why_silent(self, ready: AudioReady) -> InvalidMedia | None:
        """Return why there is no audio track; as the index said if the decode adds nothing to it."""
        if ready.fault is not None:
            return _failure(ready.fault)
        if ready.num_errors:
            return InvalidMedia("media-unreadable", NO_SOUND)
        if self.index and self.index.audio and self.index.audio.announced_seconds:
            announced = f"{self.index.audio.announced_seconds:.3g} s"
            return InvalidMedia("media-damaged", f"the container states {announced} of sound and has none")
        return self.no_audio

    def _text_picture(self, slot: TextSlot) -> TextPicture:
        pixels = self._mapped().text_picture(slot.slot, slot.height, slot.width)
        return TextPicture(slot.pts_seconds, pixels, slot.alike_seconds)

    def _mapped(self) -> MediaMemory:
        if self.memory is None:
            raise ValueError("something was decoded before it was planned")
        return self.memory


def _failure(fault: StreamFault | None) -> InvalidMedia | None:
    return None if fault is None else InvalidMedia(fault.cause, fault.message)
