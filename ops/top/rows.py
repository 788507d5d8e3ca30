"""Parts of a frame; also the output of `vidsignal top --json`. None means that there was no data."""

from __future__ import annotations

import msgspec


class WorkerRow(msgspec.Struct, frozen=True):
    """One process."""

    address: str
    is_up: bool
    problem: str = ""
    roles: tuple[str, ...] = ()
    device: str = ""
    uptime_seconds: float | None = None
    cpu_cores: float | None = None
    """Busy cores of the worker itself, without its decoder processes."""
    memory_bytes: float | None = None


class RoleRow(msgspec.Struct, frozen=True):
    """One role over all workers."""

    role: str
    events_in_hz: float
    events_finished_hz: float
    lag_records: float | None
    """By the broker, of all partitions whose worker knows it; None if no worker knows it."""
    num_unknown: int
    """Workers that run the role and do not know its lag."""
    states: dict[str, int]
    """Number of workers by the state of the role, such as flowing or stalled."""
    stalled_seconds: float
    """The longest of any worker; 0 if none is stalled."""
    in_flight: float
    slots_taken: float
    slots: float


class StageRow(msgspec.Struct, frozen=True):
    """Time in one stage."""

    stage: str
    finished_hz: float
    p50_seconds: float | None
    p95_seconds: float | None


class ModelRow(msgspec.Struct, frozen=True):
    """Batches of one model."""

    model: str
    batches_hz: float
    items_a_batch: float | None
    videos_a_batch: float | None
    fill_ratio: float | None
    """Items divided by computed rows; the rest is padding."""
    queue_p95_seconds: float | None
    busy_ratio: float
    """Device seconds per second; above 1 with several workers."""


class VerdictRow(msgspec.Struct, frozen=True):
    """Verdicts of one kind."""

    status: str
    action: str
    published_hz: float
    total: float


class DeadLetterRow(msgspec.Struct, frozen=True):
    """Dead letters of one cause."""

    role: str
    cause: str
    increase: float
    total: float


class CostRow(msgspec.Struct, frozen=True):
    """Cost of final verdicts by the price table."""

    usd_a_video: float | None
    joules_a_video: float | None
    usd_an_hour: float


class SlowRow(msgspec.Struct, frozen=True):
    """An unfinished event."""

    video_id: str
    role: str
    agents: dict[str, str]
    """Stage of each agent that has not finished it."""
    age_seconds: float
    worker: str


class Frame(msgspec.Struct, frozen=True):
    """All data at one time."""

    unix_seconds: float
    window_seconds: float
    """Over which rates, quantiles and means were computed; 0 before a second scrape."""
    workers: tuple[WorkerRow, ...]
    roles: tuple[RoleRow, ...]
    stages: tuple[StageRow, ...]
    latencies: tuple[StageRow, ...]
    """From upload to the first verdict of a status."""
    models: tuple[ModelRow, ...]
    verdicts: tuple[VerdictRow, ...]
    dead_letters: tuple[DeadLetterRow, ...]
    cost: CostRow
    deferred: float
    breakers_open: float
    retries_hz: dict[str, float]
    """Waits per second, by what was unavailable."""
    slowest: tuple[SlowRow, ...]

    @property
    def num_up(self) -> int:
        """Number of workers that answered."""
        return sum(worker.is_up for worker in self.workers)
