"""Engagement in Redis: the changes of a batch and its offset are written in one transaction.

So a batch that is redelivered, by a zombie or after a crash, changes nothing. A Redis that was restored from an older
copy has consistent counts and offsets, from which the log is read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog
from redis import Redis

from schemas.codec import encode
from schemas.engagement import Engagement
from streams.engagement.batch_board import Suspects
from streams.engagement.batch_changes import Changes, Found
from streams.engagement.counting_deaths import suspects_of
from streams.engagement.event_parsing import BUCKET_SECONDS, ParsedEvent
from streams.engagement.stored_positions import positions_of
from streams.store.key_repair import HASH, SORTED_SET, is_of_a_key, repaired_now, tell_removed
from streams.store.keys import Keys

_IDS_SECONDS: Final = 86_400
"""An abandoned bucket expires; others are removed as the log advances."""
_PAST_BUCKETS: Final = (2, 3, 4)
"""Distance behind the newest bucket of those that are no longer read."""
_MOST_TOUCHED: Final = 10_000
"""Number of keys of one attempt that are remembered; of more, the last ones suffice for a repair."""
_MOST_KNOWN_VIDEOS: Final = 200_000

_RECORD_DECODER = msgspec.json.Decoder(Engagement)
_NEVER: Final = b"0"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Retention:
    """Retention of a record after its last event."""

    known_seconds: float
    unknown_seconds: float
    """For a video that intake never accepted."""


@dataclass(frozen=True, slots=True)
class DueSummaries:
    """Videos whose summary was due."""

    told: dict[str, Engagement]
    """To be published now."""
    forgotten: frozenset[str]
    """Deleted videos: nothing is published or kept."""
    idle_seconds: dict[str, float]
    """Videos that the fold does not know yet, so a summary would have no effect: seconds since their last event."""


class EngagementStore:
    """The data of the engagement role.

    Every method may raise `streams.store.client.TRANSIENT_ERRORS`; the caller then repeats it.

    Args:
        redis: used by one thread, without retries of its own, because a repeated EXEC would not know what it repeats.
        keys: names.
        topic: name at the broker.
        retention: of records.
    """

    def __init__(self, redis: Redis, keys: Keys, topic: str, retention: Retention) -> None:
        self._redis: Any = redis
        self._keys = keys
        self._topic = topic
        self._retention = retention
        self._known: set[str] = set()
        self._newest_bucket: dict[int, int] = {}
        self._touched: dict[str, str] = {}

    def positions(self, partitions: Sequence[int]) -> dict[int, int | None]:
        """Where each partition stands; None where nothing was counted yet.

        Partitions are left out where the store has something else: nothing can stand in for it.
        """
        if not partitions:
            return {}
        values = self._redis.mget([self._offset_key(partition) for partition in partitions])
        return positions_of(partitions, values)

    def move(self, partition: int, before: int, after: int) -> bool:
        """Replace a position that the log does not have; False if it is another by now. Raises redis.WatchError."""
        name = self._offset_key(partition)
        with self.begin() as transaction:
            transaction.watch(name)
            if positions_of([partition], [transaction.get(name)]).get(partition) != before:
                return False
            transaction.multi()
            transaction.set(name, after)
            transaction.execute()
        return True

    def repeatable_since(self, partition: int, now_unix_seconds: float) -> float:
        """Return the Unix seconds of broker time from which records may be read again: ids of those that were counted
        are known, so none is counted twice, and no later record was counted without its id."""
        newest = int(now_unix_seconds // BUCKET_SECONDS) + 1  # the broker's clock may be ahead
        buckets = range(newest, newest - int(_IDS_SECONDS // BUCKET_SECONDS) - 1, -1)
        with self._redis.pipeline(transaction=False) as asked:
            for bucket in buckets:
                asked.exists(self._keys.engagement_ids(self._topic, partition, bucket))
            answers = zip(buckets, asked.execute(), strict=True)
        return max((bucket for bucket, exists in answers if exists), default=buckets[-1]) * BUCKET_SECONDS

    def suspects(self, partitions: Sequence[int]) -> dict[int, Suspects]:
        """Return, by partition, the events that may have ended a worker; partitions without any are left out."""
        found = {}
        for partition in partitions:
            name = self._keys.engagement_deaths(self._topic, partition)
            self._touch(HASH, [name])
            if (suspects := suspects_of(self._redis.hgetall(name))) is not None:
                found[partition] = suspects
        return found

    def forget_suspects(self, partition: int, position: int) -> None:
        """What is noted of deaths before this offset was counted since. Raises redis.WatchError."""
        name = self._keys.engagement_deaths(self._topic, partition)
        with self.begin() as transaction:
            transaction.watch(name)
            suspects = suspects_of(transaction.hgetall(name))
            if suspects is not None and suspects.last < position:
                transaction.multi()
                transaction.delete(name)
                transaction.execute()

    def repair(self, error: Exception) -> bool:
        """Remove keys with foreign content over which an attempt failed; return whether there were any."""
        touched, self._touched = self._touched, {}
        return bool(touched) and repaired_now(self._redis, touched, error)

    def begin(self) -> Any:
        """Return a transaction for `read` and `commit`. A context manager that discards it without a commit."""
        return self._redis.pipeline(transaction=True)

    def read(self, transaction: Any, arrivals: Mapping[int, Sequence[ParsedEvent]]) -> Found:
        """Return what the store contains; any change by others after this makes `commit` fail."""
        videos = sorted({arrival.event.video_id for found in arrivals.values() for arrival in found})
        record_keys = [self._keys.engagement(video_id) for video_id in videos]
        self._touch(SORTED_SET, (self._keys.engagement_due(partition) for partition in arrivals))
        transaction.watch(*(self._offset_key(partition) for partition in arrivals), *record_keys)
        with self._redis.pipeline(transaction=False) as asked:
            asked.mget([self._offset_key(partition) for partition in arrivals])
            if record_keys:
                asked.mget(record_keys)
            lookups = list(self._ask_identities(asked, arrivals))
            answers = asked.execute()
        records = dict(zip(videos, answers[1], strict=True)) if videos else {}
        unknown, forgotten = self._cases(transaction, records)
        return Found(
            stored=positions_of(arrivals, answers[0]),
            contents=_contents(lookups, answers[len(answers) - len(lookups) :]),
            records=records,
            unknown=unknown,
            forgotten=forgotten,
        )

    def commit(self, transaction: Any, changes: Changes, found: Found) -> None:
        """Write all changes, or none. Raises redis.WatchError if another client changed the keys meanwhile."""
        transaction.multi()
        for (partition, bucket), contents in changes.identities.items():
            key = self._keys.engagement_ids(self._topic, partition, bucket)
            transaction.execute_command("HSET", key, *(part for pair in contents.items() for part in pair))
            transaction.expire(key, _IDS_SECONDS)
        for video_id, record in changes.records.items():
            transaction.set(self._keys.engagement(video_id), encode(record), ex=self._seconds(video_id, found))
        for partition, due in changes.due.items():
            transaction.zadd(self._keys.engagement_due(partition), due, lt=True)
        for partition, position in changes.positions.items():
            transaction.set(self._offset_key(partition), position)
        self._drop_past_buckets(transaction, changes)
        transaction.execute()
        self._remember(changes, found)

    def due(self, partition: int, now_unix_seconds: float, limit: int) -> list[str]:
        """Return videos whose summary is due, the longest waiting first."""
        self._touch(SORTED_SET, [self._keys.engagement_due(partition)])
        members = self._redis.zrange(
            self._keys.engagement_due(partition), _NEVER, now_unix_seconds, byscore=True, offset=0, num=limit
        )
        return [video_id for member in members if (video_id := self._video_id(partition, member)) is not None]

    def _video_id(self, partition: int, member: bytes) -> str | None:
        """Return a due video; an invalid entry is removed, because every query would find it first."""
        try:
            return member.decode()
        except UnicodeDecodeError:
            name = self._keys.engagement_due(partition)
            self._redis.zrem(name, member)
            tell_removed([name], f"an entry is none of ours: {member!r}")
            return None

    def read_due(self, transaction: Any, videos: Sequence[str]) -> DueSummaries:
        """Return the summaries of videos; any change by others after this makes `settle` fail."""
        record_keys = [self._keys.engagement(video_id) for video_id in videos]
        transaction.watch(*record_keys)
        values = transaction.mget(record_keys)
        records = {video: decode_record(value) for video, value in zip(videos, values, strict=True)}
        forgotten = self._existing(videos, [self._keys.deletion_marker(video_id) for video_id in videos])
        present = [video for video, record in records.items() if record is not None and video not in forgotten]
        unfolded = frozenset(present) - self._folded(present)
        return DueSummaries(
            told={video: record for video in present if video not in unfolded and (record := records[video])},
            forgotten=forgotten,
            idle_seconds=self._idle_seconds(sorted(unfolded)),
        )

    def settle(
        self,
        transaction: Any,
        partition: int,
        done: Sequence[str],
        forgotten: Iterable[str],
        later: Mapping[str, float],
    ) -> None:
        """Remove the due times of `done`, set those of `later` to the given Unix seconds, and delete the data of
        deleted videos.

        Raises redis.WatchError.
        """
        transaction.multi()
        if done:
            transaction.zrem(self._keys.engagement_due(partition), *done)
        if later:
            transaction.zadd(self._keys.engagement_due(partition), dict(later), xx=True)
        for video_id in forgotten:
            transaction.delete(self._keys.engagement(video_id))
        transaction.execute()

    def _folded(self, videos: Sequence[str]) -> frozenset[str]:
        """Return the videos whose `accepted` is folded: those with an outcome."""
        if not videos:
            return frozenset()
        with self._redis.pipeline(transaction=False) as asked:
            for video_id in videos:
                asked.hexists(self._keys.state(video_id), "outcome")
            answers = asked.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception) and not is_of_a_key(answer):
                raise answer
        return frozenset(video for video, has_one in zip(videos, answers, strict=True) if has_one is True)

    def _idle_seconds(self, videos: Sequence[str]) -> dict[str, float]:
        """Return the seconds since the last event of each video whose record has the retention of unknown videos;
        otherwise 0."""
        if not videos:
            return {}
        with self._redis.pipeline(transaction=False) as asked:
            for video_id in videos:
                asked.pttl(self._keys.engagement(video_id))
            lives = [milliseconds / 1000 for milliseconds in asked.execute()]
        unknown_seconds = self._retention.unknown_seconds
        return {video: max(0.0, unknown_seconds - life) for video, life in zip(videos, lives, strict=True)}

    def _ask_identities(
        self, asked: Any, arrivals: Mapping[int, Sequence[ParsedEvent]]
    ) -> Iterable[tuple[int, list[bytes]]]:
        for partition, found in arrivals.items():
            by_bucket: dict[int, list[bytes]] = {}
            for arrival in found:
                by_bucket.setdefault(arrival.bucket, []).append(arrival.identity)
            for bucket, identities in by_bucket.items():
                for asked_bucket in (bucket, bucket - 1):
                    name = self._keys.engagement_ids(self._topic, partition, asked_bucket)
                    self._touch(HASH, [name])
                    asked.hmget(name, identities)
                    yield partition, identities

    def _cases(self, transaction: Any, records: Mapping[str, bytes | None]) -> tuple[frozenset[str], frozenset[str]]:
        """Return which videos are unknown, and which are deleted; read only if that may have changed."""
        asked = [video for video, record in records.items() if record is None or video not in self._known]
        if not asked:
            return frozenset(), frozenset()
        deletion_markers = [self._keys.deletion_marker(video_id) for video_id in asked]
        transaction.watch(*deletion_markers)
        unknown = sorted(frozenset(asked) - self._existing(asked, self._statuses(asked)))
        if unknown:
            # A video that is being registered extends the retention of its counts. Ours must not be written after that
            # with the retention that was read before. Known videos are not watched: their status changes often.
            transaction.watch(*self._statuses(unknown))
            unknown = sorted(frozenset(unknown) - self._existing(unknown, self._statuses(unknown)))
        return frozenset(unknown), self._existing(asked, deletion_markers)

    def _touch(self, kind: str, names: Iterable[str]) -> None:
        """Remember keys that may be broken, until `repair`."""
        if len(self._touched) > _MOST_TOUCHED:
            self._touched.clear()
        self._touched.update(dict.fromkeys(names, kind))

    def _statuses(self, videos: Sequence[str]) -> list[str]:
        return [self._keys.status(video_id) for video_id in videos]

    def _existing(self, videos: Sequence[str], keys: Sequence[str]) -> frozenset[str]:
        with self._redis.pipeline(transaction=False) as asked:
            for key in keys:
                asked.exists(key)
            return frozenset(video for video, exists in zip(videos, asked.execute(), strict=True) if exists)

    def _drop_past_buckets(self, transaction: Any, changes: Changes) -> None:
        for partition, bucket in changes.identities:
            newest = self._newest_bucket.get(partition)
            if newest is None or bucket > newest:
                past = [self._keys.engagement_ids(self._topic, partition, bucket - age) for age in _PAST_BUCKETS]
                transaction.unlink(*past)

    def _remember(self, changes: Changes, found: Found) -> None:
        for partition, bucket in changes.identities:
            self._newest_bucket[partition] = max(bucket, self._newest_bucket.get(partition, 0))
        if len(self._known) > _MOST_KNOWN_VIDEOS:
            self._known.clear()
        self._known.update(changes.records.keys() - found.unknown)

    def _seconds(self, video_id: str, found: Found) -> int:
        is_unknown = video_id in found.unknown
        return int(self._retention.unknown_seconds if is_unknown else self._retention.known_seconds)

    def _offset_key(self, partition: int) -> str:
        return self._keys.engagement_offset(self._topic, partition)


def decode_record(value: bytes | None) -> Engagement | None:
    """Decode a stored record; None without one, and for an invalid one, which is counted again."""
    if value is None:
        return None
    try:
        return _RECORD_DECODER.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        tell_removed(["vs:{}:engagement"], f"counts of a video cannot be read, and begin again: {error}")
        return None


def _contents(
    lookups: Sequence[tuple[int, list[bytes]]], answers: Sequence[list[bytes | None]]
) -> dict[tuple[int, bytes], bytes]:
    return {
        (partition, identity): content
        for (partition, identities), contents in zip(lookups, answers, strict=True)
        for identity, content in zip(identities, contents, strict=True)
        if content is not None
    }
