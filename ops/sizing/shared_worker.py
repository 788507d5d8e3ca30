"""A media worker in the simulation: slots for videos that share its cores equally."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field

from ops.sizing.profile import Profile


@dataclass(frozen=True, slots=True)
class WorkerModel:
    """Parameters of all workers of a simulation."""

    slots: int
    cores: float
    """Cores available to videos."""
    most_cores_per_video: float
    """Cores that a single video keeps busy."""
    alone_ratio: float = 1.0
    """Work of a single video divided by its work under full load, where batches are full; in between, 1/n is
    interpolated."""

    @classmethod
    def from_profile(cls, profile: Profile, slots: int) -> WorkerModel:
        """Return a worker of the measured machine."""
        return cls(
            slots=slots,
            cores=profile["worker_cores"] * profile["media_cores_busy_ratio"],
            most_cores_per_video=min(profile["media_alone_cores"], profile["worker_cores"]),
            alone_ratio=profile["media_alone_ratio"],
        )

    def speed(self, num_videos: int) -> float:
        """Return the CPU seconds, as under full load, that each of that many videos gets per second."""
        share = min(self.most_cores_per_video, self.cores / num_videos)
        return share / (1 + (self.alone_ratio - 1) / num_videos)


@dataclass(slots=True)
class Video:
    """An upload in the simulation."""

    arrived_seconds: float
    partition: int
    work_cpu_seconds: float


@dataclass(slots=True)
class SharedWorker:
    """One worker; all its videos progress equally, so one count of work suffices for all (egalitarian sharing)."""

    model: WorkerModel
    requested_seconds: float = 0.0
    """Time since which it is paid for."""
    waiting: deque[Video] = field(default_factory=deque)
    """Waiting videos of its partitions, oldest first."""
    takes_new: bool = True
    epoch: int = 0
    """Raised at every change, so that earlier predictions are recognised as invalid."""
    _done: float = 0.0
    """CPU seconds that each video would have received since the start."""
    _as_of_seconds: float = 0.0
    _running: list[tuple[float, int, Video]] = field(default_factory=list)
    _num_started: int = 0

    @property
    def num_running(self) -> int:
        """Videos that hold a slot."""
        return len(self._running)

    def start_waiting(self, now: float) -> None:
        """Assign free slots to the oldest videos."""
        if not self.takes_new:
            return
        self.advance(now)
        while self.waiting and len(self._running) < self.model.slots:
            video = self.waiting.popleft()
            self._num_started += 1
            heapq.heappush(self._running, (self._done + video.work_cpu_seconds, self._num_started, video))
            self.epoch += 1

    def next_end_seconds(self) -> float | None:
        """Return when the next video is finished if nothing changes."""
        if not self._running:
            return None
        return self._as_of_seconds + max(0.0, self._running[0][0] - self._done) / self.model.speed(len(self._running))

    def finish_next(self, now: float) -> Video:
        """Remove the finished video."""
        self.advance(now)
        self.epoch += 1
        return heapq.heappop(self._running)[2]

    def advance(self, now: float) -> None:
        """Work until now."""
        if self._running:
            passed = now - self._as_of_seconds
            self._done += passed * self.model.speed(len(self._running))
        self._as_of_seconds = now

    def give_back(self, now: float) -> list[Video]:
        """Lose everything, as a killed worker does: videos in progress start again elsewhere."""
        self.advance(now)
        self.epoch += 1
        lost = [*(video for _, _, video in self._running), *self.waiting]
        self._running.clear()
        self.waiting.clear()
        return lost
