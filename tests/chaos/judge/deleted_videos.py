"""A video that is deleted: a guard, two tombstones, and nothing else anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.chaos.judge.evidence import OUTCOMES, Store
from tests.chaos.judge.expected import Video
from tests.chaos.judge.outcomes import Said, version_of
from tests.chaos.judge.violations import Violations

_KEYS: Final = ("status", "verdict", "features", "embeddings", "engagement", "claims")


@dataclass(frozen=True, slots=True)
class DeletedVideos:
    """Looks at one deleted video after another."""

    said: Mapping[str, Said]
    store: Store
    violations: Violations

    def look(self, video_id: str, video: Video) -> None:
        """Note all that is wrong with it."""
        guard = self.store.get(f"vs:{{{video_id}}}:guard")
        if guard is None:
            self.violations.add("no-guard", video_id, wanted=video.deleted_up_to, events=video.events)
        for what in _KEYS:
            if self.store.exists(f"vs:{{{video_id}}}:{what}"):
                self.violations.add("key-of-deleted", video_id, what=what, events=video.events)
        for topic in OUTCOMES:
            last = self.said[topic].last.get(video_id)
            if last is not None:
                version = version_of(last)
                self.violations.add("outcome-of-deleted", video_id, topic=topic, last=version, events=video.events)
            if video_id not in self.said[topic].last:
                self.violations.add("no-tombstone", video_id, topic=topic)
        for space in self.store.smembers("vs:spaces"):
            if self.store.execute_command("VEMB", f"vs:space:{space.decode()}", video_id) is not None:
                self.violations.add("vector-of-deleted", video_id, space=space.decode(), events=video.events)
