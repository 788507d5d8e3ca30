"""A stand-in for the media role that costs nothing, so that the other roles can be hurt often on a small machine.

It answers each `accepted` fact with four signals, at least once; one in ten comes twice, some much later. Its bytes are
the same for the same signal, as claims would have it. It knows no guard, so that what it says of deleted and superseded
videos tests the fold. Some of what it reads is reviewed, too, as a person would who sees a case.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import struct
import threading
import time
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from tests.chaos.traffic import events
from tests.chaos.traffic.planned import Planned
from tests.chaos.traffic.producing import LosslessProducer

MODALITIES = ("frames", "audio", "motion", "context")
_DIMENSIONS = 32
_REVIEW_SHARE = 0.15
_LONGEST_REVIEW_SECONDS = 30.0
_ACTIONS = ("allow", "limit", "block")
_POLL_SECONDS = 0.02
_ASK_SECONDS = 60.0


def signal_bytes(video_id: str, revision: int, modality: str, at_unix_seconds: float) -> bytes:
    """A signal that is a function of what it is about."""
    seed = hashlib.sha256(f"{video_id}|{revision}|{modality}".encode()).digest()
    about = {"event_unix_seconds": at_unix_seconds, "model": "stand-in@1"}
    space = f"stand-in-{modality}/{_DIMENSIONS}"
    numbers = struct.pack(f"<{_DIMENSIONS}e", *(byte / 255 - 0.5 for byte in seed))
    embedding = {"space": space, "dimensions": _DIMENSIONS, "values": base64.b64encode(numbers).decode(), **about}
    signal: dict[str, Any] = {
        "kind": "signal",
        "signal_id": hashlib.sha256(seed).hexdigest()[:32],
        "video_id": video_id,
        "revision": revision,
        "modality": modality,
        "status": "ok",
        "generation": 1,
        "fingerprint": "stand-in@1",
        "produced_unix_seconds": at_unix_seconds,
        "is_present": True,
        "features": {
            f"{modality}.stand-in": {"value": seed[0], **about},
            f"{modality}.revision": {"value": revision, **about},
        },
        "embeddings": {space: embedding} if modality in ("frames", "audio") else {},
    }
    return json.dumps(signal).encode()


class FactReader:
    """Follows the log of facts, answers (where it stands in) and reviews; a thread of its own.

    Args:
        bootstrap_servers: the brokers, past the bad network.
        seed: of waits, repetitions and reviews.
        is_standing_in: whether it answers; without it, it only reviews.
    """

    def __init__(self, bootstrap_servers: str, seed: int, *, is_standing_in: bool) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._chance = random.Random(seed)
        self._is_standing_in = is_standing_in
        self._producer = LosslessProducer(bootstrap_servers)
        self._planned = Planned()
        self._known: set[tuple[str, int]] = set()
        self._is_finishing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chaos-stand-in", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is planned and the broker has confirmed all that was sent."""
        return not self._planned and self._producer.num_confirmed == self._producer.num_sent

    def finish(self) -> None:
        """Stop when all that is planned is confirmed; nothing accepted later is answered."""
        self._is_finishing.set()
        self._thread.join()

    def _run(self) -> None:
        consumer = self._consumer()
        while not self._is_finishing.is_set() or self._planned:
            message = consumer.poll(_POLL_SECONDS)
            if message is not None and message.error() is None:
                self._read(message.value() or b"")
            self._planned.run_due()
            self._producer.poll(0)
        self._producer.flush()
        consumer.close()

    def _consumer(self) -> Consumer:
        settings: dict[str, Any] = {"bootstrap.servers": self._bootstrap_servers, "group.id": "chaos-stand-in"}
        consumer = Consumer({**settings, "enable.auto.commit": False, "log_level": 0})
        numbers = consumer.list_topics(events.SIGNALS, timeout=_ASK_SECONDS).topics[events.SIGNALS].partitions
        consumer.assign([TopicPartition(events.SIGNALS, number, 0) for number in numbers])
        return consumer

    def _read(self, value: bytes) -> None:
        fact = json.loads(value)
        key = (str(fact["video_id"]), int(fact.get("revision", 0)))
        if fact["kind"] != "accepted" or key in self._known:
            return
        self._known.add(key)
        if self._is_standing_in:
            for modality in MODALITIES:
                self._plan_answer(key, modality, fact)
        if self._chance.random() < _REVIEW_SHARE:
            for _ in range(self._chance.randint(1, 2)):
                self._plan_review(key, self._chance.choice(_ACTIONS))

    def _plan_review(self, key: tuple[str, int], action: str) -> None:
        self._planned.after(self._chance.uniform(0.0, _LONGEST_REVIEW_SECONDS), lambda: self._review(key, action))

    def _plan_answer(self, key: tuple[str, int], modality: str, fact: dict[str, Any]) -> None:
        value = signal_bytes(*key, modality, fact["uploaded_unix_seconds"])
        seconds = self._chance.choice((0.0, self._chance.uniform(0.0, 1.0), self._chance.uniform(0.0, 4.0)))
        if fact["deadline_unix_seconds"] - fact["uploaded_unix_seconds"] < 30:
            seconds += self._chance.choice((0.0, 12.0))
        self._planned.after(seconds, lambda: self._producer.send(events.SIGNALS, key[0], value))
        if self._chance.random() < 0.1:
            again = seconds + self._chance.choice((0.0, 3.0, 30.0))
            self._planned.after(again, lambda: self._producer.send(events.SIGNALS, key[0], value))

    def _review(self, key: tuple[str, int], action: str) -> None:
        self._producer.send(events.SIGNALS, key[0], events.review(*key, action, time.time()))
