"""CPU time of a process by use: of single videos, shared by videos, and idle.

All of it is measured by the kernel's clocks of threads and processes, so the stages add up to the CPU time of the
process and its decoders. Only the division of the shared part among videos is a rule.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import msgspec

from schemas.receipts import MeasuredPower, Receipt
from streams.lifecycle.clock import Clock

ProcessStage = Literal["startup", "fetch", "decode", "operators", "device", "overhead", "idle"]
PROCESS_STAGES: Final[tuple[ProcessStage, ...]] = (
    "startup",
    "fetch",
    "decode",
    "operators",
    "device",
    "overhead",
    "idle",
)
"""`decode` includes the index; `startup` is loading and warm-up, and the start of each decoder process."""
_SETTLE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class CpuReading:
    """CPU seconds since the start."""

    process: float
    """Of all threads of this process, including ended ones, and of its parent process; without child processes."""
    device: float = 0.0
    """Of the threads that compute models or drive the device; included in `process`."""
    operators: float = 0.0
    """Of the host threads; included in `process`."""
    fetch: float = 0.0
    """Of the event loop while it fetched media; included in `process`."""
    decoders: float = 0.0
    """Of the decoder processes, including their start."""
    decoder_starts: float = 0.0
    """The part until each decoder process was ready."""

    @property
    def shared(self) -> float:
        """CPU time that cannot be attributed to a video."""
        return self.process - self.device - self.operators - self.fetch


class CpuObserver(Protocol):
    """Counts settled CPU time; called on the event loop."""

    def cpu_used(self, stage: ProcessStage, seconds: float) -> None:
        """Add CPU time of a stage."""

    def was_idle(self, seconds: float) -> None:
        """Add time without a video in progress."""


class SilentCpuObserver:
    """Counts nothing."""

    def cpu_used(self, stage: ProcessStage, seconds: float) -> None:
        """Do nothing."""

    def was_idle(self, seconds: float) -> None:
        """Do nothing."""


class CpuAccount:
    """Settles the CPU time since the last settlement, at every signal and every few seconds.

    CPU time that concurrent signals share accumulates in a pool. A finished signal takes pool / (signals in progress,
    itself included), so the parts are even in the long run and the last signal empties the pool. Shared time while no
    signal is in progress is idle and is on no receipt.

    Args:
        read: reads the clocks; the first reading counts as start-up.
        observer: counts settled time.
        power: reads the meters.
        has_videos: False in a process without media work; then all shared time is overhead.
        monotonic_seconds: the clock of idle time.
    """

    def __init__(
        self,
        read: Callable[[], CpuReading],
        observer: CpuObserver | None = None,
        power: Callable[[], MeasuredPower] = MeasuredPower,
        *,
        has_videos: bool = True,
        monotonic_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._observer = observer or SilentCpuObserver()
        self._power = power
        self._has_videos = has_videos
        self._monotonic_seconds = monotonic_seconds
        self._num_in_the_making = 0
        self._pool_seconds = 0.0
        self._last = read()
        self._last_seconds = monotonic_seconds()
        self.used: dict[ProcessStage, float] = dict.fromkeys(PROCESS_STAGES, 0.0)
        """CPU seconds by stage; their sum is the CPU time of the process and its decoders."""
        self._count("startup", self._last.process + self._last.decoder_starts)
        self._count("decode", self._last.decoders - self._last.decoder_starts)

    @contextmanager
    def signal(self) -> Iterator[None]:
        """Count a signal in progress."""
        if not self._num_in_the_making:
            self.settle()  # time until now was idle
        self._num_in_the_making += 1
        try:
            yield
        finally:
            if self._num_in_the_making == 1:
                self.settle()
            self._num_in_the_making -= 1

    def share(self) -> float:
        """Return the share of a finished signal in the shared CPU seconds; call it once, within `signal`."""
        assert self._num_in_the_making, "a share was taken outside of `signal`: its seconds would count as idle, too"
        self.settle()
        share_seconds = max(0.0, self._pool_seconds / self._num_in_the_making)
        self._pool_seconds -= share_seconds
        return share_seconds

    def charged(self, receipt: Receipt) -> Receipt:
        """Return the receipt with the signal's share and with the power; call it once per signal, like `share`."""
        return msgspec.structs.replace(receipt, overhead_cpu_seconds=self.share(), power=self.power())

    def power(self) -> MeasuredPower:
        """Return the current power by the meters."""
        return self._power()

    def settle(self) -> None:
        """Settle the account up to now."""
        last, now = self._last, self._read()
        self._last = now
        self._count("fetch", now.fetch - last.fetch)
        self._count("operators", now.operators - last.operators)
        self._count("device", now.device - last.device)
        starts = now.decoder_starts - last.decoder_starts
        self._count("startup", starts)
        self._count("decode", now.decoders - last.decoders - starts)
        self._settle_shared(now.shared - last.shared)

    def _settle_shared(self, cpu_seconds: float) -> None:
        now_seconds = self._monotonic_seconds()
        wall_seconds, self._last_seconds = now_seconds - self._last_seconds, now_seconds
        if self._num_in_the_making:
            self._pool_seconds += cpu_seconds
            self._count("overhead", cpu_seconds)
        elif self._has_videos:
            self._count("idle", cpu_seconds)
            self._observer.was_idle(wall_seconds)
        else:
            self._count("overhead", cpu_seconds)

    def _count(self, stage: ProcessStage, seconds: float) -> None:
        before = self.used[stage]
        self.used[stage] = before + seconds
        # Clocks are read one after another, so a difference of them may decrease by microseconds; counters must not.
        if self.used[stage] > before:
            self._observer.cpu_used(stage, self.used[stage] - before)


def open_light_account(observer: CpuObserver) -> CpuAccount:
    """Open the account of a process without media work: everything after the start is overhead."""
    return CpuAccount(lambda: CpuReading(time.process_time()), observer, has_videos=False)


async def keep_account(account: CpuAccount, clock: Clock) -> None:
    """Settle every few seconds, so that metrics are updated without work; never returns."""
    while True:
        account.settle()
        await clock.sleep(_SETTLE_SECONDS)
