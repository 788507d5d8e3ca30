"""Layout of the shared memory of one decode; computed in the same way on both sides."""

from __future__ import annotations

import mmap
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from operators.media.plan import NUM_SPARE_FRAMES, DecodePlan
from operators.media.tracks import FULL_BAND_SAMPLES_PER_SPEECH_SAMPLE

PAGE_BYTES = mmap.PAGESIZE
_Times = npt.NDArray[np.float64]
_Pictures = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class MemoryLayout:
    """Counts and sizes, all zero for what a video lacks. The memory is sparse: parts that are not written use none."""

    num_frames: int
    frame_bytes: int
    num_motion_frames: int
    motion_bytes: int
    num_samples: int
    """Of speech, at 16 kHz."""
    num_channels: int
    num_outlines: int = 0
    outline_bytes: int = 0
    num_text_pictures: int = 0
    text_bytes: int = 0
    """Of each of them."""

    def __post_init__(self) -> None:
        # These numbers are from a process that may be compromised: refuse invalid sizes.
        if min(getattr(self, name) for name in self.__slots__) < 0:
            raise ValueError(f"{self} holds a negative size")

    @property
    def region_bytes(self) -> tuple[int, ...]:
        """Sizes of: frames, motion times, motion pictures, speech, full-band audio, outline times, outlines, pictures
        with text; each rounded up to pages."""
        full_band = self.num_samples * FULL_BAND_SAMPLES_PER_SPEECH_SAMPLE * self.num_channels
        exact = (
            self.num_frames * self.frame_bytes,
            self.num_motion_frames * 8,
            self.num_motion_frames * self.motion_bytes,
            self.num_samples * 4,
            full_band * 4,
            self.num_outlines * 8,
            self.num_outlines * self.outline_bytes,
            self.num_text_pictures * self.text_bytes,
        )
        return tuple(-(-size // PAGE_BYTES) * PAGE_BYTES for size in exact)

    @property
    def capacity_bytes(self) -> int:
        """Size of the whole memory, never zero because an empty one cannot be mapped."""
        return max(PAGE_BYTES, sum(self.region_bytes))


def layout_for(plan: DecodePlan) -> MemoryLayout:
    """Return a layout with room for all results of `plan`."""
    video, audio = plan.video, plan.audio
    return MemoryLayout(
        num_frames=len(video.wanted_seconds) + NUM_SPARE_FRAMES if video else 0,
        frame_bytes=video.frame_size.pixels * 3 if video else 0,
        num_motion_frames=video.max_motion_frames if video else 0,
        motion_bytes=video.motion_size.pixels if video else 0,
        num_samples=audio.max_samples if audio else 0,
        num_channels=audio.num_channels if audio else 0,
        num_outlines=video.max_outlines if video else 0,
        outline_bytes=video.outline_size.pixels if video else 0,
        num_text_pictures=video.max_text_pictures if video else 0,
        text_bytes=video.text_size.pixels * 3 if video else 0,
    )


class MediaMemory:
    """Typed views on the shared memory; the memory exists as long as any view of it."""

    def __init__(self, fd: int, layout: MemoryLayout, *, writable: bool) -> None:
        """Map `fd`, which must be at least `layout.capacity_bytes` long; it may be closed afterwards."""
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        self._memory = mmap.mmap(fd, layout.capacity_bytes, access=access)
        self._layout = layout
        sizes = layout.region_bytes
        self._offsets = tuple(sum(sizes[:number]) for number in range(len(sizes)))

    def frame(self, slot: int, height: int, width: int) -> npt.NDArray[np.uint8]:
        """`(height, width, 3)` uint8 RGB of one slot."""
        self._check("slot", slot, self._layout.num_frames)
        self._check("picture", height * width * 3 - 1, self._layout.frame_bytes)
        offset = self._offsets[0] + slot * self._layout.frame_bytes
        return np.ndarray((height, width, 3), np.uint8, self._memory, offset)

    def motion(self, num_frames: int, height: int, width: int) -> tuple[_Times, _Pictures]:
        """Times and pictures of the motion track."""
        return self.motion_seconds(num_frames), self.motion_luma(num_frames, height, width)

    def outlined(self, num_outlines: int, height: int, width: int) -> tuple[_Times, _Pictures]:
        """Times and pictures of the outlines."""
        return self.outline_seconds(num_outlines), self.outlines(num_outlines, height, width)

    def motion_seconds(self, num_frames: int) -> npt.NDArray[np.float64]:
        """`(num_frames,)` float64."""
        self._check("motion frames", num_frames - 1, self._layout.num_motion_frames)
        return np.ndarray((num_frames,), np.float64, self._memory, self._offsets[1])

    def motion_luma(self, num_frames: int, height: int, width: int) -> npt.NDArray[np.uint8]:
        """`(num_frames, height, width)` uint8."""
        self._check("motion frames", num_frames - 1, self._layout.num_motion_frames)
        self._check("motion picture", height * width - 1, self._layout.motion_bytes)
        return np.ndarray((num_frames, height, width), np.uint8, self._memory, self._offsets[2])

    def outline_seconds(self, num_outlines: int) -> npt.NDArray[np.float64]:
        """`(num_outlines,)` float64."""
        self._check("outlines", num_outlines - 1, self._layout.num_outlines)
        return np.ndarray((num_outlines,), np.float64, self._memory, self._offsets[5])

    def outlines(self, num_outlines: int, height: int, width: int) -> npt.NDArray[np.uint8]:
        """`(num_outlines, height, width)` uint8."""
        self._check("outlines", num_outlines - 1, self._layout.num_outlines)
        self._check("outline", height * width - 1, self._layout.outline_bytes)
        return np.ndarray((num_outlines, height, width), np.uint8, self._memory, self._offsets[6])

    def speech(self, num_samples: int) -> npt.NDArray[np.float32]:
        """`(num_samples,)` float32."""
        self._check("samples", num_samples - 1, self._layout.num_samples)
        return np.ndarray((num_samples,), np.float32, self._memory, self._offsets[3])

    def full_band(self, num_samples: int) -> npt.NDArray[np.float32]:
        """`(3 num_samples, channels)` float32."""
        self._check("samples", num_samples - 1, self._layout.num_samples)
        shape = (num_samples * FULL_BAND_SAMPLES_PER_SPEECH_SAMPLE, self._layout.num_channels)
        return np.ndarray(shape, np.float32, self._memory, self._offsets[4])

    def text_picture(self, slot: int, height: int, width: int) -> npt.NDArray[np.uint8]:
        """`(height, width, 3)` uint8 RGB of one of the pictures in which text is looked for."""
        self._check("slot", slot, self._layout.num_text_pictures)
        self._check("picture", height * width * 3 - 1, self._layout.text_bytes)
        offset = self._offsets[7] + slot * self._layout.text_bytes
        return np.ndarray((height, width, 3), np.uint8, self._memory, offset)

    @staticmethod
    def _check(what: str, last: int, limit: int) -> None:
        """Check that numbers from the other process are within limits."""
        if not -1 <= last < max(limit, 0):
            raise ValueError(f"{what} {last} is outside [0, {limit})")
