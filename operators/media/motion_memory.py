"""The motion track and the outlines in the shared memory."""

from __future__ import annotations

from operators.media.ipc_messages import MotionReady
from operators.media.layout import MediaMemory
from operators.media.tracks import MotionTrack, OutlineTrack


def motion_track_in(memory: MediaMemory, ready: MotionReady) -> MotionTrack:
    """Return both, as views of the memory; raises `ValueError` if a size is invalid."""
    motion, outlines = ready.motion, ready.outlines
    return MotionTrack(
        *memory.motion(motion.num_frames, motion.height, motion.width),
        spans=motion.spans,
        outlines=OutlineTrack(
            *memory.outlined(outlines.num_frames, outlines.height, outlines.width), spans=outlines.spans
        ),
    )
