"""The Redis keys, for readers in any language. All keys of one video carry its id as hash tag.

| key | kind | what a reader finds |
|---|---|---|
| `vs:{<video_id>}:status` | hash | `status` (pending, provisional, final), `action`, `revision`, deadline, `warnings` |
| `vs:{<video_id>}:verdict` | string | the verdict as JSON, as on `video.moderation` |
| `vs:{<video_id>}:features` | hash | one field a feature: JSON `{"value", "event_unix_seconds", "model"}` |
| `vs:{<video_id>}:embeddings` | hash | one field a space: JSON `{"values" (base64 float16), "dimensions", ...}` |
| `vs:{<video_id>}:engagement` | string | counts, decayed windows and rates as JSON |
| `vs:{<video_id>}:state` | hash | the fold's own state; not for readers |
| `vs:{<video_id>}:gap` | hash | why facts of the video wait to be folded, and since when; absent where none wait |
| `vs:{<video_id>}:claims` | hash | by signal id, a signal's bytes as first computed; not for readers |
| `vs:{<video_id>}:deletion marker` | string | revision up to which a deletion forgot the video; absent where none did |
| `vs:{<video_id>}:deletion` | string | the last deletion as JSON: `revision`, `withdrawn_revision`, place (`before`) |
| `vs:{<video_id>}:letters` | hash | partition of each dead letter of the video, by its key; not for readers |
| `vs:{<video_id>}:refusals` | hash | the last refused events of the video as JSON, by dead letter; beside a live case |
| `vs:deadlines` | sorted set | `<revision>|<video_id>` by due time |
| `vs:audit` | string | held by the worker whose turn the background audit is |
| `vs:stalls:<host>` | string | how often workers of a machine ended stuck of late; not for readers |
| `vs:tombstones` | sorted set | `<revision>|<video_id>` by the time at which tombstones are written once more |
| `vs:expiring` | sorted set | `<revision>|<video_id>` by the time at which to see whether a video's time is up |
| `vs:gaps` | sorted set | `<partition>|<video_id>` of each gap by when the log is read for it again; not for readers |
| `vs:spaces` | set | names of the embedding spaces that were ever written |
| `vs:space:<space>` | vector set | by video id, the embeddings of one space with attributes to filter by |
| `vs:refused` | sorted set | video ids by when an event of theirs was refused last; not for readers |
| `vs:jobs` | sorted set | ids of reprocessing jobs by when they began; not for readers |
| `vs:job:<id>` | hash | one such job: what it asked for, and where its records lie; not for readers |
| `vs:backfill-paused` | string | there while an operator keeps the backfill role from beginning anything new |
| `vs:applied:<group>:<topic>:<partition>` | string | next offset of the log that Redis has seen applied |
| `vs:attempts:<topic>:<partition>:<offset>` | hash | unclean ends of one event |
| `vs:intake-attempts:<topic>:<partition>:<offset>` | hash | the same of the intake role, which reads what media reads |
| `vs:engagement-offset:<topic>:<partition>` | string | next offset that is not in the counts; not for readers |
| `vs:engagement-ids:<topic>:<partition>:<bucket>` | hash | events counted in ten minutes; not for readers |
| `vs:engagement-deaths:<topic>:<partition>` | hash | events at which workers died by themselves; not for readers |
| `vs:engagement-due:<partition>` | sorted set | video ids by when their summary is due; not for readers |
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

    def gap(self, video_id: str) -> str:
        """Hash: why facts of the video wait to be folded; see `streams.store.gaps`."""
        return self._video(video_id, "gap")

    def claims(self, video_id: str) -> str:
        """Hash: signals' bytes as first computed, by signal id."""
        return self._video(video_id, "claims")

    def deletion_marker(self, video_id: str) -> str:
        """String: revision up to which the video is forgotten."""
        return self._video(video_id, "guard")

    def letters(self, video_id: str) -> str:
        """Hash: partition of each dead letter, by its key."""
        return self._video(video_id, "letters")

    def deletion(self, video_id: str) -> str:
        """String: the last deletion as JSON, see `streams.store.deletion_reading`."""
        return self._video(video_id, "deletion")

    def refusals(self, video_id: str) -> str:
        """Hash: the last refused events as JSON, by id of the dead letter; see `streams.store.refusal_reading`."""
        return self._video(video_id, "refusals")

    def refused(self) -> str:
        """Sorted set: videos with refusals, by the last."""
        return f"{self.prefix}vs:refused"

    def deadlines(self) -> str:
        """Sorted set: registered deadlines by due time."""
        return f"{self.prefix}vs:deadlines"

    def audit(self) -> str:
        """String: whose turn the audit is."""
        return f"{self.prefix}vs:audit"

    def stalls(self, host: str) -> str:
        """String: how often workers of a machine ended because they got nowhere."""
        return f"{self.prefix}vs:stalls:{host}"

    def tombstones(self) -> str:
        """Sorted set: deletions whose tombstones are due once more."""
        return f"{self.prefix}vs:tombstones"

    def expiring(self) -> str:
        """Sorted set: revisions by when the time of their video may be up."""
        return f"{self.prefix}vs:expiring"

    def gaps(self) -> str:
        """Sorted set: videos with a gap by when the log is read for them again."""
        return f"{self.prefix}vs:gaps"

    def spaces(self) -> str:
        """Set: names of the embedding spaces that were ever written."""
        return f"{self.prefix}vs:spaces"

    def space(self, space: str) -> str:
        """Vector set: the embeddings of one space, by video id."""
        return f"{self.prefix}vs:space:{space}"

    def jobs(self) -> str:
        """Sorted set: ids of reprocessing jobs by when they began."""
        return f"{self.prefix}vs:jobs"

    def job(self, job_id: str) -> str:
        """Hash: one reprocessing job."""
        return f"{self.prefix}vs:job:{job_id}"

    def backfill_paused(self) -> str:
        """String: there while the backfill role begins nothing new."""
        return f"{self.prefix}vs:backfill-paused"

    def applied(self, group: str, topic: str, partition: int) -> str:
        """String: the next offset that Redis has not seen applied."""
        return f"{self.prefix}vs:applied:{group}:{topic}:{partition}"

    def attempts(self, topic: str, partition: int, offset: int) -> str:
        """Hash: how often work on an event ended uncleanly."""
        return f"{self.prefix}vs:attempts:{topic}:{partition}:{offset}"

    def intake_attempts(self, topic: str, partition: int, offset: int) -> str:
        """Hash: the same of the intake role, which reads the topic that the media role reads."""
        return f"{self.prefix}vs:intake-attempts:{topic}:{partition}:{offset}"

    def dead_letter(self, dead_letter_id: str) -> str:
        """String: the cause of a dead letter that was written."""
        return f"{self.prefix}vs:dead-letter:{dead_letter_id}"

    def engagement(self, video_id: str) -> str:
        """String: what people's events add up to, as JSON."""
        return self._video(video_id, "engagement")

    def engagement_offset(self, topic: str, partition: int) -> str:
        """String: the next offset that the counts do not hold."""
        return f"{self.prefix}vs:engagement-offset:{topic}:{partition}"

    def engagement_ids(self, topic: str, partition: int, bucket: int) -> str:
        """Hash: content by identity, of the events counted in a bucket of time."""
        return f"{self.prefix}vs:engagement-ids:{topic}:{partition}:{bucket}"

    def engagement_deaths(self, topic: str, partition: int) -> str:
        """Hash: offsets at which workers died by themselves."""
        return f"{self.prefix}vs:engagement-deaths:{topic}:{partition}"

    def engagement_due(self, partition: int) -> str:
        """Sorted set: video ids by when their summary is due."""
        return f"{self.prefix}vs:engagement-due:{partition}"

    def _video(self, video_id: str, what: str) -> str:
        return f"{self.prefix}vs:{{{video_id}}}:{what}"
