"""Limits threads of native libraries: this process uses one core in addition to its decoders."""

from __future__ import annotations

import cv2


def hold_to_one_thread() -> None:
    """Make OpenCV compute on the calling thread, for the whole process."""
    cv2.setNumThreads(1)
