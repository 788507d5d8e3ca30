"""A small world where all is well, written by hand: what the judge's own test plants faults into."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.judge.evidence import (
    DEAD_LETTER,
    ENGAGEMENT,
    MODERATION,
    RECOMMENDATION,
    SIGNALS,
    TOPICS,
    UPLOADED,
    Evidence,
    Group,
    Record,
    Store,
)

LIVE, DELETED, POISON = "live", "deleted", "poison"
DEAD_LETTER_KEY = "a-letter"
SPACE = "stand-in-frames/4"
MODALITIES = ("frames", "audio", "motion", "context")
_VECTOR = (1.0, 2.0, 3.0, 4.0)
_KEPT_SECONDS = 60 * 86_400


@dataclass
class SmallWorld:
    """Records by topic, all in partition 0, and a store of one's own."""

    store: Store
    records: dict[str, list[Record]] = field(default_factory=lambda: {topic: [] for topic in TOPICS})
    groups: list[Group] = field(default_factory=list)

    @classmethod
    def where_all_is_well(cls, store: Store) -> SmallWorld:
        """One live video at revision 2, one deleted video, one poison."""
        world = cls(store)
        world._upload_everything()
        world._decide_live()
        world._delete_deleted()
        world._watch()
        world.append(DEAD_LETTER, f"{POISON}#{DEAD_LETTER_KEY}", dead_letter_of(UPLOADED, 0, DEAD_LETTER_KEY))
        world.groups.append(Group("vidsignal-verdict", 0, 12, 12))
        return world

    def evidence(self) -> Evidence:
        """What the judge gets."""
        return Evidence(self.records, self.store, self.groups)

    def append(self, topic: str, key: str, value: bytes | None) -> None:
        """One more record at the end."""
        offset = max((record.offset for record in self.records[topic]), default=-1) + 1
        self.records[topic].append(Record(0, offset, 1000.0 + offset, key.encode(), value))

    def drop(self, topic: str, video_id: str) -> None:
        """Take away all records of a video."""
        key = video_id.encode()
        self.records[topic] = [
            record for record in self.records[topic] if record.key != key and not record.key.startswith(key + b"#")
        ]

    def drop_facts(self, is_dropped: Callable[[dict[str, Any]], bool]) -> None:
        """Take away some facts; the others keep their offsets."""
        facts = self.records[SIGNALS]
        self.records[SIGNALS] = [record for record in facts if not is_dropped(json.loads(record.value or b""))]

    def review(self, video_id: str, revision: int, action: str, at_unix_seconds: float) -> None:
        """A person's word in the log."""
        fact = {"kind": "review", "video_id": video_id, "revision": revision, "action": action}
        self.append(SIGNALS, video_id, json.dumps({**fact, "event_unix_seconds": at_unix_seconds}).encode())

    def add_vector(self, video_id: str, vector: Sequence[float], attributes: bytes) -> None:
        """Into the one space."""
        self.store.sadd("vs:spaces", SPACE)
        blob = struct.pack(f"<{len(vector)}f", *vector)
        key = f"vs:space:{SPACE}"
        self.store.execute_command("VADD", key, "FP32", blob, video_id, "Q8", "SETATTR", attributes)

    def engagement_event(self, video_id: str, event_id: str, kind: str) -> bytes:
        """What a client sends."""
        return json.dumps({"video_id": video_id, "event_id": event_id, "kind": kind}).encode()

    def _upload_everything(self) -> None:
        source = {"kind": "file", "path": "/media/clip.mp4"}
        self.append(UPLOADED, POISON, b"{")
        for revision in (1, 2):
            event = {"video_id": LIVE, "revision": revision, "source": source}
            self.append(UPLOADED, LIVE, json.dumps(event).encode())
        self.append(UPLOADED, DELETED, json.dumps({"video_id": DELETED, "source": source}).encode())
        self.append(UPLOADED, DELETED, json.dumps({"video_id": DELETED, "deleted": True}).encode())

    def _decide_live(self) -> None:
        for revision in (1, 2):
            fact = {"kind": "accepted", "video_id": LIVE, "revision": revision}
            self.append(SIGNALS, LIVE, json.dumps(fact).encode())
            for modality in MODALITIES:
                self.append(SIGNALS, LIVE, json.dumps(signal_of(revision, modality)).encode())
        self.review(LIVE, 2, "block", 50.0)
        version = {"revision": 2, "generation": 0, "offset": 10}
        about = {"video_id": LIVE, "version": version, "status": "final", "modalities": {"present": MODALITIES}}
        verdict = {**about, "action": "block", "market": "DE", "reviewed": {"reviewer": "ann"}}
        features = {
            name: value for modality in MODALITIES for name, value in signal_of(2, modality)["features"].items()
        }
        embeddings = {SPACE: _embedding()}
        record = {**about, "features": features, "embeddings": embeddings, "engagement": {"counts": _counts()}}
        self.append(MODERATION, LIVE, json.dumps(verdict).encode())
        self.append(RECOMMENDATION, LIVE, json.dumps(record).encode())
        self._store_live(verdict, features, embeddings)

    def _store_live(self, verdict: dict[str, Any], features: dict[str, Any], embeddings: dict[str, Any]) -> None:
        key = f"vs:{{{LIVE}}}"
        self.store.set(f"{key}:verdict", json.dumps(verdict))
        self.store.hset(f"{key}:state", "applied_offset", 10)
        self.store.hset(f"{key}:status", mapping={"status": "final", "revision": "2", "action": "block"})
        self.store.hset(f"{key}:features", mapping={name: json.dumps(value) for name, value in features.items()})
        self.store.hset(f"{key}:embeddings", mapping={name: json.dumps(value) for name, value in embeddings.items()})
        attributes = {"action": "block", "status": "final", "market": "DE", **verdict["version"]}
        self.add_vector(LIVE, _VECTOR, json.dumps(attributes).encode())

    def _delete_deleted(self) -> None:
        self.append(SIGNALS, DELETED, json.dumps({"kind": "deleted", "video_id": DELETED, "revision": 1}).encode())
        for topic in (MODERATION, RECOMMENDATION):
            self.append(topic, DELETED, None)
        self.store.set(f"vs:{{{DELETED}}}:guard", "1", ex=_KEPT_SECONDS)
        self.store.set(f"vs:{{{DELETED}}}:deletion", "1", ex=_KEPT_SECONDS)
        self.store.hset(f"vs:{{{DELETED}}}:state", "applied_offset", 11)
        self.store.expire(f"vs:{{{DELETED}}}:state", _KEPT_SECONDS)

    def _watch(self) -> None:
        for event_id, kind in (("1", "view"), ("2", "like"), ("2", "like")):
            self.append(ENGAGEMENT, LIVE, self.engagement_event(LIVE, event_id, kind))
        self.append(ENGAGEMENT, DELETED, self.engagement_event(DELETED, "3", "view"))
        self.store.set(f"vs:{{{LIVE}}}:engagement", json.dumps({"counts": _counts()}), ex=_KEPT_SECONDS)


def signal_of(revision: int, modality: str) -> dict[str, Any]:
    """A healthy signal of the live video."""
    features = {f"{modality}.stand-in": {"value": revision}}
    about = {"kind": "signal", "video_id": LIVE, "revision": revision, "modality": modality, "status": "ok"}
    return {**about, "generation": 1, "signal_id": f"{revision}-{modality}", "features": features}


def dead_letter_of(topic: str, offset: int, dead_letter_id: str) -> bytes:
    """A dead letter of a record in partition 0."""
    source = {"topic": topic, "partition": 0, "offset": offset}
    return json.dumps({"dead_letter_id": dead_letter_id, "cause": "c", "message": "m", "source": source}).encode()


def _counts() -> dict[str, int]:
    return {"view": 1, "like": 1}


def _embedding() -> dict[str, Any]:
    values = base64.b64encode(struct.pack(f"<{len(_VECTOR)}e", *_VECTOR)).decode()
    return {"space": SPACE, "dimensions": len(_VECTOR), "values": values}
