"""Decoder processes killed from outside, as the kernel does when memory is short."""

from __future__ import annotations

import time

import psutil

from tests.chaos.faults.attack import Attack

_BUSY_SECONDS = 10.0
_LOOK_SECONDS = 0.02


def kill_decoder(attack: Attack) -> None:
    """SIGKILL to the first decoder that is seen at work; after ten seconds to an idle one."""
    began = time.monotonic()
    while time.monotonic() < began + 2 * _BUSY_SECONDS and not attack.world.is_closing.is_set():
        is_any_good_enough = time.monotonic() > began + _BUSY_SECONDS
        for decoder in _decoders(attack):
            if is_any_good_enough or _is_busy(decoder):
                decoder.kill()
                return attack.tell(pid=decoder.pid, is_busy=not is_any_good_enough)
        time.sleep(_LOOK_SECONDS)
    return attack.skip("no decoder ran")


def _decoders(attack: Attack) -> list[psutil.Process]:
    found = []
    for worker in attack.world.fleet.ready():
        try:
            children = psutil.Process(worker.child.pid).children(recursive=True)
            found += [child for child in children if "decoder_process" in " ".join(child.cmdline())]
        except psutil.Error:  # it ended meanwhile
            continue
    return found


def _is_busy(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_RUNNING)
    except psutil.Error:
        return False
