"""A discrete-event simulation of one cell's media workers: bursts, lost workers, rebalances, scaling.

A video goes to a partition, and a partition to one worker: so a worker may be idle while others have a queue, which
formulas for a single queue do not model. Where formulas apply, tests compare the simulation with them.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ops.bench.arrivals import Arrivals
from ops.bench.quantile import quantile
from ops.sizing.scaling import Scaling
from ops.sizing.shared_worker import SharedWorker, Video, WorkerModel

WARM_UP_SHARE = 0.1
"""Share of the horizon; uploads in it are not counted."""


@dataclass(frozen=True, slots=True)
class Troubles:
    """Interruptions."""

    loss_hz: float = 0.0
    """Workers of the cell that are lost per second."""
    first_loss_seconds: float | None = None
    """Time of a certain loss, so that every simulation has one; None for none."""
    detection_seconds: float = 6.0
    rebalance_seconds: float = 1.5
    start_seconds: float = 60.0
    """From the request of a worker to its first work, warm-up included."""


@dataclass(frozen=True, slots=True)
class CellModel:
    """Parameters of a simulation."""

    worker: WorkerModel
    num_workers: int
    """At the start."""
    partitions: int
    arrivals: Arrivals
    work_cpu_seconds: Sequence[float]
    """CPU time of single videos under full load; drawn with equal probability."""
    beside_seconds: float = 0.0
    """Of every video, in addition to waiting and work."""
    troubles: Troubles = field(default_factory=Troubles)


@dataclass(frozen=True, slots=True)
class Simulated:
    """Results."""

    latencies_seconds: Sequence[float]
    """From upload to verdict, ascending."""
    num_lost: int
    """Lost workers."""
    paid_worker_seconds: float
    """Of running or starting workers, up to the horizon."""
    busy_ratio: float
    """CPU time of videos divided by that of the paid workers."""
    most_workers: int

    def quantile_seconds(self, share: float) -> float:
        """Return the latency that this share of the videos did not exceed (nearest rank). NaN without videos."""
        return quantile(self.latencies_seconds, share)


def simulate(cell: CellModel, scaling: Scaling, horizon_seconds: float, seed: int) -> Simulated:
    """Run until every upload before the horizon has its verdict; the same seed gives the same result."""
    return _SimulatedCell(cell, scaling, horizon_seconds, random.Random(seed)).result()


class _SimulatedCell:
    def __init__(self, cell: CellModel, scaling: Scaling, horizon_seconds: float, chance: random.Random) -> None:
        self._cell = cell
        self._scaling = scaling
        self._horizon = horizon_seconds
        self._chance = chance
        self._times = cell.arrivals.times(random.Random(chance.random()), horizon_seconds)
        self._events: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._num_events = 0
        self._workers = [SharedWorker(cell.worker) for _ in range(cell.num_workers)]
        self._owners: list[SharedWorker] = []
        self._num_starting = 0
        self._paused_until = 0.0
        self._unfinished = 0
        self._latencies: list[float] = []
        self._cpu_seconds = 0.0
        self._paid_seconds = 0.0
        self._num_lost = 0
        self._most_workers = cell.num_workers

    def result(self) -> Simulated:
        self._assign()
        self._plan_arrival()
        self._at(self._scaling.poll_seconds, self._poll)
        self._plan_losses()
        while self._events:
            now, _, act, arguments = heapq.heappop(self._events)
            act(now, *arguments)
        for worker in self._workers:
            self._pay(worker, self._horizon)
        capacity = self._paid_seconds * self._cell.worker.cores
        return Simulated(
            latencies_seconds=sorted(self._latencies),
            num_lost=self._num_lost,
            paid_worker_seconds=self._paid_seconds,
            busy_ratio=self._cpu_seconds / capacity if capacity else 0.0,
            most_workers=self._most_workers,
        )

    def _at(self, seconds: float, act: Callable[..., None], *arguments: object) -> None:
        self._num_events += 1
        heapq.heappush(self._events, (seconds, self._num_events, act, arguments))

    @property
    def _is_over(self) -> bool:
        """Return whether no upload arrives any more and none is left."""
        return not self._unfinished

    def _plan_arrival(self) -> None:
        at = next(self._times, None)
        if at is not None:
            self._unfinished += 1  # from now on, so that the run does not end between two uploads
            self._at(at, self._arrive)

    def _arrive(self, now: float) -> None:
        work = self._cell.work_cpu_seconds[int(self._chance.random() * len(self._cell.work_cpu_seconds))]
        video = Video(now, int(self._chance.random() * self._cell.partitions), work)
        owner = self._owners[video.partition]
        owner.waiting.append(video)
        self._begin(owner, now)
        self._plan_arrival()

    def _begin(self, worker: SharedWorker, now: float) -> None:
        before = worker.epoch
        if now >= self._paused_until:
            worker.start_waiting(now)
        if worker.epoch != before:
            self._foresee(worker)

    def _foresee(self, worker: SharedWorker) -> None:
        at = worker.next_end_seconds()
        if at is not None:
            self._at(at, self._finish, worker, worker.epoch)

    def _finish(self, now: float, worker: SharedWorker, epoch: int) -> None:
        if epoch != worker.epoch:
            return
        video = worker.finish_next(now)
        self._unfinished -= 1
        self._cpu_seconds += video.work_cpu_seconds if now <= self._horizon else 0.0
        if video.arrived_seconds >= WARM_UP_SHARE * self._horizon:
            self._latencies.append(now - video.arrived_seconds + self._cell.beside_seconds)
        before = worker.epoch
        self._begin(worker, now)
        if worker.epoch == before:
            self._foresee(worker)
        if not worker.takes_new and not worker.num_running and worker in self._workers:
            self._leave(worker, now)

    # workers start and end

    def _poll(self, now: float) -> None:
        lag = sum(len(worker.waiting) + worker.num_running for worker in self._all_owners())
        standing = [worker for worker in self._workers if worker.takes_new]
        number = len(standing) + self._num_starting
        wanted = max(1, self._scaling.wanted(now, lag, number))
        for _ in range(wanted - number):
            self._num_starting += 1
            self._at(now + self._cell.troubles.start_seconds, self._join, now)
        for worker in standing[wanted:] if not self._num_starting else ():
            worker.takes_new = False
            if not worker.num_running:
                self._leave(worker, now)
        if now < self._horizon or not self._is_over:
            self._at(now + self._scaling.poll_seconds, self._poll)

    def _all_owners(self) -> list[SharedWorker]:
        """Return workers that own partitions, including lost ones: their lag counts."""
        return list({id(worker): worker for worker in (*self._owners, *self._workers)}.values())

    def _join(self, now: float, requested_seconds: float) -> None:
        self._num_starting -= 1
        worker = SharedWorker(self._cell.worker, requested_seconds=requested_seconds)
        worker.advance(now)
        self._workers.append(worker)
        self._most_workers = max(self._most_workers, len(self._workers))
        self._rebalance(now)

    def _leave(self, worker: SharedWorker, now: float) -> None:
        self._pay(worker, now)
        self._workers.remove(worker)
        self._rebalance(now)

    def _pay(self, worker: SharedWorker, now: float) -> None:
        self._paid_seconds += max(0.0, min(now, self._horizon) - worker.requested_seconds)

    def _plan_losses(self) -> None:
        troubles = self._cell.troubles
        if troubles.first_loss_seconds is not None:
            self._at(troubles.first_loss_seconds, self._lose)
        if troubles.loss_hz:
            at = self._chance.expovariate(troubles.loss_hz)
            while at < self._horizon:
                self._at(at, self._lose)
                at += self._chance.expovariate(troubles.loss_hz)

    def _lose(self, now: float) -> None:
        if len(self._workers) < 2:
            return  # without another worker, uploads wait for its successor: not simulated
        worker = self._workers.pop(int(self._chance.random() * len(self._workers)))
        self._num_lost += 1
        self._pay(worker, now)
        worker.takes_new = False
        worker.epoch += 1  # what it was about to finish is never finished
        self._at(now + self._cell.troubles.detection_seconds, self._notice, worker)

    def _notice(self, now: float, worker: SharedWorker) -> None:
        self._rebalance(now, worker.give_back(now))

    def _rebalance(self, now: float, returned: Sequence[Video] = ()) -> None:
        """Eager: no worker starts new work until all have their partitions; work in progress continues."""
        vanished = [worker for worker in self._all_owners() if worker not in self._workers]
        waiting = [*returned]
        for worker in (*self._workers, *vanished):
            waiting += worker.waiting
            worker.waiting.clear()
        self._assign()
        for video in sorted(waiting, key=lambda each: each.arrived_seconds):
            self._owners[video.partition].waiting.append(video)
        self._paused_until = now + self._cell.troubles.rebalance_seconds
        self._at(self._paused_until, self._resume)

    def _resume(self, now: float) -> None:
        for worker in list(self._workers):
            self._begin(worker, now)

    def _assign(self) -> None:
        takers = [worker for worker in self._workers if worker.takes_new] or self._workers
        self._owners = [takers[number % len(takers)] for number in range(self._cell.partitions)]
