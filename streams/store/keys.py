"""The Redis keys, for readers in any language. All keys of one video carry its id as hash tag.

| key | kind | what a reader finds |
|---|---|---|
| `vs:{<video_id>}:status` | hash | `status` (pending, provisional, final), `action`, `revision`, deadline |
| `vs:{<video_id>}:verdict` | string | the verdict as JSON, as on `video.moderation` |
| `vs:{<video_id>}:features` | hash | one field a feature: JSON `{"value", "event_unix_seconds", "model"}` |
| `vs:{<video_id>}:embeddings` | hash | one field a space: JSON `{"values" (base64 float16), "dimensions", ...}` |
| `vs:{<video_id>}:state` | hash | the fold's own state; not for readers |
| `vs:{<video_id>}:claim:<signal_id>` | string | a signal's bytes as first computed; not for readers |
| `vs:deadlines` | sorted set | `<revision>|<video_id>` by due time |
| `vs:applied:<group>:<topic>:<partition>` | string | next offset of the log that Redis has seen applied |
| `vs:attempts:<topic>:<partition>:<offset>` | hash | unclean ends of one event |
| `vs:dead-letter:<dead_letter_id>` | string | marks a dead letter as written |
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """Key names under a prefix (empty in production)."""

    prefix: str = ""

    def status(self, video_id: str) -> str:
        """Hash: where a video stands, from the moment of intake."""
        return self._video(video_id, "status")

    def verdict(self, video_id: str) -> str:
        """String: the current verdict as JSON."""
        return self._video(video_id, "verdict")

    def features(self, video_id: str) -> str:
        """Hash: one JSON field a feature."""
        return self._video(video_id, "features")

    def embeddings(self, video_id: str) -> str:
        """Hash: one JSON field an embedding space."""
        return self._video(video_id, "embeddings")

    def state(self, video_id: str) -> str:
        """Hash: the fold's own state."""
        return self._video(video_id, "state")

    def claim(self, video_id: str, signal_id: str) -> str:
        """String: a signal's bytes as first computed."""
        return self._video(video_id, f"claim:{signal_id}")

    def deadlines(self) -> str:
        """Sorted set: registered deadlines by due time."""
        return f"{self.prefix}vs:deadlines"

    def applied(self, group: str, topic: str, partition: int) -> str:
        """String: the next offset that Redis has not seen applied."""
        return f"{self.prefix}vs:applied:{group}:{topic}:{partition}"

    def attempts(self, topic: str, partition: int, offset: int) -> str:
        """Hash: how often work on an event ended uncleanly."""
        return f"{self.prefix}vs:attempts:{topic}:{partition}:{offset}"

    def dead_letter(self, dead_letter_id: str) -> str:
        """String: the cause of a dead letter that was written."""
        return f"{self.prefix}vs:dead-letter:{dead_letter_id}"

    def _video(self, video_id: str, what: str) -> str:
        return f"{self.prefix}vs:{{{video_id}}}:{what}"
