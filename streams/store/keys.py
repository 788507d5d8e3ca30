"""The Redis keys, for readers in any language. All keys of one video carry its id as hash tag.

| key | kind | what a reader finds |
|---|---|---|
| `vs:{<video_id>}:status` | hash | `status` (pending, provisional, final), `action`, `revision`, deadline, `warnings` |
| `vs:{<video_id>}:verdict` | string | the verdict as JSON, as on `video.moderation` |
| `vs:{<video_id>}:features` | hash | one field a feature: JSON `{"value", "event_unix_seconds", "model"}` |
| `vs:{<video_id>}:embeddings` | hash | one field a space: JSON `{"values" (base64 float16), "dimensions", ...}` |
| `vs:{<video_id>}:engagement` | string | counts, decayed windows and rates as JSON |
| `vs:{<video_id>}:state` | hash | the fold's own state; not for readers |
| `vs:{<video_id>}:gap` | hash | why facts of the video wait to be folded, and since when; absent without a gap |
| `vs:{<video_id>}:claims` | hash | by signal id, a signal's bytes as first computed; not for readers |
| `vs:{<video_id>}:speech-text` | string | what is said in the video as JSON, if a setting keeps it, for its time |
| `vs:{<video_id>}:picture-text` | string | what its pictures show in writing, likewise |
| `vs:{<video_id>}:guard` | string | deletion marker: highest deleted revision; absent without one |
| `vs:{<video_id>}:deletion` | string | the last deletion as JSON: `revision`, `withdrawn_revision`, place (`before`) |
| `vs:{<video_id>}:letters` | hash | partition of each dead letter of the video, by its key; not for readers |
| `vs:{<video_id>}:refusals` | hash | the last refused events of the video as JSON, by dead letter |
| `vs:deadlines` | sorted set | `<revision>|<video_id>` by due time |
| `vs:audit` | string | held by the worker that runs the background audit |
| `vs:stalls:<host>` | string | recent exits of stalled workers on a machine; not for readers |
| `vs:tombstones` | sorted set | `<revision>|<video_id>` by the time at which tombstones are written again |
| `vs:expiring` | sorted set | `<revision>|<video_id>` by the time at which the expiry is checked |
| `vs:gaps` | sorted set | `<partition>|<video_id>` of each gap by the time of the next refold; not for readers |
| `vs:spaces` | set | names of the embedding spaces that were ever written |
| `vs:space:<space>` | vector set | by video id, the embeddings of one space with attributes to filter by |
| `vs:picture-hashes` | vector set | hashes of the pictures of all videos, `<number>:<video_id>`; not for readers |
| `vs:refused` | sorted set | video ids by the time of their last refusal; not for readers |
| `vs:jobs` | sorted set | ids of reprocessing jobs by start time; not for readers |
| `vs:job:<id>` | hash | one such job: its filter, and the offsets of its records; not for readers |
| `vs:backfill-paused` | string | present while the backfill role is paused |
| `vs:applied:<group>:<topic>:<partition>` | string | next offset of the log that is not applied to Redis |
| `vs:attempts:<topic>:<partition>:<offset>` | hash | unclean exits during one event |
| `vs:intake-attempts:<topic>:<partition>:<offset>` | hash | the same for the intake role, which reads the same topic |
| `vs:fold-deaths:<topic>:<partition>` | hash | deaths of workers during folds of facts; not for readers |
| `vs:engagement-offset:<topic>:<partition>` | string | next offset that is not in the counts; not for readers |
| `vs:engagement-ids:<topic>:<partition>:<bucket>` | hash | events counted in ten minutes; not for readers |
| `vs:engagement-deaths:<topic>:<partition>` | hash | events at which workers died by themselves; not for readers |
| `vs:engagement-due:<partition>` | sorted set | video ids by the time of their next summary; not for readers |
| `vs:dead-letter:<dead_letter_id>` | string | marks a dead letter as written |
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """Key names under a prefix (empty in production)."""

    prefix: str = ""

    def status(self, video_id: str) -> str:
        """Hash: status of a video, from its acceptance on."""
        return self._video(video_id, "status")

    def verdict(self, video_id: str) -> str:
        """String: the current verdict as JSON."""
        return self._video(video_id, "verdict")

    def features(self, video_id: str) -> str:
        """Hash: one JSON field per feature."""
        return self._video(video_id, "features")

    def embeddings(self, video_id: str) -> str:
        """Hash: one JSON field per embedding space."""
        return self._video(video_id, "embeddings")

    def state(self, video_id: str) -> str:
        """Hash: the fold's own state."""
        return self._video(video_id, "state")

    def gap(self, video_id: str) -> str:
        """Hash: why facts of the video wait to be folded; see `streams.store.gaps`."""
        return self._video(video_id, "gap")

    def claims(self, video_id: str) -> str:
        """Hash: first computed bytes of signals, by signal id."""
        return self._video(video_id, "claims")

    def speech_text(self, video_id: str) -> str:
        """String: recognised speech as JSON, see `streams.store.recognised_texts`; absent unless a setting keeps it."""
        return self._video(video_id, "speech-text")

    def picture_text(self, video_id: str) -> str:
        """String: the same of writing in pictures."""
        return self._video(video_id, "picture-text")

    def deletion_marker(self, video_id: str) -> str:
        """String: highest deleted revision of the video."""
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
        """String: held by the worker that runs the background audit."""
        return f"{self.prefix}vs:audit"

    def stalls(self, host: str) -> str:
        """String: number of recent exits of stalled workers on a machine."""
        return f"{self.prefix}vs:stalls:{host}"

    def tombstones(self) -> str:
        """Sorted set: deletions whose tombstones are written once more, by time."""
        return f"{self.prefix}vs:tombstones"

    def expiring(self) -> str:
        """Sorted set: revisions by the time at which their video may expire."""
        return f"{self.prefix}vs:expiring"

    def gaps(self) -> str:
        """Sorted set: videos with a gap by the time of the next refold."""
        return f"{self.prefix}vs:gaps"

    def spaces(self) -> str:
        """Set: names of all embedding spaces that were ever written."""
        return f"{self.prefix}vs:spaces"

    def space(self, space: str) -> str:
        """Vector set: the embeddings of one space, by video id."""
        return f"{self.prefix}vs:space:{space}"

    def picture_hashes(self) -> str:
        """Vector set: hashes of pictures, up to a few of each video."""
        return f"{self.prefix}vs:picture-hashes"

    def jobs(self) -> str:
        """Sorted set: ids of reprocessing jobs by start time."""
        return f"{self.prefix}vs:jobs"

    def job(self, job_id: str) -> str:
        """Hash: one reprocessing job."""
        return f"{self.prefix}vs:job:{job_id}"

    def backfill_paused(self) -> str:
        """String: present while the backfill role is paused."""
        return f"{self.prefix}vs:backfill-paused"

    def applied(self, group: str, topic: str, partition: int) -> str:
        """String: the next offset that is not applied to Redis."""
        return f"{self.prefix}vs:applied:{group}:{topic}:{partition}"

    def attempts(self, topic: str, partition: int, offset: int) -> str:
        """Hash: number of unclean exits during work on an event."""
        return f"{self.prefix}vs:attempts:{topic}:{partition}:{offset}"

    def intake_attempts(self, topic: str, partition: int, offset: int) -> str:
        """Hash: the same for the intake role, which reads the same topic as the media role."""
        return f"{self.prefix}vs:intake-attempts:{topic}:{partition}:{offset}"

    def fold_deaths(self, topic: str, partition: int) -> str:
        """Hash: by offset, deaths of processes while they folded that fact."""
        return f"{self.prefix}vs:fold-deaths:{topic}:{partition}"

    def dead_letter(self, dead_letter_id: str) -> str:
        """String: the cause of a written dead letter."""
        return f"{self.prefix}vs:dead-letter:{dead_letter_id}"

    def engagement(self, video_id: str) -> str:
        """String: engagement counts and rates, as JSON."""
        return self._video(video_id, "engagement")

    def engagement_offset(self, topic: str, partition: int) -> str:
        """String: the next offset that is not counted."""
        return f"{self.prefix}vs:engagement-offset:{topic}:{partition}"

    def engagement_ids(self, topic: str, partition: int, bucket: int) -> str:
        """Hash: content by event id, of the events counted in a time bucket."""
        return f"{self.prefix}vs:engagement-ids:{topic}:{partition}:{bucket}"

    def engagement_deaths(self, topic: str, partition: int) -> str:
        """Hash: offsets at which workers died by themselves."""
        return f"{self.prefix}vs:engagement-deaths:{topic}:{partition}"

    def engagement_due(self, partition: int) -> str:
        """Sorted set: video ids by the time of their next summary."""
        return f"{self.prefix}vs:engagement-due:{partition}"

    def _video(self, video_id: str, what: str) -> str:
        return f"{self.prefix}vs:{{{video_id}}}:{what}"
