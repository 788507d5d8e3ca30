"""Producers and clients: a seeded stream of uploads, revisions, deletions, engagement and poison."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.chaos.traffic import events
from tests.chaos.traffic.planned import Planned
from tests.chaos.traffic.producing import LosslessProducer

KINDS = ("impression", "view", "like", "share", "completion")
_NUM_RECENT = 60
"""Engagement is with the newest videos."""
_LOOK_SECONDS = 0.02

Source = Callable[[random.Random], dict[str, Any]]
"""Names the media of an upload."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How much there is to do."""

    uploads_per_second: float
    engagement_per_second: float
    backfill_share: float = 0.0
    """Of uploads; nobody answers for that lane where the media role is a stand-in."""


class Traffic:
    """Sends until it is told to finish; a thread of its own.

    Args:
        bootstrap_servers: the brokers, past the bad network.
        seed: decides what is sent; when it is sent is up to the machine.
        rates: of events.
        source: media of a healthy upload.
        may_delete_without_revision: asked before each such deletion.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        seed: int,
        rates: Rates,
        source: Source,
        may_delete_without_revision: Callable[[], bool] = lambda: True,
    ) -> None:
        self._producer = LosslessProducer(bootstrap_servers)
        self._chance = random.Random(seed)
        self._rates = rates
        self._source = source
        self._may_delete_without_revision = may_delete_without_revision
        self._planned = Planned()
        self._video_ids: list[str] = []
        self._num_uploads = 0
        self._is_finishing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chaos-traffic", daemon=True)
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self) -> dict[str, int]:
        """Send what was planned, and no new video; return what was sent when all is confirmed."""
        self._is_finishing.set()
        self._thread.join()
        if self._failure is not None:
            raise RuntimeError("the traffic broke off") from self._failure
        return {"videos": len(self._video_ids), "records": self._producer.num_confirmed}

    def race_deletions(self, chance: random.Random, number: int) -> None:
        """Upload some videos, and delete them in the very next seconds."""
        for place in range(number):
            video_id = f"race-{chance.getrandbits(28):07x}"
            revision = 1 if place % 2 else None
            self._planned.after(0.0, lambda v=video_id: self._upload(v, 1))  # type: ignore[misc]
            wait_seconds = chance.choice((0.0, 0.2, 0.6, 1.5, 4.0))
            self._planned.after(wait_seconds, lambda v=video_id, r=revision: self._delete(v, r))  # type: ignore[misc]
            if place % 3 == 0:
                self._planned.after(chance.choice((1.5, 4.0, 8.0)), lambda v=video_id: self._upload(v, 2))  # type: ignore[misc]

    def _run(self) -> None:
        try:
            self._stream()
            self._producer.flush()
        except BaseException as error:  # told by `finish`, in the thread of anyone who asks
            self._failure = error

    def _stream(self) -> None:
        next_upload = next_engagement = time.monotonic()
        while not self._is_finishing.is_set() or self._planned:
            self._planned.run_due()
            now = time.monotonic()
            if not self._is_finishing.is_set():
                if next_upload <= now:
                    self._new_video()
                    next_upload = now + self._chance.expovariate(self._rates.uploads_per_second)
                if self._video_ids and next_engagement <= now:
                    self._engage()
                    next_engagement = now + self._chance.expovariate(self._rates.engagement_per_second)
            self._producer.poll(_LOOK_SECONDS)

    def _new_video(self) -> None:
        """One life of a video, chosen by chance."""
        self._num_uploads += 1
        video_id = f"video-{self._num_uploads:05}"
        dice = self._chance.random()
        if dice < 0.03:
            self._send(events.UPLOADED, video_id, b'{"video_id": "' + video_id.encode() + b'", "source": {')
        elif dice < 0.05:
            self._send(events.UPLOADED, video_id, events.upload(f"{video_id}x", 1, self._source(self._chance)))
        else:
            self._video_ids.append(video_id)
            self._plan_life(video_id, dice, self._upload(video_id, 1))

    def _plan_life(self, video_id: str, dice: float, upload: bytes) -> None:
        after, chance = self._planned.after, self._chance
        if dice < 0.13:
            after(chance.uniform(0.3, 30.0), lambda: self._upload(video_id, 2))
        elif dice < 0.23:
            revision = chance.choice((None, 1))
            seconds = chance.choice((0.0, chance.uniform(0.0, 2.0), chance.uniform(0.0, 25.0)))
            after(seconds, lambda: self._delete(video_id, revision))
            if chance.random() < 0.35:
                after(
                    seconds + chance.choice((0.0, 0.05, chance.uniform(0.0, 15.0))), lambda: self._upload(video_id, 2)
                )
        elif dice < 0.26:
            after(2.0, lambda: self._upload(video_id, 2))
            after(2.0 + chance.choice((0.0, 0.05, 5.0)), lambda: self._delete(video_id, None))
        elif dice < 0.29:  # a producer that sends twice
            after(chance.uniform(0.0, 20.0), lambda: self._send(events.UPLOADED, video_id, upload))

    def _upload(self, video_id: str, revision: int) -> bytes:
        """Send an upload; return the event."""
        more: dict[str, Any] = {}
        if self._chance.random() < 0.06:
            more["deadline_seconds"] = self._chance.choice((3, 8, 20))
        elif self._chance.random() < self._rates.backfill_share:
            more["lane"] = "backfill"
        event = events.upload(video_id, revision, self._source(self._chance), **more)
        self._send(events.UPLOADED, video_id, event)
        return event

    def _delete(self, video_id: str, revision: int | None) -> None:
        if revision is None and not self._may_delete_without_revision():
            revision = 2
        self._send(events.UPLOADED, video_id, events.deletion(video_id, revision))

    def _engage(self) -> None:
        video_id = self._chance.choice(self._video_ids[-_NUM_RECENT:])
        event_id = uuid.UUID(int=self._chance.getrandbits(128)).hex
        kind, at, dice = self._chance.choice(KINDS), time.time(), self._chance.random()
        if dice < 0.003:
            self._send(events.ENGAGEMENT, video_id, events.engagement(video_id, event_id, "stare", at))
            return
        value = events.engagement(video_id, event_id, kind, at)
        self._send(events.ENGAGEMENT, video_id, value)
        if dice < 0.05:  # a client that sends twice
            self._planned.after(self._chance.uniform(0.0, 45.0), lambda: self._send(events.ENGAGEMENT, video_id, value))
        elif dice < 0.053:  # a client whose ids are no ids
            other = events.engagement(video_id, event_id, "report", at)
            self._planned.after(self._chance.uniform(1.0, 10.0), lambda: self._send(events.ENGAGEMENT, video_id, other))

    def _send(self, topic: str, key: str, value: bytes) -> None:
        self._producer.send(topic, key, value)
