"""The decoder process with a bug that comes and goes: `python -m ... <marks> <descriptor> <parent> <limits>`.

While one of the files exists that the first argument lists, every decode raises what nobody expects.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from operators.media import decoder_process
from operators.media.limits import DecodeLimits, lock_down


def lock_down_and_plant(limits: DecodeLimits, parent_pid: int) -> bool:
    """Lock down as ever, then put the bug in front of every decode; decoders may be imported only from here on."""
    is_network_isolated = lock_down(limits, parent_pid)
    from operators.media import decode_request

    index = decode_request._index

    def index_or_raise(*arguments: Any) -> Any:
        if any(Path(mark).exists() for mark in sys.argv[1].split(":")):
            raise LookupError("a planted bug")
        return index(*arguments)

    decode_request._index = index_or_raise
    return is_network_isolated


if __name__ == "__main__":
    decoder_process.lock_down = lock_down_and_plant
    decoder_process.main(sys.argv[2:])
    os._exit(0)
