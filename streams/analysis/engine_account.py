"""The account of a process that has an engine: which clocks belong to which stage."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from operators.cpu_clocks import process_cpu_seconds
from operators.energy import EnergyCounter
from operators.inference.inference import Inference
from operators.media.session import MediaSessions
from streams.analysis.agents.host_threads import ThreadedHost
from streams.costs.cpu_account import CpuAccount, CpuObserver, CpuReading
from streams.costs.power import PowerMeter, open_core_energy


@dataclass(frozen=True, slots=True)
class CountedParts:
    """What an engine computes with, each beside the event loop."""

    inference: Inference
    hosts: Sequence[ThreadedHost]
    sessions: Sequence[MediaSessions]
    parent_id: int | None = None
    """The process that was started, where that is another one: what it used before the worker began is the start-up."""

    def read(self) -> CpuReading:
        """Look at all clocks; the process's last, so that no part is ahead of the whole."""
        decoders = sum(sessions.decoder_cpu_seconds() for sessions in self.sessions)
        starts = sum(sessions.decoder_start_cpu_seconds() for sessions in self.sessions)
        fetch = sum(sessions.fetching.cpu_seconds for sessions in self.sessions)
        operators = sum(host.cpu_seconds() for host in self.hosts)
        device = self.inference.cpu_seconds()
        parent = process_cpu_seconds(self.parent_id) if self.parent_id is not None else None
        return CpuReading(time.process_time() + (parent or 0.0), device, operators, fetch, decoders, starts)


def open_engine_account(parts: CountedParts, observer: CpuObserver, device_energy: EnergyCounter | None) -> CpuAccount:
    """What was used until now is the start-up."""
    power = PowerMeter(open_core_energy(), device_energy, device_seconds=parts.inference.device_seconds)
    return CpuAccount(parts.read, observer, power.read)
