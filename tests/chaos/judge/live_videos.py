"""A video that is alive: one final verdict of its newest revision, the same everywhere, made of its facts."""

from __future__ import annotations

import base64
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.judge.evidence import MODERATION, OUTCOMES, RECOMMENDATION, Store
from tests.chaos.judge.expected import Video
from tests.chaos.judge.facts import Facts
from tests.chaos.judge.outcomes import Outcome, Said, content_of, version_of
from tests.chaos.judge.violations import Violations

_MODALITIES = ("frames", "audio", "motion", "context")
_LEAST_COSINE = 0.97
"""Between a stored vector, in 8 bits a number, and the one it stands for."""


@dataclass(frozen=True, slots=True)
class LiveVideos:
    """Looks at one live video after another."""

    facts: Facts
    said: Mapping[str, Said]
    store: Store
    violations: Violations

    def look(self, video_id: str, video: Video) -> None:
        """Note all that is wrong with it."""
        verdict = self.said[MODERATION].best.get(video_id)
        record = self.said[RECOMMENDATION].best.get(video_id)
        if verdict is None or record is None:
            return self.violations.add("no-outcome", video_id, revision=video.revision, events=video.events)
        if version_of(verdict)[0] != video.revision:
            found = version_of(verdict)[0]
            return self.violations.add(
                "wrong-revision", video_id, found=found, wanted=video.revision, events=video.events
            )
        self._topics(video_id, verdict, record)
        self._made_of_facts(video_id, video, verdict, record)
        self._store(video_id, verdict, record)
        self._vectors(video_id, verdict, record)
        return None

    def _topics(self, video_id: str, verdict: Outcome, record: Outcome) -> None:
        if verdict["status"] != "final":
            missing = verdict["modalities"].get("missing")
            self.violations.add("not-final", video_id, status=verdict["status"], missing=missing)
        if version_of(record) != version_of(verdict):
            self.violations.add("topics-differ", video_id, verdict=version_of(verdict), record=version_of(record))
        for topic in OUTCOMES:
            last, best = self.said[topic].last[video_id], self.said[topic].best[video_id]
            if last is None:
                self.violations.add("tombstone-on-live", video_id, topic=topic)
            elif version_of(last) != version_of(best):
                versions = {"last": version_of(last), "best": version_of(best)}
                self.violations.add("last-record-is-older", video_id, topic=topic, **versions)

    def _made_of_facts(self, video_id: str, video: Video, verdict: Outcome, record: Outcome) -> None:
        if (video_id, version_of(verdict)[2]) not in self.facts.places:
            self.violations.add("version-of-no-fact", video_id, version=version_of(verdict))
        for modality in _MODALITIES:
            self._modality(video_id, video, modality, verdict, record)
        review = self.facts.review(video_id, video.revision)
        is_reviewed = verdict.get("reviewed") is not None
        if review is not None and not (is_reviewed and verdict["action"] == review["action"]):
            self.violations.add("review-lost", video_id, wanted=review["action"], found=verdict["action"])
        if review is None and is_reviewed:
            self.violations.add("version-of-no-fact", video_id, reviewed=verdict["reviewed"])

    def _modality(self, video_id: str, video: Video, modality: str, verdict: Outcome, record: Outcome) -> None:
        winner = self.facts.winner(video_id, video.revision, modality)
        if winner is None:
            return self.violations.add("no-signal", video_id, modality=modality, revision=video.revision)
        present = "present" if winner.get("is_present", True) else "absent"
        wanted = "failed" if winner["status"] == "failed" else present
        if modality not in verdict["modalities"].get(wanted, ()):
            self.violations.add("modality-differs", video_id, modality=modality, wanted=wanted)
        if wanted == "failed" and not video.has_missing_media:
            self.violations.add("healthy-media-failed", video_id, modality=modality, failure=winner["failure"])
        if wanted == "present":
            differing = [
                name for name, value in winner.get("features", {}).items() if record["features"].get(name) != value
            ]
            if differing:
                self.violations.add("feature-differs", video_id, features=differing)
        return None

    def _store(self, video_id: str, verdict: Outcome, record: Outcome) -> None:
        stored = self.store.get(f"vs:{{{video_id}}}:verdict")
        if stored is None:
            return self.violations.add("no-verdict-in-store", video_id)
        if content_of(json.loads(stored)) != content_of(verdict):
            versions = {"store": version_of(json.loads(stored)), "topic": version_of(verdict)}
            self.violations.add("store-differs", video_id, what="verdict", **versions)
        for what in ("features", "embeddings"):
            if self._hash(video_id, what) != record.get(what, {}):
                self.violations.add("store-differs", video_id, what=what)
        status = {name.decode(): value.decode() for name, value in self.store.hgetall(_key(video_id, "status")).items()}
        wanted = {
            "status": verdict["status"],
            "revision": str(verdict["version"]["revision"]),
            "action": verdict["action"],
        }
        found = {name: status.get(name) for name in wanted}
        if found != wanted:
            self.violations.add("status-differs", video_id, found=found, wanted=wanted)
        if self.store.exists(_key(video_id, "guard")):
            self.violations.add("guard-on-live", video_id, deletion_marker=self.store.get(_key(video_id, "guard")))
        for what in ("state", "verdict", "features", "status"):
            if self.store.ttl(_key(video_id, what)) >= 0:
                self.violations.add("state-expires", video_id, what=what, seconds=self.store.ttl(_key(video_id, what)))
        return None

    def _hash(self, video_id: str, what: str) -> dict[str, Any]:
        return {name.decode(): json.loads(value) for name, value in self.store.hgetall(_key(video_id, what)).items()}

    def _vectors(self, video_id: str, verdict: Outcome, record: Outcome) -> None:
        for space, embedding in record.get("embeddings", {}).items():
            wanted = _unpacked(embedding)
            if not any(wanted):
                continue  # it has no direction, and is left out
            attributes = self.store.execute_command("VGETATTR", f"vs:space:{space}", video_id)
            if attributes is None:
                self.violations.add("no-vector", video_id, space=space)
                continue
            said = json.loads(attributes)
            differing = [name for name, value in _attributes(verdict).items() if said.get(name) != value]
            stored = [float(number) for number in self.store.execute_command("VEMB", f"vs:space:{space}", video_id)]
            if _cosine(stored, wanted) < _LEAST_COSINE:
                differing.append("vector")
            if differing:
                self.violations.add("vector-differs", video_id, space=space, differing=differing)


def _key(video_id: str, what: str) -> str:
    return f"vs:{{{video_id}}}:{what}"


def _attributes(verdict: Outcome) -> dict[str, Any]:
    """What a vector has to say next to its numbers."""
    return {"action": verdict["action"], "status": verdict["status"], "market": verdict["market"], **verdict["version"]}


def _unpacked(embedding: Mapping[str, Any]) -> tuple[float, ...]:
    packed = base64.b64decode(embedding["values"])
    return struct.unpack(f"<{len(packed) // 2}e", packed)


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    if len(one) != len(other):
        return -1.0
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / math.sqrt(sum(a * a for a in one) * sum(b * b for b in other) or 1.0)
