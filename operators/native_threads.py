"""Native libraries start threads of their own; one process here is one busy core beside its decoders."""

from __future__ import annotations

import cv2


def hold_to_one_thread() -> None:
    """Make OpenCV compute on the calling thread, for the whole process."""
    cv2.setNumThreads(1)
