"""The decoder process with two planted bugs; `tests.planted_faults` marks the media that meets them."""

from __future__ import annotations

import os
import sys
import time

from operators.media import decoder_process
from operators.media.limits import DecodeLimits, lock_down
from tests.planted_faults import ABORT_MARK, HANG_MARK, MARK_BYTES


def misbehave_on(media_fd: int, size_bytes: int) -> None:
    """Hang or die where the media bears a mark."""
    mark = os.pread(media_fd, MARK_BYTES, max(0, size_bytes - MARK_BYTES))
    if mark == HANG_MARK:
        time.sleep(3600)
    if mark == ABORT_MARK:
        os.abort()


def lock_down_and_plant(limits: DecodeLimits, parent_pid: int) -> bool:
    """Lock down as ever, then put the bugs in front of every decode; decoders may be imported only from here on."""
    is_network_isolated = lock_down(limits, parent_pid)
    from operators.media import decode_request
    from operators.media.containers import MediaFile

    def faulty(fd: int, size_bytes: int, max_pixels: int) -> MediaFile:
        misbehave_on(fd, size_bytes)
        return MediaFile(fd, size_bytes, max_pixels)

    decode_request.MediaFile = faulty  # type: ignore[attr-defined]
    return is_network_isolated


if __name__ == "__main__":
    decoder_process.lock_down = lock_down_and_plant
    decoder_process.main(sys.argv[1:])
    os._exit(0)
