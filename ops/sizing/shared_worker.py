"""A media worker as the simulation sees it: slots for videos that share its cores in equal parts."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field

from ops.sizing.profile import Profile


@dataclass(frozen=True, slots=True)
class WorkerModel:
    """What all workers of a simulation have in common."""

    slots: int
    cores: float
    """That videos get to use."""
    most_cores_per_video: float
    """That a video that is alone keeps busy."""
    alone_ratio: float = 1.0
    """Work of a video that is alone over its work under full load, where batches are full; between them 1/n decides."""

    @classmethod
    def from_profile(cls, profile: Profile, slots: int) -> WorkerModel:
        """A worker of the machine that was measured."""
        return cls(
            slots=slots,
            cores=profile["worker_cores"] * profile["media_cores_busy_ratio"],
            most_cores_per_video=min(profile["media_alone_cores"], profile["worker_cores"]),
            alone_ratio=profile["media_alone_ratio"],
        )

    def speed(self, num_videos: int) -> float:
        """CPU seconds, as under full load, that each of so many videos gets done in a second."""
        share = min(self.most_cores_per_video, self.cores / num_videos)
        return share / (1 + (self.alone_ratio - 1) / num_videos)


@dataclass(slots=True)
class Video:
    """An upload on its way."""

    arrived_seconds: float
    partition: int
    work_cpu_seconds: float


@dataclass(slots=True)
class SharedWorker:
    """One worker; all its videos advance alike, so one count of work done serves for all (egalitarian sharing)."""

    model: WorkerModel
    requested_seconds: float = 0.0
    """Since when it is paid for."""
    waiting: deque[Video] = field(default_factory=deque)
    """Of its partitions, oldest first."""
    takes_new: bool = True
    epoch: int = 0
    """Raised at every change, so that what was foreseen before is known to be wrong."""
    _done: float = 0.0
    """CPU seconds that each video would have got done since the beginning."""
    _as_of_seconds: float = 0.0
    _running: list[tuple[float, int, Video]] = field(default_factory=list)
    _num_started: int = 0

    @property
    def num_running(self) -> int:
        """Videos that hold a slot."""
        return len(self._running)

    def start_waiting(self, now: float) -> None:
        """Give free slots to the oldest videos."""
        if not self.takes_new:
            return
        self.advance(now)
        while self.waiting and len(self._running) < self.model.slots:
            video = self.waiting.popleft()
            self._num_started += 1
            heapq.heappush(self._running, (self._done + video.work_cpu_seconds, self._num_started, video))
            self.epoch += 1

    def next_end_seconds(self) -> float | None:
        """When the next video is done if nothing changes."""
        if not self._running:
            return None
        return self._as_of_seconds + max(0.0, self._running[0][0] - self._done) / self.model.speed(len(self._running))

    def finish_next(self, now: float) -> Video:
        """Take out the video that is done."""
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
        """Lose everything, as a killed worker does: videos in work begin again elsewhere."""
        self.advance(now)
        self.epoch += 1
        lost = [*(video for _, _, video in self._running), *self.waiting]
        self._running.clear()
        self.waiting.clear()
        return lost
