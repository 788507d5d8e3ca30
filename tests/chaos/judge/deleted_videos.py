"""A video that is deleted: a deletion marker, two tombstones, and nothing else anywhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.chaos.judge.evidence import OUTCOMES, Store
from tests.chaos.judge.expected import Video
from tests.chaos.judge.outcomes import Said, version_of
from tests.chaos.judge.violations import Violations

_KEPT: Final = ("guard", "state", "deletion")
"""What a deletion leaves for a while, so that nothing late brings the video back."""
_BATCH: Final = 1000


def keys_of_videos(store: Store) -> dict[str, list[str]]:
    """By video, the last part of each of its keys, such as `verdict`."""
    found: dict[str, list[str]] = defaultdict(list)
    for key in store.scan_iter("vs:{*}:*", count=_BATCH):
        video_id, _, what = key.decode().removeprefix("vs:{").partition("}:")
        found[video_id].append(what)
    return found


@dataclass(frozen=True, slots=True)
class DeletedVideos:
    """Looks at one deleted video after another."""

    said: Mapping[str, Said]
    store: Store
    keys: Mapping[str, Sequence[str]]
    """See `keys_of_videos`."""
    violations: Violations

    def look(self, video_id: str, video: Video) -> None:
        """Note all that is wrong with it."""
        deletion_marker = self.store.get(f"vs:{{{video_id}}}:guard")
        if deletion_marker is None:
            self.violations.add("no-guard", video_id, wanted=video.deleted_up_to, events=video.events)
        for what in self.keys.get(video_id, ()):
            if not what.startswith(_KEPT) or self.store.ttl(f"vs:{{{video_id}}}:{what}") < 0:
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
