"""Stand-ins that behave: a clock that a test moves, a broker that keeps what was published, a terminal."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.codec import encode
from schemas.topics import Topic


@dataclass
class ManualClock:
    """A clock that stands still until `advance` moves it."""

    unix_seconds: float = 1_700_000_000.0
    elapsed_seconds: float = 0.0
    _sleepers: list[tuple[float, asyncio.Future[None]]] = field(default_factory=list)

    def now_unix_seconds(self) -> float:
        return self.unix_seconds + self.elapsed_seconds

    def monotonic_seconds(self) -> float:
        return self.elapsed_seconds

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.elapsed_seconds + max(0.0, seconds), woken))
        self._wake()
        await woken

    def advance(self, seconds: float) -> None:
        """Move time on and wake every sleeper whose time has come; they run when the caller next awaits."""
        self.elapsed_seconds += seconds
        self._wake()

    @property
    def num_sleepers(self) -> int:
        """How many calls of `sleep` still wait."""
        return sum(not woken.done() for _, woken in self._sleepers)

    async def wait_for_sleepers(self, number: int) -> None:
        """Let other tasks run until that many calls of `sleep` wait."""
        for _ in range(10_000):
            if self.num_sleepers >= number:
                return
            await asyncio.sleep(0)
        raise AssertionError(f"expected {number} sleepers, found {self.num_sleepers}")

    def _wake(self) -> None:
        for due_seconds, woken in self._sleepers:
            if due_seconds <= self.elapsed_seconds and not woken.done():
                woken.set_result(None)
        self._sleepers = [(due, woken) for due, woken in self._sleepers if not woken.done()]


@dataclass(frozen=True)
class Published:
    """One record that a role published."""

    topic: Topic
    key: str
    value: bytes | None
    """None is a tombstone."""
    headers: tuple[tuple[str, bytes], ...]


@dataclass
class MemoryPublisher:
    """Keeps what was published, in order; confirms at once."""

    records: list[Published] = field(default_factory=list)

    async def publish(
        self,
        topic: Topic,
        key: str,
        event: Any,
        *,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
    ) -> int:
        del partition
        value = event if event is None or isinstance(event, bytes) else encode(event)
        self.records.append(Published(topic, key, value, tuple(headers)))
        return len(self.records) - 1

    async def withdraw(self, video_id: str) -> int:
        """Stand in for the dead letters of a video, of which there are none."""
        del video_id
        return 0

    def of(self, topic: Topic) -> list[Published]:
        """The records of one topic, oldest first."""
        return [record for record in self.records if record.topic == topic]


class Terminal(io.StringIO):
    """Keeps what is printed, and calls itself a terminal."""

    def isatty(self) -> bool:
        return True
