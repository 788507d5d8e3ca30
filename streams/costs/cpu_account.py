"""Where a process's CPU time goes: what videos used themselves, what they share, and what nobody asked for.

All of it is measured by the kernel's clocks of threads and processes, so that the stages add up to what the process and
its decoders used. Only how the shared part is split among videos is a rule of ours.
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
"""`decode` holds the index, too; `startup` is loading and warming up, and the start of each decoder process."""
_SETTLE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class CpuReading:
    """CPU seconds so far."""

    process: float
    """Of all threads of this process, those that ended included, and of its parent process; without its children."""
    device: float = 0.0
    """Of the threads that compute models or drive the device; part of `process`."""
    operators: float = 0.0
    """Of the host threads; part of `process`."""
    fetch: float = 0.0
    """Of the event loop while it fetched media; part of `process`."""
    decoders: float = 0.0
    """Of the decoder processes, starts included."""
    decoder_starts: float = 0.0
    """The part of it until each was ready."""

    @property
    def shared(self) -> float:
        """What no video can be named for."""
        return self.process - self.device - self.operators - self.fetch


class CpuObserver(Protocol):
    """Counts what is settled; called on the event loop."""

    def cpu_used(self, stage: ProcessStage, seconds: float) -> None:
        """CPU time went into a stage."""

    def was_idle(self, seconds: float) -> None:
        """For so long no video was worked on."""


class SilentCpuObserver:
    """Counts nothing."""

    def cpu_used(self, stage: ProcessStage, seconds: float) -> None:
        """Ignore it."""

    def was_idle(self, seconds: float) -> None:
        """Ignore it."""


class CpuAccount:
    """Settles what was used since the last time, at every signal and every few seconds.

    CPU time that concurrent signals share accumulates in a pool. A finished signal takes pool / (signals in progress,
    itself included), so the parts are even in the long run and the last signal empties the pool. Shared time while no
    signal is in progress is idle and is on no receipt.

    Args:
        read: the clocks; what they say at first is the start-up.
        observer: counts what is settled.
        power: what the meters say at the moment.
        has_videos: False in a process without media work: then all that is shared is overhead.
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
        self._pot_seconds = 0.0
        self._last = read()
        self._last_seconds = monotonic_seconds()
        self.used: dict[ProcessStage, float] = dict.fromkeys(PROCESS_STAGES, 0.0)
        """CPU seconds by stage; their sum is the process's and its decoders' own time."""
        self._count("startup", self._last.process + self._last.decoder_starts)
        self._count("decode", self._last.decoders - self._last.decoder_starts)

    @contextmanager
    def signal(self) -> Iterator[None]:
        """A signal is being made."""
        if not self._num_in_the_making:
            self.settle()  # what was until now was idle
        self._num_in_the_making += 1
        try:
            yield
        finally:
            if self._num_in_the_making == 1:
                self.settle()
            self._num_in_the_making -= 1

    def share(self) -> float:
        """What a signal that is ready takes of the shared CPU seconds; to be called within `signal`, once."""
        assert self._num_in_the_making, "a share was taken outside of `signal`: its seconds would count as idle, too"
        self.settle()
        share_seconds = max(0.0, self._pot_seconds / self._num_in_the_making)
        self._pot_seconds -= share_seconds
        return share_seconds

    def charged(self, receipt: Receipt) -> Receipt:
        """The receipt with a signal's share of what is shared, and with the power; like `share`, once a signal."""
        return msgspec.structs.replace(receipt, overhead_cpu_seconds=self.share(), power=self.power())

    def power(self) -> MeasuredPower:
        """What the meters say at the moment."""
        return self._power()

    def settle(self) -> None:
        """Bring the account up to now."""
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
            self._pot_seconds += cpu_seconds
            self._count("overhead", cpu_seconds)
        elif self._has_videos:
            self._count("idle", cpu_seconds)
            self._observer.was_idle(wall_seconds)
        else:
            self._count("overhead", cpu_seconds)

    def _count(self, stage: ProcessStage, seconds: float) -> None:
        before = self.used[stage]
        self.used[stage] = before + seconds
        # Clocks are read one after another, so that a difference of them may fall by microseconds; counters may not.
        if self.used[stage] > before:
            self._observer.cpu_used(stage, self.used[stage] - before)


def open_light_account(observer: CpuObserver) -> CpuAccount:
    """The account of a process that only moves events: everything after the start is overhead."""
    return CpuAccount(lambda: CpuReading(time.process_time()), observer, has_videos=False)


async def keep_account(account: CpuAccount, clock: Clock) -> None:
    """Settle every few seconds, so that metrics move while nothing is worked on; never returns."""
    while True:
        account.settle()
        await clock.sleep(_SETTLE_SECONDS)
