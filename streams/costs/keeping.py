"""Keeping the account of a process for as long as it lives."""

from __future__ import annotations

import time
from typing import Final

from streams.costs.cpu_account import CpuAccount, CpuObserver, CpuReading
from streams.lifecycle.clock import Clock

_SETTLE_SECONDS: Final = 5.0


def open_light_account(observer: CpuObserver) -> CpuAccount:
    """The account of a process that only moves events: everything after the start is overhead."""
    return CpuAccount(lambda: CpuReading(time.process_time()), observer, has_videos=False)


async def keep_account(account: CpuAccount, clock: Clock) -> None:
    """Settle every few seconds, so that metrics move while nothing is worked on; never returns."""
    while True:
        account.settle()
        await clock.sleep(_SETTLE_SECONDS)
