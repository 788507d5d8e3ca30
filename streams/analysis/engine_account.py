"""The CPU account of a process with an engine: which clocks belong to which stage."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from operators.cpu_clocks import process_cpu_seconds
from operators.energy import EnergyCounter
from operators.inference.inference import Inference
from operators.media.shared_sessions import MediaSessions
from streams.analysis.agents.host_threads import ThreadedHost
from streams.costs.cpu_account import CpuAccount, CpuObserver, CpuReading
from streams.costs.power import PowerMeter, open_core_energy


@dataclass(frozen=True, slots=True)
class CountedParts:
    """Parts of an engine that compute outside the event loop."""

    inference: Inference
    hosts: Sequence[ThreadedHost]
    sessions: Sequence[MediaSessions]
    parent_id: int | None = None
    """The parent process, if there is one; what it used before the worker started counts as start."""

    def read(self) -> CpuReading:
        """Read all clocks; the process's last, so that no part exceeds the whole."""
        decoders = sum(sessions.decoder_cpu_seconds() for sessions in self.sessions)
        starts = sum(sessions.decoder_start_cpu_seconds() for sessions in self.sessions)
        fetch = sum(sessions.fetching.cpu_seconds for sessions in self.sessions)
        operators = sum(host.cpu_seconds() for host in self.hosts)
        device = self.inference.cpu_seconds()
        parent = process_cpu_seconds(self.parent_id) if self.parent_id is not None else None
        return CpuReading(time.process_time() + (parent or 0.0), device, operators, fetch, decoders, starts)


def open_engine_account(parts: CountedParts, observer: CpuObserver, device_energy: EnergyCounter | None) -> CpuAccount:
    """Open the account; CPU time until now counts as start."""
    power = PowerMeter(open_core_energy(), device_energy, device_seconds=parts.inference.device_seconds)
    return CpuAccount(parts.read, observer, power.read)
