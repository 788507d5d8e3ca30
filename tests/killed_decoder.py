"""The real decoder process, killed behind a message by a planted signal.

Run as `python -m tests.killed_decoder <folder> <signal> <times> <kind of message> ...`.
It sends itself the signal once it has sent a message of that kind, as somebody outside would; `folder` counts how often
that happened, as the next process has to know.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import msgspec

from operators.media import decoder_process
from operators.media.limits import DecodeLimits, lock_down


def killed_decoder(folder: Path, number: signal.Signals, times: int, message: str) -> tuple[str, ...]:
    """Command of a decoder that dies of `number` behind the first `message` of each of its first `times` decodes."""
    return (sys.executable, "-m", "tests.killed_decoder", str(folder), number.name, str(times), message)


def plant(folder: Path, number: signal.Signals, times: int, kind: str) -> None:
    """Die before the message that follows the first one of that kind; decoders may be imported only from here on."""
    from operators.media import decode_request
    from operators.media.ipc_messages import encode

    last = ""

    def encode_or_die(message: msgspec.Struct) -> bytes:
        nonlocal last
        if last == kind and (num_deaths := len(list(folder.iterdir()))) < times:
            (folder / str(num_deaths)).touch()
            os.kill(os.getpid(), number)
        last = type(message).__name__
        return encode(message)

    decode_request.encode = encode_or_die


def main() -> None:
    """Lock down as ever, then plant."""
    folder, name, times, kind, *arguments = sys.argv[1:]

    def lock_down_and_plant(limits: DecodeLimits, parent_pid: int) -> bool:
        is_network_isolated = lock_down(limits, parent_pid)
        plant(Path(folder), signal.Signals[name], int(times), kind)
        return is_network_isolated

    decoder_process.lock_down = lock_down_and_plant  # type: ignore[assignment]
    decoder_process.main(arguments)


if __name__ == "__main__":
    main()
    os._exit(0)
