"""The decoder process with faults that are not the media's: `python -m ... <fault> <descriptor> <parent> <limits>`.

`disk:N` fails every read that reaches byte N, as a bad sector does; `index:N` and `pictures:N` are bugs that
N requests meet, before anything was decoded or behind the first pictures.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from operators.media import decoder_process
from operators.media.limits import DecodeLimits, lock_down


def plant(fault: str) -> None:
    """Put the fault into place; decoders may be imported only from here on."""
    from operators.media import containers, decode_request
    from operators.media.progressive_file import ProgressiveFile

    kind, _, number = fault.partition(":")
    if kind == "disk":
        read_at = partial(read_above_bad_sector, int(number))
        containers.ProgressiveFile = partial(ProgressiveFile, read_at=read_at)  # type: ignore[attr-defined,assignment,misc]
    elif kind == "index":
        decode_request._index = with_bug(decode_request._index, int(number), is_late=False)
    else:
        decode_request.decode_video = with_bug(  # type: ignore[attr-defined]
            decode_request.decode_video,
            int(number),
            is_late=True,  # type: ignore[attr-defined]
        )


def read_above_bad_sector(bad: int, fd: int, count: int, offset: int) -> bytes:
    """As `os.pread`, up to the bad sector."""
    if offset + count > bad:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    return os.pread(fd, count, offset)


def with_bug(function: Callable[..., Any], num_calls: int, *, is_late: bool) -> Callable[..., Any]:
    """Raise what nobody expects at the first calls, before or after the work."""
    left = num_calls

    def faulty(*arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            return function(*arguments)
        if is_late:
            function(*arguments)
        raise LookupError("planted")

    return faulty


def lock_down_and_plant(limits: DecodeLimits, parent_pid: int) -> bool:
    """Lock down as ever, then plant."""
    is_network_isolated = lock_down(limits, parent_pid)
    plant(sys.argv[1])
    return is_network_isolated


if __name__ == "__main__":
    decoder_process.lock_down = lock_down_and_plant
    decoder_process.main(sys.argv[2:])
    os._exit(0)
